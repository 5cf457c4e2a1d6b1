// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/hover.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/editor.h"
#include "core/promql/editor/language_docs.h"
#include "core/promql/editor/lint_internal.h"
#include "core/promql/editor/matching.h"
#include "core/promql/printer.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace narthex::promql::editor {
namespace {

/// As many as a small window shows.
constexpr std::size_t kShownValues = 10;

class HoverMaker
{
public:
    HoverMaker(std::string_view text, std::size_t offset, const HoverOptions& options)
        : text_(text),
          offset_(offset),
          options_(options),
          lexed_(lex(text, LexMode::Tolerant)),
          expr_(parseAll(text, options.features).expr)
    {}

    std::optional<Hover> run()
    {
        for (const ColouredSpan& span : highlight(text_)) {
            if (span.begin <= offset_ && offset_ < span.end) {
                hover_.range = {span.begin, span.end};
                describe(span.kind);
                break;
            }
        }
        return hover_.lines.empty() ? std::nullopt : std::optional(std::move(hover_));
    }

private:
    [[nodiscard]] std::string word() const
    {
        return std::string(text_.substr(hover_.range.begin, hover_.range.end - hover_.range.begin));
    }
    void say(std::string line) { hover_.lines.push_back(std::move(line)); }

    void describe(TokenClass kind)
    {
        switch (kind) {
        case TokenClass::MetricName:
            return metric();
        case TokenClass::LabelName:
            return label();
        case TokenClass::String:
            return matcherValue();
        case TokenClass::Number:
            return number();
        case TokenClass::Duration:
            return duration();
        case TokenClass::Function:
        case TokenClass::Aggregation:
            return function();
        case TokenClass::ContextWord:
            return contextWord();
        case TokenClass::Modifier:
        case TokenClass::Operator:
        case TokenClass::SetOperator:
            return languageWord();
        case TokenClass::Comment:
        case TokenClass::Bracket:
        case TokenClass::Punctuation:
        case TokenClass::Error:
            return;
        }
    }

    void function()
    {
        const std::string help = functionHelp(word());
        for (std::size_t begin = 0; begin < help.size();) {
            const std::size_t end = std::min(help.find('\n', begin), help.size());
            say(help.substr(begin, end - begin));
            begin = end + 1;
        }
        if (help.empty()) {
            say(fmt::format("unknown function {}", word()));
        }
    }

    void contextWord()
    {
        if (word() == "@") {
            return languageWord();
        }
        if (const WordDoc* doc = findWordDoc(word(), WordKind::DurationFunction)) {
            return sayWord(*doc);
        }
        if (const WordDoc* doc = findWordDoc(word(), WordKind::AtArgument)) {
            return sayWord(*doc);
        }
        function();
    }

    void sayWord(const WordDoc& doc)
    {
        say(fmt::format("{}: {}", doc.word, doc.detail));
        say(std::string(doc.text));
        say(fmt::format("Example: {}", doc.example));
    }

    void languageWord()
    {
        const std::optional<TokenKind> keyword = keywordOf(word());
        const std::string name = keyword ? std::string(tokenText(*keyword)) : word();
        const bool inSelector = selectorAround() != nullptr;
        for (const WordKind kind :
             inSelector ? std::vector{WordKind::MatchOperator, WordKind::TimeModifier,
                                      WordKind::DurationOperator}
                        : std::vector{WordKind::Operator, WordKind::SetOperator,
                                      WordKind::GroupingModifier, WordKind::MatchingModifier,
                                      WordKind::TimeModifier}) {
            if (const WordDoc* doc = findWordDoc(name, kind)) {
                sayWord(*doc);
                break;
            }
        }
        summariseMatching();
    }

    /// The innermost node that satisfies `wanted` and has the pointer inside.
    template <typename Wanted>
    const Expr* innermost(Wanted wanted) const
    {
        const Expr* found = nullptr;
        if (expr_) {
            walk(*expr_, [&](const Expr& node, const Path&) {
                const bool around =
                    node.range.begin <= hover_.range.begin && hover_.range.end <= node.range.end;
                found = around && wanted(node) ? &node : found;
            });
        }
        return found;
    }
    const Expr* selectorAround() const
    {
        return innermost(
            [](const Expr& node) { return promql::editor::selectorOf(node) != nullptr; });
    }

