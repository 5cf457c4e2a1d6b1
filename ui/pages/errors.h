// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a page says about a failed request.
// Threads: pure functions.
#pragma once

#include "core/base/status.h"

#include <QString>

namespace narthex::ui::pages {

/// One plain sentence.
QString errorTitle(const absl::Status& status);
/// The engine's own words.
QString errorText(const absl::Status& status);

} // namespace narthex::ui::pages
