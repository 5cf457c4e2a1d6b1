// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names of OpenTelemetry as names of Prometheus: of metrics with their units and types, of labels,
// of units. Threads: pure functions. Errors: FailedPrecondition, nothing of the name is left.
// Source: spec/remote.md, 6; OpenTelemetry, "Prometheus and OpenMetrics compatibility".
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::remote::otlp {

/// What of a metric's kind shows in its name.
enum class NameKind : std::uint8_t
{
    Gauge,
    Counter,
    Other
};

struct NameRules
{
    /// Unit and type stand at the end.
    bool suffixes = true;
    /// Only letters, digits and underscores are left.
    bool escape = true;
    /// Labels that begin with one underscore get "key" before it.
    bool underscoreSanitization = true;
    /// Several underscores of a label stay several.
    bool preserveUnderscores = true;
};

/// The rules of a `translation_strategy`.
NameRules rulesOf(std::string_view strategy);

absl::StatusOr<std::string> metricName(std::string_view name, std::string_view unit, NameKind kind,
                                       const NameRules& rules);
absl::StatusOr<std::string> labelName(std::string_view name, const NameRules& rules);
/// "By/s": "bytes_per_second".
std::string unitName(std::string_view unit);

} // namespace narthex::remote::otlp
