// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/head_source.h"

#include "core/base/status.h"

namespace narthex::tsdb {

absl::StatusOr<std::vector<BlockSource::Entry>> HeadSource::series(std::int64_t fromMs,
                                                                   std::int64_t toMs)
{
    Postings refs;
    {
        const LabelIndex::ReadLock source(head_.labelIndex());
        Postings scratch;
        NARTHEX_ASSIGN_OR_RETURN(const PostingsView all, source.all(scratch));
        refs.assign(all.begin(), all.end());
    }
    const ReadView everything;
    std::vector<Entry> entries;
    for (const HeadRef ref : refs) {
        if (auto labels = head_.labelsIfIn(ref, everything, fromMs, toMs)) {
            entries.push_back({*std::move(labels), ref});
        }
    }
    return entries;
}

} // namespace narthex::tsdb
