// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_writer.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/tsdb/metrics.h"
#include "core/tsdb/wal_compression.h"
#include "core/tsdb/wal_format.h"

#include <algorithm>
#include <utility>

namespace narthex::tsdb {
namespace {

/// Bytes that a record can take at most, wherever in a page it starts.
std::uint64_t framedBytesAtMost(const WalRecord& record)
{
    constexpr std::uint64_t kDataPerPage = kWalPageBytes - kWalHeaderBytes;
    return record.bytes.size() + (record.bytes.size() / kDataPerPage + 2) * 2 * kWalHeaderBytes;
}

std::uint8_t flagOf(WalCompression compression)
{
    switch (compression) {
    case WalCompression::None:
        return 0;
    case WalCompression::Snappy:
        return kWalSnappyBit;
    case WalCompression::Zstd:
        return kWalZstdBit;
    }
    return 0;
}

} // namespace

WalRecord makeWalRecord(std::string_view payload, WalCompression compression, std::string& buffer)
{
    // Below this nothing is won, and the call costs more than the bytes.
    constexpr std::size_t kWorthCompressingBytes = 64;
    if (payload.size() >= kWorthCompressingBytes) {
        if (const auto smaller = compressRecord(payload, compression, buffer)) {
            return {*smaller, compression, payload.size() - smaller->size()};
        }
    }
    return {payload, WalCompression::None};
}

WalWriter::WalWriter(FileLayer& files, std::filesystem::path directory, std::uint64_t segmentBytes,
                     SegmentFinisher finish)
    : files_(files),
      directory_(std::move(directory)),
      segmentBytes_(segmentBytes),
      finish_(std::move(finish))
{}

absl::StatusOr<std::unique_ptr<WalWriter>>
WalWriter::create(FileLayer& files, std::filesystem::path directory, std::uint32_t firstSegment,
                  std::uint64_t segmentBytes, SegmentFinisher finish)
{
    if (segmentBytes == 0 || segmentBytes % kWalPageBytes != 0) {
        return base::invalidArgument("WAL segment size {} is not a multiple of {}", segmentBytes,
                                     kWalPageBytes);
    }
    std::unique_ptr<WalWriter> writer(
        new WalWriter(files, std::move(directory), segmentBytes, std::move(finish)));
    NARTHEX_RETURN_IF_ERROR(writer->openSegment(firstSegment));
    return writer;
}

absl::Status WalWriter::openSegment(std::uint32_t number)
{
    NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<AppendFile> file,
                             files_.create(directory_ / walSegmentName(number)));
    file_ = std::move(file);
    segment_ = number;
    offset_ = 0;
    tailIsTorn_ = false;
    return absl::OkStatus();
}

absl::Status WalWriter::log(std::span<const WalRecord> records)
{
    if (file_ == nullptr) {
        return base::unavailable("the write-ahead log {} is closed", directory_.string());
    }
    NARTHEX_RETURN_IF_ERROR(repairTail());
    std::uint64_t atMost = 0;
    for (const WalRecord& record : records) {
        atMost += framedBytesAtMost(record);
    }
    if (offset_ + atMost > segmentBytes_ && offset_ > 0) {
        NARTHEX_RETURN_IF_ERROR(startNextSegment());
    }
    if (atMost > segmentBytes_) {
        return base::resourceExhausted("a batch of {} bytes does not fit a WAL segment of {} bytes",
                                       atMost, segmentBytes_);
    }
    out_.clear();
    for (const WalRecord& record : records) {
        frame(record);
    }
    return writeOut();
}

void WalWriter::frame(const WalRecord& record)
{
    std::string_view rest = record.bytes;
    const std::uint8_t flag = flagOf(record.compression);
    if (metrics_ != nullptr) {
        metrics_->recordBytesSaved.fetch_add(record.savedBytes, std::memory_order_relaxed);
    }
    for (bool first = true; first || !rest.empty(); first = false) {
        std::size_t room = kWalPageBytes - (offset_ + out_.size()) % kWalPageBytes;
        if (room < kWalHeaderBytes) {
            out_.append(room, '\0');
            room = kWalPageBytes;
        }
        const std::string_view part = rest.substr(0, room - kWalHeaderBytes);
        rest.remove_prefix(part.size());
        WalFragment type = WalFragment::Middle;
        if (rest.empty()) {
            type = first ? WalFragment::Full : WalFragment::Last;
        } else if (first) {
            type = WalFragment::First;
        }
        // A header that is the last thing of its page carries no data and may not be the only
        // fragment of the record: readers accept it, for its length is 0.
        out_.push_back(static_cast<char>(static_cast<std::uint8_t>(type) | flag));
        base::appendBigEndian(out_, static_cast<std::uint16_t>(part.size()));
        base::appendBigEndian(out_, base::crc32c(part));
        out_.append(part);
        if (metrics_ != nullptr) {
            metrics_->recordPartWrites.fetch_add(1, std::memory_order_relaxed);
            metrics_->recordPartBytes.fetch_add(part.size() + kWalHeaderBytes,
                                                std::memory_order_relaxed);
        }
    }
}

absl::Status WalWriter::writeOut()
{
    if (absl::Status status = file_->append(out_); !status.ok()) {
        tailIsTorn_ = true;
        base::ignore(repairTail(), "tried again before the next write");
        return status;
    }
    if (metrics_ != nullptr) {
        const std::uint64_t pages =
            (offset_ + out_.size()) / kWalPageBytes - offset_ / kWalPageBytes;
        metrics_->completedPages.fetch_add(pages, std::memory_order_relaxed);
        metrics_->pageFlushes.fetch_add(pages + 1, std::memory_order_relaxed);
    }
    offset_ += out_.size();
    bytesWritten_ += out_.size();
    return absl::OkStatus();
}

absl::Status WalWriter::repairTail()
{
    if (tailIsTorn_) {
        NARTHEX_RETURN_IF_ERROR(file_->truncate(offset_));
        tailIsTorn_ = false;
    }
    return absl::OkStatus();
}

absl::Status WalWriter::startNextSegment()
{
    if (file_ == nullptr) {
        return base::unavailable("the write-ahead log {} is closed", directory_.string());
    }
    NARTHEX_RETURN_IF_ERROR(repairTail());
    out_.assign((kWalPageBytes - offset_ % kWalPageBytes) % kWalPageBytes, '\0');
    NARTHEX_RETURN_IF_ERROR(writeOut());
    std::shared_ptr<AppendFile> full = file_;
    NARTHEX_RETURN_IF_ERROR(openSegment(segment_ + 1));
    finish_(std::move(full));
    return absl::OkStatus();
}

absl::Status WalWriter::sync() { return file_ == nullptr ? absl::OkStatus() : file_->sync(); }

absl::Status WalWriter::close()
{
    if (file_ == nullptr) {
        return absl::OkStatus();
    }
    absl::Status status = repairTail();
    status.Update(file_->sync());
    status.Update(file_->close());
    file_.reset();
    return status;
}

} // namespace narthex::tsdb
