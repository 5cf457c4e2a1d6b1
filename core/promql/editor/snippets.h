// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole queries with fields to fill in. Threads: pure functions on static data. Units: byte
// offsets. Source: spec/promql-editor.md, Snippets.
#pragma once

#include "core/promql/token.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

struct Snippet
{
    std::string name;
    /// Fields are `${name}`; fields of one name are filled in together.
    std::string pattern;
};

struct SnippetField
{
    std::string name;
    SourceRange range;
};

struct ExpandedSnippet
{
    /// Fields show their names.
    std::string text;
    /// In the order of the text: the tab stops.
    std::vector<SnippetField> fields;
};

ExpandedSnippet expandSnippet(std::string_view pattern);

/// Those that come with the program.
std::span<const Snippet> builtInSnippets();

} // namespace narthex::promql::editor
