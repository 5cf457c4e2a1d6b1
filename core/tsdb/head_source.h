// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The head's in-order samples as something that a block is cut from.
// Owner: whoever cuts; the head outlives it. Threads: one at a time, beside appends and queries.
#pragma once

#include "core/tsdb/block_cut.h"
#include "core/tsdb/head.h"

namespace narthex::tsdb {

class HeadSource final : public BlockSource
{
public:
    explicit HeadSource(const Head& head) : head_(head) {}
    absl::StatusOr<std::vector<Entry>> series(std::int64_t fromMs, std::int64_t toMs) override;
    absl::Status chunks(std::uint64_t ref, std::int64_t fromMs, std::int64_t toMs,
                        std::vector<ExportedChunk>& out) override
    {
        return head_.exportChunks(static_cast<HeadRef>(ref), fromMs, toMs, out);
    }

private:
    const Head& head_;
};

} // namespace narthex::tsdb
