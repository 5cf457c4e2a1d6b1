// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store: opens a data directory, takes samples, answers queries. A directory that Prometheus
// can open, too. Owner: core/engine. Threads: every function from any thread; open() blocks while
// it replays and belongs on a worker. Errors: FailedPrecondition (directory in use, names the
// process), ResourceExhausted (disk full), DataLoss (a file that cannot be repaired, named).
// Format: spec/tsdb.md.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/worker_pool.h"
#include "core/storage/storage.h"
#include "core/tsdb/block_meta.h"
#include "core/tsdb/file_layer.h"
#include "core/tsdb/wal_format.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::tsdb {

using namespace base::literals;

/// How float samples are written.
enum class FloatEncoding : std::uint8_t
{
    Xor,
    /// Prometheus 3.x only: only without DbOptions::readableBy242.
    Xor2
};

/// What may change while the store is open.
struct LiveOptions
{
    /// Samples older than this, counted from the newest block, are given up; 0: never.
    base::Duration retention = 15_d;
    /// The oldest blocks go when all of the directory exceeds this; 0: no limit.
    std::uint64_t retentionBytes = 0;
    /// The same as a share of the file system, 0 to 100; counts instead of retentionBytes unless 0.
    double retentionPercent = 0;
    /// How far behind the newest sample samples are accepted out of order; 0: not at all.
    base::Duration outOfOrderWindow;
    /// 0: exemplars are not kept.
    std::uint32_t maxExemplars = 0;
    /// Share of stale series (0 to 1) above which they are cut into blocks early; 0: never.
    double staleSeriesThreshold = 0;
};

struct DbOptions
{
    LiveOptions live;
    /// Everything that is written stays readable by Prometheus 2.42; what cannot be is refused.
    bool readableBy242 = true;
    /// Range of the blocks that are cut from the head; chunks never cross its multiples.
    base::Duration blockRange = 2_h;
    /// Whether the store's own thread calls compact(); tests do it themselves.
    bool compactInBackground = true;
    /// 10 MiB to 256 MiB, a multiple of 32 KiB.
    std::uint64_t walSegmentBytes = 128ULL << 20U;
    WalCompression walCompression = WalCompression::Snappy;
    FloatEncoding floatEncoding = FloatEncoding::Xor;
    /// Keep the start times of samples; needs Xor2.
    bool startTimes = false;
    /// The largest block that merging makes; 0: a tenth of the retention, at most 31 days.
    base::Duration maxBlockRange;
    /// The head waits up to this share of the block range, per cent, before it is cut; how long is
    /// drawn at open. Many servers that were started together then do not all cut at once.
    std::uint32_t maxCutDelayPercent = 0;
    /// 1 MiB to 512 MiB.
    std::uint64_t maxChunkSegmentBytes = 512ULL << 20U;
    /// Out-of-order samples of a series in memory before they become a chunk, 1 to 255.
    std::uint32_t outOfOrderCapacity = 32;
    /// Write the open chunks at close, so that the next open replays less.
    bool snapshotOnClose = false;
    /// Write metadata of series into the log.
    bool metadataInWal = false;
    /// Keep the file from which a Prometheus 3 with `fast-startup` starts sooner. A file that is
    /// there already is kept true in any case.
    bool seriesState = false;
    /// Shards of the head's series index, a power of two.
    std::uint32_t headShards = 16;
};

/// Where replay stands.
struct ReplayProgress
{
    /// 0 … 1, by bytes.
    double done = 0;
    /// Segments of the log.
    std::uint32_t firstSegment = 0;
    std::uint32_t lastSegment = 0;
    std::uint32_t currentSegment = 0;
};

/// Something of the directory that could not be used, and was put out of the way.
struct SetAside
{
    /// Where it is now.
    std::filesystem::path path;
    std::string reason;
};

/// What stands behind a name, and how often.
struct NamedCount
{
    std::string name;
    std::uint64_t value = 0;
};

/// How the head's series spread over labels; each list descending, cut at the limit asked for.
struct Cardinality
{
    std::uint64_t series = 0;
    std::uint64_t labelPairs = 0;
    std::vector<NamedCount> seriesByMetricName;
    std::vector<NamedCount> valuesByLabelName;
    std::vector<NamedCount> bytesByLabelName;
    /// `name=value`
    std::vector<NamedCount> seriesByLabelPair;
};

