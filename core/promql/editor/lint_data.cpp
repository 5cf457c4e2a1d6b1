// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Advice that needs the data: what selects nothing, what cannot match, what is too short or too
// big. Source: spec/promql-editor.md, Lint.
#include "core/promql/editor/lint_internal.h"
#include "core/promql/editor/matching.h"
#include "core/promql/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace narthex::promql::editor {
namespace {

/// Letters to change, add or take away; stops counting at `limit`.
std::size_t editDistance(std::string_view a, std::string_view b, std::size_t limit)
{
    if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) {
        return limit;
    }
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t change = diagonal + (a[i] == b[j] ? 0U : 1U);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
        }
    }
    return std::min(row[b.size()], limit);
}

/// The metric that was probably meant; empty if none is close.
std::string nearestName(std::string_view name, std::span<const std::string> names)
{
    for (const std::string_view suffix : {"_total", "_bucket", "_count", "_seconds", "_bytes"}) {
        const std::string longer = std::string(name) + std::string(suffix);
        if (std::binary_search(names.begin(), names.end(), longer)) {
            return longer;
        }
        if (name.ends_with(suffix)) {
            const std::string shorter(name.substr(0, name.size() - suffix.size()));
            if (std::binary_search(names.begin(), names.end(), shorter)) {
                return shorter;
            }
        }
    }
    std::string best;
    std::size_t fewest = std::max<std::size_t>(2, name.size() / 4) + 1;
    for (const std::string& candidate : names) {
        const std::size_t distance = editDistance(name, candidate, fewest);
        if (distance < fewest) {
            fewest = distance;
            best = candidate;
        }
    }
    return best;
}

/// `a|b|c` of plain words; empty for anything else.
std::vector<std::string> alternativesOf(std::string_view regex)
{
    std::vector<std::string> words(1);
    for (const char c : regex) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/' || c == ' ';
        if (c == '|') {
            words.emplace_back();
        } else if (plain) {
            words.back() += c;
        } else {
            return {};
        }
    }
    return words.size() > 1 ? words : std::vector<std::string>();
}

class DataChecks
{
public:
    DataChecks(const LintedText& text, const LintOptions& options, const LintData& data)
        : text_(text), options_(options), data_(data)
    {}

    std::vector<Finding> run()
    {
        walk(*text_.expr, [this](const Expr& expr, const Path& path) {
            if (selectorOf(expr) != nullptr) {
                // The second argument of info() selects by itself what nobody sees.
                const auto* call = path.empty() ? nullptr : path.back()->as<Call>();
                if (call == nullptr || call->function->name != "info" ||
                    call->args[0].get() == &expr) {
                    checkSelector(expr);
                }
            } else if (const auto* binary = expr.as<Binary>()) {
                checkBinary(expr, *binary);
            }
        });
        checkSize();
        return std::move(out_);
    }

private:
    Finding& add(std::string_view id, Severity severity, SourceRange range, std::string message)
    {
        out_.push_back({.id = std::string(id),
                        .severity = severity,
                        .range = range,
                        .message = std::move(message)});
        return out_.back();
    }

    /// The only number of a query; 0 when there is none.
    [[nodiscard]] double number(const std::string& query) const
    {
        const auto result = data_.evaluate(query);
        return result && result->size() == 1 ? result->front().value : 0;
    }

    [[nodiscard]] std::string core(const Expr& expr) const
    {
        return text_.source({expr.range.begin, text_.selector(expr).coreEnd});
    }

    void checkSelector(const Expr& expr)
    {
        const std::string selector = core(expr);
        const double series = number(fmt::format("count({})", selector));
        if (series == 0) {
            return explainEmpty(expr);
        }
        checkTimes(expr, selector, series);
        const SelectorText parts = text_.selector(expr);
        for (std::size_t i = 0; i < parts.matchers.size(); ++i) {
            checkRegex(expr, parts, i);
        }
    }

    /// The selector's text without one of its matchers.
    [[nodiscard]] std::string without(const Expr& expr, const MatcherText& matcher) const
    {
        std::string selector = core(expr);
        const SourceRange removed = withComma(text_.text, matcher.whole());
        selector.erase(removed.begin - expr.range.begin, removed.end - removed.begin);
        return selector;
    }

    void explainEmpty(const Expr& expr)
    {
        const SelectorText parts = text_.selector(expr);
        const std::string name = metricOf(*selectorOf(expr));
        const auto names = data_.metricNames();
        if (!name.empty() && parts.name && !std::binary_search(names.begin(), names.end(), name)) {
            Finding& finding = add("missing-series", Severity::Warning, *parts.name,
                                   fmt::format("there is no metric {}", model::quote(name)));
            const std::string nearest = nearestName(name, names);
            if (!nearest.empty()) {
                const bool quoted =
                    text_.text[parts.name->begin] == '"' || text_.text[parts.name->begin] == '\'';
                finding.message += fmt::format("; there is {}", model::quote(nearest));
                finding.fixes.push_back(
                    {fmt::format("Use {}", nearest),
                     {replacement(*parts.name, quoted ? model::quote(nearest) : nearest)}});
            }
            return;
        }
        for (const MatcherText& matcher : parts.matchers) {
            const std::string rest = without(expr, matcher);
            if (parse(rest, options_.features).ok() && number(fmt::format("count({})", rest)) > 0) {
                Finding& finding = add("missing-series", Severity::Warning, matcher.whole(),
                                       fmt::format("nothing matches {}; without it there are "
                                                   "series",
                                                   text_.source(matcher.whole())));
                finding.fixes.push_back(
                    {"Remove the matcher",
                     {replacement(withComma(text_.text, matcher.whole()), "")}});
                return;
            }
        }
        add("missing-series", Severity::Warning, expr.range, "nothing matches this selector");
    }

