// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// info(): labels of info series joined to others. Source: spec/promql.md, 8.7.
#include "core/base/status.h"
#include "core/promql/eval.h"

#include <absl/container/flat_hash_map.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace narthex::promql {
namespace {

const std::array<std::string, 2>& identifyingLabels()
{
    static const std::array<std::string, 2> kNames = {"instance", "job"};
    return kNames;
}

/// The way to the first selector: the subqueries around it, outermost first, then itself.
bool findFirstSelector(const Expr& expr, std::vector<const Expr*>& path)
{
    if (expr.as<VectorSelector>() != nullptr || expr.as<MatrixSelector>() != nullptr) {
        path.push_back(&expr);
        return true;
    }
    const bool subquery = expr.as<Subquery>() != nullptr;
    if (subquery) {
        path.push_back(&expr);
    }
    for (const Expr* child : childrenOf(expr)) {
        if (findFirstSelector(*child, path)) {
            return true;
        }
    }
    if (subquery) {
        path.pop_back();
    }
    return false;
}

class InfoJoin
{
public:
    InfoJoin(Run& run, const Grid& grid, const Call& node) : run_(run), grid_(grid), node_(node)
    {
        findFirstSelector(*node.args[0], path_);
    }

    absl::StatusOr<Rows> run()
    {
        NARTHEX_ASSIGN_OR_RETURN(const Rows base, evalVector(run_, grid_, *node_.args[0]));
        NARTHEX_RETURN_IF_ERROR(splitMatchers());
        NARTHEX_RETURN_IF_ERROR(readInfos(base));
        for (const Row& row : base) {
            NARTHEX_RETURN_IF_ERROR(run_.check());
            NARTHEX_RETURN_IF_ERROR(isInfo(row) ? passOn(row) : enrich(row));
        }
        removeEmpty(outputs_);
        return std::move(outputs_);
    }

private:
    absl::Status splitMatchers()
    {
        if (node_.args.size() > 1) {
            for (const model::Matcher& matcher : node_.args[1]->as<VectorSelector>()->matchers) {
                (matcher.name() == model::kMetricName ? nameMatchers_ : dataMatchers_)
                    .push_back(matcher);
            }
        }
        if (nameMatchers_.empty()) {
            nameMatchers_.push_back(model::Matcher::equal(model::kMetricName, "target_info"));
        }
        const bool negative =
            std::all_of(nameMatchers_.begin(), nameMatchers_.end(), [](const auto& matcher) {
                return matcher.type() == model::MatchType::NotEqual ||
                       matcher.type() == model::MatchType::NotRegex;
            });
        if (negative) {
            NARTHEX_ASSIGN_OR_RETURN(
                auto matcher,
                model::Matcher::create(model::MatchType::Regex, model::kMetricName, ".+_info"));
            nameMatchers_.push_back(std::move(matcher));
        }
        return absl::OkStatus();
    }

    [[nodiscard]] bool isInfo(const Row& row) const
    {
        return model::matchesAll(nameMatchers_, row.labels);
    }

    /// The time of the info series that belongs to a step: that of the first selector.
    [[nodiscard]] std::int64_t reference(std::size_t step) const
    {
        std::int64_t time = grid_.at(step);
        for (const Expr* expr : path_) {
            const At* at = nullptr;
            if (const auto* selector = expr->as<VectorSelector>()) {
                at = &selector->at;
            } else if (const auto* matrix = expr->as<MatrixSelector>()) {
                at = &matrix->selector.at;
            } else {
                at = &expr->as<Subquery>()->at;
            }
            time = run_.plan().atMs(*at).value_or(time) - run_.plan().of(*expr).offsetMs;
        }
        return time;
    }

    absl::Status readInfos(const Rows& base)
    {
        model::Matchers matchers = nameMatchers_;
        matchers.insert(matchers.end(), dataMatchers_.begin(), dataMatchers_.end());
        bool any = false;
        for (const std::string& label : identifyingLabels()) {
            std::set<std::string> values;
            for (const Row& row : base) {
                if (!isInfo(row) && row.labels.has(label)) {
                    values.insert(re2::RE2::QuoteMeta(std::string(row.labels.get(label))));
                }
            }
            if (values.empty()) {
                continue;
            }
            any = true;
            std::string pattern;
            for (const std::string& value : values) {
                pattern += pattern.empty() ? "" : "|";
                pattern += value;
            }
            NARTHEX_ASSIGN_OR_RETURN(
                auto matcher, model::Matcher::create(model::MatchType::Regex, label, pattern));
            matchers.push_back(std::move(matcher));
        }
        if (!any) {
            return absl::OkStatus();
        }
        const auto at = [this](std::size_t step) { return reference(step); };
        NARTHEX_ASSIGN_OR_RETURN(infos_, readInstants(run_, grid_, matchers, {.reference = at}));
        NARTHEX_ASSIGN_OR_RETURN(
            times_,
            readInstants(run_, grid_, matchers, {.reference = at, .value = InstantValue::Time}));
        for (std::size_t i = 0; i < infos_.size(); ++i) {
            if (!infos_[i].histograms.empty()) {
                return base::invalidArgument(
                    "this should be an info metric, with float samples: {}",
                    infos_[i].labels.toString());
            }
            bySignature_[infos_[i].labels.keeping(identifyingLabels()).bytes()].push_back(i);
        }
        return absl::OkStatus();
    }