    void summariseMatching()
    {
        const Expr* node = innermost([this](const Expr& candidate) {
            const auto* binary = candidate.as<Binary>();
            return binary != nullptr && binary->opRange.begin == hover_.range.begin;
        });
        if (node == nullptr || options_.data == nullptr) {
            return;
        }
        const auto& binary = *node->as<Binary>();
        if (binary.lhs->type != ValueType::Vector || binary.rhs->type != ValueType::Vector) {
            return;
        }
        const auto left = options_.data->evaluate(source(binary.lhs->range));
        const auto right = options_.data->evaluate(source(binary.rhs->range));
        if (left && right) {
            const MatchExplanation shown = explainMatching(*node, *left, *right);
            say(fmt::format("{} groups matched, {} on the left only, {} on the right only{}",
                            shown.matched, shown.leftOnly, shown.rightOnly,
                            shown.errors > 0 ? fmt::format(", {} with an error", shown.errors)
                                             : std::string()));
        }
    }

    [[nodiscard]] std::string source(SourceRange range) const
    {
        return std::string(text_.substr(range.begin, range.end - range.begin));
    }

    /// The selector's text without range, offset and @.
    [[nodiscard]] std::string coreOf(const Expr& node) const
    {
        return source({node.range.begin, selectorText(text_, lexed_.tokens, node.range).coreEnd});
    }

    void metric()
    {
        std::string name = word();
        if (name.starts_with('"') || name.starts_with('\'') || name.starts_with('`')) {
            name = unquoteString(name).value_or(name);
        }
        say(name);
        if (options_.facts != nullptr) {
            if (const auto metadata = options_.facts->metadata(name)) {
                std::string line(model::metricTypeText(metadata->type));
                line += metadata->unit.empty() ? "" : ", " + metadata->unit;
                say(std::move(line));
                if (!metadata->help.empty()) {
                    say(metadata->help);
                }
            }
        }
        const Expr* node = selectorAround();
        if (node == nullptr || options_.data == nullptr) {
            return;
        }
        const auto rows = options_.data->evaluate(coreOf(*node));
        if (!rows || rows->empty()) {
            return say("no series at this time");
        }
        say(fmt::format("{} series", rows->size()));
        const VectorElement& first = rows->front();
        say(fmt::format("for example {} {}", first.labels.toString(),
                        first.histogram ? std::string("(histogram)")
                                        : base::formatFloat(first.value)));
    }

    void label()
    {
        say(fmt::format("label {}", word()));
        const Expr* node = selectorAround();
        if (options_.data == nullptr) {
            return;
        }
        // In a grouping list: over whatever the aggregation reads.
        std::string inner = node != nullptr ? coreOf(*node) : std::string();
        if (node == nullptr) {
            const Expr* aggregation = innermost(
                [](const Expr& candidate) { return candidate.as<Aggregation>() != nullptr; });
            if (aggregation == nullptr) {
                return;
            }
            inner = source(aggregation->as<Aggregation>()->expr->range);
        } else if (const std::string metric = metricOf(*promql::editor::selectorOf(*node));
                   !metric.empty()) {
            inner = "{" + model::quote(metric) + "}"; // all its values, not only the chosen ones
        }
        const auto rows =
            options_.data->evaluate(fmt::format("sort_desc(count by ({}) ({}))", word(), inner));
        if (!rows) {
            return;
        }
        say(fmt::format("{} values", rows->size()));
        for (std::size_t i = 0; i < std::min<std::size_t>(5, rows->size()); ++i) {
            const std::string value(unquoted((*rows)[i]));
            say(fmt::format("{}: {} series", value.empty() ? "(none)" : value, (*rows)[i].value));
        }
    }

    [[nodiscard]] std::string_view unquoted(const VectorElement& element) const
    {
        return element.labels.empty() ? std::string_view() : (*element.labels.begin()).value;
    }

    void matcherValue()
    {
        const Expr* node = selectorAround();
        if (node == nullptr) {
            return;
        }
        const SelectorText selector = selectorText(text_, lexed_.tokens, node->range);
        for (const MatcherText& matcher : selector.matchers) {
            if (matcher.value == hover_.range) {
                return describeMatcher(*node, matcher);
            }
        }
    }

