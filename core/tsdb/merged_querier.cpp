// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/merged_querier.h"

#include "core/base/status.h"

#include <algorithm>
#include <utility>

namespace narthex::tsdb {
namespace {

using SeriesList = std::vector<std::shared_ptr<const storage::Series>>;

template <typename Value>
void mergeOne(std::vector<std::int64_t>& times, std::vector<Value>& values,
              std::vector<std::int64_t>& starts, std::size_t from,
              std::vector<std::int64_t>& moreTimes, std::vector<Value>& moreValues,
              std::vector<std::int64_t>& moreStarts)
{
    if (moreTimes.empty()) {
        return;
    }
    const bool started = !starts.empty() || !moreStarts.empty();
    if (started) {
        starts.resize(times.size());
        moreStarts.resize(moreTimes.size());
    }
    if (times.size() == from || times.back() < moreTimes.front()) {
        times.insert(times.end(), moreTimes.begin(), moreTimes.end());
        values.insert(values.end(), moreValues.begin(), moreValues.end());
        starts.insert(starts.end(), moreStarts.begin(), moreStarts.end());
        return;
    }
    const std::vector<std::int64_t> oldTimes(times.begin() + static_cast<std::ptrdiff_t>(from),
                                             times.end());
    const std::vector<Value> oldValues(values.begin() + static_cast<std::ptrdiff_t>(from),
                                       values.end());
    const std::vector<std::int64_t> oldStarts(
        starts.begin() + static_cast<std::ptrdiff_t>(started ? from : 0), starts.end());
    times.resize(from);
    values.resize(from);
    starts.resize(started ? from : 0);
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < oldTimes.size() || j < moreTimes.size()) {
        const bool takeOld =
            j == moreTimes.size() || (i < oldTimes.size() && oldTimes[i] <= moreTimes[j]);
        if (takeOld) {
            j += j < moreTimes.size() && moreTimes[j] == oldTimes[i] ? 1 : 0;
            times.push_back(oldTimes[i]);
            values.push_back(oldValues[i]);
            if (started) {
                starts.push_back(oldStarts[i]);
            }
            ++i;
        } else {
            times.push_back(moreTimes[j]);
            values.push_back(moreValues[j]);
            if (started) {
                starts.push_back(moreStarts[j]);
            }
            ++j;
        }
    }
}

class MergedSeries final : public storage::Series
{
public:
    explicit MergedSeries(SeriesList parts) : parts_(std::move(parts)) {}
    [[nodiscard]] const model::Labels& labels() const override { return parts_.front()->labels(); }
    absl::Status read(base::Timestamp from, base::Timestamp to,
                      storage::SampleColumns& out) const override
    {
        const std::size_t samples = out.times.size();
        const std::size_t histograms = out.histogramTimes.size();
        NARTHEX_RETURN_IF_ERROR(parts_.front()->read(from, to, out));
        storage::SampleColumns more;
        for (std::size_t i = 1; i < parts_.size(); ++i) {
            more.clear();
            NARTHEX_RETURN_IF_ERROR(parts_[i]->read(from, to, more));
            mergeColumns(out, samples, histograms, more);
        }
        return absl::OkStatus();
    }

private:
    const SeriesList parts_;
};

/// A heap of the sources by the labels of the series each has next; the earlier source on top.
class MergedSeriesSet final : public storage::SeriesSet
{
public:
    explicit MergedSeriesSet(std::vector<std::unique_ptr<storage::SeriesSet>> sets)
    {
        for (auto& set : sets) {
            sources_.push_back({std::move(set), {}, 0, sources_.size()});
        }
    }

    absl::Status next(std::size_t limit, SeriesList& out) override
    {
        NARTHEX_RETURN_IF_ERROR(start());
        for (; limit > 0 && !heap_.empty(); --limit) {
            SeriesList parts;
            do {
                NARTHEX_RETURN_IF_ERROR(takeTop(parts));
            } while (!heap_.empty() && heap_.front()->here().labels() == parts.front()->labels());
            out.push_back(parts.size() == 1
                              ? std::move(parts.front())
                              : std::make_shared<const MergedSeries>(std::move(parts)));
        }
        return absl::OkStatus();
    }

private:
    struct Source
    {
        std::unique_ptr<storage::SeriesSet> set;
        SeriesList ready;
        std::size_t at = 0;
        std::size_t rank = 0;

