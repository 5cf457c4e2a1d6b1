// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pipelines: declarations, commands, operands, literals. Source: spec/rules.md, 10.2 to 10.5.
#include "core/base/utf8.h"
#include "core/gotemplate/number_literal.h"
#include "core/gotemplate/parser_internal.h"
#include "core/model/labels.h"
#include "core/promql/string_literal.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::gotemplate {

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

} // namespace narthex::gotemplate
