// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// histogram_quantile and the other functions of classic and native histograms.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/classic_buckets.h"
#include "core/promql/eval.h"
#include "core/promql/histogram_math.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql {
namespace {

/// Classic buckets and native histograms with the same labels but le.
struct Family
{
    model::Labels labels;
    bool dropName = false;
    struct Bucket
    {
        double upper = 0;
        std::size_t row = 0;
    };
    /// Ascending by bound.
    std::vector<Bucket> buckets{};
    /// Rows whose labels are exactly these, for native histograms.
    std::vector<std::size_t> natives{};
};

class Families
{
public:
    Families(Run& run, SourceRange where) : run_(run), where_(where) {}

    std::vector<Family> of(const Rows& rows)
    {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const Row& row = rows[i];
            if (hasCell(row, Cell::Float)) {
                addBucket(row, i);
            }
            if (hasCell(row, Cell::Histogram)) {
                familyOf(row.labels, row.dropName).natives.push_back(i);
            }
        }
        for (Family& family : families_) {
            std::stable_sort(family.buckets.begin(), family.buckets.end(),
                             [](const auto& a, const auto& b) { return a.upper < b.upper; });
        }
        return std::move(families_);
    }

private:
    static bool hasCell(const Row& row, Cell kind)
    {
        return std::find(row.cells.begin(), row.cells.end(), kind) != row.cells.end();
    }

    Family& familyOf(model::Labels labels, bool dropName)
    {
        const auto [it, isNew] = index_.try_emplace(labels.bytes(), families_.size());
        if (isNew) {
            families_.push_back({.labels = std::move(labels)});
        }
        Family& family = families_[it->second];
        family.dropName = family.dropName || dropName;
        return family;
    }

    void addBucket(const Row& row, std::size_t index)
    {
        const std::string_view text = row.labels.get("le");
        const auto upper = base::parseFloat(text);
        if (!upper || std::isnan(*upper)) {
            const std::string_view name = row.labels.metricName();
            run_.notes().warn(
                where_,
                fmt::format("bucket label \"le\" is missing or has a malformed value of {}{}",
                            model::quote(text),
                            name.empty() ? std::string()
                                         : " for metric name " + model::quote(name)));
            return;
        }
        model::LabelsBuilder builder(row.labels);
        builder.remove("le");
        familyOf(builder.build(), row.dropName).buckets.push_back({*upper, index});
    }

    Run& run_;
    const SourceRange where_;
    absl::flat_hash_map<std::string, std::size_t> index_;
    std::vector<Family> families_;
};

/// Evaluates one family at each step; mixtures of classic and native are noted and give nothing.
template <typename Classic, typename Native>
void evalFamily(Run& run, SourceRange where, const Rows& rows, const Family& family, Row& out,
                Classic classic, Native native)
{
    std::vector<ClassicBucket> buckets;
    NoteBits notes;
    for (std::size_t step = 0; step < out.cells.size(); ++step) {
        buckets.clear();
        for (const Family::Bucket& bucket : family.buckets) {
            const Row& row = rows[bucket.row];
            if (row.cells[step] == Cell::Float) {
                buckets.push_back({bucket.upper, row.values[step]});
            }
        }
        const model::FloatHistogram* histogram = nullptr;
        for (const std::size_t index : family.natives) {
            if (rows[index].cells[step] == Cell::Histogram) {
                histogram = rows[index].histograms[step].get();
            }
        }
        if (histogram != nullptr && !buckets.empty()) {
            notes.add(Note::MixedClassicNative);
        } else if (histogram != nullptr) {
            out.setFloat(step, native(*histogram, step, notes));
        } else if (!buckets.empty()) {
            out.setFloat(step, classic(buckets, step));
        }
    }
    run.notes().add(where, notes, family.labels.metricName());
}

Row rowFor(const Family& family, const Grid& grid)
{
    Row row;
    row.labels = family.labels;
    row.dropName = family.dropName;
    row.resize(grid.count);
    return row;
}

void warnQuantile(Run& run, SourceRange where, const ScalarColumn& column)
{
    for (const double q : column) {
        if (!(q >= 0 && q <= 1)) {
            return run.notes().warn(where,
                                    fmt::format("quantile value should be between 0 and 1, got {}",
                                                base::formatFloatG(q)));
        }
    }
}

void quantileFamily(Run& run, const Grid& grid, SourceRange where, const Rows& rows,
                    const Family& family, const ScalarColumn& q, Row& out)
{
    evalFamily(
        run, where, rows, family, out,
        [&](std::vector<ClassicBucket>& buckets, std::size_t step) {
            BucketRepair repair;
            const double value = classicQuantile(q[step], buckets, repair);
            if (repair.any) {
                run.notes().addRepair(where, family.labels.metricName(),
                                      {.lowest = repair.lowest,
                                       .highest = repair.highest,
                                       .largestDifference = repair.largestDifference,
                                       .from = grid.at(step),
                                       .to = grid.at(step)});
            }
            return value;
        },
        [&](const model::FloatHistogram& histogram, std::size_t step, NoteBits& notes) {
            QuantileNotes met;
            const double value = quantileOf(q[step], histogram, met);
            if (met.nanResult) {
                notes.add(Note::QuantileNanResult);
            }
            if (met.skewed) {
                notes.add(Note::QuantileSkewed);
            }
            return value;
        });
}