    void checkTimes(const Expr& expr, const std::string& selector, double series)
    {
        const auto interval = data_.scrapeInterval(selector);
        if (!interval || interval->ns <= 0) {
            return;
        }
        const auto* matrix = expr.as<MatrixSelector>();
        if (matrix != nullptr && !matrix->range.expr) {
            const base::Duration range = matrix->range.literal;
            samples_ += series * static_cast<double>(range.ns) / static_cast<double>(interval->ns);
            if (range.ns < 2 * interval->ns) {
                const std::string wanted = printDuration(base::Duration{interval->ns * 4});
                Finding& finding =
                    add("range-too-short", Severity::Warning, expr.range,
                        fmt::format("{} is shorter than two scrapes of {}: most windows have too "
                                    "few samples, four scrapes ({}) are safe",
                                    printDuration(range), printDuration(*interval), wanted));
                const std::size_t open = text_.text.find('[', text_.selector(expr).coreEnd);
                const std::size_t close = text_.text.find(']', open);
                if (close != std::string_view::npos) {
                    finding.fixes.push_back({fmt::format("Use [{}]", wanted),
                                             {{static_cast<std::uint32_t>(open + 1),
                                               static_cast<std::uint32_t>(close), wanted}}});
                }
            }
            return;
        }
        samples_ += series;
        const base::Duration lookback = options_.lookback.value_or(base::Duration::fromMs(300'000));
        if (matrix == nullptr && *interval >= lookback) {
            add("lookback", Severity::Hint, expr.range,
                fmt::format("scraped every {}, but instants look back {} only: there will be gaps",
                            printDuration(*interval), printDuration(lookback)));
        }
    }

    void checkRegex(const Expr& expr, const SelectorText& parts, std::size_t index)
    {
        const MatcherText& matcher = parts.matchers[index];
        if (matcher.kind != TokenKind::RegexEqual) {
            return;
        }
        constexpr double kBigLabel = 1000;
        if (matcher.text.starts_with(".*") && matcher.text.size() > 2) {
            const double values = number(
                fmt::format("count(count by ({}) ({}))", matcher.name, without(expr, matcher)));
            if (values >= kBigLabel) {
                add("regex-cost", Severity::Hint, matcher.value,
                    fmt::format("an expression that begins with .* is tried on all {} values of {}",
                                values, matcher.name));
            }
        }
        const auto alternatives = alternativesOf(matcher.text);
        if (alternatives.empty()) {
            return;
        }
        const auto present =
            data_.evaluate(fmt::format("count by ({}) ({})", matcher.name, core(expr)));
        if (!present) {
            return;
        }
        for (const std::string& word : alternatives) {
            const bool found = std::any_of(present->begin(), present->end(), [&](const auto& row) {
                return row.labels.get(matcher.name) == word;
            });
            if (!found) {
                add("regex-alternatives", Severity::Hint, matcher.value,
                    fmt::format("the alternative {} matches nothing", model::quote(word)));
            }
        }
    }

    void checkBinary(const Expr& expr, const Binary& node)
    {
        if (node.rhs->type != ValueType::Vector) {
            return;
        }
        const std::string right = text_.source(node.rhs->range);
        if (node.op == TokenKind::Div && number(fmt::format("count(({}) == 0)", right)) > 0) {
            add("division-by-zero", Severity::Hint, node.rhs->range,
                "this is 0 in places: the quotient is then infinite or NaN");
        }
        if (node.lhs->type == ValueType::Vector) {
            checkMatching(expr, node);
        }
    }

    void checkMatching(const Expr& expr, const Binary& node)
    {
        const auto left = data_.evaluate(text_.source(node.lhs->range));
        const auto right = data_.evaluate(text_.source(node.rhs->range));
        if (!left || !right) {
            return;
        }
        const MatchExplanation explanation = explainMatching(expr, *left, *right);
        const SourceRange op{node.opRange.begin, node.opRange.end + 1};
        if (explanation.errors > 0) {
            const MatchGroup& group = explanation.groups.front();
            Finding& finding =
                add("many-to-one", Severity::Error, op,
                    fmt::format("the rows with {} do not match: {}",
                                group.labels.empty() ? "the same labels" : group.labels.toString(),
                                group.error));
            for (const MatchFix& fix : explanation.fixes) {
                finding.fixes.push_back({fix.title, {replacement(expr.range, fix.query)}});
            }
        }
        if (node.op == TokenKind::Or && !right->empty() && explanation.rightOnly == 0) {
            add("or-shadow", Severity::Hint, node.rhs->range,
                "every row of the right side has a partner on the left: it adds nothing");
        }
    }

    void checkSize()
    {
        const double total =
            samples_ * static_cast<double>(std::max<std::size_t>(1, options_.steps));
        if (total > static_cast<double>(options_.maxSamples) / 10) {
            add("big-query", Severity::Warning, text_.expr->range,
                fmt::format("this reads about {:.0f} samples; the limit is {}", total,
                            options_.maxSamples));
        }
    }

    const LintedText& text_;
    const LintOptions& options_;
    const LintData& data_;
    std::vector<Finding> out_;
    double samples_ = 0;
};

} // namespace

std::vector<Finding> lintWithData(std::string_view text, const LintOptions& options,
                                  const LintData& data)
{
    const ParseOutcome outcome = parseAll(text, options.features);
    if (!outcome.expr) {
        return {};
    }
    const LexResult lexed = lex(text, LexMode::Tolerant);
    std::vector<Finding> findings =
        DataChecks({text, lexed, outcome.expr.get()}, options, data).run();
    std::erase_if(findings,
                  [&](const Finding& finding) { return options.disabled.contains(finding.id); });
    return findings;
}

} // namespace narthex::promql::editor
