// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Relabel rules: rewriting label sets and dropping them, with a trace of every step for the
// debugger. One engine for targets, samples, alerts and remote write. Threads: rules are immutable
// after validate(); apply from any thread. Source: spec/relabel.md.
#pragma once

#include "core/model/labels.h"
#include "core/yaml/fields.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace narthex::relabel {

enum class Action : std::uint8_t
{
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase
};

std::string_view actionText(Action action);

/// Which names are valid: any UTF-8, or the letters of old.
enum class NameScheme : std::uint8_t
{
    Utf8,
    Legacy
};

struct Rule
{
    std::vector<std::string> sourceLabels;
    std::string separator = ";";
    /// As written; absent = the default `(.*)`.
    std::optional<std::string> regex;
    std::uint64_t modulus = 0;
    std::string targetLabel;
    std::string replacement = "$1";
    Action action = Action::Replace;
    /// `regex` anchored and compiled; set by validate().
    std::shared_ptr<const re2::RE2> compiled;

    friend bool operator==(const Rule& a, const Rule& b)
    {
        return a.sourceLabels == b.sourceLabels && a.separator == b.separator &&
               a.regex == b.regex && a.modulus == b.modulus && a.targetLabel == b.targetLabel &&
               a.replacement == b.replacement && a.action == b.action;
    }
};

/// Checks the rule and compiles its expression. Errors: InvalidArgument in Prometheus' wording.
absl::Status validate(Rule& rule, NameScheme scheme);

/// Reads one rule; problems are reported at its place in the document.
std::optional<Rule> decodeRule(const yaml::Value& value, NameScheme scheme);

/// A list of rules; `nullMessage` is reported for a null element.
std::vector<Rule> decodeRules(const yaml::Value& value, NameScheme scheme,
                              std::string_view nullMessage);

/// Reads or prints the rules below `name`.
void describeRules(yaml::Fields& fields, std::string_view name, std::vector<Rule>& rules,
                   NameScheme scheme, std::string_view nullMessage);

/// Applies the rules in order. False: dropped (`labels` is then as it was at the rule that
/// dropped).
bool apply(const std::vector<Rule>& rules, NameScheme scheme, model::LabelsBuilder& labels);

/// What one rule did.
struct Step
{
    std::size_t rule = 0;
    bool matched = false;
    bool dropped = false;
    /// The joined source value.
    std::string input;
    model::Labels before;
    model::Labels after;
    /// Groups of the match on the input, the whole match ("0") first, by number or name; for
    /// replace, keep and drop.
    std::vector<std::pair<std::string, std::string>> captures;
    /// Why it dropped, in a sentence; empty: it did not.
    std::string reason;
};

struct Trace
{
    std::vector<Step> steps;
    bool kept = true;
    model::Labels result;
};

/// As apply, and remembers every step up to the one that dropped.
Trace trace(const std::vector<Rule>& rules, NameScheme scheme, const model::Labels& labels);

} // namespace narthex::relabel
