// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The head's late samples, and its stale series, as what blocks are cut from.
// Owner: Db, for one cut. Threads: one at a time, beside appends and queries.
// Format: spec/tsdb.md, 14 (2. and 4.).
#pragma once

#include "core/tsdb/block_cut.h"
#include "core/tsdb/head.h"

#include <utility>
#include <vector>

namespace narthex::tsdb {

class LateSource final : public BlockSource
{
public:
    LateSource(const Head& head, const Head::LateCut& cut) : head_(head), cut_(cut) {}
    absl::StatusOr<std::vector<Entry>> series(std::int64_t fromMs, std::int64_t toMs) override;
    absl::Status chunks(std::uint64_t ref, std::int64_t fromMs, std::int64_t toMs,
                        std::vector<ExportedChunk>& out) override;

private:
    const Head& head_;
    const Head::LateCut& cut_;
};

/// Series whose newest sample is a stale marker, as they are when this is made.
class StaleSource final : public BlockSource
{
public:
    explicit StaleSource(const Head& head) : head_(head), refs_(head.staleSeries()) {}
    absl::StatusOr<std::vector<Entry>> series(std::int64_t fromMs, std::int64_t toMs) override;
    absl::Status chunks(std::uint64_t ref, std::int64_t fromMs, std::int64_t toMs,
                        std::vector<ExportedChunk>& out) override
    {
        return head_.exportChunks(static_cast<HeadRef>(ref), fromMs, toMs, out);
    }
    [[nodiscard]] const std::vector<HeadRef>& refs() const { return refs_; }

private:
    const Head& head_;
    const std::vector<HeadRef> refs_;
};

} // namespace narthex::tsdb