/// A snapshot of counters. Counters count since open.
struct DbStats
{
    std::uint64_t series = 0;
    std::uint64_t chunks = 0;
    /// Floats.
    std::uint64_t samplesAppended = 0;
    std::uint64_t histogramsAppended = 0;
    std::uint64_t exemplarsAppended = 0;
    std::uint64_t samplesOutOfOrder = 0;
    std::uint64_t samplesDuplicate = 0;
    std::uint64_t samplesOutOfBounds = 0;
    std::uint64_t samplesTooOld = 0;
    /// Label sets that were refused: empty or with a name twice, and too long.
    std::uint64_t invalidLabels = 0;
    std::uint64_t oversizedLabels = 0;
    std::uint64_t seriesCreated = 0;
    std::uint64_t seriesRemoved = 0;
    std::uint64_t walBytes = 0;
    std::uint64_t walCorruptions = 0;
    /// Samples of the log whose series record is missing.
    std::uint64_t walUnknownRefs = 0;
    std::uint64_t walWritesFailed = 0;
    std::uint64_t blocks = 0;
    std::uint64_t blockBytes = 0;
    /// Memory of series, index and chunks, counted by the owner of each.
    std::uint64_t headBytes = 0;
    std::optional<base::Timestamp> minTime;
    std::optional<base::Timestamp> maxTime;
    base::Duration replayTook;
};

class Db : public storage::Appendable, public storage::Queryable, public storage::ExemplarQueryable
{
public:
    struct Environment
    {
        base::WorkerPool& pool;
        const base::Clock& clock;
        base::Logger log;
        /// Called now and then during replay; may be empty.
        std::function<void(const ReplayProgress&)> onReplayProgress;
        /// Where the write-ahead log's files come from; null: the operating system. Outlives the
        /// store.
        FileLayer* files = nullptr;
        /// Called whenever the write-ahead log has grown, by any thread that commits; must be
        /// short. May be empty.
        std::function<void()> onCommit;
    };

    /// Creates the directory if it is missing, locks it, replays what is there. `stop` ends a long
    /// replay with Cancelled.
    static absl::StatusOr<std::unique_ptr<Db>> open(const std::filesystem::path& directory,
                                                    const DbOptions& options,
                                                    Environment environment, std::stop_token stop);

    /// Cuts blocks from the head, shortens the log, merges blocks and deletes those beyond
    /// retention, as far as it is due. A thread of the store does the same once a minute. Errors:
    /// ResourceExhausted (disk full), Unavailable (closed).
    virtual absl::Status compact() = 0;
    /// Takes effect with the next sample, or the next compaction.
    virtual absl::Status reconfigure(const LiveOptions& options) = 0;

    /// Hides the samples in [from, to] of the series that match all matchers of at least one set;
    /// their space is freed by later compactions. Errors: ResourceExhausted (disk full),
    /// Unavailable (closed).
    virtual absl::Status deleteSeries(base::Timestamp from, base::Timestamp to,
                                      std::span<const model::Matchers> matcherSets) = 0;
    /// Rewrites every block that has deleted samples.
    virtual absl::Status cleanTombstones() = 0;
    /// Hard links of all blocks, and the head as one more block, in `target`, which is made and
    /// must be empty. Errors: InvalidArgument (the data directory itself, or the name of a block).
    virtual absl::Status snapshot(const std::filesystem::path& target, bool skipHead) = 0;

    /// Flushes, syncs and unlocks; further commits fail with Unavailable. Safe to call twice.
    virtual absl::Status close() = 0;
    [[nodiscard]] virtual DbStats stats() const = 0;
    /// What meta.json says of each block, ascending in time.
    [[nodiscard]] virtual std::vector<BlockMeta> blocks() const = 0;
    [[nodiscard]] virtual std::vector<SetAside> setAside() const = 0;
    /// All metrics of the store, with the names that Prometheus gives them.
    virtual void writeMetrics(exposition::TextWriter& out) const = 0;
    [[nodiscard]] virtual Cardinality cardinality(std::size_t limit) const = 0;
    /// Why the last commit failed, while that lasts (disk full); OK again after a commit that
    /// worked.
    [[nodiscard]] virtual absl::Status writeStatus() const = 0;
    [[nodiscard]] virtual const std::filesystem::path& directory() const = 0;
};

} // namespace narthex::tsdb
