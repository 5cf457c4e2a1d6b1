// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Results of queries as text: as promtool prints them, as JSON, as a table or CSV. Threads: pure
// functions. Source: spec/http-api.md, 16; the values' text forms of prometheus/common.
#pragma once

#include "core/discovery/json.h"

#include <string>
#include <string_view>

namespace narthex::ctl {

/// `data` of an answer to a query: {"resultType": …, "result": …}. `format`: promql, json, table or
/// csv. Ends with a newline.
std::string resultText(const discovery::Json& data, std::string_view format);
/// A list of label sets.
std::string seriesText(const discovery::Json& data, std::string_view format);
/// A list of texts; `column` is what a table calls it.
std::string valuesText(const discovery::Json& data, std::string_view column,
                       std::string_view format);

/// `name{a="b", c="d"}`
std::string metricText(const discovery::Json& metric);
/// `{a="b", c="d"}`
std::string labelSetText(const discovery::Json& labels);
/// Whether series `a` stands before `b` in a printed matrix: fewer labels first.
bool standsBefore(const discovery::Json& a, const discovery::Json& b);

} // namespace narthex::ctl
