// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Advice that the tree alone gives: functions against types of metrics, histograms, matchers.
// Source: spec/promql-editor.md, Lint.
#include "core/base/number.h"
#include "core/promql/editor/label_flow.h"
#include "core/promql/editor/lint_internal.h"
#include "core/promql/printer.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql::editor {
namespace {

bool isOneOf(std::string_view name, std::initializer_list<std::string_view> names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool endsLikeCounter(std::string_view name)
{
    return name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum") ||
           name.ends_with("_bucket");
}

class TreeChecks
{
public:
    TreeChecks(const LintedText& text, const LintOptions& options, const LintFacts* facts,
               std::vector<Finding>& out)
        : text_(text), options_(options), facts_(facts), out_(out)
    {}

    void run()
    {
        walk(*text_.expr, [this](const Expr& expr, const Path& path) { visit(expr, path); });
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
    Finding& warn(std::string_view id, SourceRange range, std::string message)
    {
        return add(id, Severity::Warning, range, std::move(message));
    }
    Finding& hint(std::string_view id, SourceRange range, std::string message)
    {
        return add(id, Severity::Hint, range, std::move(message));
    }

    void visit(const Expr& expr, const Path& path)
    {
        if (const auto* call = expr.as<Call>()) {
            checkCall(expr, *call);
        } else if (const auto* aggregation = expr.as<Aggregation>()) {
            checkAggregation(expr, *aggregation);
        } else if (const auto* binary = expr.as<Binary>()) {
            checkBinary(expr, *binary);
        } else if (const auto* subquery = expr.as<Subquery>()) {
            checkSubquery(expr, *subquery);
        }
        if (const VectorSelector* selector = selectorOf(expr)) {
            checkMatchers(expr);
            if (expr.as<VectorSelector>() != nullptr) {
                checkRawCounter(expr, *selector, path);
            } else {
                checkRange(expr, *expr.as<MatrixSelector>());
            }
        }
    }

    // Types of metrics.
    [[nodiscard]] model::MetricType typeOf(std::string_view metric) const
    {
        if (facts_ == nullptr || metric.empty()) {
            return model::MetricType::Unknown;
        }
        if (const auto own = facts_->metadata(metric)) {
            return own->type;
        }
        for (const std::string_view suffix : {"_count", "_sum", "_bucket"}) {
            if (metric.ends_with(suffix) &&
                facts_->metadata(metric.substr(0, metric.size() - suffix.size()))) {
                return model::MetricType::Counter;
            }
        }
        return model::MetricType::Unknown;
    }
    [[nodiscard]] bool isCounter(std::string_view metric) const
    {
        const model::MetricType type = typeOf(metric);
        return type == model::MetricType::Counter ||
               (type == model::MetricType::Unknown && metric.ends_with("_total"));
    }
    [[nodiscard]] bool looksLikeGauge(std::string_view metric) const
    {
        const model::MetricType type = typeOf(metric);
        return type == model::MetricType::Gauge ||
               (type == model::MetricType::Unknown && !metric.empty() && !endsLikeCounter(metric));
    }

    // Calls.
    void checkCall(const Expr& expr, const Call& call)
    {
        const std::string_view name = call.function->name;
        if (facts_ != nullptr && !facts_->knowsFunction(name)) {
            warn("unknown-to-server", nameRange(expr, name),
                 fmt::format("the server does not know {}(): it is older than the function", name));
        }
        if (options_.step &&
            isOneOf(name, {"sort", "sort_desc", "sort_by_label", "sort_by_label_desc"})) {
            warn("sort-in-range", nameRange(expr, name),
                 fmt::format("{}() has no effect in a graph: series are ordered by labels", name));
        }
        if (isOneOf(name, {"histogram_quantile", "quantile_over_time"})) {
            checkQuantile(*call.args[0]);
        }
        if (name == "histogram_quantile") {
            checkBuckets(*call.args[1]);
        }
        if (isOneOf(name, {"rate", "irate", "increase", "resets"})) {
            checkCounterFunction(expr, call);
        } else if (isOneOf(name, {"delta", "deriv", "predict_linear", "idelta"})) {
            checkGaugeFunction(expr, call);
        }
    }

    static SourceRange nameRange(const Expr& expr, std::string_view name)
    {
        return {expr.range.begin, expr.range.begin + static_cast<std::uint32_t>(name.size())};
    }

    void checkCounterFunction(const Expr& expr, const Call& call)
    {
        const std::string_view name = call.function->name;
        const Expr& argument = unwrapParens(*call.args[0]);
        if (const auto* selector = argument.as<MatrixSelector>()) {
            const std::string metric = metricOf(selector->selector);
            if (looksLikeGauge(metric)) {
                Finding& finding =
                    warn("rate-on-gauge", nameRange(expr, name),
                         fmt::format("{}() is for counters, and {} {}: use delta() or deriv()",
                                     name, metric,
                                     typeOf(metric) == model::MetricType::Gauge
                                         ? "is a gauge"
                                         : "does not look like one"));
                for (const char* other : {"deriv", "delta"}) {
                    finding.fixes.push_back({fmt::format("Use {}", other),
                                             {replacement(nameRange(expr, name), other)}});
                }
            }
            return;
        }
        const auto* subquery = argument.as<Subquery>();
        const auto* aggregation =
            subquery == nullptr ? nullptr : unwrapParens(*subquery->expr).as<Aggregation>();
        const VectorSelector* inner =
            aggregation == nullptr ? nullptr : selectorOf(unwrapParens(*aggregation->expr));
        if (inner != nullptr && isCounter(metricOf(*inner))) {
            warn("sum-before-rate", argument.range,
                 fmt::format("{}() of an aggregated counter takes every restart of one series for "
                             "a reset of all: take the {} of each series first, then aggregate",
                             name, name));
        }
    }

    void checkGaugeFunction(const Expr& expr, const Call& call)
    {
        const auto* selector = unwrapParens(*call.args[0]).as<MatrixSelector>();
        const std::string metric = selector == nullptr ? "" : metricOf(selector->selector);
        if (selector != nullptr && isCounter(metric)) {
            const std::string_view name = call.function->name;
            Finding& finding = warn("delta-on-counter", nameRange(expr, name),
                                    fmt::format("{}() is for gauges, and {} is a counter: a "
                                                "restart looks like a fall",
                                                name, metric));
            const std::string_view instead = name == "deriv" ? "rate" : "increase";
            if (name != "predict_linear") {
                finding.fixes.push_back(
                    {fmt::format("Use {}", instead),
                     {replacement(nameRange(expr, name), std::string(instead))}});
            }
        }
    }

    void checkQuantile(const Expr& argument)
    {
        const auto* literal = unwrapParens(argument).as<NumberLiteral>();
        if (literal == nullptr || (literal->value >= 0 && literal->value <= 1)) {
            return;
        }
        const double value = literal->value;
        Finding& finding = warn(
            "quantile-range", argument.range,
            fmt::format("a quantile is a number from 0 to 1, got {}", base::formatFloatG(value)));
        if (value > 1 && value <= 100) {
            const std::string share = base::formatFloatPlain(value / 100);
            finding.message += "; per cent are divided by 100";
            finding.fixes.push_back(
                {fmt::format("Write {}", share), {replacement(argument.range, share)}});
        }
    }

    /// Aggregations between histogram_quantile and its buckets must keep `le`.
    void checkBuckets(const Expr& argument)
    {
        const auto* aggregation = unwrapParens(argument).as<Aggregation>();
        if (aggregation == nullptr || !readsBuckets(*aggregation->expr)) {
            return;
        }
        const auto& labels = aggregation->grouping;
        const bool listed = std::find(labels.begin(), labels.end(), "le") != labels.end();
        if (listed != aggregation->without) {
            return;
        }
        const Expr& node = unwrapParens(argument);
        Finding& finding =
            warn("le-dropped", node.range,
                 "this aggregation drops the label le, which the buckets are told apart by");
        finding.fixes.push_back(fixLe(node, *aggregation));
    }

    Fix fixLe(const Expr& node, const Aggregation& aggregation) const
    {
        const auto& tokens = text_.lexed.tokens;
        const auto first =
            std::lower_bound(tokens.begin(), tokens.end(), node.range.begin,
                             [](const Token& token, std::uint32_t at) { return token.begin < at; });
        auto opener = first + 1;
        if (aggregation.grouping.empty() && !aggregation.without) {
            const bool tight = first->end < text_.text.size() && text_.text[first->end] == '(';
            return {"Add by (le)", {insertion(first->end, tight ? " by (le) " : " by (le)")}};
        }
        // The list stands before or behind the arguments.
        for (auto token = first; token != tokens.end() && token->begin < node.range.end; ++token) {
            if (token->kind == TokenKind::By || token->kind == TokenKind::Without) {
                opener = token + 1;
            }
        }
        if (aggregation.without) {
            for (auto token = opener; token != tokens.end(); ++token) {
                if (text_.source({token->begin, token->end}) == "le") {
                    const SourceRange label{token->begin, token->end};
                    return {"Remove le from the list",
                            {replacement(withComma(text_.text, label), "")}};
                }
            }
        }
        return {"Add le to the list", {insertion(opener->end, "le, ")}};
    }

    [[nodiscard]] static bool readsBuckets(const Expr& expr)
    {
        bool found = false;
        walk(expr, [&found](const Expr& node, const Path&) {
            const VectorSelector* selector = selectorOf(node);
            found = found || (selector != nullptr && metricOf(*selector).ends_with("_bucket"));
        });
        return found;
    }

    // Aggregations.
    void checkAggregation(const Expr& expr, const Aggregation& node)
    {
        const std::string_view name = tokenText(node.op);
        if (node.op == TokenKind::Quantile) {
            checkQuantile(*node.param);
        }
        if (options_.step && (node.op == TokenKind::TopK || node.op == TokenKind::BottomK)) {
            hint("topk-in-range", nameRange(expr, name),
                 fmt::format("in a graph {} chooses anew at every step: more than k series may "
                             "appear",
                             name));
        }
        if (node.op == TokenKind::Avg || node.op == TokenKind::Sum) {
            checkQuantilesInside(expr, node);
        }
        const LabelFlow below = labelsOf(*node.expr);
        if (!node.without) {
            for (const std::string& label : node.grouping) {
                noteMissing(below, label, labelRange(expr, label), "this grouping");
            }
        }
    }

    void checkQuantilesInside(const Expr& expr, const Aggregation& node)
    {
        const Expr& inner = unwrapParens(*node.expr);
        const auto* call = inner.as<Call>();
        bool quantiles = call != nullptr && call->function->name == "histogram_quantile";
        if (const VectorSelector* selector = selectorOf(inner)) {
            const bool summary = typeOf(metricOf(*selector)) == model::MetricType::Summary;
            const auto& matchers = selector->matchers;
            quantiles = summary || std::any_of(matchers.begin(), matchers.end(), [](const auto& m) {
                            return m.name() == "quantile";
                        });
        }
        if (quantiles) {
            const std::string_view name = tokenText(node.op);
            warn(node.op == TokenKind::Avg ? "avg-of-quantiles" : "sum-of-quantiles",
                 nameRange(expr, name),
                 fmt::format("{} of quantiles is no quantile: aggregate the buckets first, then "
                             "take the quantile",
                             name));
        }
    }

    /// The word of a label inside of a node; the node where it cannot be found.
    [[nodiscard]] SourceRange labelRange(const Expr& expr, std::string_view label) const
    {
        for (const Token& token : text_.lexed.tokens) {
            if (token.begin >= expr.range.begin && token.end <= expr.range.end &&
                token.kind != TokenKind::Comment &&
                text_.text.substr(token.begin, token.end - token.begin) == label) {
                return {token.begin, token.end};
            }
        }
        return expr.range;
    }

    void noteMissing(const LabelFlow& flow, std::string_view label, SourceRange range,
                     std::string_view user)
    {
        if (!flow.mayHave(label)) {
            warn("label-missing-after-agg", range,
                 fmt::format("{} uses the label {}, which an aggregation below has removed", user,
                             label));
        }
    }

    // Binary operators.
    void checkBinary(const Expr& expr, const Binary& node)
    {
        checkComparison(expr, node);
        const bool vectors =
            node.lhs->type == ValueType::Vector && node.rhs->type == ValueType::Vector;
        if (!vectors) {
            return;
        }
        if (node.matching.on) {
            checkOnLabels(expr, node);
        }
        if (node.op == TokenKind::Or && print(*node.lhs) == print(*node.rhs)) {
            hint("or-shadow", node.rhs->range, "the right side is the same as the left one");
        }
        if (node.op == TokenKind::Div) {
            checkOffsets(expr, node);
        }
    }

    void checkOnLabels(const Expr& expr, const Binary& node)
    {
        const LabelFlow left = labelsOf(*node.lhs);
        const LabelFlow right = labelsOf(*node.rhs);
        for (const std::string& label : node.matching.labels) {
            const SourceRange between{node.lhs->range.end, node.rhs->range.begin};
            Expr middle;
            middle.range = between;
            const SourceRange at = labelRange(middle, label);
            if (!left.mayHave(label) || !right.mayHave(label)) {
                noteMissing(left.mayHave(label) ? right : left, label,
                            at == between ? expr.range : at, "on");
            }
        }
    }

    void checkComparison(const Expr& expr, const Binary& node)
    {
        if (!isComparison(node.op)) {
            return;
        }
        for (const Expr* side : {node.lhs.get(), node.rhs.get()}) {
            const Expr& inner = unwrapParens(*side);
            const auto* binary = inner.as<Binary>();
            if (binary != nullptr && binary->returnBool) {
                hint("comparison-of-bool", inner.range,
                     "this is 1 or 0 already: compare without bool, or combine with and");
            }
            const auto* literal = inner.as<NumberLiteral>();
            if (literal != nullptr && std::isnan(literal->value) &&
                node.op == TokenKind::CompareEqual) {
                hint("nan-compare", expr.range,
                     "nothing equals NaN, not even itself: x != x finds NaN");
            }
        }
    }

    void checkOffsets(const Expr& expr, const Binary& node)
    {
        const VectorSelector* left = onlySelector(*node.lhs);
        const VectorSelector* right = onlySelector(*node.rhs);
        if (left == nullptr || right == nullptr || metricOf(*left) == metricOf(*right)) {
            return; // the same metric at two times is a comparison in time
        }
        if (left->offset.literal != right->offset.literal) {
            hint("offset-mismatch", expr.range, "the two sides of this ratio look at other times");
        }
    }

    static const VectorSelector* onlySelector(const Expr& expr)
    {
        const VectorSelector* found = nullptr;
        int count = 0;
        walk(expr, [&](const Expr& node, const Path&) {
            if (const VectorSelector* selector = selectorOf(node)) {
                found = selector;
                ++count;
            }
        });
        return count == 1 ? found : nullptr;
    }

    void checkSubquery(const Expr& expr, const Subquery& node)
    {
        if (node.step.expr && node.step.expr->kind == DurationExpr::Kind::Range) {
            warn("range-as-step", expr.range,
                 "range() as step of a subquery evaluates it once in the whole range");
        }
    }

    // Selectors.
    void checkRange(const Expr& expr, const MatrixSelector& node)
    {
        if (options_.step && !node.range.expr && node.range.literal < *options_.step) {
            hint("step-vs-range", expr.range,
                 fmt::format("the range {} is shorter than the step {} of the graph: samples "
                             "between are skipped",
                             printDuration(node.range.literal), printDuration(*options_.step)));
        }
    }

    void checkRawCounter(const Expr& expr, const VectorSelector& selector, const Path& path)
    {
        const std::string metric = metricOf(selector);
        if (!isCounter(metric) || metric.ends_with("_info")) {
            return;
        }
        for (const Expr* above : path) {
            const auto* call = above->as<Call>();
            const auto* aggregation = above->as<Aggregation>();
            const auto* binary = above->as<Binary>();
            const bool counts =
                (call != nullptr &&
                 isOneOf(call->function->name,
                         {"rate", "irate", "increase", "resets", "changes", "timestamp", "absent",
                          "count_over_time", "present_over_time", "absent_over_time",
                          "start_timestamp", "info"})) ||
                (aggregation != nullptr &&
                 (aggregation->op == TokenKind::Count || aggregation->op == TokenKind::Group)) ||
                (binary != nullptr && (isSetOperator(binary->op) || isComparison(binary->op))) ||
                above->as<Subquery>() != nullptr;
            if (counts) {
                return;
            }
        }
        const std::uint32_t core = text_.selector(expr).coreEnd;
        Finding& finding =
            hint("counter-without-rate", expr.range,
                 fmt::format("{} only grows: its rate says more than its value", metric));
        finding.fixes.push_back({"Wrap in rate(…[5m])",
                                 {insertion(expr.range.begin, "rate("), insertion(core, "[5m]"),
                                  insertion(expr.range.end, ")")}});
        if (core == expr.range.end) {
            finding.fixes.back().edits = {insertion(expr.range.begin, "rate("),
                                          insertion(core, "[5m])")};
        }
    }

    void checkMatchers(const Expr& expr)
    {
        const SelectorText selector = text_.selector(expr);
        for (const MatcherText& matcher : selector.matchers) {
            checkMatcher(selector, matcher);
        }
    }

    void checkMatcher(const SelectorText& selector, const MatcherText& matcher)
    {
        const bool regex =
            matcher.kind == TokenKind::RegexEqual || matcher.kind == TokenKind::RegexNotEqual;
        if (matcher.kind == TokenKind::NotEqual && matcher.text.empty()) {
            const bool exact = std::any_of(
                selector.matchers.begin(), selector.matchers.end(), [&](const MatcherText& other) {
                    return other.name == matcher.name && other.kind == TokenKind::Equal;
                });
            if (exact) {
                removable(matcher, "this matcher says nothing beside the exact one");
            }
        }
        if (!regex) {
            return;
        }
        if (matcher.kind == TokenKind::RegexEqual && matcher.text == ".*") {
            return removable(matcher, "this matches every series, with the label or without");
        }
        if (matcher.text.starts_with('^') || matcher.text.ends_with('$')) {
            hint("empty-matcher", matcher.value,
                 "expressions always match the whole value: ^ and $ are not needed");
            return;
        }
        if (!matcher.text.empty() && re2::RE2::QuoteMeta(matcher.text) == matcher.text) {
            const bool equal = matcher.kind == TokenKind::RegexEqual;
            Finding& finding = hint("empty-matcher", matcher.op,
                                    fmt::format("{} is no expression: compare with {}",
                                                model::quote(matcher.text), equal ? "=" : "!="));
            finding.fixes.push_back({fmt::format("Use {}", equal ? "=" : "!="),
                                     {replacement(matcher.op, equal ? "=" : "!=")}});
        }
    }

    void removable(const MatcherText& matcher, std::string message)
    {
        Finding& finding = hint("empty-matcher", matcher.whole(), std::move(message));
        finding.fixes.push_back(
            {"Remove the matcher", {replacement(withComma(text_.text, matcher.whole()), "")}});
    }

    const LintedText& text_;
    const LintOptions& options_;
    const LintFacts* facts_;
    std::vector<Finding>& out_;
};

} // namespace

void checkTree(const LintedText& text, const LintOptions& options, const LintFacts* facts,
               std::vector<Finding>& out)
{
    TreeChecks(text, options, facts, out).run();
}

} // namespace narthex::promql::editor
