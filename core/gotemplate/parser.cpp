// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/parser.h"

#include "core/gotemplate/parser_internal.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace narthex::gotemplate {
namespace {

/// Blocks and parentheses inside each other.
constexpr int kDeepest = 200;

bool isBlankText(std::string_view text)
{
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool isEmpty(const Block& block)
{
    return std::all_of(block.begin(), block.end(), [](const Node& node) {
        const auto* text = std::get_if<TextNode>(&node.content);
        return text != nullptr && isBlankText(text->text);
    });
}

} // namespace

void Parser::skipBlanks()
{
    while (peek().kind == TokenKind::Blank) {
        ++at_;
    }
}

const Token& Parser::peekWord()
{
    skipBlanks();
    return peek();
}

bool Parser::accept(TokenKind kind)
{
    if (peekWord().kind != kind) {
        return false;
    }
    next();
    return true;
}

absl::Status Parser::failAt(const Token& token, std::string_view message) const
{
    const Place place{token.begin, token.begin + static_cast<std::uint32_t>(token.text.size())};
    const base::Position position = positionIn(*source_, place);
    return base::withPosition(base::invalidArgument("template: {}:{}: {}", source_->name,
                                                    position.line.value_or(1), message),
                              position);
}

absl::Status Parser::unexpected(const Token& token, std::string_view context) const
{
    return token.kind == TokenKind::Error
               ? failAt(token, token.message)
               : failAt(token, fmt::format("unexpected {} in {}", shown(token), context));
}

absl::Status Parser::expectClose(std::string_view context)
{
    return accept(TokenKind::Close) ? absl::OkStatus() : unexpected(peek(), context);
}

absl::Status Parser::deeper()
{
    return depth_ < kDeepest
               ? absl::OkStatus()
               : failAt(peek(), fmt::format("nested deeper than {} levels", kDeepest));
}

absl::StatusOr<Trees> Parser::run(std::span<const std::string> variables)
{
    variables_ = {"$"};
    variables_.insert(variables_.end(), variables.begin(), variables.end());
    slots_ = static_cast<std::uint32_t>(variables_.size());
    Tree tree{.name = source_->name, .source = source_};
    NARTHEX_RETURN_IF_ERROR(list(tree.body, false).status());
    tree.slots = slots_;
    tree.empty = isEmpty(tree.body);
    auto main = std::make_shared<const Tree>(std::move(tree));
    const auto same = std::find_if(trees_.begin(), trees_.end(),
                                   [&](const auto& each) { return each->name == main->name; });
    if (same == trees_.end()) {
        trees_.insert(trees_.begin(), std::move(main));
    } else if (!main->empty) {
        if (!(*same)->empty) {
            return failAt(tokens_.front(), fmt::format("multiple definition of template {}",
                                                       model::quote(main->name)));
        }
        *same = std::move(main);
    }
    return std::move(trees_);
}

/// Nodes up to the end of the text or, `nested`, to {{end}} or {{else}}, whose Open and keyword are
/// taken.
absl::StatusOr<Ending> Parser::list(Block& out, bool nested)
{
    while (true) {
        const Token& token = next();
        switch (token.kind) {
        case TokenKind::Text:
            out.push_back({TextNode{std::string(token.text)}});
            continue;
        case TokenKind::End:
            if (nested) {
                return failAt(token, "unexpected EOF");
            }
            return Ending{};
        case TokenKind::Error:
            return failAt(token, token.message);
        default: // Open
            break;
        }
        const Token& word = peekWord();
        if (word.kind == TokenKind::Keyword && (word.text == "end" || word.text == "else")) {
            if (!nested) {
                return failAt(word, fmt::format("unexpected {{{{{}}}}}", word.text));
            }
            next();
            return Ending{.isElse = word.text == "else"};
        }
        NARTHEX_RETURN_IF_ERROR(action(out));
    }
}

absl::Status Parser::action(Block& out)
{
    const Token& word = peek();
    if (word.kind == TokenKind::Keyword) {
        next();
        return keyword(word, out);
    }
    ActionNode node;
    NARTHEX_RETURN_IF_ERROR(pipeline(node.pipeline, "command", TokenKind::Close));
    out.push_back({std::move(node)});
    return absl::OkStatus();
}

absl::Status Parser::keyword(const Token& token, Block& out)
{
    if (token.text == "if") {
        return branch(BranchKind::If, out);
    }
    if (token.text == "with") {
        return branch(BranchKind::With, out);
    }
    if (token.text == "range") {
        return branch(BranchKind::Range, out);
    }
    if (token.text == "template") {
        return call(token, out);
    }
    if (token.text == "block") {
        return block(token, out);
    }
    if (token.text == "define") {
        return depth_ == 0 ? definition() : unexpected(token, "command");
    }
    return jump(token, out);
}

absl::Status Parser::jump(const Token& token, Block& out)
{
    if (rangeDepth_ == 0) {
        return failAt(token, fmt::format("{{{{{}}}}} outside {{{{range}}}}", token.text));
    }
    NARTHEX_RETURN_IF_ERROR(expectClose(fmt::format("{{{{{}}}}}", token.text)));
    out.push_back({token.text == "break" ? JumpNode::Break : JumpNode::Continue});
    return absl::OkStatus();
}

absl::Status Parser::branch(BranchKind kind, Block& out)
{
    NARTHEX_RETURN_IF_ERROR(deeper());
    ++depth_;
    const std::string_view name = kind == BranchKind::If     ? "if"
                                  : kind == BranchKind::With ? "with"
                                                             : "range";
    const std::size_t scope = variables_.size();
    BranchNode node{.kind = kind};
    NARTHEX_RETURN_IF_ERROR(pipeline(node.pipeline, name, TokenKind::Close));
    rangeDepth_ += kind == BranchKind::Range ? 1 : 0;
    const std::size_t inner = variables_.size();
    NARTHEX_ASSIGN_OR_RETURN(const Ending ending, list(node.body, true));
    rangeDepth_ -= kind == BranchKind::Range ? 1 : 0;
    variables_.resize(inner);
    NARTHEX_RETURN_IF_ERROR(ending.isElse ? branchElse(node) : expectClose("end"));
    variables_.resize(scope);
    --depth_;
    out.push_back({std::move(node)});
    return absl::OkStatus();
}

/// Behind {{else: a block, or another condition of the same kind.
absl::Status Parser::branchElse(BranchNode& node)
{
    const Token& word = peekWord();
    const bool again =
        word.kind == TokenKind::Keyword && ((word.text == "if" && node.kind == BranchKind::If) ||
                                            (word.text == "with" && node.kind == BranchKind::With));
    if (again) {
        next();
        return branch(node.kind, node.otherwise);
    }
    NARTHEX_RETURN_IF_ERROR(expectClose("else"));
    NARTHEX_ASSIGN_OR_RETURN(const Ending ending, list(node.otherwise, true));
    if (ending.isElse) {
        return failAt(tokens_[at_ - 1], "expected end; found {{else}}");
    }
    return expectClose("end");
}

absl::StatusOr<std::string> Parser::templateName(std::string_view context)
{
    const Token& token = peekWord();
    if (token.kind != TokenKind::String && token.kind != TokenKind::RawString) {
        return unexpected(token, context);
    }
    next();
    Operand name;
    NARTHEX_RETURN_IF_ERROR(literal(token, name));
    return std::string(name.constant.text().value_or(""));
}

absl::Status Parser::addTree(const Token& token, Tree tree)
{
    tree.empty = isEmpty(tree.body);
    const auto same = std::find_if(trees_.begin(), trees_.end(),
                                   [&](const auto& each) { return each->name == tree.name; });
    if (same == trees_.end()) {
        trees_.push_back(std::make_shared<const Tree>(std::move(tree)));
    } else if ((*same)->empty) {
        *same = std::make_shared<const Tree>(std::move(tree));
    } else if (!tree.empty) {
        return failAt(token,
                      fmt::format("multiple definition of template {}", model::quote(tree.name)));
    }
    return absl::OkStatus();
}

/// The body of a definition: it knows no variable but `$`.
absl::Status Parser::subtree(const Token& token, std::string name)
{
    NARTHEX_RETURN_IF_ERROR(deeper());
    ++depth_;
    std::vector<std::string> outer{"$"};
    outer.swap(variables_);
    const std::uint32_t outerSlots = std::exchange(slots_, 1);
    const int outerRange = std::exchange(rangeDepth_, 0);
    Tree tree{.name = std::move(name), .source = source_};
    NARTHEX_ASSIGN_OR_RETURN(const Ending ending, list(tree.body, true));
    if (ending.isElse) {
        return failAt(tokens_[at_ - 1], "unexpected {{else}} in define clause");
    }
    NARTHEX_RETURN_IF_ERROR(expectClose("end"));
    tree.slots = slots_;
    slots_ = outerSlots;
    rangeDepth_ = outerRange;
    variables_.swap(outer);
    --depth_;
    return addTree(token, std::move(tree));
}

absl::Status Parser::definition()
{
    const Token& token = peekWord();
    NARTHEX_ASSIGN_OR_RETURN(std::string name, templateName("define clause"));
    NARTHEX_RETURN_IF_ERROR(expectClose("define clause"));
    return subtree(token, std::move(name));
}

absl::Status Parser::block(const Token& token, Block& out)
{
    CallNode node;
    node.place = {token.begin, token.begin};
    NARTHEX_ASSIGN_OR_RETURN(node.name, templateName("block clause"));
    node.pipeline.emplace();
    NARTHEX_RETURN_IF_ERROR(pipeline(*node.pipeline, "block clause", TokenKind::Close));
    node.place.end = node.pipeline->place.end;
    NARTHEX_RETURN_IF_ERROR(subtree(token, node.name));
    out.push_back({std::move(node)});
    return absl::OkStatus();
}

absl::Status Parser::call(const Token& token, Block& out)
{
    CallNode node;
    node.place = {token.begin, token.begin};
    NARTHEX_ASSIGN_OR_RETURN(node.name, templateName("template clause"));
    node.place.end =
        tokens_[at_ - 1].begin + static_cast<std::uint32_t>(tokens_[at_ - 1].text.size());
    if (!accept(TokenKind::Close)) {
        node.pipeline.emplace();
        NARTHEX_RETURN_IF_ERROR(pipeline(*node.pipeline, "template clause", TokenKind::Close));
        node.place.end = node.pipeline->place.end;
    }
    out.push_back({std::move(node)});
    return absl::OkStatus();
}

absl::StatusOr<std::vector<std::shared_ptr<const Tree>>>
parseTemplate(std::string_view name, std::string_view text, std::span<const std::string> variables,
              absl::FunctionRef<bool(std::string_view function)> known)
{
    auto source = std::make_shared<const Source>(Source{std::string(name), std::string(text)});
    return Parser(std::move(source), known).run(variables);
}

base::Position positionIn(const Source& source, Place place)
{
    const std::string_view before = std::string_view(source.text).substr(0, place.begin);
    const std::size_t newline = before.rfind('\n');
    const std::size_t lineStart = newline == std::string_view::npos ? 0 : newline + 1;
    return {.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1,
            .column = static_cast<std::uint32_t>(before.size() - lineStart) + 1,
            .begin = place.begin,
            .end = place.end};
}

} // namespace narthex::gotemplate
