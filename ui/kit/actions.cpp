// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/kit/actions.h"

#include <QWidget>

namespace narthex::ui::kit {

ActionRegistry::ActionRegistry(const theme::Theme& theme, QWidget* window)
    : QObject(window), theme_(theme), window_(window)
{}

QAction* ActionRegistry::add(const ActionSpec& spec, QObject* context, std::function<void()> run)
{
    auto* action = new QAction(spec.text, window_);
    action->setObjectName(QStringLiteral("action.") + spec.id);
    if (!spec.icon.isEmpty()) {
        action->setIcon(theme_.icon(spec.icon));
    }
    action->setProperty("iconName", spec.icon);
    action->setShortcuts(spec.shortcuts);
    action->setStatusTip(spec.statusTip);
    if (!spec.shortcuts.isEmpty()) {
        action->setToolTip(QStringLiteral("%1 (%2)").arg(
            QString(spec.text).remove(QLatin1Char('&')),
            spec.shortcuts.first().toString(QKeySequence::NativeText)));
    }
    connect(action, &QAction::triggered, context, [run = std::move(run)] { run(); });
    window_->addAction(action);
    byId_.insert(spec.id, action);
    order_ << action;
    return action;
}

} // namespace narthex::ui::kit
