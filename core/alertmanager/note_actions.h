// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the buttons of a note on the desktop do. Threads: any. Errors: those of acknowledging and of
// silences; what has ended meanwhile is none. Source: spec/acknowledge.md, 7.
#pragma once

#include "core/alertmanager/alertmanager.h"

#include <absl/status/status.h>

#include <span>
#include <string>

namespace narthex::alertmanager {

/// Until resolved, without a comment.
absl::Status acknowledgeFromNote(Alertmanager& manager, std::span<const Fingerprint> alerts,
                                 const std::string& author);

/// Silences what these alerts have in common, so that more of their kind are silent, too; without
/// anything in common, each of them.
absl::Status silenceFromNote(Alertmanager& manager, std::span<const Fingerprint> alerts,
                             const std::string& author, base::Duration duration = 1_h);

} // namespace narthex::alertmanager
