// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A configuration struct describes its keys once; the same description reads it from YAML, prints
// it with secrets hidden, and tells a form what there is. A struct T has a member
// `void describe(yaml::Fields& fields)` that calls field(), path(), section() and list() in the
// order of printing, then its checks (`if (fields.reading()) …`).
// Threads: one at a time. Errors: a reader reports problems in its document, at the field's place.
// Source: spec/config.md, File format.
#pragma once

#include "core/yaml/decode.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narthex::yaml {

/// When a field is printed.
enum class Printing : std::uint8_t
{
    UnlessEmpty,
    Always,
    /// A sequence in brackets, unless it is empty.
    Flow
};

using StringLists = std::map<std::string, std::vector<std::string>>;
using SecretLists = std::map<std::string, std::vector<base::Secret>>;

class Fields
{
public:
    using Ref = std::variant<std::string*, bool*, std::int64_t*, std::uint64_t*, double*,
                             base::Duration*, ByteSize*, base::Secret*, std::vector<std::string>*,
                             std::vector<base::Secret>*, std::map<std::string, std::string>*,
                             std::map<std::string, base::Secret>*, StringLists*, SecretLists*>;

    virtual ~Fields() = default;

    /// One key with a plain value. Null in the document gives the zero value.
    void field(std::string_view name, Ref value, Printing printing = Printing::UnlessEmpty)
    {
        visit(name, value, printing, false);
    }
    template <typename T>
    void field(std::string_view name, std::optional<T>& value,
               Printing printing = Printing::UnlessEmpty)
    {
        if (!present(name, value.has_value())) {
            return;
        }
        if (!value) {
            value.emplace();
        }
        visit(name, &*value, printing, false);
    }
    /// A file name: a relative one is joined with the folder of the configuration file.
    void path(std::string_view name, std::string& value)
    {
        visit(name, &value, Printing::UnlessEmpty, true);
    }
    void paths(std::string_view name, std::vector<std::string>& value)
    {
        visit(name, &value, Printing::UnlessEmpty, true);
    }

    /// A nested mapping. Null in the document: `zero`.
    template <typename T>
    void section(std::string_view name, T& value, bool alwaysPrinted = false, const T& zero = T{})
    {
        const bool print = alwaysPrinted || !(value == T{});
        switch (open(name, print)) {
        case Opened::Absent:
            return;
        case Opened::Null:
            value = zero;
            return;
        case Opened::Yes:
            value.describe(*this);
            close();
        }
    }
    template <typename T>
    void section(std::string_view name, std::optional<T>& value)
    {
        switch (open(name, value.has_value())) {
        case Opened::Absent:
            return;
        case Opened::Null:
            value.reset();
            return;
        case Opened::Yes:
            if (!value) {
                value.emplace();
            }
            value->describe(*this);
            close();
        }
    }
    /// A sequence of mappings. `nullMessage` is reported for a null element; empty: as the key
    /// says, `empty or null section in <name>`.
    template <typename T>
    void list(std::string_view name, std::vector<T>& values, std::string_view nullMessage = {})
    {
        std::size_t count = values.size();
        switch (openList(name, count)) {
        case Opened::Absent:
            return;
        case Opened::Null:
            values.clear();
            return;
        case Opened::Yes:
            break;
        }
        if (reading()) {
            values.clear();
        }
        for (std::size_t i = 0; i < count; ++i) {
            T element{};
            T& each = reading() ? element : values[i];
            if (openElement(i, nullMessage)) {
                each.describe(*this);
                close();
                if (reading()) {
                    values.push_back(std::move(element));
                }
            }
        }
        closeList();
    }

    /// Whether values come from a document; checks belong there alone.
    [[nodiscard]] virtual bool reading() const = 0;
    /// Whether the document has the key (null counts); false for a printer.
    [[nodiscard]] virtual bool written(std::string_view name) const = 0;
    /// The value of a key with a form of its own; absent unless reading.
    virtual std::optional<Value> take(std::string_view name) = 0;
    /// Prints a key with a form of its own; nothing unless printing.
    virtual void print(std::string_view name, const YAML::Node& node) = 0;

    /// Reports a problem at the mapping, or at one of its fields if the document has it.
    virtual void fail(std::string message) = 0;
    virtual void failAt(std::string_view name, std::string message) = 0;
    void check(bool holds, std::string_view message)
    {
        if (!holds) {
            fail(std::string(message));
        }
    }
    /// Something that is read and has no effect or not the one that may be expected.
    virtual void warn(std::string_view name, std::string message) = 0;

protected:
    enum class Opened : std::uint8_t
    {
        Absent,
        Null,
        Yes
    };
    virtual void visit(std::string_view name, Ref value, Printing printing, bool isPath) = 0;
    /// Whether an optional field takes part: a reader asks the document, a printer the value.
    virtual bool present(std::string_view name, bool hasValue) = 0;
    virtual Opened open(std::string_view name, bool print) = 0;
    virtual void close() = 0;
    virtual Opened openList(std::string_view name, std::size_t& count) = 0;
    /// False: left out (null, reported).
    virtual bool openElement(std::size_t index, std::string_view nullMessage) = 0;
    virtual void closeList() = 0;
};

} // namespace narthex::yaml
