// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A streaming JSON writer into a string: commas, escapes and Prometheus' number forms are its
// business, structure is the caller's. Threads: one at a time.
#pragma once

#include "core/base/time.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::base {

/// Whether texts are fit to stand in a page: <, >, & and the line separators of JavaScript become
/// \u003c and so on, as Go's encoder writes them.
enum class JsonEscape : std::uint8_t
{
    Plain,
    Html
};

class JsonWriter
{
public:
    /// Appends to `out`, which outlives the writer.
    explicit JsonWriter(std::string& out, JsonEscape escape = JsonEscape::Plain)
        : out_(out), escape_(escape)
    {}

    JsonWriter& beginObject() { return open('{'); }
    JsonWriter& endObject() { return close('}'); }
    JsonWriter& beginArray() { return open('['); }
    JsonWriter& endArray() { return close(']'); }
    /// The next value belongs to `name`.
    JsonWriter& key(std::string_view name);
    /// Invalid UTF-8 becomes U+FFFD.
    JsonWriter& string(std::string_view text);
    /// Name and text of a label: <, > and & are written as they are, always.
    JsonWriter& label(std::string_view name, std::string_view value);
    JsonWriter& boolean(bool value);
    JsonWriter& null();
    JsonWriter& integer(std::int64_t value);
    JsonWriter& unsignedInteger(std::uint64_t value);
    /// A JSON number; NaN and infinities are written as null, for JSON has none.
    JsonWriter& number(double value);
    /// A sample value: a string in the API's form, "NaN", "+Inf", "1e-07".
    JsonWriter& sampleValue(double value);
    /// A time in seconds: whole, or with exactly three decimals: 1435781451.780
    JsonWriter& seconds(Timestamp time);
    /// Text that is JSON already.
    JsonWriter& raw(std::string_view json);

    JsonWriter& member(std::string_view name, std::string_view text)
    {
        return key(name).string(text);
    }

private:
    JsonWriter& open(char bracket);
    JsonWriter& close(char bracket);
    void separate();

    std::string& out_;
    const JsonEscape escape_;
    bool needsComma_ = false;
};

/// Appends `text` as a quoted JSON string.
void appendJsonString(std::string& out, std::string_view text,
                      JsonEscape escape = JsonEscape::Plain);

} // namespace narthex::base