    absl::Status put(const Row& row, std::size_t step, model::Labels labels)
    {
        const auto [it, isNew] =
            byLabels_.try_emplace({labels.bytes(), row.dropName}, outputs_.size());
        if (isNew) {
            Row output;
            output.labels = std::move(labels);
            output.dropName = row.dropName;
            output.resize(grid_.count);
            outputs_.push_back(std::move(output));
        }
        Row& output = outputs_[it->second];
        if (output.has(step)) {
            return base::invalidArgument("vector cannot contain metrics with the same labelset");
        }
        output.setFrom(step, row, step);
        return absl::OkStatus();
    }

    absl::Status passOn(const Row& row)
    {
        for (std::size_t step = 0; step < grid_.count; ++step) {
            if (row.has(step)) {
                NARTHEX_RETURN_IF_ERROR(put(row, step, row.labels));
            }
        }
        return absl::OkStatus();
    }

    absl::Status enrich(const Row& row)
    {
        const auto it = bySignature_.find(row.labels.keeping(identifyingLabels()).bytes());
        const bool dropsUnmatched =
            std::any_of(dataMatchers_.begin(), dataMatchers_.end(),
                        [](const model::Matcher& matcher) { return !matcher.matchesEmpty(); });
        for (std::size_t step = 0; step < grid_.count; ++step) {
            if (!row.has(step)) {
                continue;
            }
            std::map<std::string_view, std::size_t> chosen;
            if (it != bySignature_.end()) {
                NARTHEX_RETURN_IF_ERROR(choose(it->second, step, chosen));
            }
            if (chosen.empty()) {
                if (!dropsUnmatched) {
                    NARTHEX_RETURN_IF_ERROR(put(row, step, row.labels));
                }
                continue;
            }
            NARTHEX_ASSIGN_OR_RETURN(model::Labels labels, enriched(row, chosen));
            NARTHEX_RETURN_IF_ERROR(put(row, step, std::move(labels)));
        }
        return absl::OkStatus();
    }

    /// The newest info series of each name.
    absl::Status choose(const std::vector<std::size_t>& candidates, std::size_t step,
                        std::map<std::string_view, std::size_t>& chosen) const
    {
        for (const std::size_t candidate : candidates) {
            if (!infos_[candidate].has(step)) {
                continue;
            }
            const auto [it, isNew] =
                chosen.try_emplace(infos_[candidate].labels.metricName(), candidate);
            if (isNew) {
                continue;
            }
            const double newest = times_[it->second].values[step];
            const double time = times_[candidate].values[step];
            if (time == newest) {
                return base::invalidArgument("found duplicate series for info metric: {} and {}",
                                             infos_[it->second].labels.toString(),
                                             infos_[candidate].labels.toString());
            }
            it->second = time > newest ? candidate : it->second;
        }
        return absl::OkStatus();
    }

    [[nodiscard]] bool isCopied(std::string_view label) const
    {
        if (label == model::kMetricName) {
            return false;
        }
        return dataMatchers_.empty() || std::any_of(dataMatchers_.begin(), dataMatchers_.end(),
                                                    [label](const model::Matcher& matcher) {
                                                        return matcher.name() == label;
                                                    });
    }

    [[nodiscard]] absl::StatusOr<model::Labels>
    enriched(const Row& row, const std::map<std::string_view, std::size_t>& chosen) const
    {
        model::LabelsBuilder builder(row.labels);
        for (const auto& [name, index] : chosen) {
            for (const model::LabelView label : infos_[index].labels) {
                if (!isCopied(label.name) || row.labels.has(label.name)) {
                    continue;
                }
                const std::string_view known = builder.get(label.name);
                if (!known.empty() && known != label.value) {
                    return base::invalidArgument("conflicting label: {}", label.name);
                }
                builder.set(label.name, label.value);
            }
        }
        return builder.build();
    }

    Run& run_;
    const Grid& grid_;
    const Call& node_;
    std::vector<const Expr*> path_;
    model::Matchers nameMatchers_;
    model::Matchers dataMatchers_;
    /// Info series and the times of their samples, row by row the same.
    Rows infos_;
    Rows times_;
    absl::flat_hash_map<std::string, std::vector<std::size_t>> bySignature_;
    Rows outputs_;
    std::map<std::pair<std::string, bool>, std::size_t> byLabels_;
};

} // namespace

absl::StatusOr<Rows> evalInfo(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    return InfoJoin(run, grid, node).run();
}

} // namespace narthex::promql
