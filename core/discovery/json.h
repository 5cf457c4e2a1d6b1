// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON of foreign servers, read leniently: a missing or null member is an empty Json, of which
// everything can be asked. Owner: a Json shares its document. Threads: a value. Errors: parse()
// gives InvalidArgument; depth is limited by simdjson (1,024).
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::discovery {

class Json
{
public:
    Json() = default;
    static absl::StatusOr<Json> parse(std::string_view text);

    /// A member of an object, an element of an array; empty if there is none.
    [[nodiscard]] Json operator[](std::string_view name) const;
    [[nodiscard]] Json operator[](const char* name) const
    {
        return (*this)[std::string_view(name)];
    }
    [[nodiscard]] Json at(std::size_t index) const;

    [[nodiscard]] bool isNull() const;
    [[nodiscard]] bool isObject() const;
    [[nodiscard]] bool isArray() const;
    [[nodiscard]] bool isString() const;
    [[nodiscard]] bool isNumber() const;
    [[nodiscard]] bool isBool() const;

    /// Strings as they are, numbers and booleans as JSON writes them; empty for everything else.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::int64_t integer(std::int64_t otherwise = 0) const;
    [[nodiscard]] double number(double otherwise = 0) const;
    [[nodiscard]] bool boolean(bool otherwise = false) const;
    /// Elements of an array; none for everything else.
    [[nodiscard]] std::vector<Json> items() const;
    /// Members of an object, in order; none for everything else.
    [[nodiscard]] std::vector<std::pair<std::string, Json>> members() const;
    /// Written again as JSON, without blanks.
    [[nodiscard]] std::string json() const;
    /// The text() of each element.
    [[nodiscard]] std::vector<std::string> texts() const;

private:
    friend struct JsonAccess;
    /// The parsed document; null: nothing is there.
    std::shared_ptr<const void> document_;
    /// simdjson's handle of the element: its header is slow to compile and stays out of here.
    alignas(void*) std::array<std::byte, 2 * sizeof(void*)> element_{};
};

} // namespace narthex::discovery
