// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Strict decoding of YAML into structs: unknown key, repeated key, wrong type are errors with file,
// line and column, and all of one pass are gathered. Exceptions of the parser stop here. Owner: a
// Document owns its text's tree and its list of problems; Values and Objects refer to it and must
// not outlive it. Threads: one at a time. Format: YAML 1.1 as the Go library yaml.v2 reads it
// (booleans, null, merge keys); spec/config.md, File format.
#pragma once

#include "core/base/secret.h"
#include "core/base/status.h"
#include "core/base/time.h"

#include <absl/status/statusor.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::yaml {

/// One thing wrong in a document. Lines and columns from 1.
struct Problem
{
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string message;
};

/// Bytes, written with a binary suffix ("512MB").
struct ByteSize
{
    std::uint64_t bytes = 0;
    friend bool operator==(ByteSize, ByteSize) = default;
};

class Document;

/// A node with its place.
class Value
{
public:
    Value(YAML::Node node, Document& document) : node_(std::move(node)), document_(&document) {}

    [[nodiscard]] bool isNull() const;
    [[nodiscard]] bool isMap() const { return node_.IsMap(); }
    [[nodiscard]] bool isSequence() const { return node_.IsSequence(); }
    [[nodiscard]] const YAML::Node& node() const { return node_; }
    [[nodiscard]] Document& document() const { return *document_; }
    [[nodiscard]] std::uint32_t line() const;

    /// Each reads the value into `out`, or reports a problem and leaves `out` alone. Null gives the
    /// zero value.
    bool into(std::string& out) const;
    bool into(bool& out) const;
    bool into(std::int64_t& out) const;
    bool into(std::uint64_t& out) const;
    bool into(double& out) const;
    bool into(base::Duration& out) const;
    bool into(ByteSize& out) const;
    bool into(base::Secret& out) const;
    bool into(std::vector<std::string>& out) const;
    bool into(std::vector<base::Secret>& out) const;
    bool into(std::map<std::string, std::string>& out) const;
    template <typename T>
    bool into(std::optional<T>& out) const
    {
        T value{};
        if (!into(value)) {
            return false;
        }
        out = std::move(value);
        return true;
    }

    /// The elements of a sequence; reports a problem when it is something else. Null: none.
    [[nodiscard]] std::vector<Value> elements() const;

    /// Reports a problem at this value.
    void fail(std::string message) const;

private:
    /// The text of a scalar; reports `cannot unmarshal … into <type>` for anything else.
    [[nodiscard]] std::optional<std::string> scalar(std::string_view type) const;
    void failType(std::string_view type) const;

    YAML::Node node_;
    Document* document_;
};

/// A mapping that is read field by field; finish() reports what nobody asked for.
class Object
{
public:
    /// `type` stands in messages: `field X not found in type <type>`. A null value is an empty
    /// mapping; anything else that is no mapping is reported.
    Object(const Value& value, std::string type);

    /// Reads the field if it is there.
    template <typename T>
    bool field(std::string_view name, T& out)
    {
        const std::optional<Value> value = take(name);
        return value && value->into(out);
    }
    /// The field's value if it is there.
    std::optional<Value> take(std::string_view name);
    [[nodiscard]] bool has(std::string_view name) const;
    /// Reports fields that were not taken, with the nearest known name.
    void finish();
    [[nodiscard]] const Value& value() const { return value_; }

private:
    struct Entry
    {
        std::string name;
        YAML::Node key;
        YAML::Node value;
        bool taken = false;
    };
    void addEntries(const YAML::Node& map, bool merged);

    Value value_;
    std::string type_;
    std::vector<Entry> entries_;
    std::vector<std::string> known_;
};

class Document
{
public:
    /// `file` stands in messages. Only the first document of a stream counts. Errors:
    /// InvalidArgument with the place.
    static absl::StatusOr<std::unique_ptr<Document>> parse(std::string file,
                                                           const std::string& text);

    [[nodiscard]] Value root() { return {root_, *this}; }
    [[nodiscard]] const std::string& file() const { return file_; }
    void report(const YAML::Mark& mark, std::string message);
    [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }
    /// OK without problems; else InvalidArgument with `file:line:column: message` for each, the
    /// first as Position.
    [[nodiscard]] absl::Status status() const;

private:
    Document() = default;
    std::string file_;
    YAML::Node root_;
    std::vector<Problem> problems_;
};

} // namespace narthex::yaml
