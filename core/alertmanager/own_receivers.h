// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A file beside the Alertmanager's: further ways of its receivers to tell people, which only this
// program knows, so that the Alertmanager's own file stays one that an Alertmanager loads.
//   receivers:
//     - name: team-x
//       narthex:desktop: [{sound: true}]
//       narthex:command: [{command: [/usr/local/bin/page, now], timeout: 10s}]
// Threads: any, one Config at a time. Errors: InvalidArgument with `file:line:column: message` for
// every problem, NotFound and the like for the file itself; the Config is as before then.
// Source: spec/alertmanager.md, 8.14.
#pragma once

#include "core/alertmanager/config.h"

#include <absl/status/status.h>

#include <filesystem>
#include <string>

namespace narthex::alertmanager {

/// What the file may ask for.
struct OwnReceiverRights
{
    /// Programs may be run.
    bool commands = false;
    /// There is a desktop to show notes on.
    bool desktop = false;
};

/// Adds the integrations of `text` to the receivers of `config`, after their own ones.
absl::Status addOwnReceivers(Config& config, const std::filesystem::path& file,
                             const std::string& text, const OwnReceiverRights& rights);
absl::Status loadOwnReceivers(Config& config, const std::filesystem::path& file,
                              const OwnReceiverRights& rights);

} // namespace narthex::alertmanager
