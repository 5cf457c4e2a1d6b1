// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/field_reader.h"

#include <fmt/format.h>

namespace narthex::yaml {
namespace {

/// Reads a mapping whose values are read by `into`.
template <typename T>
void readMap(const Value& value, std::map<std::string, T>& out)
{
    if (value.isNull()) {
        out.clear();
        return;
    }
    if (!value.isMap()) {
        value.fail("a mapping is needed here");
        return;
    }
    std::map<std::string, T> items;
    for (const auto& entry : value.node()) {
        std::string name;
        const Value key(entry.first, value.document());
        T item{};
        if (key.into(name) && Value(entry.second, value.document()).into(item) &&
            !items.emplace(name, std::move(item)).second) {
            key.fail(fmt::format("key \"{}\" already set in map", name));
        }
    }
    out = std::move(items);
}

void readInto(const Value& value, std::map<std::string, base::Secret>& out) { readMap(value, out); }
void readInto(const Value& value, StringLists& out) { readMap(value, out); }
void readInto(const Value& value, SecretLists& out) { readMap(value, out); }

template <typename T>
void readInto(const Value& value, T& out)
{
    value.into(out);
}

} // namespace

FieldReader::FieldReader(const Value& value, std::string type, std::filesystem::path directory,
                         std::vector<std::string>* warnings)
    : directory_(std::move(directory)), warnings_(warnings)
{
    levels_.emplace_back(value, std::move(type));
}

void FieldReader::finish() { levels_.back().finish(); }

bool FieldReader::written(std::string_view name) const { return levels_.back().has(name); }

std::optional<Value> FieldReader::take(std::string_view name) { return levels_.back().take(name); }

void FieldReader::print(std::string_view, const YAML::Node&) {}

void FieldReader::fail(std::string message) { value().fail(std::move(message)); }

void FieldReader::failAt(std::string_view name, std::string message)
{
    const auto at = levels_.back().take(name);
    (at ? *at : value()).fail(std::move(message));
}

void FieldReader::warn(std::string_view name, std::string message)
{
    if (warnings_ == nullptr) {
        return;
    }
    const auto field = levels_.back().take(name);
    const Value& at = field ? *field : value();
    warnings_->push_back(fmt::format("{}:{}:{}: {}", at.document().file(), at.line(),
                                     at.node().Mark().column + 1, message));
}

std::string FieldReader::resolve(const std::string& path) const
{
    return path.empty() || path.front() == '/' ? path : (directory_ / path).string();
}

void FieldReader::visit(std::string_view name, Ref value, Printing, bool isPath)
{
    const auto field = levels_.back().take(name);
    if (!field) {
        return;
    }
    std::visit([&](auto* out) { readInto(*field, *out); }, value);
    if (!isPath) {
        return;
    }
    if (auto* const* text = std::get_if<std::string*>(&value)) {
        **text = resolve(**text);
    } else if (auto* const* texts = std::get_if<std::vector<std::string>*>(&value)) {
        for (std::string& each : **texts) {
            each = resolve(each);
        }
    }
}

bool FieldReader::present(std::string_view name, bool)
{
    return levels_.back().take(name).has_value();
}

FieldReader::Opened FieldReader::open(std::string_view name, bool)
{
    const auto field = levels_.back().take(name);
    if (!field) {
        return Opened::Absent;
    }
    if (field->isNull()) {
        return Opened::Null;
    }
    levels_.emplace_back(*field, std::string(name));
    return Opened::Yes;
}

void FieldReader::close()
{
    levels_.back().finish();
    levels_.pop_back();
}

FieldReader::Opened FieldReader::openList(std::string_view name, std::size_t& count)
{
    const auto field = levels_.back().take(name);
    if (!field) {
        return Opened::Absent;
    }
    if (field->isNull()) {
        return Opened::Null;
    }
    lists_.push_back({.name = std::string(name), .elements = field->elements()});
    count = lists_.back().elements.size();
    return Opened::Yes;
}

bool FieldReader::openElement(std::size_t index, std::string_view nullMessage)
{
    const List& list = lists_.back();
    const Value element = list.elements[index];
    if (element.isNull()) {
        element.fail(nullMessage.empty() ? fmt::format("empty or null section in {}", list.name)
                                         : std::string(nullMessage));
        return false;
    }
    levels_.emplace_back(element, list.name);
    return true;
}

void FieldReader::closeList() { lists_.pop_back(); }

} // namespace narthex::yaml
