// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/json.h"

#include "core/base/number.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <type_traits>

namespace narthex::discovery {

/// Between the handle's bytes and what they are.
struct JsonAccess
{
    using Element = simdjson::dom::element;
    static_assert(sizeof(Element) == sizeof(Json::element_));
    static_assert(std::is_trivially_copyable_v<Element>);

    static Element element(const Json& json)
    {
        Element element;
        std::memcpy(static_cast<void*>(&element), json.element_.data(), sizeof(element));
        return element;
    }
    static Json make(std::shared_ptr<const void> document, const Element& element)
    {
        Json json;
        json.document_ = std::move(document);
        std::memcpy(json.element_.data(), static_cast<const void*>(&element), sizeof(element));
        return json;
    }
};

absl::StatusOr<Json> Json::parse(std::string_view text)
{
    auto parser = std::make_shared<simdjson::dom::parser>();
    simdjson::dom::element root;
    // The parser needs bytes after the end: it copies.
    if (const auto error = parser->parse(text.data(), text.size()).get(root)) {
        return absl::InvalidArgumentError(
            fmt::format("invalid JSON: {}", simdjson::error_message(error)));
    }
    return JsonAccess::make(std::move(parser), root);
}

Json Json::operator[](std::string_view name) const
{
    simdjson::dom::element member;
    if (isObject() && JsonAccess::element(*this).at_key(name).get(member) == simdjson::SUCCESS) {
        return JsonAccess::make(document_, member);
    }
    return {};
}

Json Json::at(std::size_t index) const
{
    simdjson::dom::element element;
    if (isArray() && JsonAccess::element(*this).at(index).get(element) == simdjson::SUCCESS) {
        return JsonAccess::make(document_, element);
    }
    return {};
}

bool Json::isNull() const { return !document_ || JsonAccess::element(*this).is_null(); }
bool Json::isObject() const { return document_ && JsonAccess::element(*this).is_object(); }
bool Json::isArray() const { return document_ && JsonAccess::element(*this).is_array(); }
bool Json::isString() const { return document_ && JsonAccess::element(*this).is_string(); }
bool Json::isNumber() const { return document_ && JsonAccess::element(*this).is_number(); }
bool Json::isBool() const { return document_ && JsonAccess::element(*this).is_bool(); }

std::string Json::text() const
{
    if (!document_) {
        return {};
    }
    switch (JsonAccess::element(*this).type()) {
    case simdjson::dom::element_type::STRING:
        return std::string(JsonAccess::element(*this).get_string().value_unsafe());
    case simdjson::dom::element_type::INT64:
        return std::to_string(JsonAccess::element(*this).get_int64().value_unsafe());
    case simdjson::dom::element_type::UINT64:
        return std::to_string(JsonAccess::element(*this).get_uint64().value_unsafe());
    case simdjson::dom::element_type::DOUBLE:
        return base::formatFloat(JsonAccess::element(*this).get_double().value_unsafe());
    case simdjson::dom::element_type::BOOL:
        return JsonAccess::element(*this).get_bool().value_unsafe() ? "true" : "false";
    default:
        return {};
    }
}

std::int64_t Json::integer(std::int64_t otherwise) const
{
    std::int64_t value = 0;
    return document_ && JsonAccess::element(*this).get_int64().get(value) == simdjson::SUCCESS
               ? value
               : otherwise;
}

double Json::number(double otherwise) const
{
    double value = 0;
    return document_ && JsonAccess::element(*this).get_double().get(value) == simdjson::SUCCESS
               ? value
               : otherwise;
}

bool Json::boolean(bool otherwise) const
{
    bool value = false;
    return document_ && JsonAccess::element(*this).get_bool().get(value) == simdjson::SUCCESS
               ? value
               : otherwise;
}

std::vector<Json> Json::items() const
{
    std::vector<Json> result;
    simdjson::dom::array array;
    if (document_ && JsonAccess::element(*this).get_array().get(array) == simdjson::SUCCESS) {
        for (const simdjson::dom::element element : array) {
            result.push_back(JsonAccess::make(document_, element));
        }
    }
    return result;
}

std::vector<std::pair<std::string, Json>> Json::members() const
{
    std::vector<std::pair<std::string, Json>> result;
    simdjson::dom::object object;
    if (document_ && JsonAccess::element(*this).get_object().get(object) == simdjson::SUCCESS) {
        for (const auto& [key, element] : object) {
            result.emplace_back(key, JsonAccess::make(document_, element));
        }
    }
    return result;
}

std::string Json::json() const
{
    return document_ ? simdjson::to_string(JsonAccess::element(*this)) : "null";
}

std::vector<std::string> Json::texts() const
{
    std::vector<std::string> result;
    for (const Json& item : items()) {
        result.push_back(item.text());
    }
    return result;
}

} // namespace narthex::discovery
