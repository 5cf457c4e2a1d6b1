// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The matchers of routes, inhibition rules, silences and filters as text: two grammars, the old one
// and the one that knows UTF-8, and how they are run side by side. Threads: pure functions.
// Errors: InvalidArgument with the texts that Alertmanager's users know.
// Source: spec/alertmanager.md, 2.
#pragma once

#include "core/model/matcher.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

enum class MatcherMode : std::uint8_t
{
    /// Both grammars; where they disagree the old one counts and a warning says so.
    Fallback,
    Classic,
    Utf8Strict
};

/// One or several matchers. `warnings` may be null.
absl::StatusOr<model::Matchers> parseMatchers(std::string_view text, MatcherMode mode,
                                              std::vector<std::string>* warnings = nullptr);
/// Exactly one, without braces: filters of the API and arguments of commands.
absl::StatusOr<model::Matcher> parseMatcher(std::string_view text, MatcherMode mode,
                                            std::vector<std::string>* warnings = nullptr);

absl::StatusOr<model::Matchers> parseUtf8Matchers(std::string_view text);
absl::StatusOr<model::Matchers> parseClassicMatchers(std::string_view text);

/// By name, value, type: the order of keys and of printing.
void sortMatchers(model::Matchers& matchers);

/// `foo="bar"`; a name that is not a classic one is quoted.
std::string toText(const model::Matcher& matcher);
/// `{a="b",c=~"d"}`
std::string toText(const model::Matchers& matchers);

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
bool isClassicName(std::string_view name);
/// Whether `name` may name a label in this mode.
bool isValidLabelName(std::string_view name, MatcherMode mode);

} // namespace narthex::alertmanager
