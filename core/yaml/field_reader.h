// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads described structs from a YAML document, strictly. Owner: the caller; refers to the
// document. Threads: one at a time.
#pragma once

#include "core/yaml/fields.h"

#include <filesystem>

namespace narthex::yaml {

class FieldReader final : public Fields
{
public:
    /// `type` stands in messages about unknown keys. Relative paths are joined with `directory`.
    /// `warnings` (may be null) gets `file:line:column: message`.
    FieldReader(const Value& value, std::string type, std::filesystem::path directory,
                std::vector<std::string>* warnings = nullptr);
    /// Reports keys that nobody asked for. Call once, at the end.
    void finish();

    [[nodiscard]] bool reading() const override { return true; }
    [[nodiscard]] bool written(std::string_view name) const override;
    std::optional<Value> take(std::string_view name) override;
    void print(std::string_view name, const YAML::Node& node) override;
    void fail(std::string message) override;
    void failAt(std::string_view name, std::string message) override;
    void warn(std::string_view name, std::string message) override;

    /// The mapping that is being read.
    [[nodiscard]] const Value& value() const { return levels_.back().value(); }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    [[nodiscard]] std::vector<std::string>* warnings() const { return warnings_; }

private:
    void visit(std::string_view name, Ref value, Printing printing, bool isPath) override;
    bool present(std::string_view name, bool hasValue) override;
    Opened open(std::string_view name, bool print) override;
    void close() override;
    Opened openList(std::string_view name, std::size_t& count) override;
    bool openElement(std::size_t index, std::string_view nullMessage) override;
    void closeList() override;
    [[nodiscard]] std::string resolve(const std::string& path) const;

    struct List
    {
        std::string name;
        std::vector<Value> elements;
    };
    const std::filesystem::path directory_;
    std::vector<std::string>* const warnings_;
    std::vector<Object> levels_;
    std::vector<List> lists_;
};

/// Reads `value` as one T.
template <typename T>
T readStruct(const Value& value, std::string type, const std::filesystem::path& directory,
             std::vector<std::string>* warnings = nullptr)
{
    T result{};
    FieldReader reader(value, std::move(type), directory, warnings);
    result.describe(reader);
    reader.finish();
    return result;
}

} // namespace narthex::yaml