    void describeMatcher(const Expr& node, const MatcherText& matcher)
    {
        const WordDoc* doc = findWordDoc(tokenText(matcher.kind), WordKind::MatchOperator);
        say(fmt::format("{} {} {}", matcher.name, doc != nullptr ? doc->detail : "=",
                        model::quote(matcher.text)));
        const bool regex =
            matcher.kind == TokenKind::RegexEqual || matcher.kind == TokenKind::RegexNotEqual;
        if (!regex || options_.data == nullptr) {
            return;
        }
        const std::string metric = metricOf(*promql::editor::selectorOf(node));
        const auto rows = options_.data->evaluate(
            fmt::format("count by ({}) ({})", matcher.name,
                        metric.empty() ? coreOf(node) : "{" + model::quote(metric) + "}"));
        const re2::RE2 expression("^(?s:" + matcher.text + ")$", re2::RE2::Quiet);
        if (!rows || !expression.ok()) {
            return;
        }
        std::vector<std::string> matched;
        std::vector<std::string> others;
        for (const VectorElement& row : *rows) {
            const std::string value(unquoted(row));
            auto& list = re2::RE2::FullMatch(value, expression) ? matched : others;
            list.push_back(value.empty() ? "(none)" : value);
        }
        sayList("matches", matched);
        sayList("does not match", others);
    }

    void sayList(std::string_view what, std::vector<std::string> values)
    {
        std::sort(values.begin(), values.end());
        const std::size_t count = values.size();
        values.resize(std::min(count, kShownValues));
        say(fmt::format("{} {}: {}{}", what, count, fmt::join(values, ", "),
                        count > kShownValues ? ", …" : ""));
    }

    void duration()
    {
        const auto parsed = base::parseDuration(word());
        if (!parsed.ok()) {
            return number(); // a plain number in brackets
        }
        const base::Duration value = *parsed;
        say(fmt::format("{} = {} seconds", word(), base::formatFloatPlain(value.seconds())));
        const Expr* node = selectorAround();
        const auto* matrix = node == nullptr ? nullptr : node->as<MatrixSelector>();
        if (matrix == nullptr || matrix->range.expr || matrix->selector.offset.expr) {
            return;
        }
        const base::Timestamp end =
            (matrix->selector.at.kind == At::Kind::Time ? matrix->selector.at.time
                                                        : options_.time) -
            matrix->selector.offset.literal;
        say(fmt::format("from {} (not included) to {}",
                        base::formatTimestamp(end - matrix->range.literal),
                        base::formatTimestamp(end)));
    }

    void number()
    {
        const auto parsed = parseNumberToken(word());
        if (!parsed.ok()) {
            return;
        }
        const double value = *parsed;
        if (isTimeOfAt()) {
            say(fmt::format("@ {}", word()));
            const double ms = std::round(value * 1000);
            constexpr double kFarthest = 8.0e15; // beyond it the calendar ends
            if (std::abs(ms) < kFarthest) {
                say(base::formatTimestamp({static_cast<std::int64_t>(ms)}));
            }
            return;
        }
        say(base::formatFloatPlain(value));
        if (value != std::floor(value) || std::abs(value) >= 1e6) {
            say(base::formatFloatG(value));
        }
        const std::string metric = neighbourMetric();
        if (metric.find("_bytes") != std::string::npos) {
            say(humanBytes(value));
        } else if (metric.find("_seconds") != std::string::npos && std::abs(value) < 9e9) {
            say(printDuration(base::Duration{static_cast<std::int64_t>(value * 1e9)}));
        }
    }

    [[nodiscard]] bool isTimeOfAt() const
    {
        TokenKind before = TokenKind::EndOfInput;
        for (const Token& token : lexed_.tokens) {
            if (token.begin >= hover_.range.begin) {
                break;
            }
            const bool sign = token.kind == TokenKind::Sub || token.kind == TokenKind::Add;
            before = sign && before == TokenKind::At ? before : token.kind;
        }
        return before == TokenKind::At;
    }

    /// A metric that the number is compared with.
    [[nodiscard]] std::string neighbourMetric() const
    {
        const Expr* node =
            innermost([](const Expr& candidate) { return candidate.as<Binary>() != nullptr; });
        std::string name;
        if (node != nullptr) {
            walk(*node, [&name](const Expr& part, const Path&) {
                const VectorSelector* selector = promql::editor::selectorOf(part);
                if (selector != nullptr && name.empty()) {
                    name = metricOf(*selector);
                }
            });
        }
        return name;
    }

    const std::string_view text_;
    const std::size_t offset_;
    const HoverOptions& options_;
    const LexResult lexed_;
    const ExprPtr expr_;
    Hover hover_;
};

} // namespace

std::optional<Hover> hoverAt(std::string_view text, std::size_t offset, const HoverOptions& options)
{
    return HoverMaker(text, offset, options).run();
}

std::string humanBytes(double bytes)
{
    constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    while (std::abs(bytes) >= 1024 && unit + 1 < kUnits.size()) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{:.4g} {}", bytes, kUnits[unit]);
}

} // namespace narthex::promql::editor