        [[nodiscard]] const storage::Series& here() const { return *ready[at]; }
        /// Whether there is one more series.
        absl::StatusOr<bool> fill()
        {
            constexpr std::size_t kBatch = 256;
            if (at == ready.size()) {
                ready.clear();
                at = 0;
                NARTHEX_RETURN_IF_ERROR(set->next(kBatch, ready));
            }
            return !ready.empty();
        }
    };
    static bool isLater(const Source* a, const Source* b)
    {
        const auto order = a->here().labels() <=> b->here().labels();
        return order == 0 ? a->rank > b->rank : order > 0;
    }

    absl::Status push(Source& source)
    {
        NARTHEX_ASSIGN_OR_RETURN(const bool hasMore, source.fill());
        if (hasMore) {
            heap_.push_back(&source);
            std::push_heap(heap_.begin(), heap_.end(), isLater);
        }
        return absl::OkStatus();
    }
    absl::Status start()
    {
        for (; started_ < sources_.size(); ++started_) {
            NARTHEX_RETURN_IF_ERROR(push(sources_[started_]));
        }
        return absl::OkStatus();
    }
    absl::Status takeTop(SeriesList& parts)
    {
        std::pop_heap(heap_.begin(), heap_.end(), isLater);
        Source& source = *heap_.back();
        heap_.pop_back();
        parts.push_back(std::move(source.ready[source.at++]));
        return push(source);
    }

    std::vector<Source> sources_;
    std::size_t started_ = 0;
    std::vector<Source*> heap_;
};

class MergedQuerier final : public storage::Querier
{
public:
    explicit MergedQuerier(std::vector<std::unique_ptr<storage::Querier>> parts)
        : parts_(std::move(parts))
    {}

    absl::StatusOr<std::unique_ptr<storage::SeriesSet>> select(const storage::SelectHints& hints,
                                                               const model::Matchers& matchers,
                                                               std::stop_token stop) const override
    {
        std::vector<std::unique_ptr<storage::SeriesSet>> sets;
        for (const auto& part : parts_) {
            NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<storage::SeriesSet> set,
                                     part->select(hints, matchers, stop));
            sets.push_back(std::move(set));
        }
        return std::make_unique<MergedSeriesSet>(std::move(sets));
    }
    absl::StatusOr<std::vector<std::string>> labelValues(std::string_view name,
                                                         const model::Matchers& matchers,
                                                         std::size_t limit) const override
    {
        return unite(limit, [&](const storage::Querier& part) {
            return part.labelValues(name, matchers, 0);
        });
    }
    absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers& matchers,
                                                        std::size_t limit) const override
    {
        return unite(limit,
                     [&](const storage::Querier& part) { return part.labelNames(matchers, 0); });
    }

private:
    template <typename Ask>
    absl::StatusOr<std::vector<std::string>> unite(std::size_t limit, Ask ask) const
    {
        std::vector<std::string> all;
        for (const auto& part : parts_) {
            NARTHEX_ASSIGN_OR_RETURN(std::vector<std::string> some, ask(*part));
            std::move(some.begin(), some.end(), std::back_inserter(all));
        }
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
        if (limit != 0 && all.size() > limit) {
            all.resize(limit);
        }
        return all;
    }

    const std::vector<std::unique_ptr<storage::Querier>> parts_;
};

} // namespace

void mergeColumns(storage::SampleColumns& out, std::size_t fromSample, std::size_t fromHistogram,
                  storage::SampleColumns& more)
{
    mergeOne(out.times, out.values, out.startTimes, fromSample, more.times, more.values,
             more.startTimes);
    mergeOne(out.histogramTimes, out.histograms, out.histogramStartTimes, fromHistogram,
             more.histogramTimes, more.histograms, more.histogramStartTimes);
}

std::unique_ptr<storage::Querier>
mergeQueriers(std::vector<std::unique_ptr<storage::Querier>> parts)
{
    return parts.size() == 1 ? std::move(parts.front())
                             : std::make_unique<MergedQuerier>(std::move(parts));
}

} // namespace narthex::tsdb
