// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/v1/statement.h"

#include "core/base/status.h"
#include "core/promql/parser.h"
#include "core/promql/string_literal.h"

#include <algorithm>

namespace narthex::rules::v1 {
namespace {

constexpr std::string_view kReserved[] = {"ALERT", "IF", "FOR", "LABELS", "ANNOTATIONS"};
/// Only behind an alert's expression, and only in files of before 1.0.
constexpr std::string_view kAncient[] = {"WITH", "SUMMARY", "DESCRIPTION", "RUNBOOK"};

template <std::size_t N>
bool isOneOf(const Token& token, const std::string_view (&words)[N])
{
    return std::any_of(std::begin(words), std::end(words),
                       [&](std::string_view word) { return isWord(token, word); });
}

bool isSymbol(const Token& token, std::string_view text)
{
    return token.kind == TokenKind::Symbol && token.text == text;
}

bool isOperator(const Token& token)
{
    constexpr std::string_view kWords[] = {"and", "or", "unless"};
    constexpr std::string_view kSymbols[] = {"+",  "-",  "*", "/", "%",  "^",
                                             "==", "!=", ">", "<", ">=", "<="};
    return isOneOf(token, kWords) ||
           (token.kind == TokenKind::Symbol &&
            std::find(std::begin(kSymbols), std::end(kSymbols), token.text) != std::end(kSymbols));
}

/// Walks over one expression.
class ExpressionScanner
{
public:
    ExpressionScanner(const std::vector<Token>& tokens, std::size_t at) : tokens_(tokens), at_(at)
    {}

    std::size_t run()
    {
        while (true) {
            while (isSymbol(now(), "+") || isSymbol(now(), "-")) {
                ++at_;
            }
            if (!operand()) {
                return at_;
            }
            suffixes();
            if (!isOperator(now())) {
                return at_;
            }
            ++at_;
            matching();
        }
    }

    /// One operand with its range and offset.
    std::size_t runOperand()
    {
        if (operand()) {
            suffixes();
        }
        return at_;
    }

private:
    [[nodiscard]] const Token& now() const { return tokens_[at_]; }
    void skipBrackets() { at_ = std::min(closingBracket(tokens_, at_) + 1, tokens_.size() - 1); }
    bool operand()
    {
        if (now().kind == TokenKind::Number || now().kind == TokenKind::String) {
            ++at_;
            return true;
        }
        if (isSymbol(now(), "(") || isSymbol(now(), "{")) {
            skipBrackets();
            return true;
        }
        if (now().kind != TokenKind::Word || isOneOf(now(), kReserved)) {
            return false;
        }
        const bool aggregation = isAggregation(now());
        ++at_;
        if (aggregation) {
            grouping();
        }
        if (isSymbol(now(), "(") || isSymbol(now(), "{")) {
            skipBrackets();
        }
        if (aggregation) {
            grouping();
        }
        return true;
    }
    void grouping()
    {
        while (isWord(now(), "by") || isWord(now(), "without") || isWord(now(), "keep_common") ||
               isWord(now(), "keeping_extra")) {
            ++at_;
            if (isSymbol(now(), "(")) {
                skipBrackets();
            }
        }
    }
    void suffixes()
    {
        if (isSymbol(now(), "[")) {
            skipBrackets();
        }
        if (isWord(now(), "offset") && tokens_[at_ + 1].kind == TokenKind::Number) {
            at_ += 2;
        }
    }
    void matching()
    {
        constexpr std::string_view kModifiers[] = {"bool", "on", "ignoring", "group_left",
                                                   "group_right"};
        while (isOneOf(now(), kModifiers)) {
            const bool takesList = !isWord(now(), "bool");
            ++at_;
            if (takesList && isSymbol(now(), "(")) {
                skipBrackets();
            }
        }
    }

    const std::vector<Token>& tokens_;
    std::size_t at_;
};

class Parser
{
public:
    Parser(std::string_view text, std::vector<Token> tokens)
        : text_(text), tokens_(std::move(tokens))
    {}

    absl::StatusOr<std::vector<Statement>> run()
    {
        std::vector<Statement> statements;
        std::size_t end = 0; // of the statement before
        while (now().kind != TokenKind::End) {
            Statement statement;
            statement.comments = commentsBetween(end, now().offset);
            statement.line = lineOf(now().offset);
            statement.begin = now().offset;
            NARTHEX_RETURN_IF_ERROR(isWord(now(), "ALERT") &&
                                            tokens_[at_ + 1].kind == TokenKind::Word
                                        ? alert(statement)
                                        : recording(statement));
            end = tokens_[at_ - 1].offset + tokens_[at_ - 1].text.size();
            statement.end = end;
            statements.push_back(std::move(statement));
        }
        return statements;
    }

private:
    [[nodiscard]] const Token& now() const { return tokens_[at_]; }
    [[nodiscard]] std::uint32_t lineOf(std::size_t offset) const
    {
        return static_cast<std::uint32_t>(
            1 +
            std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
    }
    [[nodiscard]] absl::Status unexpected(std::string_view wanted) const
    {
        const auto begin = static_cast<std::uint32_t>(now().offset);
        const std::string found = now().kind == TokenKind::End
                                      ? std::string("the end of the file")
                                      : model::quote(std::string(now().text));
        return base::withPosition(base::invalidArgument("{}: unexpected {}, expected {}",
                                                        promql::lineAndColumn(text_, begin), found,
                                                        wanted),
                                  {.file = {},
                                   .line = lineOf(now().offset),
                                   .column = {},
                                   .begin = begin,
                                   .end = begin + static_cast<std::uint32_t>(now().text.size())});
    }

    [[nodiscard]] std::vector<std::string> commentsBetween(std::size_t from, std::size_t to) const
    {
        std::vector<std::string> comments;
        std::string_view rest = text_.substr(from, to - from);
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            std::string_view line = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (const std::size_t hash = line.find('#'); hash != std::string_view::npos) {
                line.remove_prefix(hash);
                comments.emplace_back(line.ends_with('\r') ? line.substr(0, line.size() - 1)
                                                           : line);
            }
        }
        return comments;
    }

