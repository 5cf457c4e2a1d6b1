// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/relabel/relabel.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/relabel/expand.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace narthex::relabel {
namespace {

struct Outcome
{
    bool matched = false;
    bool kept = true;
};

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

std::string sourceValue(const Rule& rule, const model::LabelsBuilder& labels)
{
    std::string value;
    for (std::size_t i = 0; i < rule.sourceLabels.size(); ++i) {
        if (i > 0) {
            value += rule.separator;
        }
        value += labels.get(rule.sourceLabels[i]);
    }
    return value;
}

bool isValidLabelName(std::string_view name, NameScheme scheme)
{
    return scheme == NameScheme::Legacy ? model::isLegacyLabelName(name)
                                        : !name.empty() && base::isValidUtf8(name);
}

Outcome replace(const Rule& rule, NameScheme scheme, std::string_view value,
                model::LabelsBuilder& labels)
{
    // Commonest case: a constant, no match needed.
    if (!rule.regex && value.empty() && rule.targetLabel.find('$') == std::string::npos &&
        rule.replacement.find('$') == std::string::npos) {
        labels.set(rule.targetLabel, rule.replacement);
        return {.matched = true};
    }
    const Captures captures(*rule.compiled, value);
    if (!captures.matched()) {
        return {};
    }
    const std::string target = captures.expand(rule.targetLabel);
    if (isValidLabelName(target, scheme)) {
        labels.set(target, captures.expand(rule.replacement));
    }
    return {.matched = true};
}

std::uint64_t md5Tail(std::string_view value)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_Digest(value.data(), value.size(), digest.data(), &length, EVP_md5(), nullptr);
    std::uint64_t tail = 0;
    for (std::size_t i = 8; i < 16; ++i) {
        tail = tail << 8U | digest[i];
    }
    return tail;
}

Outcome labelMap(const Rule& rule, model::LabelsBuilder& labels)
{
    Outcome outcome;
    const auto snapshot = labels.entries();
    for (const auto& [name, value] : snapshot) {
        const Captures captures(*rule.compiled, name);
        if (captures.matched()) {
            outcome.matched = true;
            labels.set(captures.expand(rule.replacement), value);
        }
    }
    return outcome;
}

Outcome filterNames(const Rule& rule, bool dropMatching, model::LabelsBuilder& labels)
{
    Outcome outcome;
    const auto snapshot = labels.entries();
    for (const auto& [name, value] : snapshot) {
        const bool matches = re2::RE2::PartialMatch(piece(name), *rule.compiled);
        if (matches == dropMatching) {
            outcome.matched = true;
            labels.remove(name);
        }
    }
    return outcome;
}

Outcome applyRule(const Rule& rule, NameScheme scheme, std::string_view value,
                  model::LabelsBuilder& labels)
{
    switch (rule.action) {
    case Action::Replace:
        return replace(rule, scheme, value, labels);
    case Action::Keep: {
        const bool matched = re2::RE2::PartialMatch(piece(value), *rule.compiled);
        return {.matched = matched, .kept = matched};
    }
    case Action::Drop: {
        const bool matched = re2::RE2::PartialMatch(piece(value), *rule.compiled);
        return {.matched = matched, .kept = !matched};
    }
    case Action::KeepEqual: {
        const bool equal = labels.get(rule.targetLabel) == value;
        return {.matched = equal, .kept = equal};
    }
    case Action::DropEqual: {
        const bool equal = labels.get(rule.targetLabel) == value;
        return {.matched = equal, .kept = !equal};
    }
    case Action::HashMod:
        labels.set(rule.targetLabel, std::to_string(md5Tail(value) % rule.modulus));
        return {.matched = true};
    case Action::LabelMap:
        return labelMap(rule, labels);
    case Action::LabelDrop:
        return filterNames(rule, true, labels);
    case Action::LabelKeep:
        return filterNames(rule, false, labels);
    case Action::Lowercase:
        labels.set(rule.targetLabel, mapCase(value, false));
        return {.matched = true};
    case Action::Uppercase:
        labels.set(rule.targetLabel, mapCase(value, true));
        return {.matched = true};
    }
    return {};
}

bool usesRegexOnValue(Action action)
{
    return action == Action::Replace || action == Action::Keep || action == Action::Drop;
}

/// Why the rule dropped, in a sentence.
std::string reasonOf(const Rule& rule, const Step& step)
{
    const std::string source =
        rule.sourceLabels.empty()
            ? std::string("the empty text")
            : fmt::format("{} = {}", fmt::join(rule.sourceLabels, ", "), model::quote(step.input));
    const std::string target = model::quote(step.before.get(rule.targetLabel));
    switch (rule.action) {
    case Action::Keep:
        return fmt::format("keep: {} does not match {}", source, rule.regex.value_or("(.*)"));
    case Action::Drop:
        return fmt::format("drop: {} matches {}", source, rule.regex.value_or("(.*)"));
    case Action::KeepEqual:
        return fmt::format("keepequal: {} differs from {} = {}", source, rule.targetLabel, target);
    case Action::DropEqual:
        return fmt::format("dropequal: {} equals {} = {}", source, rule.targetLabel, target);
    default:
        return {};
    }
}

} // namespace

bool apply(const std::vector<Rule>& rules, NameScheme scheme, model::LabelsBuilder& labels)
{
    return std::all_of(rules.begin(), rules.end(), [&](const Rule& rule) {
        return applyRule(rule, scheme, sourceValue(rule, labels), labels).kept;
    });
}

Trace trace(const std::vector<Rule>& rules, NameScheme scheme, const model::Labels& labels)
{
    Trace result;
    model::LabelsBuilder builder(labels);
    for (std::size_t i = 0; i < rules.size() && result.kept; ++i) {
        Step step{.rule = i, .input = sourceValue(rules[i], builder), .before = builder.build()};
        const Outcome outcome = applyRule(rules[i], scheme, step.input, builder);
        step.matched = outcome.matched;
        step.dropped = !outcome.kept;
        step.after = builder.build();
        if (rules[i].compiled && usesRegexOnValue(rules[i].action)) {
            step.captures = Captures(*rules[i].compiled, step.input).list();
        }
        if (step.dropped) {
            step.reason = reasonOf(rules[i], step);
        }
        result.kept = outcome.kept;
        result.steps.push_back(std::move(step));
    }
    result.result = builder.build();
    return result;
}

} // namespace narthex::relabel
