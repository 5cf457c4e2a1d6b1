// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/series_colours.h"

#include "ui/theme/roles.h"

#include <array>

namespace narthex::ui::theme {
namespace {

/// The next free slot from `wanted` on, within the smallest group of dash patterns that has room.
std::size_t freeSlot(std::size_t wanted, const std::array<bool, kSlotCount>& taken)
{
    for (std::size_t dash = 0; dash < kSlotCount / kSeriesColourCount; ++dash) {
        for (std::size_t i = 0; i < kSeriesColourCount; ++i) {
            const std::size_t slot = dash * kSeriesColourCount + (wanted + i) % kSeriesColourCount;
            if (!taken[slot]) {
                return slot;
            }
        }
    }
    return wanted % kSlotCount;
}

} // namespace

std::vector<std::size_t> SeriesColours::assign(std::span<const std::uint64_t> hashes)
{
    std::array<bool, kSlotCount> taken{};
    QHash<quint64, quint64> kept;
    for (const std::uint64_t hash : hashes) {
        if (const auto it = slots_.constFind(hash); it != slots_.constEnd()) {
            kept.insert(hash, *it);
            taken[*it % kSlotCount] = true;
        }
    }
    std::vector<std::size_t> result;
    result.reserve(hashes.size());
    for (const std::uint64_t hash : hashes) {
        auto it = kept.constFind(hash);
        if (it == kept.constEnd()) {
            // A single series is the first colour; beyond that the hash decides.
            const std::size_t wanted =
                hashes.size() == 1 ? 0 : std::size_t(hash % kSeriesColourCount);
            const std::size_t slot = freeSlot(wanted, taken);
            taken[slot] = true;
            it = kept.insert(hash, slot);
        }
        result.push_back(std::size_t(*it));
    }
    slots_ = std::move(kept);
    return result;
}

} // namespace narthex::ui::theme
