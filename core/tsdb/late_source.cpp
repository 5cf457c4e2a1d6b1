// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/late_source.h"

#include <limits>

namespace narthex::tsdb {

absl::StatusOr<std::vector<BlockSource::Entry>> LateSource::series(std::int64_t /*fromMs*/,
                                                                   std::int64_t /*toMs*/)
{
    std::vector<Entry> entries;
    for (const auto& [ref, chunks] : cut_.chunks) {
        // A series with late samples is not collected: its labels stay.
        entries.push_back({model::Labels::fromBytes(std::string(head_.table().labels(ref))), ref});
    }
    return entries;
}

absl::Status LateSource::chunks(std::uint64_t ref, std::int64_t fromMs, std::int64_t toMs,
                                std::vector<ExportedChunk>& out)
{
    const auto head = static_cast<HeadRef>(ref);
    return head_.exportLate(head, cut_.chunks.at(head), fromMs, toMs, out);
}

absl::StatusOr<std::vector<BlockSource::Entry>> StaleSource::series(std::int64_t fromMs,
                                                                    std::int64_t toMs)
{
    const ReadView everything;
    std::vector<Entry> entries;
    for (const HeadRef ref : refs_) {
        if (auto labels = head_.labelsIfIn(ref, everything, fromMs, toMs)) {
            entries.push_back({*std::move(labels), ref});
        }
    }
    return entries;
}

} // namespace narthex::tsdb
