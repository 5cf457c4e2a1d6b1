// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The state files that Prometheus' Alertmanager writes: `nflog` and `silences`, each a sequence of
// protobuf messages with their lengths in front. Threads: pure functions. Errors: InvalidArgument
// with the offset of the message that cannot be read. Format: spec/alertmanager.md, 7.
#pragma once

#include "core/alertmanager/notification_log.h"
#include "core/alertmanager/silences.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::alertmanager {

absl::StatusOr<std::vector<Silence>> readSilencesSnapshot(std::string_view bytes);
/// (log key, entry)
absl::StatusOr<std::vector<std::pair<std::string, LogEntry>>>
readLogSnapshot(std::string_view bytes);

} // namespace narthex::alertmanager
