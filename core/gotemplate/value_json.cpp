// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/value_json.h"

#include "core/base/number.h"
#include "core/base/utf8.h"
#include "core/gotemplate/time_text.h"

#include <fmt/format.h>

#include <cmath>

namespace narthex::gotemplate {
namespace {

void appendEscaped(std::string& out, char c)
{
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    } else {
        out += c;
    }
}

template <typename Entries, typename AppendEach>
void appendObject(std::string& out, const Entries& entries, const AppendEach& appendEach)
{
    out += '{';
    bool first = true;
    for (const auto& [name, value] : entries) {
        if (!first) {
            out += ',';
        }
        first = false;
        appendJsonText(out, name);
        out += ':';
        appendEach(out, value);
    }
    out += '}';
}

void appendList(std::string& out, const List& list)
{
    out += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
        out += i > 0 ? "," : "";
        appendJson(out, list[i]);
    }
    out += ']';
}

void appendStruct(std::string& out, const Object& object)
{
    out += '{';
    bool first = true;
    for (const auto& [field, key] : object.members()) {
        const std::optional<Value> value = object.field(field);
        if (!value) {
            continue;
        }
        out += first ? "" : ",";
        first = false;
        appendJsonText(out, key);
        out += ':';
        appendJson(out, *value);
    }
    out += '}';
}

} // namespace

void appendJsonText(std::string& out, std::string_view text)
{
    out += '"';
    while (!text.empty()) {
        const base::Rune rune = base::firstRune(text);
        if (rune.value < 0x80) {
            appendEscaped(out, text[0]);
        } else if (rune.value == 0xFFFD && rune.length == 1) {
            out += "\\ufffd";
        } else if (rune.value == 0x2028 || rune.value == 0x2029) {
            out += rune.value == 0x2028 ? "\\u2028" : "\\u2029";
        } else {
            out += text.substr(0, rune.length);
        }
        text.remove_prefix(rune.length);
    }
    out += '"';
}

void appendJson(std::string& out, const Value& value)
{
    if (const auto text = value.text()) {
        appendJsonText(out, *text);
    } else if (const auto* flag = value.as<bool>()) {
        out += *flag ? "true" : "false";
    } else if (const auto* integer = value.as<std::int64_t>()) {
        out += std::to_string(*integer);
    } else if (const auto* natural = value.as<std::uint64_t>()) {
        out += std::to_string(*natural);
    } else if (const auto* real = value.as<double>()) {
        out += std::isfinite(*real) ? base::formatFloat(*real) : "null";
    } else if (const auto* time = value.as<Time>()) {
        appendJsonText(out, toRfc3339(*time));
    } else if (const auto* span = value.as<Span>()) {
        out += std::to_string(span->nanoseconds);
    } else if (const auto* map = value.as<std::shared_ptr<const Map>>()) {
        appendObject(out, **map, appendJson);
    } else if (const TextMap* texts = value.entries()) {
        appendObject(out, *texts, appendJsonText);
    } else if (const auto elements = value.elements()) {
        appendList(out, *elements);
    } else if (const auto* object = value.as<std::shared_ptr<const Object>>();
               object != nullptr && *object != nullptr) {
        appendStruct(out, **object);
    } else if (value.isNil()) {
        out += "null";
    } else {
        appendJsonText(out, value.toText());
    }
}

std::string toJson(const Value& value)
{
    std::string out;
    appendJson(out, value);
    return out;
}

} // namespace narthex::gotemplate
