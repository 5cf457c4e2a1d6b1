// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Start times for counters that do not tell theirs: they count from the first sample that was seen.
// Owner: PageSink. Threads: one at a time. Units: ms since the epoch.
// Source: spec/scrape.md, 13 (st-synthesis).
#pragma once

#include "core/model/histogram.h"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <variant>

namespace narthex::scrape {

class StartSynthesis
{
public:
    template <typename Value>
    struct Counted
    {
        /// Since `startMs`.
        Value value;
        std::int64_t startMs = 0;
    };

    /// Absent: the series' first sample, which is not stored. `Value` is double or a histogram.
    template <typename Value>
    std::optional<Counted<Value>> count(std::uint32_t series, const Value& value,
                                        std::int64_t timeMs);
    /// The series tells its start after all, or its sample was refused.
    void forget(std::uint32_t series) { histories_.erase(series); }

private:
    template <typename Value>
    struct History
    {
        /// What the source had counted at the start; absent: nothing.
        std::optional<Value> reference;
        Value last;
        std::int64_t startMs = 0;
    };
    using AnyHistory = std::variant<History<double>, History<model::FloatHistogram>,
                                    History<model::IntegerHistogram>>;

    absl::flat_hash_map<std::uint32_t, AnyHistory> histories_;
};

} // namespace narthex::scrape
