// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/value.h"

#include "core/gotemplate/printing.h"

#include <fmt/format.h>

namespace narthex::gotemplate {
namespace {

template <typename... Cases>
struct Overloaded : Cases...
{
    using Cases::operator()...;
};

/// `1.5` of 1500 thousandths, `2` of 2000.
std::string fraction(std::uint64_t value, std::uint64_t unit, int digits)
{
    std::string text = std::to_string(value / unit);
    if (const std::uint64_t rest = value % unit; rest != 0) {
        std::string decimals = fmt::format(".{:0{}}", rest, digits);
        decimals.erase(decimals.find_last_not_of('0') + 1);
        text += decimals;
    }
    return text;
}

} // namespace

Time Time::of(base::Timestamp timestamp)
{
    Time time;
    time.seconds = timestamp.ms / 1000;
    std::int64_t rest = timestamp.ms % 1000;
    if (rest < 0) {
        rest += 1000;
        --time.seconds;
    }
    time.nanoseconds = static_cast<std::int32_t>(rest * 1'000'000);
    return time;
}

std::string Span::toString() const
{
    const bool negative = nanoseconds < 0;
    const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(nanoseconds)
                                        : static_cast<std::uint64_t>(nanoseconds);
    std::string text;
    if (size == 0) {
        return "0s";
    }
    if (size < 1'000) {
        text = fmt::format("{}ns", size);
    } else if (size < 1'000'000) {
        text = fraction(size, 1'000, 3) + "µs";
    } else if (size < 1'000'000'000) {
        text = fraction(size, 1'000'000, 6) + "ms";
    } else {
        const std::uint64_t seconds = size / 1'000'000'000;
        if (seconds >= 3600) {
            text += fmt::format("{}h", seconds / 3600);
        }
        if (seconds >= 60) {
            text += fmt::format("{}m", seconds / 60 % 60);
        }
        text += fraction(size % 60'000'000'000, 1'000'000'000, 9) + "s";
    }
    return negative ? "-" + text : text;
}

std::optional<Function> Object::method(std::string_view /*name*/) const { return std::nullopt; }

std::optional<List> Object::elements() const { return std::nullopt; }

bool Value::truth() const
{
    return std::visit(
        Overloaded{
            [](std::nullptr_t) { return false; }, [](Missing) { return false; },
            [](bool value) { return value; }, [](std::int64_t value) { return value != 0; },
            [](std::uint64_t value) { return value != 0; }, [](double value) { return value != 0; },
            [](const std::string& value) { return !value.empty(); },
            [](const Html& value) { return !value.text.empty(); },
            [](const Url& value) { return !value.text.empty(); }, [](const Time&) { return true; },
            [](const Span& value) { return value.nanoseconds != 0; },
            [](const std::shared_ptr<const model::FloatHistogram>& value) {
                return value != nullptr;
            },
            [](const std::shared_ptr<const List>& value) { return !value->empty(); },
            [](const std::shared_ptr<const Map>& value) { return !value->empty(); },
            [](const std::shared_ptr<const TextMap>& value) { return !value->empty(); },
            [](const std::shared_ptr<const Object>& value) {
                if (value == nullptr) {
                    return false;
                }
                if (const TextMap* map = value->entries()) {
                    return !map->empty();
                }
                const std::optional<List> list = value->elements();
                return !list || !list->empty();
            },
            [](const std::shared_ptr<const Function>& value) {
                return value != nullptr && *value != nullptr;
            }},
        data_);
}

std::string Value::typeName() const
{
    return std::visit(
        Overloaded{
            [](std::nullptr_t) -> std::string { return "<nil>"; },
            [](Missing) -> std::string { return "<nil>"; },
            [](bool) -> std::string { return "bool"; },
            [](std::int64_t) -> std::string { return "int"; },
            [](std::uint64_t) -> std::string { return "uint64"; },
            [](double) -> std::string { return "float64"; },
            [](const std::string&) -> std::string { return "string"; },
            [](const Html&) -> std::string { return "template.HTML"; },
            [](const Url&) -> std::string { return "template.URL"; },
            [](const Time&) -> std::string { return "time.Time"; },
            [](const Span&) -> std::string { return "time.Duration"; },
            [](const std::shared_ptr<const model::FloatHistogram>&) -> std::string {
                return "*histogram.FloatHistogram";
            },
            [](const std::shared_ptr<const List>&) -> std::string { return "[]interface {}"; },
            [](const std::shared_ptr<const Map>&) -> std::string {
                return "map[string]interface {}";
            },
            [](const std::shared_ptr<const TextMap>&) -> std::string {
                return "map[string]string";
            },
            [](const std::shared_ptr<const Object>& value) -> std::string {
                return value == nullptr ? "<nil>" : std::string(value->typeName());
            },
            [](const std::shared_ptr<const Function>&) -> std::string {
                return "func(...interface {}) interface {}";
            }},
        data_);
}

std::string Value::toText() const
{
    std::string out;
    if (isMissing()) {
        out = "<no value>";
    } else {
        appendValue(out, *this);
    }
    return out;
}

std::optional<std::string_view> Value::text() const
{
    if (const auto* plain = as<std::string>()) {
        return *plain;
    }
    if (const auto* html = as<Html>()) {
        return html->text;
    }
    if (const auto* url = as<Url>()) {
        return url->text;
    }
    return std::nullopt;
}

std::optional<List> Value::elements() const
{
    if (const auto* list = as<std::shared_ptr<const List>>()) {
        return **list;
    }
    const auto* object = as<std::shared_ptr<const Object>>();
    return object != nullptr && *object != nullptr ? (*object)->elements() : std::nullopt;
}

const TextMap* Value::entries() const
{
    if (const auto* map = as<std::shared_ptr<const TextMap>>()) {
        return map->get();
    }
    const auto* object = as<std::shared_ptr<const Object>>();
    return object != nullptr && *object != nullptr ? (*object)->entries() : nullptr;
}

} // namespace narthex::gotemplate
