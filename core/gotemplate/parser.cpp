// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/parser.h"

#include "core/base/utf8.h"
#include "core/gotemplate/lexer.h"
#include "core/gotemplate/number_literal.h"
#include "core/model/labels.h"
#include "core/promql/string_literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace narthex::gotemplate {
namespace {

/// Blocks and parentheses inside each other.
constexpr int kDeepest = 200;

using Trees = std::vector<std::shared_ptr<const Tree>>;

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

/// How a list of nodes ended.
struct Ending
{
    bool isElse = false;
};

class Parser
{
public:
    Parser(std::shared_ptr<const Source> source, absl::FunctionRef<bool(std::string_view)> known)
        : source_(std::move(source)), known_(known), tokens_(cutTemplate(source_->text))
    {}

    absl::StatusOr<Trees> run(std::span<const std::string> variables);

private:
    // Tokens.
    const Token& peek() const { return tokens_[at_]; }
    const Token& next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
    void skipBlanks();
    const Token& peekWord();
    bool accept(TokenKind kind);
    absl::Status failAt(const Token& token, std::string_view message) const;
    absl::Status unexpected(const Token& token, std::string_view context) const;
    absl::Status expectClose(std::string_view context);
    absl::Status deeper();

    // Nodes.
    absl::StatusOr<Ending> list(Block& out, bool nested);
    absl::Status action(Block& out);
    absl::Status keyword(const Token& token, Block& out);
    absl::Status jump(const Token& token, Block& out);
    absl::Status branch(BranchKind kind, Block& out);
    absl::Status branchElse(BranchNode& node);
    absl::Status definition();
    absl::Status block(const Token& token, Block& out);
    absl::Status call(const Token& token, Block& out);
    absl::StatusOr<std::string> templateName(std::string_view context);
    absl::Status subtree(const Token& token, std::string name);
    absl::Status addTree(const Token& token, Tree tree);

    // Pipelines.
    absl::Status pipeline(Pipeline& out, std::string_view context, TokenKind end);
    absl::Status declarations(Pipeline& out, std::string_view context);
    absl::Status command(Command& out);
    absl::Status operand(Operand& out, bool& found);
    absl::Status term(Operand& out, bool& found);
    absl::Status literal(const Token& token, Operand& out);
    absl::Status checkStages(const Pipeline& pipeline, std::string_view context) const;
    absl::StatusOr<std::uint32_t> slotOf(const Token& variable) const;
    std::uint32_t declare(std::string_view name);

