// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/negotiation.h"

#include "core/base/number.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace narthex::exposition {
namespace {

/// Calls `each` with the parts of a list.
template <typename Function>
void split(std::string_view text, char separator, const Function& each)
{
    while (true) {
        const std::size_t end = text.find(separator);
        each(base::trimmed(text.substr(0, end)));
        if (end == std::string_view::npos) {
            return;
        }
        text.remove_prefix(end + 1);
    }
}

struct Clause
{
    std::string_view type;
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    double quality = 1;

    [[nodiscard]] std::string_view get(std::string_view name) const
    {
        for (const auto& [key, value] : parameters) {
            if (key == name) {
                return value;
            }
        }
        return {};
    }
};

Clause clauseOf(std::string_view text)
{
    Clause clause;
    bool isFirst = true;
    split(text, ';', [&](std::string_view part) {
        if (std::exchange(isFirst, false)) {
            clause.type = part;
            return;
        }
        const std::size_t equals = part.find('=');
        const std::string_view name = base::trimmed(part.substr(0, equals));
        const std::string_view value = equals == std::string_view::npos
                                           ? std::string_view()
                                           : base::trimmed(part.substr(equals + 1));
        if (name == "q") {
            clause.quality = base::parseFloat(value).value_or(0);
        } else {
            clause.parameters.emplace_back(name, value);
        }
    });
    return clause;
}

constexpr std::pair<std::string_view, NameEscaping> kEscapings[] = {
    {"allow-utf-8", NameEscaping::None},
    {"underscores", NameEscaping::Underscores},
    {"dots", NameEscaping::Dots},
    {"values", NameEscaping::Values}};

std::optional<Negotiated> formatOf(const Clause& clause)
{
    const std::string_view version = clause.get("version");
    Negotiated result;
    if (clause.type == "application/vnd.google.protobuf" &&
        clause.get("proto") == "io.prometheus.client.MetricFamily" &&
        clause.get("encoding") == "delimited") {
        result.format = PageFormat::Protobuf;
        result.contentType = "application/vnd.google.protobuf; "
                             "proto=io.prometheus.client.MetricFamily; encoding=delimited";
    } else if (clause.type == "application/openmetrics-text" &&
               (version.empty() || version == "1.0.0" || version == "0.0.1")) {
        result.format = PageFormat::OpenMetrics;
        result.contentType = fmt::format("application/openmetrics-text; version={}; charset=utf-8",
                                         version.empty() ? "1.0.0" : version);
    } else if (clause.type == "text/plain" &&
               (version.empty() || version == "0.0.4" || version == "1.0.0")) {
        result.contentType = fmt::format("text/plain; version={}; charset=utf-8",
                                         version.empty() ? "0.0.4" : version);
    } else {
        return std::nullopt;
    }
    for (const auto& [name, escaping] : kEscapings) {
        if (clause.get("escaping") == name) {
            result.escaping = escaping;
            result.contentType += fmt::format("; escaping={}", name);
        }
    }
    return result;
}

bool isLegacyCharacter(char32_t c, bool isFirst)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!isFirst && c >= '0' && c <= '9');
}

void appendEscapedCharacter(std::string& out, base::Rune rune, bool isLegacy, NameEscaping escaping)
{
    const auto plain = [&] { out += static_cast<char>(rune.value); };
    switch (escaping) {
    case NameEscaping::Underscores:
        isLegacy ? plain() : out.push_back('_');
        break;
    case NameEscaping::Dots:
        if (rune.value == '_') {
            out += "__";
        } else if (rune.value == '.') {
            out += "_dot_";
        } else {
            isLegacy ? plain() : static_cast<void>(out += "__");
        }
        break;
    case NameEscaping::Values:
        if (rune.value == '_') {
            out += "__";
        } else if (isLegacy) {
            plain();
        } else {
            out += fmt::format("_{:x}_", static_cast<std::uint32_t>(rune.value));
        }
        break;
    case NameEscaping::None:
        break;
    }
}

} // namespace

Negotiated negotiate(std::string_view accept)
{
    std::vector<Clause> clauses;
    split(accept, ',', [&clauses](std::string_view text) { clauses.push_back(clauseOf(text)); });
    std::stable_sort(clauses.begin(), clauses.end(),
                     [](const Clause& a, const Clause& b) { return a.quality > b.quality; });
    for (const Clause& clause : clauses) {
        if (clause.quality <= 0) {
            continue;
        }
        if (auto format = formatOf(clause)) {
            return *std::move(format);
        }
    }
    return {.contentType = "text/plain; version=0.0.4; charset=utf-8"};
}

std::string escapeName(std::string_view name, NameEscaping escaping)
{
    const bool isLegacy = model::isLegacyMetricName(name);
    if (name.empty() || escaping == NameEscaping::None ||
        (isLegacy && escaping != NameEscaping::Dots)) {
        return std::string(name);
    }
    std::string out = escaping == NameEscaping::Values ? "U__" : "";
    bool isFirst = true;
    while (!name.empty()) {
        const base::Rune rune = base::firstRune(name);
        appendEscapedCharacter(out, rune, isLegacyCharacter(rune.value, isFirst), escaping);
        name.remove_prefix(rune.length);
        isFirst = false;
    }
    return out;
}

} // namespace narthex::exposition