    absl::Status expression(Statement& statement)
    {
        const std::size_t end = expressionEnd(tokens_, at_);
        if (end == at_) {
            return unexpected("an expression");
        }
        const Token& last = tokens_[end - 1];
        statement.expression =
            text_.substr(now().offset, last.offset + last.text.size() - now().offset);
        at_ = end;
        return absl::OkStatus();
    }

    absl::Status text(std::string& out)
    {
        if (now().kind != TokenKind::String) {
            return unexpected("a string");
        }
        out = promql::scanString(now().text).value;
        ++at_;
        return absl::OkStatus();
    }

    absl::Status labelSet(std::map<std::string, std::string>& out)
    {
        if (!isSymbol(now(), "{")) {
            return unexpected("{");
        }
        ++at_;
        while (!isSymbol(now(), "}")) {
            if (now().kind != TokenKind::Word || now().text.find(':') != std::string_view::npos) {
                return unexpected("a label name or }");
            }
            const std::string name(now().text);
            ++at_;
            if (!isSymbol(now(), "=")) {
                return unexpected("=");
            }
            ++at_;
            NARTHEX_RETURN_IF_ERROR(text(out[name]));
            if (isSymbol(now(), ",")) {
                ++at_;
            } else if (!isSymbol(now(), "}")) {
                return unexpected(", or }");
            }
        }
        ++at_;
        return absl::OkStatus();
    }

    absl::Status duration(std::string& out)
    {
        const std::string_view value = now().text;
        const bool valid =
            now().kind == TokenKind::Number && value.size() > 1 &&
            std::string_view("smhdwy").find(value.back()) != std::string_view::npos &&
            value.find_first_not_of("0123456789") == value.size() - 1 &&
            value.find_first_not_of('0') != value.size() - 1;
        if (!valid) {
            return unexpected("a duration: one integer above zero and one unit of s m h d w y");
        }
        out = value;
        ++at_;
        return absl::OkStatus();
    }

    absl::Status alert(Statement& statement)
    {
        statement.isAlert = true;
        ++at_;
        if (now().text.find(':') != std::string_view::npos || isOneOf(now(), kReserved)) {
            return unexpected("an alert's name");
        }
        statement.name = now().text;
        ++at_;
        if (!isWord(now(), "IF")) {
            return unexpected("IF");
        }
        ++at_;
        NARTHEX_RETURN_IF_ERROR(expression(statement));
        if (isWord(now(), "FOR")) {
            ++at_;
            NARTHEX_RETURN_IF_ERROR(duration(statement.holdFor));
        }
        if (isOneOf(now(), kAncient)) {
            return ancient(statement);
        }
        if (isWord(now(), "LABELS")) {
            ++at_;
            NARTHEX_RETURN_IF_ERROR(labelSet(statement.labels));
        }
        if (isWord(now(), "ANNOTATIONS")) {
            ++at_;
            NARTHEX_RETURN_IF_ERROR(labelSet(statement.annotations));
        }
        if (isOneOf(now(), kReserved) && !isWord(now(), "ALERT")) {
            return unexpected("a statement (the order is IF, FOR, LABELS, ANNOTATIONS)");
        }
        return absl::OkStatus();
    }

    absl::Status ancient(Statement& statement)
    {
        statement.isAncient = true;
        while (isOneOf(now(), kAncient)) {
            if (isWord(now(), "WITH")) {
                ++at_;
                NARTHEX_RETURN_IF_ERROR(labelSet(statement.labels));
                continue;
            }
            const char* const name = isWord(now(), "SUMMARY")       ? "summary"
                                     : isWord(now(), "DESCRIPTION") ? "description"
                                                                    : "runbook";
            ++at_;
            NARTHEX_RETURN_IF_ERROR(text(statement.annotations[name]));
        }
        return absl::OkStatus();
    }

    absl::Status recording(Statement& statement)
    {
        if (now().kind != TokenKind::Word || isOneOf(now(), kReserved)) {
            return unexpected("ALERT, or the name of a recorded metric");
        }
        statement.name = now().text;
        ++at_;
        if (isSymbol(now(), "{")) {
            NARTHEX_RETURN_IF_ERROR(labelSet(statement.labels));
        }
        if (!isSymbol(now(), "=")) {
            return unexpected("=");
        }
        ++at_;
        return expression(statement);
    }

    const std::string_view text_;
    const std::vector<Token> tokens_;
    std::size_t at_ = 0;
};

} // namespace

std::size_t expressionEnd(const std::vector<Token>& tokens, std::size_t begin)
{
    return ExpressionScanner(tokens, begin).run();
}

std::size_t operandEnd(const std::vector<Token>& tokens, std::size_t begin)
{
    return ExpressionScanner(tokens, begin).runOperand();
}

absl::StatusOr<std::vector<Statement>> parseStatements(std::string_view text)
{
    NARTHEX_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(text));
    return Parser(text, std::move(tokens)).run();
}

} // namespace narthex::rules::v1
