// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Calls in the XML-RPC form and their answers. Threads: pure functions. Errors: Unavailable (a
// fault, with what the server says), InvalidArgument (no XML, another shape, too deep). External
// entities are not resolved. Source: spec/discovery.md, section 21 (uyuni).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narthex::discovery {

/// What is sent: a text, a number, or a list of numbers.
using XmlRpcArgument = std::variant<std::string, std::int64_t, std::vector<std::int64_t>>;

/// What is received. A missing member is an empty value.
struct XmlRpcValue
{
    /// Of a scalar, as it was written.
    std::string text;
    std::vector<XmlRpcValue> items;
    std::map<std::string, XmlRpcValue, std::less<>> members;

    [[nodiscard]] const XmlRpcValue& operator[](std::string_view name) const;
    [[nodiscard]] std::int64_t integer() const;
};

std::string xmlRpcCall(std::string_view method, const std::vector<XmlRpcArgument>& arguments);
absl::StatusOr<XmlRpcValue> parseXmlRpcAnswer(std::string_view body);

} // namespace narthex::discovery
