// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small pieces of JSON that several parts of this module write and read: maps of texts, labels,
// times. Threads: pure functions. Format: RFC 3339 with milliseconds, always in UTC.
#pragma once

#include "core/base/json_writer.h"
#include "core/model/labels.h"

#include <map>
#include <string>
#include <string_view>

namespace narthex::alertmanager {

std::string textMapJson(const std::map<std::string, std::string>& map);
/// Empty for what is no object of texts.
std::map<std::string, std::string> textMapFromJson(std::string_view json);

/// `{"a":"b"}`
void writeLabels(base::JsonWriter& out, const model::Labels& labels);
/// "2015-07-01T20:10:51.781Z": with three decimals always, as the API v2 has it.
std::string apiTime(base::Timestamp time);

} // namespace narthex::alertmanager