    const std::shared_ptr<const Source> source_;
    const absl::FunctionRef<bool(std::string_view)> known_;
    const std::vector<Token> tokens_;
    std::size_t at_ = 0;
    int depth_ = 0;
    int rangeDepth_ = 0;
    std::vector<std::string> variables_;
    std::uint32_t slots_ = 1;
    Trees trees_;
};

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

absl::StatusOr<std::uint32_t> Parser::slotOf(const Token& variable) const
{
    const auto found = std::find(variables_.rbegin(), variables_.rend(), variable.text);
    if (found == variables_.rend()) {
        return failAt(variable, fmt::format("undefined variable {}", model::quote(variable.text)));
    }
    return static_cast<std::uint32_t>(variables_.rend() - found) - 1;
}

std::uint32_t Parser::declare(std::string_view name)
{
    variables_.emplace_back(name);
    slots_ = std::max(slots_, static_cast<std::uint32_t>(variables_.size()));
    return static_cast<std::uint32_t>(variables_.size()) - 1;
}

/// `$x :=`, `$x =`, and in `range` also `$i, $e :=`.
absl::Status Parser::declarations(Pipeline& out, std::string_view context)
{
    std::vector<const Token*> names;
    const std::size_t start = at_;
    while (peekWord().kind == TokenKind::Variable) {
        names.push_back(&next());
        if (!accept(TokenKind::Comma)) {
            break;
        }
        if (context != "range" || names.size() > 1) {
            return failAt(*names.back(), fmt::format("too many declarations in {}", context));
        }
        if (peekWord().kind != TokenKind::Variable) {
            return failAt(peek(), "range can only initialize variables");
        }
    }
    const TokenKind kind = peekWord().kind;
    const bool assigns = kind == TokenKind::Assign || kind == TokenKind::Declare;
    if (names.empty() || !assigns) {
        if (names.size() > 1) {
            return unexpected(peek(), context);
        }
        at_ = start;
        return absl::OkStatus();
    }
    next();
    out.declares = kind == TokenKind::Declare;
    for (const Token* name : names) {
        if (out.declares) {
            out.targets.push_back(0); // once the value is parsed: it does not see them
        } else {
            NARTHEX_ASSIGN_OR_RETURN(const std::uint32_t slot, slotOf(*name));
            out.targets.push_back(slot);
        }
    }
    return absl::OkStatus();
}

absl::Status Parser::pipeline(Pipeline& out, std::string_view context, TokenKind end)
{
    skipBlanks();
    out.place.begin = peek().begin;
    const std::size_t first = at_;
    NARTHEX_RETURN_IF_ERROR(declarations(out, context));
    while (true) {
        const Token& token = peekWord();
        if (token.kind == end) {
            out.place.end = out.commands.empty() ? token.begin : out.commands.back().place.end;
            next();
            break;
        }
        Command stage;
        NARTHEX_RETURN_IF_ERROR(command(stage));
        if (stage.words.empty()) {
            return unexpected(peek(), context);
        }
        out.commands.push_back(std::move(stage));
    }
    NARTHEX_RETURN_IF_ERROR(checkStages(out, context));
    if (out.declares) {
        out.targets.clear();
        for (std::size_t i = first; i < at_ && tokens_[i].kind != TokenKind::Declare; ++i) {
            if (tokens_[i].kind == TokenKind::Variable) {
                out.targets.push_back(declare(tokens_[i].text));
            }
        }
    }
    return absl::OkStatus();
}

absl::Status Parser::checkStages(const Pipeline& pipeline, std::string_view context) const
{
    const Token& here = tokens_[at_ - 1];
    if (pipeline.commands.empty()) {
        return failAt(here, fmt::format("missing value for {}", context));
    }
    for (std::size_t i = 1; i < pipeline.commands.size(); ++i) {
        const Operand& first = pipeline.commands[i].words.front();
        if (first.kind == OperandKind::Constant || first.kind == OperandKind::Nil ||
            (first.kind == OperandKind::Dot && first.fields.empty())) {
            return failAt(here, fmt::format("non executable command in pipeline stage {}", i + 1));
        }
    }
    return absl::OkStatus();
}

/// Words with blanks between, up to `|`, which is taken, or an end, which is not.
absl::Status Parser::command(Command& out)
{
    out.place.begin = peekWord().begin;
    while (true) {
        skipBlanks();
        Operand word;
        bool found = false;
        NARTHEX_RETURN_IF_ERROR(operand(word, found));
        if (found) {
            out.place.end = word.place.end;
            out.words.push_back(std::move(word));
        }
        const Token& token = peek();
        if (token.kind == TokenKind::Blank && found) {
            continue;
        }
        if (token.kind == TokenKind::Close || token.kind == TokenKind::RightParen) {
            break;
        }
        if (token.kind == TokenKind::Pipe) {
            if (out.words.empty()) {
                return failAt(token, "empty command");
            }
            next();
            const Token& after = peekWord();
            if (after.kind == TokenKind::Close || after.kind == TokenKind::RightParen) {
                return failAt(after, "missing value for command");
            }
            break;
        }
        return unexpected(token, "operand");
    }
    return absl::OkStatus();
}

/// A term with the fields that are tied to it.
absl::Status Parser::operand(Operand& out, bool& found)
{
    const Token& first = peek();
    NARTHEX_RETURN_IF_ERROR(term(out, found));
    if (!found) {
        return absl::OkStatus();
    }
    while (peek().kind == TokenKind::Field) {
        const bool plain = out.kind == OperandKind::Constant || out.kind == OperandKind::Nil ||
                           (out.kind == OperandKind::Dot && out.fields.empty());
        if (plain) {
            return failAt(first,
                          fmt::format("unexpected . after term {}", model::quote(first.text)));
        }
        out.fields.emplace_back(next().text.substr(1));
    }
    const Token& last = tokens_[at_ - 1];
    out.place = {first.begin, last.begin + static_cast<std::uint32_t>(last.text.size())};
    return absl::OkStatus();
}

absl::Status Parser::term(Operand& out, bool& found)
{
    const Token& token = peek();
    found = true;
    switch (token.kind) {
    case TokenKind::Identifier:
        if (!known_(token.text)) {
            return failAt(token, fmt::format("function {} not defined", model::quote(token.text)));
        }
        out.kind = OperandKind::FunctionCall;
        out.function = token.text;
        break;
    case TokenKind::Dot:
        out.kind = OperandKind::Dot;
        break;
    case TokenKind::Field:
        out.kind = OperandKind::Dot;
        out.fields.emplace_back(token.text.substr(1));
        break;
    case TokenKind::Variable: {
        out.kind = OperandKind::Variable;
        NARTHEX_ASSIGN_OR_RETURN(out.slot, slotOf(token));
        break;
    }
    case TokenKind::LeftParen: {
        NARTHEX_RETURN_IF_ERROR(deeper());
        next();
        ++depth_;
        out.kind = OperandKind::Nested;
        out.pipeline = std::make_unique<Pipeline>();
        const std::size_t scope = variables_.size();
        NARTHEX_RETURN_IF_ERROR(
            pipeline(*out.pipeline, "parenthesized pipeline", TokenKind::RightParen));
        variables_.resize(scope);
        --depth_;
        return absl::OkStatus();
    }
    case TokenKind::Bool:
    case TokenKind::Nil:
    case TokenKind::Number:
    case TokenKind::Character:
    case TokenKind::String:
    case TokenKind::RawString:
        NARTHEX_RETURN_IF_ERROR(literal(token, out));
        break;
    default:
        found = false;
        return absl::OkStatus();
    }
    next();
    return absl::OkStatus();
}

absl::Status Parser::literal(const Token& token, Operand& out)
{
    out.kind = OperandKind::Constant;
    if (token.kind == TokenKind::Nil) {
        out.kind = OperandKind::Nil;
    } else if (token.kind == TokenKind::Bool) {
        out.constant = token.text == "true";
    } else if (token.kind == TokenKind::Number) {
        const std::optional<Value> number = parseNumber(token.text);
        if (!number) {
            return failAt(token, fmt::format("bad number syntax: {}", model::quote(token.text)));
        }
        out.constant = *number;
    } else {
        promql::StringScan scan = promql::scanString(token.text);
        const bool character = token.kind == TokenKind::Character;
        if (!scan.error.empty() || scan.length != token.text.size() ||
            (character && base::runeCount(scan.value) != 1)) {
            return failAt(token, character
                                     ? fmt::format("malformed character constant: {}", token.text)
                                     : fmt::format("invalid syntax: {}", scan.error));
        }
        out.constant = character
                           ? Value(static_cast<std::int64_t>(base::firstRune(scan.value).value))
                           : Value(std::move(scan.value));
    }
    return absl::OkStatus();
}

} // namespace

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
