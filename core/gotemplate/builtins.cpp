// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/builtins.h"

#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/gotemplate/printing.h"
#include "core/net/parameters.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

namespace narthex::gotemplate {
namespace {

using Arguments = std::span<const Value>;
using Result = absl::StatusOr<Value>;

enum class BasicKind : std::uint8_t
{
    None,
    Bool,
    Integer,
    Float,
    Text
};

BasicKind kindOf(const Value& value)
{
    if (value.as<bool>() != nullptr) {
        return BasicKind::Bool;
    }
    if (value.as<std::int64_t>() != nullptr || value.as<std::uint64_t>() != nullptr ||
        value.as<Span>() != nullptr) {
        return BasicKind::Integer;
    }
    if (value.as<double>() != nullptr) {
        return BasicKind::Float;
    }
    return value.text() ? BasicKind::Text : BasicKind::None;
}

/// Wide enough for both kinds of integers.
__extension__ using Wide = __int128;

Wide wide(const Value& value)
{
    if (const auto* number = value.as<std::int64_t>()) {
        return *number;
    }
    if (const auto* span = value.as<Span>()) {
        return span->nanoseconds;
    }
    return *value.as<std::uint64_t>();
}

absl::StatusOr<std::int64_t> indexOf(const Value& value, std::size_t size, std::string_view what)
{
    if (kindOf(value) != BasicKind::Integer) {
        return value.isNil() ? base::invalidArgument("cannot index slice/array with nil")
                             : base::invalidArgument("cannot index slice/array with type {}",
                                                     value.typeName());
    }
    const Wide index = wide(value);
    if (index < 0 || index > static_cast<Wide>(size)) {
        return base::invalidArgument("{} out of range: {}", what, value.toText());
    }
    return static_cast<std::int64_t>(index);
}

absl::Status wrongCount(std::string_view name, std::size_t want, std::size_t got)
{
    return base::invalidArgument("wrong number of args for {}: want {} got {}", name, want, got);
}

Result negate(Arguments arguments)
{
    if (arguments.size() != 1) {
        return wrongCount("not", 1, arguments.size());
    }
    return Value(!arguments[0].truth());
}

Result length(Arguments arguments)
{
    if (arguments.size() != 1) {
        return wrongCount("len", 1, arguments.size());
    }
    const Value& value = arguments[0];
    std::size_t size = 0;
    if (const auto text = value.text()) {
        size = text->size();
    } else if (const TextMap* map = value.entries()) {
        size = map->size();
    } else if (const auto* names = value.as<std::shared_ptr<const Map>>()) {
        size = (*names)->size();
    } else if (const auto elements = value.elements()) {
        size = elements->size();
    } else {
        return value.isNil() ? base::invalidArgument("len of nil pointer")
                             : base::invalidArgument("len of type {}", value.typeName());
    }
    return Value(static_cast<std::int64_t>(size));
}

Result index(Arguments arguments)
{
    if (arguments.empty()) {
        return base::invalidArgument("wrong number of args for index: want at least 1 got 0");
    }
    Value current = arguments[0];
    for (const Value& key : arguments.subspan(1)) {
        NARTHEX_ASSIGN_OR_RETURN(current, elementOf(current, key));
    }
    return current;
}

Result slice(Arguments arguments)
{
    if (arguments.empty() || arguments.size() > 4) {
        return arguments.empty()
                   ? base::invalidArgument("wrong number of args for slice: want at least 1 got 0")
                   : base::invalidArgument("too many slice indexes: {}", arguments.size() - 1);
    }
    const auto text = arguments[0].text();
    const auto elements = arguments[0].elements();
    if (!text && !elements) {
        return arguments[0].isNil()
                   ? base::invalidArgument("slice of untyped nil")
                   : base::invalidArgument("can't slice item of type {}", arguments[0].typeName());
    }
    if (text && arguments.size() == 4) {
        return base::invalidArgument("cannot 3-index slice a string");
    }
    const std::size_t size = text ? text->size() : elements->size();
    std::size_t bounds[3] = {0, size, size};
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        NARTHEX_ASSIGN_OR_RETURN(const std::int64_t bound, indexOf(arguments[i], size, "index"));
        bounds[i - 1] = static_cast<std::size_t>(bound);
    }
    if (bounds[0] > bounds[1] || bounds[1] > bounds[2]) {
        return base::invalidArgument("invalid slice index: {} > {}",
                                     std::max(bounds[0], bounds[1] > bounds[2] ? bounds[1] : 0),
                                     bounds[0] > bounds[1] ? bounds[1] : bounds[2]);
    }
    if (text) {
        return Value(text->substr(bounds[0], bounds[1] - bounds[0]));
    }
    const auto at = [&](std::size_t i) {
        return elements->begin() + static_cast<std::ptrdiff_t>(bounds[i]);
    };
    return Value(List(at(0), at(1)));
}

Result equalsAny(Arguments arguments)
{
    if (arguments.size() < 2) {
        return base::invalidArgument("missing argument for comparison");
    }
    for (const Value& each : arguments.subspan(1)) {
        NARTHEX_ASSIGN_OR_RETURN(const bool same, equal(arguments[0], each));
        if (same) {
            return Value(true);
        }
    }
    return Value(false);
}

absl::StatusOr<bool> less(const Value& a, const Value& b)
{
    const BasicKind kind = kindOf(a);
    if (kind == BasicKind::None || kindOf(b) == BasicKind::None) {
        return base::invalidArgument("invalid type for comparison");
    }
    if (kind != kindOf(b)) {
        return base::invalidArgument("incompatible types for comparison");
    }
    switch (kind) {
    case BasicKind::Integer:
        return wide(a) < wide(b);
    case BasicKind::Float:
        return *a.as<double>() < *b.as<double>();
    case BasicKind::Text:
        return *a.text() < *b.text();
    case BasicKind::Bool:
    case BasicKind::None:
        break;
    }
    return base::invalidArgument("invalid type for comparison");
}

enum class Order : std::uint8_t
{
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual
};

template <Order Wanted>
Result compare(Arguments arguments)
{
    if (arguments.size() != 2) {
        return wrongCount("comparison", 2, arguments.size());
    }
    if constexpr (Wanted == Order::NotEqual) {
        NARTHEX_ASSIGN_OR_RETURN(const bool same, equal(arguments[0], arguments[1]));
        return Value(!same);
    } else {
        NARTHEX_ASSIGN_OR_RETURN(const bool below, less(arguments[0], arguments[1]));
        if (Wanted == Order::Less || Wanted == Order::GreaterOrEqual) {
            return Value(below == (Wanted == Order::Less));
        }
        NARTHEX_ASSIGN_OR_RETURN(const bool same, equal(arguments[0], arguments[1]));
        return Value((below || same) == (Wanted == Order::LessOrEqual));
    }
}

Result printfFunction(Arguments arguments)
{
    if (arguments.empty()) {
        return base::invalidArgument("wrong number of args for printf: want at least 1 got 0");
    }
    const auto format = arguments[0].text();
    if (!format) {
        return base::invalidArgument("wrong type for value; expected string; got {}",
                                     arguments[0].typeName());
    }
    return Value(printFormatted(*format, arguments.subspan(1)));
}

Result callFunction(Arguments arguments)
{
    if (arguments.empty() || arguments[0].isNil()) {
        return base::invalidArgument("call of nil");
    }
    const auto* function = arguments[0].as<std::shared_ptr<const Function>>();
    if (function == nullptr || *function == nullptr || **function == nullptr) {
        return base::invalidArgument("non-function {} of type {}", arguments[0].toText(),
                                     arguments[0].typeName());
    }
    return (**function)(arguments.subspan(1));
}

template <std::string (*Escape)(std::string_view)>
Result escaped(Arguments arguments)
{
    return Value(Escape(print(arguments)));
}

const base::StringMap<Function>& table()
{
    static const base::StringMap<Function> kTable{
        {"call", callFunction},
        {"eq", equalsAny},
        {"ge", compare<Order::GreaterOrEqual>},
        {"gt", compare<Order::Greater>},
        {"html", escaped<escapeHtml>},
        {"index", index},
        {"js", escaped<escapeJs>},
        {"le", compare<Order::LessOrEqual>},
        {"len", length},
        {"lt", compare<Order::Less>},
        {"ne", compare<Order::NotEqual>},
        {"not", negate},
        {"print", [](Arguments arguments) -> Result { return Value(print(arguments)); }},
        {"printf", printfFunction},
        {"println", [](Arguments arguments) -> Result { return Value(printLine(arguments)); }},
        {"slice", slice},
        {"urlquery", escaped<escapeQuery>}};
    return kTable;
}

} // namespace

