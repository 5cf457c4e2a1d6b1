// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the commands about alerts, silences and routes share: where the Alertmanager is, how answers
// are shown, and defaults from amtool's own settings file. Threads: main.
// Source: spec/alertmanager.md, 12.
#pragma once

#include "commands.h"

#include "core/client/http/alertmanager_client.h"
#include "core/model/matcher.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace narthex::ctl {

struct AmSettings
{
    // Empty: as the settings files say, or the built-in default.
    std::string url;
    /// simple, extended or json.
    std::string output;
    std::string timeout;
    std::string httpConfigFile;
    /// For strftime, in UTC.
    std::string dateFormat = "%Y-%m-%d %H:%M:%S UTC";
    std::string author;
    bool commentRequired = true;
};

void addAmOptions(CLI::App& command, AmSettings& settings);
/// Fills in what was not given: from $HOME/.config/amtool/config.yml, /etc/amtool/config.yml, then
/// our own defaults.
void fillIn(AmSettings& settings);

/// An Alertmanager to ask.
class AmSession
{
public:
    /// Errors: settings that cannot be read.
    static absl::StatusOr<std::unique_ptr<AmSession>> open(const AmSettings& settings);
    [[nodiscard]] client::AlertmanagerClient& client() { return *client_; }

private:
    AmSession() = default;
    net::IoLoop loop_;
    std::unique_ptr<client::AlertmanagerClient> client_;
};

/// Runs `work` with a session; errors go to stderr and give kFailed.
int withSession(const AmSettings& settings,
                const std::function<absl::Status(client::AlertmanagerClient&)>& work);

/// Adds the shared flags; when the command is chosen, and none of its own commands, runs `work`
/// with a client and the flags, which have AmSettings `settings`.
template <typename Flags, typename Work>
void onRun(CLI::App& command, const std::shared_ptr<Flags>& flags, int& exitCode, Work work)
{
    addAmOptions(command, flags->settings);
    command.callback([flags, &exitCode, work, &command] {
        if (!command.get_subcommands().empty()) {
            return; // that one has run
        }
        fillIn(flags->settings);
        exitCode = withSession(flags->settings, [&](client::AlertmanagerClient& client) {
            return work(client, *flags);
        });
    });
}

/// The wall clock.
base::Timestamp now();

/// Matchers as arguments; a first one that is none means alertname="…". Errors: InvalidArgument.
absl::StatusOr<model::Matchers> readMatchers(const std::vector<std::string>& arguments);
/// `a=b`, `a="b"`; a first word without `=` is the alertname. Errors: InvalidArgument.
absl::StatusOr<model::Labels> readLabels(const std::vector<std::string>& arguments,
                                         bool firstIsName);

/// Rows below a header, columns two blanks apart.
void printTable(const std::vector<std::vector<std::string>>& rows);
/// A time of the API as the settings want it; as it is if it is none.
std::string showTime(const AmSettings& settings, const std::string& rfc3339);
/// "alertname=\"A\" instance=~\"x.*\"" of a silence.
std::string showMatchers(const client::Json& silence);
/// RFC 3339, or a duration from now ("2h"; into the past with a minus). Errors: InvalidArgument.
absl::StatusOr<base::Timestamp> readMoment(const std::string& text, base::Timestamp now);

/// `a="b" c="d"` of a JSON object.
std::string pairsText(const client::Json& pairs);

} // namespace narthex::ctl
