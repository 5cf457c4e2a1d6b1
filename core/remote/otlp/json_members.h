// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Members of JSON objects as the protocol writes them: 64-bit numbers may be texts, names may have
// underscores. Threads: pure functions. Errors: WrongJson, which whoever decodes the request
// catches; it names the member. Format: OTLP/HTTP, "JSON Protobuf Encoding".
#pragma once

#include <absl/status/status.h>
#include <simdjson.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace narthex::remote::otlp {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

/// Ends decoding with what is wrong.
struct WrongJson : std::exception
{
    explicit WrongJson(absl::Status problem) : status(std::move(problem)) {}
    [[nodiscard]] const char* what() const noexcept override { return "wrong JSON"; }
    absl::Status status;
};

[[noreturn]] void failJson(std::string_view name, std::string_view wanted);

/// A member that is there and not null; `name` in camel case.
std::optional<element> member(const object& from, std::string_view name);
object objectOf(const element& from, std::string_view name);

// Of a value; `name` is for the error.
double numberOf(const element& from, std::string_view name);
std::int64_t integerOf(const element& from, std::string_view name);
/// Counts and times; what is beyond 63 bits nobody means.
std::uint64_t naturalOf(const element& from, std::string_view name);

// Of a member; nothing, 0 or false where there is none.
std::string text(const object& from, std::string_view name);
std::optional<double> number(const object& from, std::string_view name);
std::int64_t integer(const object& from, std::string_view name);
std::uint64_t natural(const object& from, std::string_view name);
std::int32_t smallInteger(const object& from, std::string_view name);
bool boolean(const object& from, std::string_view name);
std::string bytesOfHex(const object& from, std::string_view name);

template <typename Function>
void eachObject(const object& from, std::string_view name, const Function& function)
{
    const auto found = member(from, name);
    if (!found) {
        return;
    }
    array list;
    if (found->get(list) != simdjson::SUCCESS) {
        failJson(name, "list");
    }
    for (const element each : list) {
        function(objectOf(each, name));
    }
}

template <typename Out, typename Convert>
void numbers(const object& from, std::string_view name, Out& out, const Convert& convert)
{
    const auto found = member(from, name);
    if (!found) {
        return;
    }
    array list;
    if (found->get(list) != simdjson::SUCCESS) {
        failJson(name, "list");
    }
    for (const element each : list) {
        out.push_back(convert(each, name));
    }
}

} // namespace narthex::remote::otlp
