// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/protobuf_values.h"

#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/exposition/protobuf_messages.h"
#include "core/net/crypto.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace narthex::remote::otlp {

using exposition::asBytes;
using exposition::asDouble;
using exposition::asVarint;
using protozero::pbf_reader;

namespace {

class ValueReader
{
public:
    explicit ValueReader(Budget& budget) : budget_(budget) {}
    Attribute attribute(pbf_reader message);

private:
    void take()
    {
        if (!budget_.take()) {
            throw TooMuch();
        }
    }
    std::string value(pbf_reader message, int depth);
    void json(pbf_reader message, base::JsonWriter& out, int depth);
    void jsonList(pbf_reader message, base::JsonWriter& out, int depth);
    void jsonMap(pbf_reader message, base::JsonWriter& out, int depth);

    Budget& budget_;
};

Attribute ValueReader::attribute(pbf_reader message)
{
    take();
    Attribute out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            out.key = message.get_string();
            break;
        case asBytes(2):
            out.value = value(message.get_message(), 0);
            break;
        default:
            message.skip();
        }
    }
    return out;
}

// Lists and maps become JSON, everything else what one would write.
std::string ValueReader::value(pbf_reader message, int depth)
{
    std::string out;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            out = message.get_string();
            break;
        case asVarint(2):
            out = message.get_bool() ? "true" : "false";
            break;
        case asVarint(3):
            out = std::to_string(message.get_int64());
            break;
        case asDouble(4):
            out = base::formatFloat(message.get_double());
            break;
        case asBytes(5):
        case asBytes(6): {
            const bool isList = message.tag_and_type() == asBytes(5);
            out.clear();
            base::JsonWriter writer(out);
            isList ? jsonList(message.get_message(), writer, depth + 1)
                   : jsonMap(message.get_message(), writer, depth + 1);
            break;
        }
        case asBytes(7):
            out = net::base64(message.get_string());
            break;
        default:
            message.skip();
        }
    }
    return out;
}

void ValueReader::json(pbf_reader message, base::JsonWriter& out, int depth)
{
    take();
    if (depth > kMostDepth) {
        throw TooDeep();
    }
    bool isWritten = false;
    while (message.next()) {
        if (isWritten) {
            message.skip();
            continue;
        }
        isWritten = true;
        switch (message.tag_and_type()) {
        case asBytes(1):
            out.string(message.get_string());
            break;
        case asVarint(2):
            out.boolean(message.get_bool());
            break;
        case asVarint(3):
            out.integer(message.get_int64());
            break;
        case asDouble(4):
            out.number(message.get_double());
            break;
        case asBytes(5):
            jsonList(message.get_message(), out, depth + 1);
            break;
        case asBytes(6):
            jsonMap(message.get_message(), out, depth + 1);
            break;
        case asBytes(7):
            out.string(net::base64(message.get_string()));
            break;
        default:
            message.skip();
            isWritten = false;
        }
    }
    if (!isWritten) {
        out.null();
    }
}

void ValueReader::jsonList(pbf_reader message, base::JsonWriter& out, int depth)
{
    out.beginArray();
    while (message.next()) {
        if (message.tag_and_type() == asBytes(1)) {
            json(message.get_message(), out, depth);
        } else {
            message.skip();
        }
    }
    out.endArray();
}

void ValueReader::jsonMap(pbf_reader message, base::JsonWriter& out, int depth)
{
    std::vector<std::pair<std::string, pbf_reader>> members;
    while (message.next()) {
        if (message.tag_and_type() != asBytes(1)) {
            message.skip();
            continue;
        }
        take();
        auto& [key, value] = members.emplace_back();
        pbf_reader each = message.get_message();
        while (each.next()) {
            if (each.tag_and_type() == asBytes(1)) {
                key = each.get_string();
            } else if (each.tag_and_type() == asBytes(2)) {
                value = each.get_message();
            } else {
                each.skip();
            }
        }
    }
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    out.beginObject();
    for (const auto& [key, value] : members) {
        out.key(key);
        json(value, out, depth);
    }
    out.endObject();
}

} // namespace

Attribute readAttribute(pbf_reader message, Budget& budget)
{
    return ValueReader(budget).attribute(message);
}

} // namespace narthex::remote::otlp