absl::StatusOr<Rows> evalQuantile(Run& run, const Grid& grid, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn q, evalScalar(run, grid, *node.args[0]));
    NARTHEX_ASSIGN_OR_RETURN(const Rows rows, evalVector(run, grid, *node.args[1]));
    warnQuantile(run, node.args[0]->range, q);
    const SourceRange where = node.args[1]->range;
    const std::vector<Family> families = Families(run, where).of(rows);
    Rows result(families.size());
    NARTHEX_RETURN_IF_ERROR(run.parallelFor(families.size(), [&](std::size_t i) {
        result[i] = rowFor(families[i], grid);
        quantileFamily(run, grid, where, rows, families[i], q, result[i]);
        return absl::OkStatus();
    }));
    return result;
}

absl::StatusOr<Rows> evalQuantiles(Run& run, const Grid& grid, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(const Rows rows, evalVector(run, grid, *node.args[0]));
    const std::string& label = stringOf(*node.args[1]);
    const SourceRange where = node.args[0]->range;
    const std::vector<Family> families = Families(run, where).of(rows);
    Rows result;
    for (std::size_t k = 2; k < node.args.size(); ++k) {
        NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn q, evalScalar(run, grid, *node.args[k]));
        warnQuantile(run, node.args[k]->range, q);
        for (const Family& family : families) {
            Row whole = rowFor(family, grid);
            quantileFamily(run, grid, where, rows, family, q, whole);
            // The label follows the parameter, which may change from step to step.
            absl::flat_hash_map<std::string, std::size_t> byText;
            for (std::size_t step = 0; step < grid.count; ++step) {
                const auto [it, isNew] =
                    byText.try_emplace(base::formatOpenMetricsFloat(q[step]), result.size());
                if (isNew) {
                    Row row = rowFor(family, grid);
                    model::LabelsBuilder builder(row.labels);
                    builder.set(label, it->first);
                    row.labels = builder.build();
                    result.push_back(std::move(row));
                }
                result[it->second].setFrom(step, whole, step);
            }
        }
    }
    return result;
}

absl::StatusOr<Rows> evalFraction(Run& run, const Grid& grid, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn lower, evalScalar(run, grid, *node.args[0]));
    NARTHEX_ASSIGN_OR_RETURN(const ScalarColumn upper, evalScalar(run, grid, *node.args[1]));
    NARTHEX_ASSIGN_OR_RETURN(const Rows rows, evalVector(run, grid, *node.args[2]));
    const SourceRange where = node.args[2]->range;
    Rows result;
    for (const Family& family : Families(run, where).of(rows)) {
        Row out = rowFor(family, grid);
        evalFamily(
            run, where, rows, family, out,
            [&](std::vector<ClassicBucket>& buckets, std::size_t step) {
                return classicFraction(lower[step], upper[step], buckets);
            },
            [&](const model::FloatHistogram& histogram, std::size_t step, NoteBits& notes) {
                bool nanExcluded = false;
                const double value = fractionOf(lower[step], upper[step], histogram, nanExcluded);
                if (nanExcluded) {
                    notes.add(Note::FractionNan);
                }
                return value;
            });
        result.push_back(std::move(out));
    }
    return result;
}

using HistogramValue = double (*)(const model::FloatHistogram&);

HistogramValue findHistogramValue(std::string_view name)
{
    if (name == "histogram_count") {
        return [](const model::FloatHistogram& h) { return h.count; };
    }
    if (name == "histogram_sum") {
        return [](const model::FloatHistogram& h) { return h.sum; };
    }
    if (name == "histogram_avg") {
        return [](const model::FloatHistogram& h) { return h.sum / h.count; };
    }
    if (name == "histogram_stdvar") {
        return varianceOf;
    }
    return [](const model::FloatHistogram& h) { return std::sqrt(varianceOf(h)); };
}

absl::StatusOr<Rows> evalNativeValue(Run& run, const Grid& grid, const Call& node)
{
    const HistogramValue value = findHistogramValue(node.function->name);
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.args[0]));
    for (Row& row : rows) {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (row.cells[i] == Cell::Histogram) {
                row.setFloat(i, value(*row.histograms[i]));
            } else {
                row.cells[i] = Cell::None;
            }
        }
        row.histograms.clear();
    }
    return rows;
}

} // namespace

absl::StatusOr<Rows> evalHistogramFunction(Run& run, const Grid& grid, const Expr&,
                                           const Call& node)
{
    const std::string_view name = node.function->name;
    auto rows = name == "histogram_quantile"    ? evalQuantile(run, grid, node)
                : name == "histogram_quantiles" ? evalQuantiles(run, grid, node)
                : name == "histogram_fraction"  ? evalFraction(run, grid, node)
                                                : evalNativeValue(run, grid, node);
    NARTHEX_RETURN_IF_ERROR(rows.status());
    removeEmpty(*rows);
    NARTHEX_RETURN_IF_ERROR(dropNames(run, *rows));
    return rows;
}

} // namespace narthex::promql
