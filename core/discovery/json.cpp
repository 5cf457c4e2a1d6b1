// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/json.h"

#include "core/base/number.h"

#include <fmt/format.h>

namespace narthex::discovery {

absl::StatusOr<Json> Json::parse(std::string_view text)
{
    auto parser = std::make_shared<simdjson::dom::parser>();
    simdjson::dom::element root;
    // The parser needs bytes after the end: it copies.
    if (const auto error = parser->parse(text.data(), text.size()).get(root)) {
        return absl::InvalidArgumentError(
            fmt::format("invalid JSON: {}", simdjson::error_message(error)));
    }
    Json json;
    json.document_ = std::move(parser);
    json.element_ = root;
    return json;
}

Json Json::operator[](std::string_view name) const
{
    Json member;
    if (isObject() && element_.at_key(name).get(member.element_) == simdjson::SUCCESS) {
        member.document_ = document_;
    }
    return member;
}

Json Json::at(std::size_t index) const
{
    Json element;
    if (isArray() && element_.at(index).get(element.element_) == simdjson::SUCCESS) {
        element.document_ = document_;
    }
    return element;
}

bool Json::isNull() const { return !document_ || element_.is_null(); }
bool Json::isObject() const { return document_ && element_.is_object(); }
bool Json::isArray() const { return document_ && element_.is_array(); }
bool Json::isString() const { return document_ && element_.is_string(); }
bool Json::isNumber() const { return document_ && element_.is_number(); }
bool Json::isBool() const { return document_ && element_.is_bool(); }

std::string Json::text() const
{
    if (!document_) {
        return {};
    }
    switch (element_.type()) {
    case simdjson::dom::element_type::STRING:
        return std::string(element_.get_string().value_unsafe());
    case simdjson::dom::element_type::INT64:
        return std::to_string(element_.get_int64().value_unsafe());
    case simdjson::dom::element_type::UINT64:
        return std::to_string(element_.get_uint64().value_unsafe());
    case simdjson::dom::element_type::DOUBLE:
        return base::formatFloat(element_.get_double().value_unsafe());
    case simdjson::dom::element_type::BOOL:
        return element_.get_bool().value_unsafe() ? "true" : "false";
    default:
        return {};
    }
}

std::int64_t Json::integer(std::int64_t otherwise) const
{
    std::int64_t value = 0;
    return document_ && element_.get_int64().get(value) == simdjson::SUCCESS ? value : otherwise;
}

double Json::number(double otherwise) const
{
    double value = 0;
    return document_ && element_.get_double().get(value) == simdjson::SUCCESS ? value : otherwise;
}

bool Json::boolean(bool otherwise) const
{
    bool value = false;
    return document_ && element_.get_bool().get(value) == simdjson::SUCCESS ? value : otherwise;
}

std::vector<Json> Json::items() const
{
    std::vector<Json> result;
    simdjson::dom::array array;
    if (document_ && element_.get_array().get(array) == simdjson::SUCCESS) {
        for (const simdjson::dom::element element : array) {
            Json& item = result.emplace_back();
            item.document_ = document_;
            item.element_ = element;
        }
    }
    return result;
}

std::vector<std::pair<std::string, Json>> Json::members() const
{
    std::vector<std::pair<std::string, Json>> result;
    simdjson::dom::object object;
    if (document_ && element_.get_object().get(object) == simdjson::SUCCESS) {
        for (const auto& [key, element] : object) {
            Json item;
            item.document_ = document_;
            item.element_ = element;
            result.emplace_back(key, std::move(item));
        }
    }
    return result;
}

std::string Json::json() const { return document_ ? simdjson::to_string(element_) : "null"; }

std::vector<std::string> Json::texts() const
{
    std::vector<std::string> result;
    for (const Json& item : items()) {
        result.push_back(item.text());
    }
    return result;
}

} // namespace narthex::discovery
