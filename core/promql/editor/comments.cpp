// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/comments.h"

#include "core/promql/lexer.h"

#include <algorithm>

namespace narthex::promql::editor {
namespace {

/// One comment with its surroundings.
struct Place
{
    std::string text;
    std::uint32_t at = 0;
    /// End of the token before it, a comma not counted; begin of the token behind it.
    std::uint32_t before = 0;
    std::uint32_t behind = 0;
    bool ownLine = false;
};

class Attacher
{
public:
    explicit Attacher(const Expr& root) : root_(root) {}

    void attach(const Place& place)
    {
        path_ = {&root_};
        if (place.at < root_.range.begin) {
            return putBefore(root_, place);
        }
        if (place.at >= root_.range.end) {
            return putBehind(root_, place);
        }
        while (const Expr* child = childAround(*path_.back(), place.at)) {
            path_.push_back(child);
        }
        const Expr& node = *path_.back();
        if (childrenOf(node).empty()) {
            return place.ownLine ? putBefore(node, place) : putBehind(node, place);
        }
        place.ownLine ? attachLine(node, place) : attachTail(node, place);
    }

    CommentMap take() { return std::move(map_); }

private:
    static const Expr* childAround(const Expr& node, std::uint32_t at)
    {
        for (const Expr* child : childrenOf(node)) {
            if (child->range.begin <= at && at < child->range.end) {
                return child;
            }
        }
        return nullptr;
    }

    void attachLine(const Expr& node, const Place& place)
    {
        for (const Expr* child : childrenOf(node)) {
            if (child->range.begin == place.behind) {
                return putBefore(*child, place);
            }
        }
        if (const Expr* child = childEndingAt(node, place.before)) {
            return putBehind(*child, place);
        }
        const auto* binary = node.as<Binary>();
        putBefore(binary != nullptr ? *binary->rhs : node, place);
    }

    void attachTail(const Expr& node, const Place& place)
    {
        if (const Expr* child = childEndingAt(node, place.before)) {
            return putBehind(*child, place);
        }
        const bool beforeBody = place.at < childrenOf(node).back()->range.begin;
        if (beforeBody && (node.as<Unary>() != nullptr || node.as<Subquery>() != nullptr)) {
            return putBefore(node, place);
        }
        if (beforeBody) {
            markBelow();
            return append(map_[&node].head, place.text);
        }
        putBehind(node, place);
    }

    static const Expr* childEndingAt(const Expr& node, std::uint32_t end)
    {
        for (const Expr* child : childrenOf(node)) {
            if (child->range.end == end) {
                return child;
            }
        }
        return nullptr;
    }

    /// The outermost node with the same edge. A sign and the brackets of a subquery stick to what
    /// is inside: the comment belongs to both.
    const Expr& holder(const Expr& node, bool atBegin)
    {
        const Expr* at = &node;
        if (path_.back() == at) {
            path_.pop_back();
        }
        const auto belongs = [&](const Expr& above) {
            return above.as<Unary>() != nullptr || above.as<Subquery>() != nullptr ||
                   (atBegin ? above.range.begin == at->range.begin
                            : above.range.end == at->range.end);
        };
        while (!path_.empty() && belongs(*path_.back())) {
            at = path_.back();
            path_.pop_back();
        }
        return *at;
    }

    void putBefore(const Expr& node, const Place& place)
    {
        const Expr& target = holder(node, true);
        markBelow();
        map_[&target].before.push_back(place.text);
    }

    void putBehind(const Expr& node, const Place& place)
    {
        const Expr& target = holder(node, false);
        markBelow();
        NodeComments& comments = map_[&target];
        if (place.ownLine) {
            comments.after.push_back(place.text);
        } else {
            append(comments.behind, place.text);
        }
    }

    /// A line has one comment: several at the same place become one.
    static void append(std::string& line, const std::string& text)
    {
        line += (line.empty() ? "" : " ") + text;
    }

    void markBelow()
    {
        for (const Expr* above : path_) {
            map_[above].below = true;
        }
    }

    const Expr& root_;
    CommentMap map_;
    /// From the root to the node around the comment.
    std::vector<const Expr*> path_;
};

bool startsLine(std::string_view text, std::uint32_t at)
{
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t')) {
        --at;
    }
    return at == 0 || text[at - 1] == '\n' || text[at - 1] == '\r';
}

std::string commentText(std::string_view text, const Token& token)
{
    std::string_view line = text.substr(token.begin, token.end - token.begin);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) {
        line.remove_suffix(1);
    }
    return std::string(line);
}

} // namespace

CommentMap attachComments(std::string_view text, const Expr& expr)
{
    const LexResult lexed = lex(text, LexMode::Tolerant);
    Attacher attacher(expr);
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < lexed.tokens.size(); ++i) {
        const Token& token = lexed.tokens[i];
        if (token.kind != TokenKind::Comment) {
            before = token.kind == TokenKind::Comma ? before : token.end;
            continue;
        }
        std::size_t next = i + 1;
        while (next < lexed.tokens.size() && lexed.tokens[next].kind == TokenKind::Comment) {
            ++next;
        }
        attacher.attach({.text = commentText(text, token),
                         .at = token.begin,
                         .before = before,
                         .behind = next < lexed.tokens.size() ? lexed.tokens[next].begin : 0,
                         .ownLine = startsLine(text, token.begin)});
    }
    return attacher.take();
}

} // namespace narthex::promql::editor
