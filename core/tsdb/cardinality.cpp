// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/cardinality.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

/// Keeps the largest entries.
class TopList
{
public:
    explicit TopList(std::size_t limit) : limit_(limit) {}
    /// `name` is called only for entries that are kept.
    template <typename Name>
    void add(std::uint64_t value, Name name)
    {
        if (entries_.size() == limit_ && value <= entries_.front().value) {
            return;
        }
        entries_.push_back({name(), value});
        std::push_heap(entries_.begin(), entries_.end(), isLarger);
        if (entries_.size() > limit_) {
            std::pop_heap(entries_.begin(), entries_.end(), isLarger);
            entries_.pop_back();
        }
    }
    std::vector<NamedCount> take() &&
    {
        std::sort(entries_.begin(), entries_.end(), isLarger);
        return std::move(entries_);
    }

private:
    static bool isLarger(const NamedCount& a, const NamedCount& b)
    {
        return a.value != b.value ? a.value > b.value : a.name < b.name;
    }

    const std::size_t limit_;
    /// A heap with the smallest in front.
    std::vector<NamedCount> entries_;
};

} // namespace

Cardinality headCardinality(const Head& head, std::size_t limit)
{
    TopList byMetric(limit);
    TopList byLabel(limit);
    TopList bytes(limit);
    TopList byPair(limit);
    Cardinality result;
    const LabelIndex::ReadLock index(head.labelIndex());
    index.eachPair([&](std::string_view name, std::string_view value, std::size_t series) {
        ++result.labelPairs;
        byPair.add(series, [&] { return std::string(name) + '=' + std::string(value); });
        if (name == "__name__") {
            byMetric.add(series, [&] { return std::string(value); });
        }
    });
    for (const std::string& name : index.names()) {
        std::uint64_t values = 0;
        std::uint64_t valueBytes = 0;
        index.eachPairOf(name, [&](std::string_view value, std::size_t series) {
            ++values;
            valueBytes += value.size() * series;
        });
        byLabel.add(values, [&] { return name; });
        bytes.add(valueBytes, [&] { return name; });
    }
    result.series = head.counters().series.load();
    result.seriesByMetricName = std::move(byMetric).take();
    result.valuesByLabelName = std::move(byLabel).take();
    result.bytesByLabelName = std::move(bytes).take();
    result.seriesByLabelPair = std::move(byPair).take();
    return result;
}

} // namespace narthex::tsdb
