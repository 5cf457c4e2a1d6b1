// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The grouping key as it stands in the path of a push: /job/<job>{/<label>/<value>}, each name with
// "@base64" if its value is encoded. Threads: pure functions. Errors: InvalidArgument in the
// Pushgateway's words. Source: spec/pushgateway.md, 2.2.
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <string>
#include <string_view>

namespace narthex::push {

/// Names and values, job included. An empty value is one.
using GroupingKey = std::map<std::string, std::string>;

/// `path`: what follows "/metrics/", decoded: "job/a/instance/i1". `utf8Names`: names may be
/// escaped ("U__my_2e_name") and hold any characters.
absl::StatusOr<GroupingKey> parsePushPath(std::string_view path, bool utf8Names);

/// The path for a key, without "/metrics/": encoded where a value is empty or has a '/'.
std::string pushPath(const GroupingKey& key);

} // namespace narthex::push
