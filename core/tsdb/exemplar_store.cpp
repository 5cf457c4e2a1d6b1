// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/exemplar_store.h"

#include "core/base/utf8.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace narthex::tsdb {
namespace {

using storage::ExemplarResult;

/// Each byte that is not UTF-8 counts as a character.
std::size_t characterCount(std::string_view text)
{
    std::size_t count = 0;
    for (; !text.empty(); ++count) {
        text.remove_prefix(std::max<std::size_t>(1, base::utf8SequenceLength(text)));
    }
    return count;
}

bool isTooLong(const model::Labels& labels)
{
    std::size_t characters = 0;
    for (const model::LabelView label : labels) {
        characters += characterCount(label.name) + characterCount(label.value);
        if (characters > kExemplarLabelCharactersMax) {
            return true;
        }
    }
    return false;
}

bool matchesAny(std::span<const model::Matchers> sets, const model::Labels& labels)
{
    return std::any_of(sets.begin(), sets.end(), [&labels](const model::Matchers& matchers) {
        return model::matchesAll(matchers, labels);
    });
}

std::uint64_t bitsOf(double value) { return std::bit_cast<std::uint64_t>(value); }

} // namespace

ExemplarStore::SeriesEntry* ExemplarStore::findLocked(const model::Labels& series) const
{
    const auto found = series_.find(series);
    return found == series_.end() ? nullptr : found->second.get();
}

ExemplarResult ExemplarStore::checkLocked(const SeriesEntry* series,
                                          const model::Exemplar& exemplar) const
{
    if (capacity_ == 0 || !exemplar.time) {
        return ExemplarResult::Ignored;
    }
    if (isTooLong(exemplar.labels)) {
        return ExemplarResult::LabelsTooLong;
    }
    if (series == nullptr) {
        return ExemplarResult::Appended;
    }
    const model::Exemplar& newest = ring_[series->newest].exemplar;
    const std::int64_t time = exemplar.time->ms;
    const std::int64_t newestTime = newest.time->ms;
    if (time == newestTime) {
        if (bitsOf(exemplar.value) == bitsOf(newest.value)) {
            if (exemplar.labels == newest.labels) {
                return ExemplarResult::Ignored;
            }
            return exemplar.labels.hash() < newest.labels.hash() ? ExemplarResult::OutOfOrder
                                                                 : ExemplarResult::Appended;
        }
        return exemplar.value < newest.value ? ExemplarResult::OutOfOrder
                                             : ExemplarResult::Appended;
    }
    if (time > newestTime) {
        return ExemplarResult::Appended;
    }
    // Unsigned: the distance of two times may exceed what a signed number holds.
    if (static_cast<std::uint64_t>(newestTime) - static_cast<std::uint64_t>(time) >=
        static_cast<std::uint64_t>(windowMs_)) {
        return ExemplarResult::OutOfOrder;
    }
    const std::uint32_t before = placeLocked(*series, time);
    return before != kNone && ring_[before].exemplar.time->ms == time ? ExemplarResult::Ignored
                                                                      : ExemplarResult::Appended;
}

ExemplarResult ExemplarStore::check(const model::Labels& series,
                                    const model::Exemplar& exemplar) const
{
    absl::ReaderMutexLock lock(&mutex_);
    return checkLocked(findLocked(series), exemplar);
}

ExemplarResult ExemplarStore::append(const model::Labels& series, model::SeriesRef ref,
                                     const model::Exemplar& exemplar)
{
    absl::MutexLock lock(&mutex_);
    const ExemplarResult result = checkLocked(findLocked(series), exemplar);
    if (result == ExemplarResult::OutOfOrder) {
        ++outOfOrder_;
    }
    if (result == ExemplarResult::Appended) {
        ++appended_;
        storeLocked(series, ref, exemplar);
    }
    return result;
}

void ExemplarStore::storeLocked(const model::Labels& series, model::SeriesRef ref,
                                model::Exemplar exemplar)
{
    std::size_t index = ring_.size();
    if (index < capacity_) {
        ring_.emplace_back();
    } else {
        index = overwriteNext_;
        overwriteNext_ = (overwriteNext_ + 1) % ring_.size();
        unlinkLocked(static_cast<std::uint32_t>(index));
    }
    std::unique_ptr<SeriesEntry>& entry = series_[series];
    if (entry == nullptr) {
        entry = std::make_unique<SeriesEntry>();
        entry->labels = series;
    }
    entry->ref = ref; // a series that went and came back has another one
    ring_[index].exemplar = std::move(exemplar);
    linkLocked(*entry, static_cast<std::uint32_t>(index));
}

