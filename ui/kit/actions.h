// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The registry of commands: menu, palette, tool bars and the shortcut sheet show the same actions.
// Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/theme/theme.h"

#include <QAction>
#include <QHash>
#include <QList>

#include <functional>

namespace narthex::ui::kit {

struct ActionSpec
{
    /// "file.newExplore"; the object name becomes "action.file.newExplore". Unique.
    QString id;
    QString text;
    QString icon;
    QList<QKeySequence> shortcuts;
    QString statusTip;
};

class ActionRegistry final : public QObject
{
    Q_OBJECT

public:
    explicit ActionRegistry(const theme::Theme& theme, QWidget* window);

    /// Creates the action on the window; `context` ends the connection.
    QAction* add(const ActionSpec& spec, QObject* context, std::function<void()> run);
    [[nodiscard]] QAction* find(const QString& id) const { return byId_.value(id); }
    /// In order of registration.
    [[nodiscard]] const QList<QAction*>& all() const { return order_; }

private:
    const theme::Theme& theme_;
    QWidget* window_;
    QHash<QString, QAction*> byId_;
    QList<QAction*> order_;
};

} // namespace narthex::ui::kit
