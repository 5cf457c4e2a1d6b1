// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The time part of the connection bar: view history, range field, shift, zoom out, follow, refresh
// interval, zone. Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/kit/controls.h"
#include "ui/range/range_controller.h"
#include "ui/settings/settings.h"

#include <QComboBox>
#include <QMenu>

namespace narthex::ui::shell {

/// Says at its right what it understood; a doubtful entry is marked and not applied.
class RangeField final : public kit::Field
{
    Q_OBJECT

public:
    RangeField(const theme::Theme& theme, range::RangeController& controller,
               settings::Settings& settings, QWidget* parent);

protected:
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void showSpec();
    void apply(const range::RangeSpec& spec, const QString& text);
    void openMenu();
    void onTextEdited(const QString& text);

    const theme::Theme& theme_;
    range::RangeController& controller_;
    settings::Settings& settings_;
    QString understood_;
};

class TimeBar final : public QWidget
{
    Q_OBJECT

public:
    TimeBar(const theme::Theme& theme, range::RangeController& controller,
            settings::Settings& settings, QWidget* parent);
    [[nodiscard]] RangeField* field() const { return field_; }

private:
    QToolButton* addButton(const QString& name, const QString& icon, const QString& tip);
    void setupFollow();
    void update();

    const theme::Theme& theme_;
    range::RangeController& controller_;
    settings::Settings& settings_;
    RangeField* field_ = nullptr;
    QToolButton* back_ = nullptr;
    QToolButton* forward_ = nullptr;
    QToolButton* follow_ = nullptr;
    QComboBox* interval_ = nullptr;
    QToolButton* zone_ = nullptr;
};

} // namespace narthex::ui::shell
