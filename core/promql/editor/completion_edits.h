// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What taking an item does to the text: brackets and quotes that come with it, where the cursor
// goes. Internal to completion. Threads: one object, one thread. Units: byte offsets.
// Source: spec/promql-editor.md, Completion contexts, rules 1 to 3.
#pragma once

#include "core/promql/editor/completion.h"

#include <string_view>

namespace narthex::promql::editor {

class CompletionEdits
{
public:
    /// All outlive the object.
    CompletionEdits(std::string_view text, const CompletionContext& context,
                    const CompletionOptions& options)
        : text_(text), context_(context), options_(options)
    {}

    /// Fills in edit, selection, fields and reopens of `item`, going by its kind and label.
    void prepare(CompletionItem& item) const;

private:
    void function(CompletionItem& item) const;
    void metric(CompletionItem& item) const;
    void labelName(CompletionItem& item) const;
    void labelValue(CompletionItem& item) const;
    void snippet(CompletionItem& item) const;
    void history(CompletionItem& item) const;
    void withBrackets(CompletionItem& item, bool cursorInside) const;
    /// Replaces the word at the cursor; `back` bytes before the end of it the cursor stands.
    void put(CompletionItem& item, std::string text, std::size_t back = 0) const;
    [[nodiscard]] char next() const;
    [[nodiscard]] bool insideBraces() const;

    const std::string_view text_;
    const CompletionContext& context_;
    const CompletionOptions& options_;
};

/// `text` between quotes of this kind; back-ticks know no escapes.
std::string escapeFor(char quote, std::string_view text);

} // namespace narthex::promql::editor
