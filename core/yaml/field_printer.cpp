// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/field_printer.h"

#include "core/base/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

namespace narthex::yaml {
namespace {

constexpr char kHidden[] = "<secret>";
constexpr char kQuotedTag[] = "!";

YAML::Node plainNode(const std::string& text) { return YAML::Node(text); }

/// Makes nodes of values; passwords and secrets as `secrets` says.
struct NodeMaker
{
    Secrets secrets;

    YAML::Node operator()(const std::string& text) const
    {
        return stringNode(secrets == Secrets::Revealed ? text : hidePassword(text));
    }
    YAML::Node operator()(bool value) const { return plainNode(value ? "true" : "false"); }
    YAML::Node operator()(std::int64_t value) const { return plainNode(std::to_string(value)); }
    YAML::Node operator()(std::uint64_t value) const { return plainNode(std::to_string(value)); }
    YAML::Node operator()(double value) const { return plainNode(base::formatFloat(value)); }
    YAML::Node operator()(base::Duration value) const
    {
        return plainNode(base::formatDuration(value));
    }
    YAML::Node operator()(ByteSize value) const
    {
        return plainNode(base::formatByteSize(value.bytes));
    }
    YAML::Node operator()(const base::Secret& secret) const
    {
        return secrets == Secrets::Revealed ? stringNode(secret.reveal()) : plainNode(kHidden);
    }
    template <typename T>
    YAML::Node operator()(const std::vector<T>& values) const
    {
        YAML::Node node(YAML::NodeType::Sequence);
        for (const T& value : values) {
            node.push_back((*this)(value));
        }
        return node;
    }
    template <typename T>
    YAML::Node operator()(const std::map<std::string, T>& values) const
    {
        YAML::Node node(YAML::NodeType::Map);
        for (const auto& [name, value] : values) {
            node.force_insert(stringNode(name), (*this)(value));
        }
        return node;
    }
};

template <typename T>
bool isEmpty(const T& value)
{
    if constexpr (requires { value.empty(); }) {
        return value.empty();
    } else {
        return value == T{};
    }
}

void emit(YAML::Emitter& out, const YAML::Node& node)
{
    switch (node.Type()) {
    case YAML::NodeType::Map:
        out << (node.size() == 0 ? YAML::Flow : YAML::Block) << YAML::BeginMap;
        for (const auto& entry : node) {
            out << YAML::Key;
            emit(out, entry.first);
            out << YAML::Value;
            emit(out, entry.second);
        }
        out << YAML::EndMap;
        break;
    case YAML::NodeType::Sequence:
        out << (node.size() == 0 || node.Style() == YAML::EmitterStyle::Flow ? YAML::Flow
                                                                             : YAML::Block)
            << YAML::BeginSeq;
        for (const YAML::Node& element : node) {
            emit(out, element);
        }
        out << YAML::EndSeq;
        break;
    case YAML::NodeType::Scalar:
        if (node.Tag() == kQuotedTag) {
            out << YAML::DoubleQuoted;
        }
        out << node.Scalar();
        break;
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
        out << YAML::Null;
        break;
    }
}

/// Whether a plain scalar of this text would be read as something else than a string.
bool looksLikeAnotherType(const std::string& text)
{
    static const std::vector<std::string_view> kWords = {
        "", "~", "null", "y", "n", "on", "no", "false", "on", "off", "yes", "true"};
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return std::find(kWords.begin(), kWords.end(), lower) != kWords.end() ||
           base::parseInt(text).has_value() || base::parseFloat(text).has_value();
}

} // namespace

YAML::Node stringNode(const std::string& text)
{
    YAML::Node node(text);
    if (looksLikeAnotherType(text)) {
        node.SetTag(kQuotedTag);
    }
    return node;
}

std::string toText(const YAML::Node& node)
{
    YAML::Emitter out;
    emit(out, node);
    return std::string(out.c_str()) + "\n";
}

std::string hidePassword(const std::string& url)
{
    const std::size_t scheme = url.find("://");
    if (scheme == std::string::npos) {
        return url;
    }
    const std::size_t begin = scheme + 3;
    const std::size_t end = url.find_first_of("/?#", begin);
    const std::size_t at = url.substr(0, end).rfind('@');
    const std::size_t colon = url.find(':', begin);
    if (at == std::string::npos || at < begin || colon == std::string::npos || colon > at) {
        return url;
    }
    return url.substr(0, colon + 1) + "xxxxx" + url.substr(at);
}

FieldPrinter::FieldPrinter(Secrets secrets) : secrets_(secrets)
{
    levels_.emplace_back(YAML::NodeType::Map);
}

bool FieldPrinter::written(std::string_view) const { return false; }
std::optional<Value> FieldPrinter::take(std::string_view) { return std::nullopt; }
void FieldPrinter::fail(std::string) {}
void FieldPrinter::failAt(std::string_view, std::string) {}
void FieldPrinter::warn(std::string_view, std::string) {}

void FieldPrinter::print(std::string_view name, const YAML::Node& node)
{
    levels_.back().force_insert(std::string(name), node);
}

void FieldPrinter::visit(std::string_view name, Ref value, Printing printing, bool)
{
    std::visit(
        [&](auto* field) {
            if (printing != Printing::Always && isEmpty(*field)) {
                return;
            }
            if constexpr (std::is_same_v<decltype(field), base::Secret*>) {
                if (field->empty()) {
                    return;
                }
            }
            YAML::Node node = NodeMaker{secrets_}(*field);
            if (printing == Printing::Flow) {
                node.SetStyle(YAML::EmitterStyle::Flow);
            }
            print(name, node);
        },
        value);
}

bool FieldPrinter::present(std::string_view, bool hasValue) { return hasValue; }

FieldPrinter::Opened FieldPrinter::open(std::string_view name, bool print)
{
    if (!print) {
        return Opened::Absent;
    }
    YAML::Node inner(YAML::NodeType::Map);
    this->print(name, inner);
    levels_.push_back(inner);
    return Opened::Yes;
}

void FieldPrinter::close() { levels_.pop_back(); }

FieldPrinter::Opened FieldPrinter::openList(std::string_view name, std::size_t& count)
{
    if (count == 0) {
        return Opened::Absent;
    }
    YAML::Node list(YAML::NodeType::Sequence);
    print(name, list);
    levels_.push_back(list);
    return Opened::Yes;
}

bool FieldPrinter::openElement(std::size_t, std::string_view)
{
    YAML::Node inner(YAML::NodeType::Map);
    levels_.back().push_back(inner);
    levels_.push_back(inner);
    return true;
}

void FieldPrinter::closeList() { levels_.pop_back(); }

} // namespace narthex::yaml
