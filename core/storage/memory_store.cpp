// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/storage/memory_store.h"

#include "core/base/status.h"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>
#include <vector>

namespace narthex::storage {
namespace {

class MemorySeries final : public Series
{
public:
    MemorySeries(model::Labels labels, MemoryStore::Samples samples)
        : labels_(std::move(labels)), samples_(std::move(samples))
    {}
    [[nodiscard]] const model::Labels& labels() const override { return labels_; }
    absl::Status read(base::Timestamp from, base::Timestamp to, SampleColumns& out) const override
    {
        bool started = !out.startTimes.empty() || !out.histogramStartTimes.empty();
        out.startTimes.resize(out.times.size());
        out.histogramStartTimes.resize(out.histogramTimes.size());
        for (auto it = samples_.lower_bound(from.ms); it != samples_.end() && it->first <= to.ms;
             ++it) {
            const MemoryStore::Sample& sample = it->second;
            if (const auto* value = std::get_if<double>(&sample.value)) {
                out.times.push_back(it->first);
                out.values.push_back(*value);
                out.startTimes.push_back(sample.start);
            } else {
                out.histogramTimes.push_back(it->first);
                out.histograms.push_back(std::get<MemoryStore::Histogram>(sample.value));
                out.histogramStartTimes.push_back(sample.start);
            }
            started = started || sample.start != 0;
        }
        if (!started) {
            out.startTimes.clear();
            out.histogramStartTimes.clear();
        }
        return absl::OkStatus();
    }

private:
    const model::Labels labels_;
    const MemoryStore::Samples samples_;
};

using SeriesList = std::vector<std::shared_ptr<const Series>>;

class MemorySeriesSet final : public SeriesSet
{
public:
    explicit MemorySeriesSet(SeriesList series) : series_(std::move(series)) {}
    absl::Status next(std::size_t limit, SeriesList& out) override
    {
        for (; limit > 0 && next_ < series_.size(); --limit) {
            out.push_back(series_[next_++]);
        }
        return absl::OkStatus();
    }

private:
    SeriesList series_;
    std::size_t next_ = 0;
};

class MemoryQuerier final : public Querier
{
public:
    explicit MemoryQuerier(SeriesList series) : series_(std::move(series)) {}

    absl::StatusOr<std::unique_ptr<SeriesSet>>
    select(const SelectHints&, const model::Matchers& matchers, std::stop_token) const override
    {
        return std::make_unique<MemorySeriesSet>(matching(matchers));
    }
    absl::StatusOr<std::vector<std::string>> labelValues(std::string_view name,
                                                         const model::Matchers& matchers,
                                                         std::size_t limit) const override
    {
        std::set<std::string> values;
        for (const auto& series : matching(matchers)) {
            if (series->labels().has(name)) {
                values.emplace(series->labels().get(name));
            }
        }
        return firstOf(values, limit);
    }
    absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers& matchers,
                                                        std::size_t limit) const override
    {
        std::set<std::string> names;
        for (const auto& series : matching(matchers)) {
            for (const model::LabelView label : series->labels()) {
                names.emplace(label.name);
            }
        }
        return firstOf(names, limit);
    }

private:
    static std::vector<std::string> firstOf(const std::set<std::string>& all, std::size_t limit)
    {
        std::vector<std::string> result(all.begin(), all.end());
        if (limit != 0 && result.size() > limit) {
            result.resize(limit);
        }
        return result;
    }
    [[nodiscard]] SeriesList matching(const model::Matchers& matchers) const
    {
        SeriesList result;
        for (const auto& series : series_) {
            if (model::matchesAll(matchers, series->labels())) {
                result.push_back(series);
            }
        }
        return result;
    }

    const SeriesList series_;
};

} // namespace

class MemoryAppender final : public Appender
{
public:
    explicit MemoryAppender(MemoryStore& store) : store_(store) {}

    absl::StatusOr<SeriesRef> seriesFor(const model::Labels& labels) override
    {
        const absl::MutexLock lock(&store_.mutex_);
        const auto next = static_cast<SeriesRef>(store_.names_.size() + 1);
        const auto [found, isNew] = store_.refs_.try_emplace(labels, next);
        if (isNew) {
            store_.names_.push_back(labels);
        }
        return found->second;
    }

    void appendBatch(std::span<const SeriesRef> refs, std::span<const base::Timestamp> times,
                     std::span<const double> values, std::span<AppendResult> results) override
    {
        for (std::size_t i = 0; i < refs.size(); ++i) {
            results[i] = put(refs[i], times[i], {values[i]});
        }
    }

    AppendResult appendHistogram(SeriesRef ref, base::Timestamp time,
                                 const model::FloatHistogram& histogram) override
    {
        return put(ref, time, {std::make_shared<const model::FloatHistogram>(histogram)});
    }

