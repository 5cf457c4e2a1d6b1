// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// All shortcuts on one sheet, from the action registry and the keys of charts and editors.
// Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/kit/actions.h"

#include <QDialog>

namespace narthex::ui::shell {

/// Not modal; deletes itself when it is closed. Show it with open().
QDialog* makeShortcutSheet(const theme::Theme& theme, const kit::ActionRegistry& actions,
                           QWidget* parent);

} // namespace narthex::ui::shell
