// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The functions of rules and consoles. Threads: pure. Source: spec/rules.md, 11.
#include "core/base/number.h"
#include "core/gotemplate/alert_templates.h"
#include "core/gotemplate/builtins.h"
#include "core/gotemplate/function_arguments.h"
#include "core/gotemplate/label_map.h"
#include "core/gotemplate/time_text.h"
#include "core/relabel/expand.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>

namespace narthex::gotemplate {
namespace {

using Arguments = std::span<const Value>;
using Result = absl::StatusOr<Value>;
using Text = std::string_view;

/// A sample as templates see it: Labels and Value.
class SampleObject final : public Object
{
public:
    SampleObject(std::shared_ptr<const LabelMap> labels, Value value)
        : labels_(std::move(labels)), value_(std::move(value))
    {}
    [[nodiscard]] std::string_view typeName() const override { return "*template.sample"; }
    [[nodiscard]] std::optional<Value> field(std::string_view name) const override
    {
        if (name == "Labels") {
            return Value(std::static_pointer_cast<const Object>(labels_));
        }
        return name == "Value" ? std::optional(value_) : std::nullopt;
    }
    void print(std::string& out) const override
    {
        out += '{';
        labels_->print(out);
        out += ' ' + value_.toText() + '}';
    }
    [[nodiscard]] std::string_view label(std::string_view name) const { return labels_->get(name); }
    [[nodiscard]] const Value& value() const { return value_; }

private:
    const std::shared_ptr<const LabelMap> labels_;
    const Value value_;
};

absl::StatusOr<std::shared_ptr<const SampleObject>> sampleOf(const Value& value)
{
    if (const auto* object = value.as<std::shared_ptr<const Object>>()) {
        if (auto sample = std::dynamic_pointer_cast<const SampleObject>(*object)) {
            return sample;
        }
    }
    return base::invalidArgument("wrong type for value; expected a sample; got {}",
                                 value.typeName());
}

absl::StatusOr<std::unique_ptr<re2::RE2>> compile(Text expression)
{
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    auto regex =
        std::make_unique<re2::RE2>(re2::StringPiece(expression.data(), expression.size()), options);
    if (!regex->ok()) {
        return base::invalidArgument("error parsing regexp: {}", regex->error());
    }
    return regex;
}

Result first(const List& list)
{
    return list.empty() ? Result(base::invalidArgument("first() called on vector with no elements"))
                        : Result(list.front());
}

Result labelOf(Text name, const Value& value)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto sample, sampleOf(value));
    return Value(sample->label(name));
}

Result valueOf(const Value& value)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto sample, sampleOf(value));
    return sample->value();
}

Result sortByLabel(Text name, const List& list)
{
    std::vector<std::pair<std::string_view, const Value*>> keyed;
    for (const Value& each : list) {
        NARTHEX_ASSIGN_OR_RETURN(const auto sample, sampleOf(each));
        keyed.emplace_back(sample->label(name), &each);
    }
    std::stable_sort(keyed.begin(), keyed.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    List sorted;
    for (const auto& [key, value] : keyed) {
        sorted.push_back(*value);
    }
    return Value(std::move(sorted));
}

Result argumentMap(Arguments arguments)
{
    Map map;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        map.emplace(fmt::format("arg{}", i), arguments[i]);
    }
    return Value(std::move(map));
}

Result humanizeTimestamp(Number n)
{
    if (!std::isfinite(n.value)) {
        return Value(base::formatFloatPrecision(n.value, 4));
    }
    NARTHEX_ASSIGN_OR_RETURN(const Time time, timeOfSeconds(n.value));
    return Value(toText(time));
}

Result toTime(Number n)
{
    NARTHEX_ASSIGN_OR_RETURN(Time time, timeOfSeconds(n.value));
    return Value(std::move(time));
}

Result toDuration(Number n)
{
    const double ns = n.value * 1e9;
    if (!(ns < 9223372036854775808.0 && ns >= -9223372036854775808.0)) {
        return base::invalidArgument("{} cannot be represented as a duration",
                                     base::formatFloatG(n.value));
    }
    return Value(Span{static_cast<std::int64_t>(ns)});
}

Result parseDurationText(Text text)
{
    const bool negative = text.starts_with('-');
    NARTHEX_ASSIGN_OR_RETURN(const base::Duration duration,
                             base::parseDuration(negative ? text.substr(1) : text));
    return Value(negative ? -duration.seconds() : duration.seconds());
}

Result graphLink(Text expression, int tab)
{
    return Value(fmt::format("/graph?g0.expr={}&g0.tab={}", escapeQuery(expression), tab));
}

