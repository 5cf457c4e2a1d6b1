// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Prints described structs as YAML: secrets as <secret>, passwords of URLs as xxxxx, empty fields
// left out. Threads: one at a time. Source: spec/config.md, Secrets.
#pragma once

#include "core/yaml/fields.h"

namespace narthex::yaml {

enum class Secrets : std::uint8_t
{
    Hidden,
    /// In clear: to compare configurations, and in tests.
    Revealed
};

class FieldPrinter final : public Fields
{
public:
    explicit FieldPrinter(Secrets secrets = Secrets::Hidden);

    [[nodiscard]] bool reading() const override { return false; }
    [[nodiscard]] bool written(std::string_view name) const override;
    std::optional<Value> take(std::string_view name) override;
    void print(std::string_view name, const YAML::Node& node) override;
    void fail(std::string message) override;
    void failAt(std::string_view name, std::string message) override;
    void warn(std::string_view name, std::string message) override;

    /// What was printed so far, as a mapping.
    [[nodiscard]] YAML::Node node() const { return levels_.front(); }
    [[nodiscard]] Secrets secrets() const { return secrets_; }

private:
    void visit(std::string_view name, Ref value, Printing printing, bool isPath) override;
    bool present(std::string_view name, bool hasValue) override;
    Opened open(std::string_view name, bool print) override;
    void close() override;
    Opened openList(std::string_view name, std::size_t& count) override;
    bool openElement(std::size_t index, std::string_view nullMessage) override;
    void closeList() override;

    const Secrets secrets_;
    std::vector<YAML::Node> levels_;
};

/// A scalar that is read back as a string whatever it looks like.
YAML::Node stringNode(const std::string& text);

/// The tree as text, keys in order, two blanks of indentation.
std::string toText(const YAML::Node& node);

/// A described struct as text. `value` is not changed (a description reads and writes).
template <typename T>
std::string printStruct(T value)
{
    FieldPrinter printer;
    value.describe(printer);
    return toText(printer.node());
}

/// The URL with its password, if it has one, as xxxxx.
std::string hidePassword(const std::string& url);

} // namespace narthex::yaml
