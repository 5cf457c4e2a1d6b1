// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one list of pages.
// Threads: GUI thread.
#pragma once

#include "ui/shell/document_area.h"

namespace narthex::ui::shell {

/// In the order of the rail.
std::vector<PageKind> pageKinds();

} // namespace narthex::ui::shell
