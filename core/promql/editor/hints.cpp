// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/hints.h"

#include "core/promql/editor/lint_internal.h"
#include "core/promql/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace narthex::promql::editor {
namespace {

/// More lines than anyone can tell apart.
constexpr std::size_t kManyLines = 20;
/// A graph of more is not drawn.
constexpr std::size_t kTooManySeries = 10'000;

std::size_t seriesOf(const Value& value)
{
    if (const auto* vector = std::get_if<Vector>(&value)) {
        return vector->size();
    }
    if (const auto* matrix = std::get_if<Matrix>(&value)) {
        return matrix->size();
    }
    return 1;
}

class HintMaker
{
public:
    HintMaker(std::string_view text, const Expr& expr, const Result& result,
              const HintOptions& options)
        : text_(text),
          expr_(expr),
          result_(result),
          options_(options),
          series_(seriesOf(result.value))
    {}

    std::vector<Finding> run()
    {
        fromLint();
        if (series_ == 0 && options_.data != nullptr) {
            for (Finding& finding :
                 lintWithData(text_, {.features = options_.features}, *options_.data)) {
                if (finding.id == "missing-series") {
                    finding.id = "empty-result";
                    out_.push_back(std::move(finding));
                }
            }
        }
        rawBuckets();
        rateWithoutSum();
        clashes();
        if (options_.isGraph && series_ > kTooManySeries) {
            add("too-many-series", Severity::Warning,
                fmt::format("{} series are too many for a graph: aggregate, or see the table",
                            series_));
        }
        recorded();
        repeatedParts();
        return std::move(out_);
    }

private:
    Finding& add(std::string_view id, Severity severity, std::string message)
    {
        out_.push_back({.id = std::string(id),
                        .severity = severity,
                        .range = expr_.range,
                        .message = std::move(message)});
        return out_.back();
    }
    void fix(Finding& finding, std::string title, std::string query) const
    {
        finding.fixes.push_back({std::move(title), {replacement(expr_.range, std::move(query))}});
    }
    [[nodiscard]] std::string source(SourceRange range) const
    {
        return std::string(text_.substr(range.begin, range.end - range.begin));
    }

    /// What the tree alone says and is worth repeating beside the result.
    void fromLint()
    {
        for (Finding& finding : lint(text_, {.features = options_.features}, options_.facts)) {
            if (finding.id == "counter-without-rate" || finding.id == "sum-before-rate") {
                out_.push_back(std::move(finding));
            }
        }
    }

    void rawBuckets()
    {
        const VectorSelector* selector = unwrapParens(expr_).as<VectorSelector>();
        if (selector == nullptr || !metricOf(*selector).ends_with("_bucket")) {
            return;
        }
        Finding& finding = add("raw-buckets", Severity::Hint,
                               "these are buckets of a histogram: a quantile or a heat map tells "
                               "more");
        const LexResult lexed = lex(text_, LexMode::Tolerant);
        const SourceRange range = unwrapParens(expr_).range;
        const std::uint32_t core = selectorText(text_, lexed.tokens, range).coreEnd;
        const std::string rate =
            fmt::format("rate({}[5m]{})", source({range.begin, core}), source({core, range.end}));
        fix(finding, "Show the 0.9 quantile",
            fmt::format("histogram_quantile(0.9, sum by (le) ({}))", rate));
        fix(finding, "Show as heat map", fmt::format("sum by (le) ({})", rate));
    }

    void rateWithoutSum()
    {
        const auto* call = unwrapParens(expr_).as<Call>();
        if (call == nullptr || series_ <= kManyLines ||
            (call->function->name != "rate" && call->function->name != "increase")) {
            return;
        }
        Finding& finding =
            add("rate-without-sum", Severity::Hint,
                fmt::format("{} series: a sum by one label is easier to read", series_));
        const std::string label = groupingLabel();
        fix(finding, label.empty() ? "Sum" : fmt::format("Sum by {}", label),
            label.empty() ? fmt::format("sum({})", source(expr_.range))
                          : fmt::format("sum by ({}) ({})", label, source(expr_.range)));
    }

    /// The label with the fewest values above one.
    [[nodiscard]] std::string groupingLabel() const
    {
        if (result_.nodes.empty()) {
            return {};
        }
        const auto& labels = result_.nodes.front().labels;
        for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
            if (label->distinct > 1 && label->distinct <= kManyLines &&
                model::isLegacyLabelName(label->name)) {
                return label->name;
            }
        }
        return {};
    }

    /// A target's own label that lost against one of the scrape.
    void clashes()
    {
        const auto clashing = [](const model::Labels& labels) -> std::string {
            for (const model::LabelView label : labels) {
                if (label.name.starts_with("exported_") && labels.has(label.name.substr(9))) {
                    return std::string(label.name);
                }
            }
            return {};
        };
        std::string found;
        if (const auto* vector = std::get_if<Vector>(&result_.value); vector && !vector->empty()) {
            found = clashing(vector->front().labels);
        } else if (const auto* matrix = std::get_if<Matrix>(&result_.value);
                   matrix != nullptr && !matrix->empty()) {
            found = clashing(matrix->front().labels);
        }
        if (!found.empty()) {
            add("label-clash", Severity::Hint,
                fmt::format("the target has a label {} of its own: the scrape renamed it to {}",
                            found.substr(9), found));
        }
    }

    void recorded()
    {
        const std::string canonical = print(unwrapParens(expr_));
        for (const RecordedSeries& rule : options_.recorded) {
            const ParseOutcome parsed = parseAll(rule.expression, options_.features);
            if (parsed.expr && print(unwrapParens(*parsed.expr)) == canonical) {
                Finding& finding = add("recorded", Severity::Hint,
                                       fmt::format("{} records this already", rule.name));
                fix(finding, fmt::format("Use {}", rule.name), rule.name);
            }
        }
    }

    void repeatedParts()
    {
        constexpr double kSlowSeconds = 1;
        if (result_.statistics.evalTotalTime.seconds() < kSlowSeconds) {
            return;
        }
        std::map<std::string, std::size_t> counts;
        walk(expr_, [&counts](const Expr& node, const Path&) {
            if (node.as<Aggregation>() != nullptr || node.as<Call>() != nullptr) {
                ++counts[print(node)];
            }
        });
        const auto longest =
            std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
                return (a.second > 1 ? a.first.size() : 0) < (b.second > 1 ? b.first.size() : 0);
            });
        if (longest != counts.end() && longest->second > 1) {
            add("record-part", Severity::Hint,
                fmt::format("{} is evaluated {} times: a recording rule for it makes this faster",
                            longest->first, longest->second));
        }
    }

    const std::string_view text_;
    const Expr& expr_;
    const Result& result_;
    const HintOptions& options_;
    const std::size_t series_;
    std::vector<Finding> out_;
};

} // namespace

std::vector<Finding> hintsAfterRunning(std::string_view text, const Result& result,
                                       const HintOptions& options)
{
    const ParseOutcome parsed = parseAll(text, options.features);
    if (!parsed.expr) {
        return {};
    }
    return HintMaker(text, *parsed.expr, result, options).run();
}

} // namespace narthex::promql::editor
