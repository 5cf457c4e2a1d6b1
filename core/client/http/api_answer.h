// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answers of a Prometheus-compatible HTTP API, from JSON to values. Threads: pure functions.
// Errors: InvalidArgument (the server refused the query, its words), Unavailable (no such JSON),
// Unimplemented (native histograms). Format: spec/http-api.md.
#pragma once

#include "core/promql/value.h"

#include <absl/status/statusor.h>

#include <string_view>

namespace narthex::client {

/// The matrix in the answer to a range query.
absl::StatusOr<promql::Matrix> parseMatrixAnswer(std::string_view json);

} // namespace narthex::client
