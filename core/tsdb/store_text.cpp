// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/store_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <iterator>
#include <random>
#include <string_view>
#include <utility>

namespace narthex::tsdb {

std::string retentionText(const LiveOptions& live)
{
    std::string text = live.retention.ms() > 0 ? base::formatDuration(live.retention) : "";
    const auto add = [&text](std::string part) {
        text += (text.empty() ? "" : " or ") + std::move(part);
    };
    if (live.retentionPercent > 0) {
        add(fmt::format("{}%", live.retentionPercent));
    } else if (live.retentionBytes > 0) {
        constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        std::uint64_t value = live.retentionBytes;
        std::size_t unit = 0;
        while (value % 1024 == 0 && unit + 1 < std::size(kUnits)) {
            value /= 1024;
            ++unit;
        }
        add(fmt::format("{}{}", value, kUnits[unit]));
    }
    return text;
}

std::string snapshotName(base::Timestamp now)
{
    thread_local std::mt19937_64 random{std::random_device{}()};
    return fmt::format("{:%Y%m%dT%H%M%SZ}-{:016x}",
                       fmt::gmtime(static_cast<std::time_t>(now.ms / 1000)), random());
}

} // namespace narthex::tsdb
