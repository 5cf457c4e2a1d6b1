// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answers of a Prometheus-compatible HTTP API to queries, from JSON to values; each byte is looked
// at once. Threads: pure functions. Errors: what apiProblem() makes of the server's words,
// Unavailable (no such JSON), Unimplemented (parseMatrixAnswer() and native histograms).
// Format: spec/http-api.md, 2 and 3.
#pragma once

#include "core/promql/value.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::client {

/// The result with its annotations and statistics. `query` is what their positions count in.
/// `body` is read only; it grows by a few bytes that the parser wants behind it.
absl::StatusOr<promql::Result> parseQueryAnswer(std::string& body, std::string_view query);
/// The answer to a search for series.
absl::StatusOr<std::vector<model::Labels>> parseSeriesAnswer(std::string& body);
/// The matrix in the answer to a range query, floats only: a histogram of the API has lost its
/// layout, which does for showing it, but not for storing it.
absl::StatusOr<promql::Matrix> parseMatrixAnswer(std::string_view json);

} // namespace narthex::client
