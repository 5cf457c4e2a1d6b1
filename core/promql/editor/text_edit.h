// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Changes of a text that an editor can preview, apply and undo as one step.
// Threads: values and pure functions. Units: byte offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

/// Bytes [begin, end) become `text`.
struct TextEdit
{
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::string text;
    friend bool operator==(const TextEdit&, const TextEdit&) = default;
};

/// The text after all edits, which do not overlap; their offsets are those of the old text.
std::string applyEdits(std::string_view text, std::vector<TextEdit> edits);

/// Where the character at `cursor` of `before` is in `after`, two spellings of one query: the same
/// token, as far into it.
std::size_t cursorAfter(std::string_view before, std::size_t cursor, std::string_view after);

} // namespace narthex::promql::editor