const Function* builtin(std::string_view name)
{
    const auto found = table().find(name);
    return found == table().end() ? nullptr : &found->second;
}

bool isBuiltin(std::string_view name)
{
    return name == "and" || name == "or" || builtin(name) != nullptr;
}

absl::StatusOr<bool> equal(const Value& a, const Value& b)
{
    if (a.isNil() || b.isNil()) {
        return a.isNil() && b.isNil();
    }
    const BasicKind kind = kindOf(a);
    if (kind != kindOf(b)) {
        return base::invalidArgument("incompatible types for comparison");
    }
    switch (kind) {
    case BasicKind::Bool:
        return *a.as<bool>() == *b.as<bool>();
    case BasicKind::Integer:
        return wide(a) == wide(b);
    case BasicKind::Float:
        return *a.as<double>() == *b.as<double>();
    case BasicKind::Text:
        return *a.text() == *b.text();
    case BasicKind::None:
        break;
    }
    const auto* left = a.as<Time>();
    const auto* right = b.as<Time>();
    if (left != nullptr && right != nullptr) {
        return left->seconds == right->seconds && left->nanoseconds == right->nanoseconds &&
               left->zone == right->zone;
    }
    return base::invalidArgument("non-comparable type {}: {}", a.toText(), a.typeName());
}

