// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The parser's class, shared by its sources: blocks and pipelines. Nobody else includes it.
// Threads: one at a time.
#pragma once

#include "core/gotemplate/lexer.h"
#include "core/gotemplate/parser.h"

namespace narthex::gotemplate {

using Trees = std::vector<std::shared_ptr<const Tree>>;

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

} // namespace narthex::gotemplate
