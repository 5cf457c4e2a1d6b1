// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/paste.h"

#include "core/base/text.h"

#include <array>
#include <utility>

namespace narthex::promql::editor {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string withoutEntities(std::string_view text)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kEntities = {
        {{"&lt;", "<"},
         {"&gt;", ">"},
         {"&quot;", "\""},
         {"&#34;", "\""},
         {"&#39;", "'"},
         {"&apos;", "'"},
         {"&nbsp;", " "},
         {"&amp;", "&"}}};
    std::string out;
    while (!text.empty()) {
        bool found = false;
        for (const auto& [entity, meaning] : kEntities) {
            if (text.starts_with(entity)) {
                out += meaning;
                text.remove_prefix(entity.size());
                found = true;
                break;
            }
        }
        if (!found) {
            out += text[0];
            text.remove_prefix(1);
        }
    }
    return out;
}

/// "```promql … ```" and "`…`".
std::string_view withoutTicks(std::string_view text)
{
    constexpr std::string_view kFence = "```";
    if (text.size() > 6 && text.starts_with(kFence) && text.ends_with(kFence)) {
        text.remove_prefix(kFence.size());
        text.remove_suffix(kFence.size());
        const std::size_t newline = text.find('\n');
        const std::string_view language = base::trimmed(text.substr(0, newline), kBlanks);
        if (newline != std::string_view::npos &&
            language.find_first_of(" ({[") == std::string_view::npos) {
            text.remove_prefix(newline);
        }
        return base::trimmed(text, kBlanks);
    }
    if (text.size() > 2 && text.front() == '`' && text.back() == '`' &&
        text.substr(1, text.size() - 2).find('`') == std::string_view::npos) {
        return base::trimmed(text.substr(1, text.size() - 2), kBlanks);
    }
    return text;
}

/// `expr: …`, `- expr: |` with the query on lines of its own; quotes of YAML around it go, too.
std::string_view withoutYaml(std::string_view text)
{
    std::string_view rest = text;
    if (rest.starts_with("- ")) {
        rest = base::trimmed(rest.substr(2), kBlanks);
    }
    constexpr std::string_view kKey = "expr:";
    if (!rest.starts_with(kKey)) {
        return text;
    }
    rest = base::trimmed(rest.substr(kKey.size()), kBlanks);
    for (const std::string_view block : {"|-", ">-", "|", ">"}) {
        const bool alone = rest.starts_with(block) && rest.size() > block.size() &&
                           kBlanks.find(rest[block.size()]) != std::string_view::npos;
        if (alone) {
            return base::trimmed(rest.substr(block.size()), kBlanks);
        }
    }
    const bool quoted = rest.size() > 1 && (rest.front() == '\'' || rest.front() == '"') &&
                        rest.back() == rest.front();
    return quoted ? rest.substr(1, rest.size() - 2) : rest;
}

/// `$ `, `> `, `>>> ` at the start of every line.
std::string withoutPrompts(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t newline = text.find('\n');
        std::string_view line = text.substr(0, newline);
        for (const std::string_view prompt : {">>> ", "> ", "$ ", "promql> "}) {
            if (line.starts_with(prompt)) {
                line.remove_prefix(prompt.size());
                break;
            }
        }
        out += line;
        if (newline == std::string_view::npos) {
            break;
        }
        out += '\n';
        text.remove_prefix(newline + 1);
    }
    return out;
}

} // namespace

std::string cleanPasted(std::string_view text)
{
    const std::string plain =
        withoutPrompts(withoutYaml(withoutTicks(base::trimmed(text, kBlanks))));
    return withoutEntities(plain);
}

} // namespace narthex::promql::editor
