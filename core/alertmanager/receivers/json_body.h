// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON as services get it from Go programs: one line ending in a newline, `& < >` as \u0026 \u003c
// \u003e, members in the order of the calls. Threads: one at a time.
#pragma once

#include "core/base/json_writer.h"
#include "core/gotemplate/value_json.h"

#include <string>
#include <string_view>

namespace narthex::alertmanager {

class JsonBody
{
public:
    JsonBody& object() { return writer_.beginObject(), *this; }
    JsonBody& object(std::string_view key) { return writer_.key(key).beginObject(), *this; }
    JsonBody& end() { return writer_.endObject(), *this; }
    JsonBody& array(std::string_view key) { return writer_.key(key).beginArray(), *this; }
    JsonBody& endArray() { return writer_.endArray(), *this; }

    JsonBody& text(std::string_view key, std::string_view value)
    {
        writer_.key(key);
        return item(value);
    }
    /// Left out when it is empty.
    JsonBody& optional(std::string_view key, std::string_view value)
    {
        return value.empty() ? *this : text(key, value);
    }
    JsonBody& integer(std::string_view key, std::int64_t value)
    {
        return writer_.key(key).integer(value), *this;
    }
    JsonBody& boolean(std::string_view key, bool value)
    {
        return writer_.key(key).boolean(value), *this;
    }
    /// Left out when it is false.
    JsonBody& flag(std::string_view key, bool value) { return value ? boolean(key, true) : *this; }
    JsonBody& null(std::string_view key) { return writer_.key(key).null(), *this; }
    JsonBody& value(std::string_view key, const gotemplate::Value& value)
    {
        return raw(key, gotemplate::toJson(value));
    }
    JsonBody& raw(std::string_view key, std::string_view json)
    {
        return writer_.key(key).raw(json), *this;
    }
    /// A text in an array.
    JsonBody& item(std::string_view value)
    {
        std::string quoted;
        gotemplate::appendJsonText(quoted, value);
        return writer_.raw(quoted), *this;
    }
    JsonBody& texts(std::string_view key, const auto& values)
    {
        array(key);
        for (const auto& each : values) {
            item(each);
        }
        return endArray();
    }

    [[nodiscard]] std::string line() const { return out_ + "\n"; }

private:
    std::string out_;
    base::JsonWriter writer_{out_};
};

} // namespace narthex::alertmanager
