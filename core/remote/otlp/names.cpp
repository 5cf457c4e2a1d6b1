// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/names.h"

#include "core/base/status.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/model/labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace narthex::remote::otlp {
namespace {

struct Unit
{
    std::string_view code;
    std::string_view name;
};

constexpr Unit kUnits[] = {{"d", "days"},
                           {"h", "hours"},
                           {"min", "minutes"},
                           {"s", "seconds"},
                           {"ms", "milliseconds"},
                           {"us", "microseconds"},
                           {"ns", "nanoseconds"},
                           {"By", "bytes"},
                           {"KiBy", "kibibytes"},
                           {"MiBy", "mebibytes"},
                           {"GiBy", "gibibytes"},
                           {"TiBy", "tibibytes"},
                           {"KBy", "kilobytes"},
                           {"MBy", "megabytes"},
                           {"GBy", "gigabytes"},
                           {"TBy", "terabytes"},
                           {"m", "meters"},
                           {"V", "volts"},
                           {"A", "amperes"},
                           {"J", "joules"},
                           {"W", "watts"},
                           {"g", "grams"},
                           {"Cel", "celsius"},
                           {"Hz", "hertz"},
                           {"1", ""},
                           {"%", "percent"}};

constexpr Unit kPerUnits[] = {{"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
                              {"w", "week"},   {"mo", "month"}, {"y", "year"}};

std::string nameOfUnit(std::string_view code, std::span<const Unit> units)
{
    const auto* const found = std::find_if(units.data(), units.data() + units.size(),
                                           [code](const Unit& unit) { return unit.code == code; });
    return std::string(found != units.data() + units.size() ? found->name : code);
}

constexpr std::string_view kBlanks = " \t\n\v\f\r";

struct UnitNames
{
    std::string main;
    /// With "per_" before it.
    std::string per;
};

UnitNames unitNames(std::string_view unit)
{
    const std::size_t slash = unit.find('/');
    const std::string_view main = base::trimmed(unit.substr(0, slash), kBlanks);
    const std::string_view per = slash == std::string_view::npos
                                     ? std::string_view()
                                     : base::trimmed(unit.substr(slash + 1), kBlanks);
    // In braces stands a remark.
    const auto isCode = [](std::string_view text) {
        return !text.empty() && text.find_first_of("{}") == std::string_view::npos;
    };
    UnitNames names;
    if (isCode(main)) {
        names.main = nameOfUnit(main, kUnits);
    }
    if (isCode(per)) {
        names.per = "per_" + nameOfUnit(per, kPerUnits);
    }
    return names;
}

bool isPlain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// What is left between characters that `isKept` refuses.
template <typename Kept>
std::vector<std::string> tokensOf(std::string_view text, const Kept& isKept)
{
    std::vector<std::string> tokens;
    bool inToken = false;
    for (const char c : text) {
        if (!isKept(c)) {
            inToken = false;
            continue;
        }
        if (!std::exchange(inToken, true)) {
            tokens.emplace_back();
        }
        tokens.back() += c;
    }
    return tokens;
}

std::string cleanUnit(std::string_view unit)
{
    std::string out;
    for (const char c : unit) {
        if (isPlain(c) || c == ':') {
            out += c;
        } else if (!out.empty() && out.back() != '_') {
            out += '_';
        }
    }
    return out;
}

void dropSuffix(std::string& text, char c)
{
    if (!text.empty() && text.back() == c) {
        text.pop_back();
    }
}

void moveToEnd(std::vector<std::string>& tokens, std::string_view token)
{
    std::erase(tokens, token);
    tokens.emplace_back(token);
}

std::string fullName(std::string_view name, std::string_view unit, NameKind kind)
{
    std::vector<std::string> tokens = tokensOf(name, [](char c) { return isPlain(c) || c == ':'; });
    const UnitNames units = unitNames(unit);
    std::string main = cleanUnit(units.main);
    std::string per = cleanUnit(units.per);
    dropSuffix(per, '_');
    const auto has = [&tokens](const std::string& token) {
        return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
    };
    if (!per.empty() && !has(per)) {
        dropSuffix(main, '_');
    }
    const bool addMain = !main.empty() && !has(main);
    const bool addPer = !per.empty() && !has(per);
    if (addMain) {
        tokens.push_back(main);
    }
    if (addPer) {
        tokens.push_back(per);
    }
    if (kind == NameKind::Counter) {
        moveToEnd(tokens, "total");
    }
    // Counters of things are often given the unit 1, too.
    if (unit == "1" && kind == NameKind::Gauge) {
        moveToEnd(tokens, "ratio");
    }
    return fmt::format("{}", fmt::join(tokens, "_"));
}

absl::StatusOr<std::string> escapedName(std::string_view name, std::string_view unit, NameKind kind,
                                        bool suffixes)
{
    std::string out =
        suffixes
            ? fullName(name, unit, kind)
            : fmt::format("{}", fmt::join(tokensOf(name,
                                                   [](char c) {
                                                       return isPlain(c) || c == ':' || c == '_';
                                                   }),
                                          "_"));
    if (!out.empty() && isDigit(out.front())) {
        out.insert(out.begin(), '_');
    }
    if (out.empty() || (out != name && out.find_first_not_of('_') == std::string::npos)) {
        return base::failedPrecondition("of the metric name {} nothing is left but {}",
                                        model::quote(name), model::quote(out));
    }
    return out;
}

/// Without a suffix that is put there again, and the character before it.
void dropSuffix(std::string& name, std::string_view suffix)
{
    if (name.ends_with(suffix) && name.size() > suffix.size() + 1) {
        name.resize(name.size() - suffix.size() - 1);
    }
}

std::string suffixedName(std::string name, std::string_view unit, NameKind kind)
{
    const bool isRatio = unit == "1" && kind == NameKind::Gauge;
    const bool isCounter = kind == NameKind::Counter;
    const UnitNames units = unitNames(unit);
    if (isRatio) {
        dropSuffix(name, "ratio");
    }
    if (isCounter) {
        dropSuffix(name, "total");
    }
    if (!units.per.empty()) {
        dropSuffix(name, units.per);
    }
    if (!units.main.empty() && !name.ends_with(units.main)) {
        name += '_' + units.main;
    }
    if (!units.per.empty()) {
        name += '_' + units.per;
    }
    if (isCounter) {
        name += "_total";
    }
    if (isRatio) {
        name += "_ratio";
    }
    return name;
}

std::string sanitizedLabel(std::string_view name, bool preserve)
{
    const bool isReserved =
        !preserve && name.size() >= 4 && name.starts_with("__") && name.ends_with("__");
    if (isReserved) {
        name = name.substr(2, name.size() - 4);
    }
    std::string out = isReserved ? "__" : "";
    bool wasUnderscore = false;
    while (!name.empty()) {
        const base::Rune rune = base::firstRune(name);
        if (rune.length == 1 && isPlain(name.front())) {
            out += name.front();
            wasUnderscore = false;
        } else if (preserve || !std::exchange(wasUnderscore, true)) {
            out += '_';
        }
        name.remove_prefix(rune.length);
    }
    return isReserved ? out + "__" : out;
}

} // namespace

NameRules rulesOf(std::string_view strategy)
{
    NameRules rules;
    rules.suffixes =
        strategy == "UnderscoreEscapingWithSuffixes" || strategy == "NoUTF8EscapingWithSuffixes";
    rules.escape = strategy == "UnderscoreEscapingWithSuffixes" ||
                   strategy == "UnderscoreEscapingWithoutSuffixes";
    return rules;
}

absl::StatusOr<std::string> metricName(std::string_view name, std::string_view unit, NameKind kind,
                                       const NameRules& rules)
{
    if (rules.escape) {
        return escapedName(name, unit, kind, rules.suffixes);
    }
    if (name.empty()) {
        return base::failedPrecondition("a metric has no name");
    }
    return rules.suffixes ? suffixedName(std::string(name), unit, kind) : std::string(name);
}

absl::StatusOr<std::string> labelName(std::string_view name, const NameRules& rules)
{
    if (name.empty()) {
        return base::failedPrecondition("an attribute has no name");
    }
    std::string out =
        rules.escape ? sanitizedLabel(name, rules.preserveUnderscores) : std::string(name);
    if (rules.escape) {
        if (isDigit(out.front())) {
            out.insert(0, "key_");
        } else if (rules.underscoreSanitization && out.starts_with('_') && !out.starts_with("__")) {
            out.insert(0, "key");
        }
    }
    if (out.find_first_not_of('_') == std::string::npos) {
        return base::failedPrecondition("of the attribute name {} nothing is left but underscores",
                                        model::quote(name));
    }
    return out;
}

std::string unitName(std::string_view unit)
{
    const UnitNames units = unitNames(unit);
    const std::string main = cleanUnit(units.main);
    const std::string per = cleanUnit(units.per);
    std::string out = main.empty() || per.empty() ? main + per : main + '_' + per;
    dropSuffix(out, '_');
    return out;
}

} // namespace narthex::remote::otlp
