// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/journal.h"

#include "core/base/status.h"
#include "core/tsdb/wal_records.h"

#include <utility>

namespace narthex::tsdb {

Journal::Journal(std::unique_ptr<WalWriter> writer, WalCompression compression)
    : compression_(compression), writer_(std::move(writer))
{}

void Journal::addSeries(std::uint64_t ref, std::string_view packedLabels)
{
    // Records of this size compress well, and always fit a segment.
    constexpr std::size_t kRecordBytes = 256 * 1024;
    absl::MutexLock lock(&seriesMutex_);
    if (queued_.empty() || queued_.back().size() > kRecordBytes) {
        queued_.emplace_back(1, static_cast<char>(WalRecordType::Series));
    }
    appendSeriesEntry(queued_.back(), ref, packedLabels);
    hasSeries_.store(true, std::memory_order_release);
}

absl::Status Journal::writeSeriesLocked()
{
    if (hasSeries_.load(std::memory_order_acquire)) {
        absl::MutexLock lock(&seriesMutex_);
        for (std::string& record : queued_) {
            unwritten_.push_back(std::move(record));
        }
        queued_.clear();
        hasSeries_.store(false, std::memory_order_relaxed);
    }
    while (!unwritten_.empty()) {
        const WalRecord record = makeWalRecord(unwritten_.front(), compression_, compressed_);
        NARTHEX_RETURN_IF_ERROR(writer_->log({&record, 1}));
        unwritten_.erase(unwritten_.begin());
    }
    return absl::OkStatus();
}

absl::Status Journal::commitLocked(std::span<const WalRecord> records)
{
    if (writer_ == nullptr) {
        return base::unavailable("the store is closed");
    }
    NARTHEX_RETURN_IF_ERROR(writeSeriesLocked());
    return records.empty() ? absl::OkStatus() : writer_->log(records);
}

absl::Status Journal::commit(std::span<const WalRecord> records)
{
    absl::Status status = commitAndCount(records);
    if (onCommit_) {
        onCommit_();
    }
    return status;
}

absl::Status Journal::commitAndCount(std::span<const WalRecord> records)
{
    absl::MutexLock lock(&mutex_);
    absl::Status status = commitLocked(records);
    if (writer_ != nullptr) {
        bytesWritten_.store(writer_->bytesWritten(), std::memory_order_relaxed);
    }
    if (!status.ok()) {
        writesFailed_.fetch_add(1, std::memory_order_relaxed);
    }
    if (!status.ok() || !status_.ok()) {
        status_ = status;
    }
    return status;
}

absl::Status Journal::commit(std::span<const std::string> payloads)
{
    std::vector<std::string> compressed(payloads.size());
    std::vector<WalRecord> records;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        records.push_back(makeWalRecord(payloads[i], compression_, compressed[i]));
    }
    return commit(std::span<const WalRecord>(records));
}

absl::Status Journal::writeStatus() const
{
    absl::MutexLock lock(&mutex_);
    return status_;
}

absl::StatusOr<std::uint32_t> Journal::startNextSegment()
{
    absl::MutexLock lock(&mutex_);
    if (writer_ == nullptr) {
        return base::unavailable("the store is closed");
    }
    NARTHEX_RETURN_IF_ERROR(writer_->startNextSegment());
    return writer_->segment();
}

std::uint32_t Journal::segment() const
{
    absl::MutexLock lock(&mutex_);
    return writer_ == nullptr ? 0 : writer_->segment();
}

std::uint64_t Journal::offset() const
{
    absl::MutexLock lock(&mutex_);
    return writer_ == nullptr ? 0 : writer_->offset();
}

absl::Status Journal::flushSeries()
{
    absl::MutexLock lock(&mutex_);
    return writer_ == nullptr ? absl::OkStatus() : writeSeriesLocked();
}

absl::Status Journal::close()
{
    absl::MutexLock lock(&mutex_);
    if (writer_ == nullptr) {
        return absl::OkStatus();
    }
    absl::Status status = writeSeriesLocked();
    status.Update(writer_->close());
    writer_.reset();
    return status;
}

} // namespace narthex::tsdb
