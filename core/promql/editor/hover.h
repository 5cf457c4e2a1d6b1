// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is said about the word under the pointer.
// Threads: pure functions; facts and data are asked from the calling thread. Units: byte offsets.
// Source: spec/promql-editor.md, Hover and signature help.
#pragma once

#include "core/promql/editor/lint.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

struct HoverOptions
{
    Features features{};
    /// The panel's end: the time that "now" means.
    base::Timestamp time{};
    /// Either may be null: then what they would tell is left out.
    const LintFacts* facts = nullptr;
    const LintData* data = nullptr;
};

struct Hover
{
    SourceRange range;
    /// The first one is a title.
    std::vector<std::string> lines;
};

/// Absent over blanks, brackets and comments.
std::optional<Hover> hoverAt(std::string_view text, std::size_t offset,
                             const HoverOptions& options);

/// "1.5 KiB", "2.3 GiB": for numbers of bytes.
std::string humanBytes(double bytes);

} // namespace narthex::promql::editor