/// Known when parsing, bound when executing.
Result unbound(Arguments /*arguments*/)
{
    return base::failedPrecondition("there is no evaluation here");
}

std::string pathOf(std::string_view url)
{
    const std::size_t scheme = url.find("://");
    url = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
    const std::size_t slash = url.find('/');
    if (slash == std::string_view::npos) {
        return "";
    }
    url.remove_prefix(slash);
    return std::string(url.substr(0, url.find_first_of("?#")));
}

void addNumberFunctions(Functions& functions)
{
    functions["humanize"] = unary<Number>([](Number n) { return Value(humanize(n.value)); });
    functions["humanize1024"] =
        unary<Number>([](Number n) { return Value(humanize1024(n.value)); });
    functions["humanizeDuration"] =
        unary<Number>([](Number n) { return Value(humanizeDuration(n.value)); });
    functions["humanizePercentage"] =
        unary<Number>([](Number n) { return Value(humanizePercentage(n.value)); });
    functions["humanizeTimestamp"] = unary<Number>(humanizeTimestamp);
    functions["toTime"] = unary<Number>(toTime);
    functions["toDuration"] = unary<Number>(toDuration);
    functions["parseDuration"] = unary<Text>(parseDurationText);
}

void addTextFunctions(Functions& functions)
{
    functions["title"] = unary<Text>([](Text text) { return Value(titleCase(text)); });
    functions["toUpper"] = unary<Text>([](Text t) { return Value(relabel::mapCase(t, true)); });
    functions["toLower"] = unary<Text>([](Text t) { return Value(relabel::mapCase(t, false)); });
    functions["match"] = binary<Text, Text>(matchText);
    functions["reReplaceAll"] = ternary<Text, Text, Text>(replaceMatches);
    functions["graphLink"] = unary<Text>([](Text text) { return graphLink(text, 0); });
    functions["tableLink"] = unary<Text>([](Text text) { return graphLink(text, 1); });
    functions["stripPort"] = unary<Text>([](Text text) { return Value(stripPort(text)); });
    functions["stripDomain"] = unary<Text>([](Text text) { return Value(stripDomain(text)); });
    functions["urlQueryEscape"] = unary<Text>([](Text text) { return Value(escapeQuery(text)); });
    functions["safeHtml"] = unary<Text>([](Text text) { return Value(Html{std::string(text)}); });
}

} // namespace

absl::StatusOr<Value> matchText(std::string_view expression, std::string_view text)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto regex, compile(expression));
    return Value(re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *regex));
}

absl::StatusOr<Value> replaceMatches(std::string_view expression, std::string_view replacement,
                                     std::string_view text)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto regex, compile(expression));
    return Value(relabel::replaceAll(*regex, text, replacement));
}

Functions prometheusFunctions()
{
    Functions functions;
    addNumberFunctions(functions);
    addTextFunctions(functions);
    functions["first"] = unary<List>(first);
    functions["label"] = binary<Text, Value>(labelOf);
    functions["value"] = unary<Value>(valueOf);
    functions["strvalue"] =
        unary<Value>([](const Value& value) { return labelOf("__value__", value); });
    functions["sortByLabel"] = binary<Text, List>(sortByLabel);
    functions["args"] = argumentMap;
    for (const std::string_view name : {"query", "now", "externalURL", "pathPrefix"}) {
        functions[name] = unbound;
    }
    return functions;
}

Functions evaluationFunctions(const QueryFunction& query, base::Timestamp now,
                              std::string_view externalUrl)
{
    Functions functions;
    functions["query"] = unary<Text>([&query](Text expression) -> Result {
        if (query == nullptr) {
            return base::failedPrecondition("queries cannot be asked here");
        }
        NARTHEX_ASSIGN_OR_RETURN(std::vector<TemplateSample> samples, query(expression));
        List list;
        list.reserve(samples.size());
        for (TemplateSample& sample : samples) {
            list.emplace_back(std::static_pointer_cast<const Object>(std::make_shared<SampleObject>(
                std::make_shared<LabelMap>(std::move(sample.labels)), toValue(sample.value))));
        }
        return Value(std::move(list));
    });
    functions["now"] = [now](Arguments) -> Result { return Value(now.seconds()); };
    functions["externalURL"] = [externalUrl](Arguments) -> Result { return Value(externalUrl); };
    functions["pathPrefix"] = [externalUrl](Arguments) -> Result {
        return Value(pathOf(externalUrl));
    };
    return functions;
}

} // namespace narthex::gotemplate
