// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Alerts, silences and acknowledgements between the JSON of Alertmanagers and values. Threads: pure
// functions. Errors: Unavailable (not such JSON), and those of alertError().
// Format: spec/alertmanager.md, 10; spec/acknowledge.md, 6.
#pragma once

#include "core/client/alert_data.h"
#include "core/net/parameters.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::client {

// Each takes the whole body of an answer.
absl::StatusOr<std::vector<Alert>> alertsFromJson(std::string_view body);
absl::StatusOr<std::vector<AlertGroup>> groupsFromJson(std::string_view body);
absl::StatusOr<std::vector<Silence>> silencesFromJson(std::string_view body);
absl::StatusOr<std::string> silenceIdFromJson(std::string_view body);
absl::StatusOr<SilencePreview> previewFromJson(std::string_view body);
absl::StatusOr<std::vector<Receiver>> receiversFromJson(std::string_view body);
absl::StatusOr<AlertServerStatus> statusFromJson(std::string_view body);
absl::StatusOr<std::vector<Acknowledgement>> acknowledgementsFromJson(std::string_view body);
absl::StatusOr<Acknowledgement> acknowledgementFromJson(std::string_view body);
absl::StatusOr<AckResult> ackResultFromJson(std::string_view body);
absl::StatusOr<std::vector<HistoryEntry>> historyFromJson(std::string_view body);
absl::StatusOr<AlertExplanation> explanationFromJson(std::string_view body);

std::string toJson(const SilenceDraft& draft);
std::string toJson(const AckDraft& draft);
std::string toJson(const AckChange& change);

net::Parameters parametersOf(const AlertQuery& query);
net::Parameters parametersOf(const AckQuery& query);
net::Parameters parametersOf(const HistoryQuery& query);
/// `name=~"value"`
std::string matcherText(const SilenceMatcher& matcher);

/// What an answer without success says. NotFound: the thing is not there. Unimplemented: the
/// server has no such path. FailedPrecondition: the alert does not fire. Else InvalidArgument,
/// Unauthenticated, PermissionDenied, Unavailable.
absl::Status alertError(int status, std::string_view body);

} // namespace narthex::client
