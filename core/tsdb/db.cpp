// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/db.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/directory_guard.h"
#include "core/tsdb/head.h"
#include "core/tsdb/replay.h"
#include "core/tsdb/wal_format.h"

#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

class DbImpl final : public Db
{
public:
    DbImpl(fs::path directory, const DbOptions& options, Environment environment,
           DirectoryGuard guard)
        : directory_(std::move(directory)),
          options_(options),
          environment_(std::move(environment)),
          files_(environment_.files != nullptr ? *environment_.files : systemFiles_),
          head_(std::make_shared<Head>(
              HeadOptions{.blockRangeMs = options.blockRange.ms(), .shards = options.headShards})),
          guard_(std::move(guard))
    {}
    ~DbImpl() override { base::ignore(close(), "who cares about the result has closed before"); }

    absl::Status start(const std::stop_token& stop);

    std::unique_ptr<storage::Appender> appender() override { return head_->appender(); }
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override
    {
        return head_->querier(from.ms, to.ms);
    }
    absl::Status close() override;
    [[nodiscard]] DbStats stats() const override;
    [[nodiscard]] absl::Status writeStatus() const override
    {
        return head_->journal()->writeStatus();
    }
    [[nodiscard]] const fs::path& directory() const override { return directory_; }

private:
    // Fixed after construction.
    const fs::path directory_;
    const DbOptions options_;
    const Environment environment_;
    SystemFileLayer systemFiles_;
    FileLayer& files_;
    const std::shared_ptr<Head> head_;
    // Written by start() only.
    ReplayResult replay_;
    base::Duration replayTook_;

    absl::Mutex closeMutex_;
    std::optional<DirectoryGuard> guard_ ABSL_GUARDED_BY(closeMutex_);
};

absl::Status DbImpl::start(const std::stop_token& stop)
{
    const fs::path wal = directory_ / "wal";
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(wal));
    const base::Duration begun = environment_.clock.monotonic();
    Replayer replayer(*head_, environment_.pool, environment_.log, environment_.onReplayProgress);
    NARTHEX_ASSIGN_OR_RETURN(replay_, replayer.run(wal, Head::kNoTime, stop));
    replayTook_ = environment_.clock.monotonic() - begun;
    environment_.log->info(
        "wal: replay done segments={} samples={} series={} unknown_refs={} took={:.3f}s",
        replay_.segments, replay_.samples, head_->counters().series.load(), replay_.unknownRefs,
        replayTook_.seconds());
    // A full segment is synced in the background; nobody waits for it, and the file ends by itself.
    const auto finish = [&pool = environment_.pool](std::shared_ptr<AppendFile> file) {
        pool.submit([file = std::move(file)] {
            base::ignore(
                file->sync(),
                "the log is there for a crash of the process; power loss may cost the tail");
            base::ignore(file->close(), "nothing is left to write");
        });
    };
    NARTHEX_ASSIGN_OR_RETURN(
        std::unique_ptr<WalWriter> writer,
        WalWriter::create(files_, wal, replay_.nextSegment, options_.walSegmentBytes, finish));
    head_->setJournal(std::make_unique<Journal>(std::move(writer), options_.walCompression));
    return absl::OkStatus();
}

absl::Status DbImpl::close()
{
    absl::MutexLock lock(&closeMutex_);
    if (!guard_) {
        return absl::OkStatus();
    }
    absl::Status status;
    if (head_->journal() != nullptr) {
        status = head_->journal()->close();
    }
    guard_.reset();
    return status;
}

DbStats DbImpl::stats() const
{
    const HeadCounters& counters = head_->counters();
    DbStats stats;
    stats.series = counters.series.load();
    stats.chunks = counters.chunks.load();
    stats.samplesAppended = counters.samplesAppended.load();
    stats.samplesOutOfOrder = counters.samplesOutOfOrder.load();
    stats.samplesDuplicate = counters.samplesDuplicate.load();
    stats.samplesTooOld = counters.samplesTooOld.load();
    stats.seriesCreated = counters.seriesCreated.load();
    stats.seriesRemoved = counters.seriesRemoved.load();
    stats.walBytes = replay_.bytes + head_->journal()->bytesWritten();
    stats.walCorruptions = replay_.corruptions;
    stats.walUnknownRefs = replay_.unknownRefs;
    stats.walWritesFailed = head_->journal()->writesFailed();
    stats.headBytes = head_->memoryBytes();
    stats.replayTook = replayTook_;
    if (!head_->isEmpty()) {
        stats.minTime = base::Timestamp{head_->minTime()};
        stats.maxTime = base::Timestamp{head_->maxTime()};
    }
    return stats;
}

absl::Status checkOptions(const DbOptions& options)
{
    constexpr std::uint64_t kMiB = 1ULL << 20U;
    if (options.walSegmentBytes < 10 * kMiB || options.walSegmentBytes > 256 * kMiB ||
        options.walSegmentBytes % kWalPageBytes != 0) {
        return base::invalidArgument(
            "WAL segment size {} is not from 10 MiB to 256 MiB in steps of 32 KiB",
            options.walSegmentBytes);
    }
    if (options.blockRange.ms() <= 0) {
        return base::invalidArgument("block range {} is not positive",
                                     base::formatDuration(options.blockRange));
    }
    if (!std::has_single_bit(options.headShards)) {
        return base::invalidArgument("{} head shards are not a power of two", options.headShards);
    }
    return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::unique_ptr<Db>> Db::open(const fs::path& directory, const DbOptions& options,
                                             Environment environment, std::stop_token stop)
{
    NARTHEX_RETURN_IF_ERROR(checkOptions(options));
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(directory));
    NARTHEX_ASSIGN_OR_RETURN(DirectoryGuard guard, DirectoryGuard::acquire(directory));
    auto db =
        std::make_unique<DbImpl>(directory, options, std::move(environment), std::move(guard));
    NARTHEX_RETURN_IF_ERROR(db->start(stop));
    return db;
}

} // namespace narthex::tsdb
