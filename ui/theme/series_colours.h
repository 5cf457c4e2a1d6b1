// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Gives each series a colour slot bound to its label set: it keeps its slot when others come and
// go, and two visible series share one only when more than forty are visible. Owner: a chart.
// Threads: GUI thread.
#pragma once

#include <QHash>

#include <cstdint>
#include <span>
#include <vector>

namespace narthex::ui::theme {

/// Ten colours times four dash patterns.
inline constexpr std::size_t kSlotCount = 40;

class SeriesColours
{
public:
    /// The slot of each of `hashes` (stable hashes of label sets). Slots of series seen before and
    /// still visible stay. The first ten series get slots without dashes.
    std::vector<std::size_t> assign(std::span<const std::uint64_t> hashes);

private:
    QHash<quint64, quint64> slots_;
};

} // namespace narthex::ui::theme
