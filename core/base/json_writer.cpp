// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json_writer.h"

#include "core/base/number.h"
#include "core/base/utf8.h"

#include <fmt/format.h>

#include <cmath>

namespace narthex::base {

void appendJsonString(std::string& out, std::string_view text, JsonEscape escape)
{
    const bool html = escape == JsonEscape::Html;
    out += '"';
    std::size_t i = 0;
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x80) {
            const std::size_t length = utf8SequenceLength(text.substr(i));
            if (length == 0) {
                out += "\\ufffd";
                ++i;
            } else if (html &&
                       (text.substr(i, length) == "\u2028" || text.substr(i, length) == "\u2029")) {
                out += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
                i += length;
            } else {
                out += text.substr(i, length);
                i += length;
            }
            continue;
        }
        switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            if (c < 0x20 || c == 0x7f || (html && (c == '<' || c == '>' || c == '&'))) {
                out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
            } else {
                out += text[i];
            }
        }
        ++i;
    }
    out += '"';
}

void JsonWriter::separate()
{
    if (needsComma_) {
        out_ += ',';
    }
    needsComma_ = true;
}

JsonWriter& JsonWriter::open(char bracket)
{
    separate();
    out_ += bracket;
    needsComma_ = false;
    return *this;
}

JsonWriter& JsonWriter::close(char bracket)
{
    out_ += bracket;
    needsComma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name)
{
    separate();
    appendJsonString(out_, name, escape_);
    out_ += ':';
    needsComma_ = false;
    return *this;
}

JsonWriter& JsonWriter::label(std::string_view name, std::string_view value)
{
    separate();
    appendJsonString(out_, name);
    out_ += ':';
    appendJsonString(out_, value);
    return *this;
}

JsonWriter& JsonWriter::string(std::string_view text)
{
    separate();
    appendJsonString(out_, text, escape_);
    return *this;
}

JsonWriter& JsonWriter::boolean(bool value) { return raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::integer(std::int64_t value) { return raw(fmt::format_int(value).c_str()); }

JsonWriter& JsonWriter::unsignedInteger(std::uint64_t value)
{
    return raw(fmt::format_int(value).c_str());
}

JsonWriter& JsonWriter::number(double value)
{
    if (!std::isfinite(value)) {
        return null();
    }
    separate();
    appendFloat(out_, value);
    return *this;
}

JsonWriter& JsonWriter::sampleValue(double value)
{
    separate();
    out_ += '"';
    appendFloat(out_, value);
    out_ += '"';
    return *this;
}

JsonWriter& JsonWriter::seconds(Timestamp time)
{
    separate();
    std::int64_t ms = time.ms;
    if (ms < 0) {
        out_ += '-';
        ms = -ms;
    }
    out_ += fmt::format_int(ms / 1000).c_str();
    if (const std::int64_t fraction = ms % 1000; fraction != 0) {
        out_ += fmt::format(".{:03}", fraction);
    }
    return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json)
{
    separate();
    out_ += json;
    return *this;
}

} // namespace narthex::base
