// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where everything stands in a YAML text: the nodes of the first document with their bytes from
// first to last, and how they are written. Owner: values. Threads: any. Errors: InvalidArgument
// with line and column.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::yaml {

enum class NodeKind : std::uint8_t
{
    Scalar,
    Mapping,
    Sequence,
    Alias
};

enum class ScalarStyle : std::uint8_t
{
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// | or >
    Block
};

/// Offsets are bytes of the text.
struct LayoutNode
{
    NodeKind kind = NodeKind::Scalar;
    ScalarStyle style = ScalarStyle::Plain;
    /// In brackets or braces.
    bool flow = false;
    /// Of the content, behind anchor and tag.
    std::size_t begin = 0;
    std::size_t end = 0;
    /// Anchor and tag included.
    std::size_t whole = 0;
    /// A scalar's value.
    std::string value;
    std::string anchor;
    /// Of a sequence: its elements; of a mapping: key, value, key, value.
    std::vector<LayoutNode> children;

    /// The value below a key; null if there is none.
    [[nodiscard]] const LayoutNode* find(std::string_view key) const;
};

/// An empty document is an empty scalar.
absl::StatusOr<LayoutNode> readLayout(std::string_view text);

} // namespace narthex::yaml
