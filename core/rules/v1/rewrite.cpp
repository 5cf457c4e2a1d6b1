// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/v1/rewrite.h"

#include "core/base/status.h"
#include "core/model/labels.h"
#include "core/promql/parser.h"
#include "core/rules/v1/statement.h"

#include <algorithm>

namespace narthex::rules::v1 {
namespace {

constexpr std::string_view kListModifiers[] = {"on", "ignoring", "group_left", "group_right"};
constexpr std::string_view kWordOperators[] = {"and", "or", "unless"};

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

class Rewriter
{
public:
    explicit Rewriter(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    absl::StatusOr<std::string> run()
    {
        const std::string text = range(0, tokens_.size() - 1);
        return problem_.empty() ? absl::StatusOr<std::string>(text)
                                : base::invalidArgument("{}", problem_);
    }
    std::vector<std::string> takeNotes() { return std::move(notes_); }
    [[nodiscard]] bool experimental() const { return experimental_; }

private:
    [[nodiscard]] const Token& at(std::size_t i) const { return tokens_[i]; }
    void note(std::string text)
    {
        if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) {
            notes_.push_back(std::move(text));
        }
    }
    void refuse(std::string_view what)
    {
        if (problem_.empty()) {
            problem_ = fmt::format("{} has no equivalent in Prometheus 2 and 3", what);
        }
    }
    /// The tokens as they are.
    [[nodiscard]] std::string verbatim(std::size_t from, std::size_t to) const
    {
        std::string out;
        for (std::size_t i = from; i < to && i < tokens_.size(); ++i) {
            out.append(at(i).text).append(1, ' ');
        }
        return out;
    }

    std::string range(std::size_t from, std::size_t to)
    {
        std::string out;
        bool operand = true; // one is to come
        std::size_t i = from;
        while (i < to) {
            i = step(i, to, operand, out);
        }
        return out;
    }

    /// One token, or what belongs together; where it goes on.
    std::size_t step(std::size_t i, std::size_t to, bool& operand, std::string& out)
    {
        const Token& token = at(i);
        if (isWord(token, "keep_common") || isWord(token, "keeping_extra")) {
            refuse(token.text);
            return i + 1;
        }
        if (operand && isSymbol(token, "-")) {
            if (const std::size_t end = operandEnd(tokens_, i + 1);
                end < to && isSymbol(at(end), "^")) {
                note("the sign bound tighter than ^ in 1.x: brackets keep it so");
                out += "(- " + range(i + 1, end) + ") ";
                operand = false;
                return end;
            }
        }
        if (token.kind == TokenKind::Word) {
            return word(i, to, operand, out);
        }
        if (isSymbol(token, "{") || isSymbol(token, "[")) {
            const std::size_t end = std::min(closingBracket(tokens_, i) + 1, to);
            out += verbatim(i, end);
            operand = false;
            return end;
        }
        out.append(token.text).append(1, ' ');
        const bool ends = token.kind != TokenKind::Symbol || isSymbol(token, ")");
        operand = !ends;
        return i + 1;
    }

    std::size_t word(std::size_t i, std::size_t to, bool& operand, std::string& out)
    {
        const Token& token = at(i);
        const bool call = i + 1 < to && isSymbol(at(i + 1), "(");
        const bool lists =
            isWord(token, "by") || isWord(token, "without") || isOneOf(token, kListModifiers);
        if (lists && call) {
            const std::size_t end = std::min(closingBracket(tokens_, i + 1) + 1, to);
            out += verbatim(i, end);
            return end; // what is to come is as before
        }
        if (isWord(token, "bool") && i > 0 && isComparison(at(i - 1))) {
            out += "bool ";
            return i + 1;
        }
        // Where an operand is to come a bracket can only have closed the list of on or ignoring.
        const bool joins = isWord(token, "group_left") || isWord(token, "group_right");
        if (joins && operand && i > 0 && isSymbol(at(i - 1), ")")) {
            out.append(token.text).append(1, ' ');
            return i + 1;
        }
        if (isOneOf(token, kWordOperators) && !operand) {
            out.append(token.text).append(1, ' ');
            operand = true;
            return i + 1;
        }
        if (call && token.text == "count_scalar") {
            const std::size_t close = closingBracket(tokens_, i + 1);
            note("count_scalar(v) became scalar(count(v) or vector(0))");
            out += "scalar(count(" + range(i + 2, std::min(close, to)) + ") or vector(0)) ";
            operand = false;
            return close + 1;
        }
        if (call && token.text == "drop_common_labels") {
            refuse("drop_common_labels()");
        }
        if (call && token.text == "holt_winters") {
            note("holt_winters() became double_exponential_smoothing(), which needs "
                 "--enable-feature=promql-experimental-functions");
            experimental_ = true;
            out += "double_exponential_smoothing ";
            return i + 1;
        }
        if (operand && !call && isKeywordNow(token)) {
            return keywordAsName(i, to, operand, out);
        }
        out.append(token.text).append(1, ' ');
        operand = call || isAggregation(token);
        return i + 1;
    }

    [[nodiscard]] static bool isComparison(const Token& token)
    {
        constexpr std::string_view kOperators[] = {"==", "!=", ">", "<", ">=", "<="};
        return token.kind == TokenKind::Symbol &&
               std::find(std::begin(kOperators), std::end(kOperators), token.text) !=
                   std::end(kOperators);
    }
    [[nodiscard]] static bool isKeywordNow(const Token& token)
    {
        constexpr std::string_view kNames[] = {"bool",       "on",          "ignoring",
                                               "group_left", "group_right", "atan2"};
        return isOneOf(token, kNames);
    }
    std::size_t keywordAsName(std::size_t i, std::size_t to, bool& operand, std::string& out)
    {
        note(fmt::format("{} is a keyword now: the metric is named by __name__", at(i).text));
        out += fmt::format("{{__name__={}", model::quote(std::string(at(i).text)));
        operand = false;
        if (i + 1 < to && isSymbol(at(i + 1), "{")) {
            const std::size_t end = std::min(closingBracket(tokens_, i + 1) + 1, to);
            out += ", " + verbatim(i + 2, end);
            return end;
        }
        out += "} ";
        return i + 1;
    }

    const std::vector<Token> tokens_;
    std::vector<std::string> notes_;
    std::string problem_;
    bool experimental_ = false;
};

} // namespace

absl::StatusOr<Rewritten> rewriteExpression(std::string_view text)
{
    NARTHEX_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(text));
    Rewriter rewriter(std::move(tokens));
    NARTHEX_ASSIGN_OR_RETURN(const std::string changed, rewriter.run());
    Rewritten result;
    NARTHEX_ASSIGN_OR_RETURN(
        result.expression,
        promql::parse(changed, {.experimentalFunctions = rewriter.experimental()}));
    result.notes = rewriter.takeNotes();
    return result;
}

} // namespace narthex::rules::v1
