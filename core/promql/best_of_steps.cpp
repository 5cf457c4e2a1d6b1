// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/best_of_steps.h"

#include <algorithm>
#include <cmath>

namespace narthex::promql {

BestOfSteps::BestOfSteps(bool largest, std::span<const std::uint32_t> counts)
    : largest_(largest),
      counts_(counts),
      most_(*std::max_element(counts.begin(), counts.end())),
      used_(counts.size(), 0)
{}

void BestOfSteps::expectRow()
{
    constexpr std::uint32_t kFirstStride = 8;
    ++rows_;
    if (rows_ <= stride_ || stride_ == most_) {
        return;
    }
    const std::uint32_t stride = std::min(most_, std::max(kFirstStride, 2 * stride_));
    std::vector<Entry> wider(stride * counts_.size());
    for (std::size_t step = 0; step < counts_.size(); ++step) {
        std::copy_n(entries_.data() + step * stride_, used_[step], wider.data() + step * stride);
    }
    stride_ = stride;
    entries_ = std::move(wider);
}

bool BestOfSteps::isBefore(const Entry& a, const Entry& b) const
{
    if (std::isnan(a.value) != std::isnan(b.value)) {
        return std::isnan(b.value);
    }
    if (a.value != b.value && !std::isnan(a.value)) {
        return largest_ ? a.value > b.value : a.value < b.value;
    }
    return a.row < b.row;
}

void BestOfSteps::replaceWorst(std::span<Entry> heap, Entry entry) const
{
    std::size_t at = 0;
    for (std::size_t child = 1; child < heap.size(); child = 2 * at + 1) {
        if (child + 1 < heap.size() && isBefore(heap[child], heap[child + 1])) {
            ++child;
        }
        if (!isBefore(entry, heap[child])) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

void BestOfSteps::add(const Row& row, std::uint32_t number, std::size_t from, std::size_t to)
{
    const auto before = [this](const Entry& a, const Entry& b) { return isBefore(a, b); };
    for (std::size_t step = from; step < to; ++step) {
        if (row.cells[step] != Cell::Float) {
            continue;
        }
        const double value = row.values[step];
        Entry* const heap = entries_.data() + step * stride_;
        if (used_[step] < counts_[step]) {
            heap[used_[step]++] = {value, number};
            std::push_heap(heap, heap + used_[step], before);
            continue;
        }
        // Rows come in order: an equal one does not replace, and NaN replaces nothing.
        if (used_[step] != 0 && ((largest_ ? value > heap->value : value < heap->value) ||
                                 (std::isnan(heap->value) && !std::isnan(value)))) {
            replaceWorst({heap, used_[step]}, {value, number});
        }
    }
}

std::span<const BestOfSteps::Entry> BestOfSteps::take(std::size_t step)
{
    Entry* const heap = entries_.data() + step * stride_;
    std::sort(heap, heap + used_[step],
              [this](const Entry& a, const Entry& b) { return isBefore(a, b); });
    return {heap, used_[step]};
}

} // namespace narthex::promql
