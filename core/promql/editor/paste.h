// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Makes a query of what people copy from elsewhere: terminals, rule files, web pages, chats.
// Threads: pure functions. Source: spec/promql-editor.md, Text basics.
#pragma once

#include <string>
#include <string_view>

namespace narthex::promql::editor {

/// Without prompt signs, back-ticks around it, `expr:` of a rule file, and HTML entities. Text that
/// has none of them stays as it is.
std::string cleanPasted(std::string_view text);

} // namespace narthex::promql::editor
