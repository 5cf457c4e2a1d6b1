// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What both APIs share: answers, parameters, filters, and alerts as JSON. Threads: pure functions.
#pragma once

#include "core/alertmanager/api.h"
#include "core/base/json_writer.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

/// `{"code":…,"message":"…"}`: what the schema finds.
ApiAnswer schemaError(int status, int code, std::string_view message);
/// A bare JSON string: what a handler finds.
ApiAnswer textError(int status, std::string_view message);
ApiAnswer jsonAnswer(const std::function<void(base::JsonWriter&)>& write);

std::optional<std::string_view> parameter(const net::Parameters& query, std::string_view name);
/// As the API reads booleans: anything that is not one of the words for true is false.
bool flag(const net::Parameters& query, std::string_view name, bool otherwise);
/// All values of a parameter, one matcher each. Errors: InvalidArgument.
absl::StatusOr<model::Matchers> filters(const net::Parameters& query, std::string_view name,
                                        MatcherMode mode);

/// What `/alerts` and `/alerts/groups` choose by.
struct AlertFilter
{
    bool active = true;
    bool silenced = true;
    bool inhibited = true;
    bool unprocessed = true;
    bool muted = true;
    model::Matchers matchers;
    std::optional<model::Regex> receiver;
    model::Matchers receiverMatchers;
    std::shared_ptr<const Setup> setup;

    static absl::StatusOr<AlertFilter> parse(const net::Parameters& query,
                                             std::shared_ptr<const Setup> setup);
    [[nodiscard]] bool takesAlert(const AlertView& view) const;
    [[nodiscard]] bool takesReceiver(const std::string& name) const;
};

/// The members of an alert, without the braces.
void writeAlertMembers(base::JsonWriter& out, const AlertView& view);
/// `exports`: of any acknowledgements; those of this one are written.
void writeAcknowledgement(base::JsonWriter& out, const Acknowledgement& ack,
                          std::span<const AckExport> exports = {});
void writeSilence(base::JsonWriter& out, const Silence& silence, base::Timestamp now);
/// An acknowledgement that somebody else made on an external Alertmanager.
void writeForeignAck(base::JsonWriter& out, const ForeignAck& ack);

} // namespace narthex::alertmanager