absl::StatusOr<Value> elementOf(const Value& container, const Value& key)
{
    if (container.isNil()) {
        return base::invalidArgument("index of untyped nil");
    }
    if (const TextMap* map = container.entries()) {
        if (const auto name = key.text()) {
            const auto found = map->find(*name);
            return found == map->end() ? Value("") : Value(found->second);
        }
        return base::invalidArgument("value has type {}; should be string", key.typeName());
    }
    if (const auto* map = container.as<std::shared_ptr<const Map>>()) {
        if (const auto name = key.text()) {
            const auto found = (*map)->find(*name);
            return found == (*map)->end() ? Value(Missing{}) : found->second;
        }
        return base::invalidArgument("value has type {}; should be string", key.typeName());
    }
    const auto text = container.text();
    const auto elements = container.elements();
    if (!text && !elements) {
        return base::invalidArgument("can't index item of type {}", container.typeName());
    }
    const std::size_t size = text ? text->size() : elements->size();
    NARTHEX_ASSIGN_OR_RETURN(const std::int64_t at,
                             indexOf(key, size == 0 ? 0 : size - 1, "index"));
    if (size == 0) {
        return base::invalidArgument("index out of range: {}", at);
    }
    const auto place = static_cast<std::size_t>(at);
    return text ? Value(std::uint64_t{static_cast<unsigned char>((*text)[place])})
                : (*elements)[place];
}

std::string escapeHtml(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '\0':
            out += "\uFFFD";
            break;
        case '"':
            out += "&#34;";
            break;
        case '\'':
            out += "&#39;";
            break;
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string escapeJs(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\\' || c == '\'' || c == '"') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || c == '<' || c == '>' || c == '&' || c == '=') {
            out += fmt::format("\\u{:04X}", static_cast<unsigned>(byte));
        } else {
            out += c;
        }
    }
    return out;
}

std::string escapeQuery(std::string_view text)
{
    return absl::StrReplaceAll(net::percentEncode(text), {{"%20", "+"}});
}

} // namespace narthex::gotemplate
