// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/template_functions.h"

#include "core/base/status.h"
#include "core/gotemplate/function_arguments.h"
#include "core/gotemplate/time_text.h"
#include "core/gotemplate/value_json.h"
#include "core/net/crypto.h"
#include "core/net/parameters.h"
#include "core/relabel/expand.h"

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

using gotemplate::Functions;
using gotemplate::List;
using gotemplate::Map;
using gotemplate::Number;
using gotemplate::Time;
using gotemplate::Value;
using Arguments = std::span<const Value>;
using Result = absl::StatusOr<Value>;
using Text = std::string_view;

Result join(Text separator, const List& texts)
{
    std::string joined;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        joined += i > 0 ? separator : Text();
        joined += texts[i].toText();
    }
    return Value(std::move(joined));
}

Result trimSpace(Text text)
{
    constexpr Text kBlanks = " \t\r\n\v\f";
    const std::size_t first = text.find_first_not_of(kBlanks);
    const std::size_t last = text.find_last_not_of(kBlanks);
    return Value(first == Text::npos ? Text() : text.substr(first, last - first + 1));
}

Result unescape(Text text)
{
    for (std::size_t at = text.find('%'); at != Text::npos; at = text.find('%', at + 1)) {
        const auto isHex = [&](std::size_t i) {
            const char c = i < text.size() ? static_cast<char>(text[i] | 0x20) : '\0';
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        };
        if (!isHex(at + 1) || !isHex(at + 2)) {
            return base::invalidArgument("invalid URL escape \"{}\"", text.substr(at, 3));
        }
    }
    return Value(net::percentDecode(text, true));
}

std::string urlSafe(std::string text)
{
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
}

Result decodeBase64(Text text)
{
    // Padding is wanted here.
    if (text.size() % 4 != 0) {
        return base::invalidArgument("illegal base64 data at input byte {}", text.size());
    }
    NARTHEX_ASSIGN_OR_RETURN(std::string bytes, net::decodeBase64Url(text));
    return Value(std::move(bytes));
}

Result appendTo(Arguments arguments)
{
    if (arguments.empty()) {
        return base::invalidArgument("wrong number of args: want at least 1 got 0");
    }
    NARTHEX_ASSIGN_OR_RETURN(List list, gotemplate::argumentAs<List>(arguments[0]));
    list.insert(list.end(), arguments.begin() + 1, arguments.end());
    return Value(std::move(list));
}

Result dictionary(Arguments arguments)
{
    if (arguments.size() % 2 != 0) {
        return base::invalidArgument("dict requires an even number of arguments");
    }
    Map map;
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        const auto key = arguments[i].text();
        if (!key) {
            return base::invalidArgument("dict keys must be strings");
        }
        map.insert_or_assign(std::string(*key), arguments[i + 1]);
    }
    return Value(std::move(map));
}

Result listOf(Arguments arguments) { return Value(List(arguments.begin(), arguments.end())); }

/// Known when parsing, bound when executing.
Result unbound(Arguments) { return base::failedPrecondition("there is no notification here"); }

void addTextFunctions(Functions& functions)
{
    using gotemplate::binary;
    using gotemplate::ternary;
    using gotemplate::unary;
    functions["toUpper"] = unary<Text>([](Text t) { return Value(relabel::mapCase(t, true)); });
    functions["toLower"] = unary<Text>([](Text t) { return Value(relabel::mapCase(t, false)); });
    functions["title"] = unary<Text>(
        [](Text t) { return Value(gotemplate::titleCase(relabel::mapCase(t, false))); });
    functions["trimSpace"] = unary<Text>(trimSpace);
    functions["join"] = binary<Text, List>(join);
    functions["match"] = binary<Text, Text>(gotemplate::matchText);
    functions["reReplaceAll"] = ternary<Text, Text, Text>(gotemplate::replaceMatches);
    functions["safeHtml"] =
        unary<Text>([](Text t) { return Value(gotemplate::Html{std::string(t)}); });
    functions["safeUrl"] =
        unary<Text>([](Text t) { return Value(gotemplate::Url{std::string(t)}); });
    functions["urlUnescape"] = unary<Text>(unescape);
    functions["toJson"] =
        unary<Value>([](const Value& value) { return Value(gotemplate::toJson(value)); });
    functions["base64encode"] = unary<Text>([](Text t) { return Value(urlSafe(net::base64(t))); });
    functions["base64decode"] = unary<Text>(decodeBase64);
}

void addTimeFunctions(Functions& functions)
{
    using gotemplate::binary;
    functions["date"] = binary<Text, Time>(
        [](Text layout, const Time& time) { return Value(gotemplate::formatTime(layout, time)); });
    functions["tz"] = binary<Text, Time>([](Text zone, const Time& time) -> Result {
        NARTHEX_ASSIGN_OR_RETURN(Time there, gotemplate::inZone(time, zone));
        return Value(std::move(there));
    });
    functions["toDate"] = binary<Text, Text>([](Text layout, Text text) {
        return Value(gotemplate::parseTime(layout, text, "UTC").value_or(Time()));
    });
    functions["mustToDate"] = binary<Text, Text>([](Text layout, Text text) -> Result {
        NARTHEX_ASSIGN_OR_RETURN(Time time, gotemplate::parseTime(layout, text, "UTC"));
        return Value(std::move(time));
    });
    functions["humanizeDuration"] = gotemplate::unary<Number>(
        [](Number n) { return Value(gotemplate::humanizeDuration(n.value)); });
}

} // namespace

Functions notificationFunctions()
{
    Functions functions;
    addTextFunctions(functions);
    addTimeFunctions(functions);
    functions["stringSlice"] = listOf;
    functions["list"] = listOf;
    functions["append"] = appendTo;
    functions["dict"] = dictionary;
    for (const Text name : {"now", "since", "routeLabels"}) {
        functions[name] = unbound;
    }
    return functions;
}

Functions functionsFor(const NotificationData& data)
{
    Functions functions;
    const base::Timestamp now = data.now();
    functions["now"] = [now](Arguments) -> Result { return Value(Time::of(now)); };
    functions["since"] = gotemplate::unary<Time>([now](const Time& time) -> Result {
        return (*gotemplate::timeMethod(Time::of(now), "Sub"))(std::array{Value(time)});
    });
    functions["routeLabels"] = gotemplate::unary<Text>([&data](Text name) {
        const auto found = data.routeLabels().find(name);
        return Value(found == data.routeLabels().end() ? Text() : Text(found->second));
    });
    return functions;
}

} // namespace narthex::alertmanager
