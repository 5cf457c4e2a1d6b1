// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A large number with its state; a click opens the page behind it.
// Owner: OverviewPage. Threads: GUI thread.
#pragma once

#include "ui/theme/state.h"
#include "ui/theme/theme.h"

#include <QAbstractButton>

#include <optional>

namespace narthex::ui::pages {

class Tile final : public QAbstractButton
{
    Q_OBJECT

public:
    Tile(const theme::Theme& theme, const QString& name, const QString& title, QWidget* parent);

    /// `state` absent: no shape.
    void set(std::optional<theme::State> state, const QString& value, const QString& beside,
             const QString& below);
    /// The source does not answer: open circle, and since when.
    void setUnknown(const QString& since);
    [[nodiscard]] QString value() const { return value_; }
    [[nodiscard]] QSize sizeHint() const override { return {264, 92}; }

protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

private:
    const theme::Theme& theme_;
    std::optional<theme::State> state_ = theme::State::Unknown;
    QString value_;
    QString beside_;
    QString below_;
};

} // namespace narthex::ui::pages
