// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json_writer.h"

#include "core/base/number.h"
#include "core/base/sample_text.h"
#include "core/base/utf8.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace narthex::base {

namespace {

/// Characters that stand for themselves in a JSON string.
bool isPlain(char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f; // bytes from 0x80 on are negative
}

void appendEscaped(std::string& out, char c)
{
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
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    }
}

} // namespace

void appendJsonString(std::string& out, std::string_view text)
{
    out += '"';
    std::size_t i = 0;
    while (i < text.size()) {
        std::size_t plainEnd = i;
        while (plainEnd < text.size() && isPlain(text[plainEnd])) {
            ++plainEnd;
        }
        out.append(text, i, plainEnd - i);
        i = plainEnd;
        if (i == text.size()) {
            break;
        }
        if (static_cast<unsigned char>(text[i]) < 0x80) {
            appendEscaped(out, text[i++]);
        } else if (const std::size_t length = utf8SequenceLength(text.substr(i)); length > 0) {
            out.append(text, i, length);
            i += length;
        } else {
            out += "\\ufffd";
            ++i;
        }
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
    appendJsonString(out_, name);
    out_ += ':';
    needsComma_ = false;
    return *this;
}

JsonWriter& JsonWriter::string(std::string_view text)
{
    separate();
    appendJsonString(out_, text);
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

char* writeSeconds(char* out, Timestamp time)
{
    std::uint64_t ms = static_cast<std::uint64_t>(time.ms);
    if (time.ms < 0) {
        *out++ = '-';
        ms = 0 - ms; // the smallest one, too
    }
    out = std::to_chars(out, out + kSecondsTextBytes - 1, ms / 1000).ptr;
    if (const auto fraction = static_cast<unsigned>(ms % 1000); fraction != 0) {
        *out++ = '.';
        *out++ = static_cast<char>('0' + fraction / 100);
        *out++ = static_cast<char>('0' + fraction / 10 % 10);
        *out++ = static_cast<char>('0' + fraction % 10);
    }
    return out;
}

JsonWriter& JsonWriter::seconds(Timestamp time)
{
    separate();
    std::array<char, kSecondsTextBytes> text;
    out_.append(text.data(), writeSeconds(text.data(), time));
    return *this;
}

SampleText::SampleText(Timestamp time, double value)
{
    char* p = text_.data();
    *p++ = '[';
    p = writeSeconds(p, time);
    *p++ = ',';
    *p++ = '"';
    p = writeFloat(p, value);
    *p++ = '"';
    *p++ = ']';
    size_ = static_cast<std::size_t>(p - text_.data());
}

JsonWriter& JsonWriter::raw(std::string_view json)
{
    separate();
    out_ += json;
    return *this;
}

} // namespace narthex::base