std::uint32_t ExemplarStore::placeLocked(const SeriesEntry& series, std::int64_t time) const
{
    std::uint32_t at = series.newest;
    while (at != kNone && ring_[at].exemplar.time->ms > time) {
        at = ring_[at].previous;
    }
    return at;
}

void ExemplarStore::linkLocked(SeriesEntry& series, std::uint32_t index)
{
    Entry& entry = ring_[index];
    entry.series = &series;
    entry.previous = placeLocked(series, entry.exemplar.time->ms);
    entry.next = entry.previous == kNone ? series.oldest : ring_[entry.previous].next;
    (entry.previous == kNone ? series.oldest : ring_[entry.previous].next) = index;
    (entry.next == kNone ? series.newest : ring_[entry.next].previous) = index;
}

void ExemplarStore::unlinkLocked(std::uint32_t index)
{
    const Entry& entry = ring_[index];
    SeriesEntry& series = *entry.series;
    (entry.previous == kNone ? series.oldest : ring_[entry.previous].next) = entry.next;
    (entry.next == kNone ? series.newest : ring_[entry.next].previous) = entry.previous;
    if (series.oldest == kNone) {
        series_.erase(model::Labels(series.labels)); // a copy: the key goes with the entry
    }
}

std::vector<storage::ExemplarSeries>
ExemplarStore::query(base::Timestamp from, base::Timestamp to,
                     std::span<const model::Matchers> matcherSets) const
{
    std::vector<storage::ExemplarSeries> result;
    {
        absl::ReaderMutexLock lock(&mutex_);
        for (const auto& [labels, series] : series_) {
            if (ring_[series->oldest].exemplar.time->ms > to.ms ||
                ring_[series->newest].exemplar.time->ms < from.ms ||
                !matchesAny(matcherSets, labels)) {
                continue;
            }
            storage::ExemplarSeries found{labels, {}};
            for (std::uint32_t at = series->oldest; at != kNone; at = ring_[at].next) {
                const model::Exemplar& exemplar = ring_[at].exemplar;
                if (exemplar.time->ms >= from.ms && exemplar.time->ms <= to.ms) {
                    found.exemplars.push_back(exemplar);
                }
            }
            if (!found.exemplars.empty()) {
                result.push_back(std::move(found));
            }
        }
    }
    std::sort(result.begin(), result.end(),
              [](const auto& a, const auto& b) { return a.labels < b.labels; });
    return result;
}

void ExemplarStore::resize(std::size_t capacity)
{
    absl::MutexLock lock(&mutex_);
    if (capacity == capacity_) {
        return;
    }
    const std::size_t kept = std::min(capacity, ring_.size());
    std::vector<Entry> newest;
    newest.reserve(kept);
    for (std::size_t i = ring_.size() - kept; i < ring_.size(); ++i) {
        newest.push_back(std::move(ring_[positionLocked(i)]));
    }
    auto series = std::exchange(series_, {});
    ring_.clear();
    overwriteNext_ = 0;
    capacity_ = capacity;
    for (Entry& entry : newest) {
        storeLocked(entry.series->labels, entry.series->ref, std::move(entry.exemplar));
    }
    ring_.shrink_to_fit();
}

void ExemplarStore::setOutOfOrderWindow(base::Duration window)
{
    absl::MutexLock lock(&mutex_);
    windowMs_ = std::max<std::int64_t>(0, window.ms());
}

void ExemplarStore::forEach(
    absl::FunctionRef<void(const model::Labels&, model::SeriesRef, const model::Exemplar&)> visit)
    const
{
    absl::ReaderMutexLock lock(&mutex_);
    for (std::size_t i = 0; i < ring_.size(); ++i) {
        const Entry& entry = ring_[positionLocked(i)];
        visit(entry.series->labels, entry.series->ref, entry.exemplar);
    }
}

ExemplarStats ExemplarStore::stats() const
{
    absl::ReaderMutexLock lock(&mutex_);
    return {.appended = appended_,
            .outOfOrder = outOfOrder_,
            .stored = ring_.size(),
            .series = series_.size(),
            .capacity = capacity_,
            .oldest = ring_.empty() ? std::nullopt : ring_[positionLocked(0)].exemplar.time};
}

} // namespace narthex::tsdb
