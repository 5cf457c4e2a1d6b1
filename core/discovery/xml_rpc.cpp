// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/xml_rpc.h"

#include "core/base/number.h"
#include "core/base/status.h"

#include <pugixml.hpp>
#include <sstream>

namespace narthex::discovery {
namespace {

/// Structs in lists in structs: more than that no API answers.
constexpr int kDepthLimit = 32;

struct TextWriter final : pugi::xml_writer
{
    std::string text;
    void write(const void* data, std::size_t size) override
    {
        text.append(static_cast<const char*>(data), size);
    }
};

void writeInteger(pugi::xml_node value, std::int64_t number)
{
    value.append_child("int").text().set(static_cast<long long>(number));
}

void writeArgument(pugi::xml_node value, const XmlRpcArgument& argument)
{
    if (const auto* text = std::get_if<std::string>(&argument)) {
        value.append_child("string").text().set(text->c_str());
    } else if (const auto* number = std::get_if<std::int64_t>(&argument)) {
        writeInteger(value, *number);
    } else {
        pugi::xml_node data = value.append_child("array").append_child("data");
        for (const std::int64_t each : std::get<std::vector<std::int64_t>>(argument)) {
            writeInteger(data.append_child("value"), each);
        }
    }
}

absl::StatusOr<XmlRpcValue> readValue(const pugi::xml_node& value, int depth)
{
    if (depth > kDepthLimit) {
        return base::invalidArgument("the XML-RPC answer is nested deeper than {}", kDepthLimit);
    }
    XmlRpcValue result;
    const pugi::xml_node type = value.find_child(
        [](const pugi::xml_node& child) { return child.type() == pugi::node_element; });
    const std::string_view name = type.name();
    if (name == "array") {
        for (const pugi::xml_node& item : type.child("data").children("value")) {
            NARTHEX_ASSIGN_OR_RETURN(XmlRpcValue read, readValue(item, depth + 1));
            result.items.push_back(std::move(read));
        }
    } else if (name == "struct") {
        for (const pugi::xml_node& member : type.children("member")) {
            NARTHEX_ASSIGN_OR_RETURN(XmlRpcValue read, readValue(member.child("value"), depth + 1));
            result.members.insert_or_assign(member.child_value("name"), std::move(read));
        }
    } else {
        // A value without a type is a string.
        result.text = type ? type.child_value() : value.child_value();
    }
    return result;
}

} // namespace

const XmlRpcValue& XmlRpcValue::operator[](std::string_view name) const
{
    static const XmlRpcValue kNone;
    const auto found = members.find(name);
    return found == members.end() ? kNone : found->second;
}

std::int64_t XmlRpcValue::integer() const { return base::parseInt(text).value_or(0); }

std::string xmlRpcCall(std::string_view method, const std::vector<XmlRpcArgument>& arguments)
{
    pugi::xml_document document;
    pugi::xml_node call = document.append_child("methodCall");
    call.append_child("methodName").text().set(std::string(method).c_str());
    pugi::xml_node parameters = call.append_child("params");
    for (const XmlRpcArgument& argument : arguments) {
        writeArgument(parameters.append_child("param").append_child("value"), argument);
    }
    TextWriter out;
    document.save(out, "", pugi::format_raw);
    return out.text;
}

absl::StatusOr<XmlRpcValue> parseXmlRpcAnswer(std::string_view body)
{
    pugi::xml_document document;
    const pugi::xml_parse_result parsed = document.load_buffer(body.data(), body.size());
    if (!parsed) {
        return base::invalidArgument("invalid XML at byte {}: {}", parsed.offset,
                                     parsed.description());
    }
    const pugi::xml_node response = document.child("methodResponse");
    if (const pugi::xml_node fault = response.child("fault")) {
        NARTHEX_ASSIGN_OR_RETURN(const XmlRpcValue value, readValue(fault.child("value"), 0));
        return base::unavailable("the server answered with fault {}: {}", value["faultCode"].text,
                                 value["faultString"].text);
    }
    const pugi::xml_node value = response.child("params").child("param").child("value");
    if (!value) {
        return base::invalidArgument("the answer is no XML-RPC methodResponse");
    }
    return readValue(value, 0);
}

} // namespace narthex::discovery