    AppendResult appendHistogram(SeriesRef ref, base::Timestamp time,
                                 const model::IntegerHistogram& histogram) override
    {
        return appendHistogram(ref, time, model::toFloat(histogram));
    }

    ExemplarResult appendExemplar(SeriesRef /*ref*/, const model::Exemplar& /*exemplar*/) override
    {
        return ExemplarResult::Ignored;
    }

    void updateMetadata(SeriesRef /*ref*/, const model::Metadata& /*metadata*/) override {}

    absl::Status commit() override
    {
        const absl::MutexLock lock(&store_.mutex_);
        for (auto& [labels, samples] : pending_) {
            store_.series_[labels].insert(samples.begin(), samples.end());
        }
        pending_.clear();
        return absl::OkStatus();
    }

    void rollback() override { pending_.clear(); }

private:
    AppendResult put(SeriesRef ref, base::Timestamp time, MemoryStore::Sample sample)
    {
        const std::optional<model::Labels> labels = nameOf(ref);
        if (!labels) {
            return AppendResult::UnknownSeries;
        }
        MemoryStore::Samples& mine = pending_[*labels];
        const auto newest = newestOf(mine, *labels);
        if (newest && time.ms < newest->first) {
            return AppendResult::OutOfOrder;
        }
        if (newest && time.ms == newest->first) {
            return same(newest->second, sample) ? AppendResult::SameAgain
                                                : AppendResult::DuplicateTimestamp;
        }
        mine.emplace(time.ms, std::move(sample));
        return AppendResult::Appended;
    }

    std::optional<model::Labels> nameOf(SeriesRef ref) const
    {
        const auto index = static_cast<std::size_t>(ref) - 1;
        const absl::MutexLock lock(&store_.mutex_);
        return index < store_.names_.size() ? std::optional(store_.names_[index]) : std::nullopt;
    }

    std::optional<std::pair<std::int64_t, MemoryStore::Sample>>
    newestOf(const MemoryStore::Samples& mine, const model::Labels& labels) const
    {
        if (!mine.empty()) {
            return *mine.rbegin();
        }
        const absl::MutexLock lock(&store_.mutex_);
        const auto it = store_.series_.find(labels);
        if (it == store_.series_.end() || it->second.empty()) {
            return std::nullopt;
        }
        return *it->second.rbegin();
    }

    static bool same(const MemoryStore::Sample& a, const MemoryStore::Sample& b)
    {
        const auto* x = std::get_if<double>(&a.value);
        const auto* y = std::get_if<double>(&b.value);
        return x != nullptr && y != nullptr &&
               std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
    }

    MemoryStore& store_;
    std::map<model::Labels, MemoryStore::Samples> pending_;
};

std::unique_ptr<Appender> MemoryStore::appender()
{
    return std::make_unique<MemoryAppender>(*this);
}

absl::StatusOr<std::unique_ptr<Querier>> MemoryStore::querier(base::Timestamp from,
                                                              base::Timestamp to) const
{
    const absl::MutexLock lock(&mutex_);
    SeriesList list;
    for (const auto& [labels, samples] : series_) {
        const auto begin = samples.lower_bound(from.ms);
        const auto end = samples.upper_bound(to.ms);
        if (begin != end) {
            list.push_back(std::make_shared<MemorySeries>(labels, Samples(begin, end)));
        }
    }
    return std::make_unique<MemoryQuerier>(std::move(list));
}

void MemoryStore::add(const model::Labels& labels, base::Timestamp time, double value)
{
    const absl::MutexLock lock(&mutex_);
    series_[labels].insert_or_assign(time.ms, Sample{value});
}

void MemoryStore::add(const model::Labels& labels, base::Timestamp time,
                      model::FloatHistogram histogram)
{
    const absl::MutexLock lock(&mutex_);
    series_[labels].insert_or_assign(
        time.ms, Sample{std::make_shared<const model::FloatHistogram>(std::move(histogram))});
}

absl::Status MemoryStore::setStart(const model::Labels& labels, base::Timestamp time,
                                   base::Timestamp start)
{
    const absl::MutexLock lock(&mutex_);
    const auto series = series_.find(labels);
    if (series != series_.end()) {
        if (const auto it = series->second.find(time.ms); it != series->second.end()) {
            it->second.start = start.ms;
            return absl::OkStatus();
        }
    }
    return base::notFound("{} has no sample at {} ms", labels.toString(), time.ms);
}

void MemoryStore::clear()
{
    const absl::MutexLock lock(&mutex_);
    series_.clear();
}

std::size_t MemoryStore::seriesCount() const
{
    const absl::MutexLock lock(&mutex_);
    return series_.size();
}

} // namespace narthex::storage
