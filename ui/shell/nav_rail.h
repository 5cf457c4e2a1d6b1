// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pages as a column of icons with labels at the window's left; icons alone when the window is
// narrow. Owner: MainWindow. Threads: GUI thread. Units: logical pixels.
#pragma once

#include "ui/theme/state.h"
#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QHash>

class QVBoxLayout;

namespace narthex::ui::shell {

class NavItem final : public QAbstractButton
{
    Q_OBJECT

public:
    NavItem(const theme::Theme& theme, const QString& page, const QString& text,
            const QString& icon, QWidget* parent);
    void setBadge(theme::State state, int count);
    void setNarrow(bool narrow);
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    void paintBadge(QPainter& painter) const;

    const theme::Theme& theme_;
    QString icon_;
    theme::State badgeState_ = theme::State::Unknown;
    int badge_ = 0;
    bool narrow_ = false;
};

class NavRail final : public QWidget
{
    Q_OBJECT

public:
    explicit NavRail(const theme::Theme& theme, QWidget* parent);

    /// `bottom`: at the foot of the rail.
    void addPage(const QString& page, const QString& text, const QString& icon,
                 const QString& shortcut, bool bottom);
    void setCurrent(const QString& page);
    /// No badge when `count` is 0.
    void setBadge(const QString& page, theme::State state, int count);
    void setNarrow(bool narrow);

Q_SIGNALS:
    void activated(const QString& page);

protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    const theme::Theme& theme_;
    QVBoxLayout* layout_ = nullptr;
    QList<NavItem*> items_;
    QHash<QString, NavItem*> byPage_;
};

} // namespace narthex::ui::shell
