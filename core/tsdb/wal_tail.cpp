// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_tail.h"

#include "core/base/status.h"
#include "core/tsdb/wal_format.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace narthex::tsdb {
namespace {

/// Several pages at once: a follower that lags catches up with few system calls.
constexpr std::size_t kReadBytes = 8 * kWalPageBytes;

} // namespace

absl::StatusOr<bool> WalTail::openSegment()
{
    if (file_.isOpen()) {
        return true;
    }
    auto file = base::File::open(directory_ / walSegmentName(segment_), O_RDONLY);
    if (absl::IsNotFound(file.status())) {
        return false;
    }
    NARTHEX_RETURN_IF_ERROR(file.status());
    file_ = *std::move(file);
    return true;
}

/// Appends what is behind the buffer in the file; how much it was.
absl::StatusOr<std::size_t> WalTail::readMore()
{
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    ssize_t got = 0;
    do {
        got = ::pread(file_.descriptor(), buffer_.data() + before, kReadBytes,
                      static_cast<off_t>(bufferAt_ + before));
    } while (got < 0 && errno == EINTR);
    const int error = errno;
    buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) {
        return base::errnoStatus(error, fmt::format("read {}", file_.path().string()));
    }
    return buffer_.size() - before;
}

/// Reads the page at `pageAt` (in the buffer) and what follows a second time: it may have been
/// half written when it was read first. Whether anything is different now.
absl::StatusOr<bool> WalTail::readAgainFromPage(std::uint64_t pageAt)
{
    const std::string before = buffer_.substr(pageAt);
    buffer_.resize(pageAt);
    while (buffer_.size() - pageAt < before.size()) {
        NARTHEX_ASSIGN_OR_RETURN(const std::size_t got, readMore());
        if (got == 0) {
            break;
        }
    }
    return std::string_view(buffer_).substr(pageAt) != before;
}

absl::StatusOr<std::optional<std::uint32_t>> WalTail::segmentBehind() const
{
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<WalSegmentFile> all, listWalSegments(directory_));
    for (const WalSegmentFile& one : all) {
        if (one.number > segment_) {
            return one.number;
        }
    }
    return std::nullopt;
}

void WalTail::moveTo(std::uint32_t segment)
{
    segment_ = segment;
    file_ = {};
    buffer_.clear();
    bufferAt_ = 0;
    recordAt_ = 0;
    isGivenUp_ = false;
}

void WalTail::dropReadPages()
{
    const std::uint64_t pages = recordAt_ / kWalPageBytes * kWalPageBytes;
    buffer_.erase(0, pages);
    bufferAt_ += pages;
    recordAt_ -= pages;
}

absl::Status WalTail::here(const absl::Status& status, std::uint64_t at) const
{
    return base::annotate(status, fmt::format("{}, offset {}",
                                              (directory_ / walSegmentName(segment_)).string(),
                                              bufferAt_ + at));
}

absl::StatusOr<bool> WalTail::next()
{
    bool sawNextSegment = false;
    while (true) {
        NARTHEX_ASSIGN_OR_RETURN(const bool isThere, openSegment());
        absl::StatusOr<bool> found = false;
        if (isThere && !isGivenUp_) {
            reader_.emplace(buffer_, recordAt_);
            found = reader_->next();
            if (found.ok() && *found) {
                recordAt_ = reader_->position();
                return true;
            }
            if (!found.ok()) {
                const std::uint64_t at = reader_->fragmentAt();
                const std::uint64_t page = at / kWalPageBytes * kWalPageBytes;
                NARTHEX_ASSIGN_OR_RETURN(const bool changed, readAgainFromPage(page));
                if (changed) {
                    continue;
                }
                if (at < buffer_.size() && buffer_.size() >= page + kWalPageBytes) {
                    isGivenUp_ = true;
                    return here(found.status(), at);
                }
            }
            dropReadPages();
            NARTHEX_ASSIGN_OR_RETURN(const std::size_t got, readMore());
            if (got > 0) {
                continue;
            }
        }
        // All that is there was read: what can still come is the next segment. Bytes written
        // between the last read and its making are read first.
        NARTHEX_ASSIGN_OR_RETURN(const auto behind, segmentBehind());
        if (!behind) {
            return false;
        }
        if (!sawNextSegment && !isGivenUp_) {
            sawNextSegment = true;
            continue;
        }
        const std::uint32_t expected = isThere ? segment_ + 1 : segment_;
        const absl::Status torn = found.ok() ? absl::OkStatus() : here(found.status(), recordAt_);
        moveTo(*behind);
        sawNextSegment = false;
        NARTHEX_RETURN_IF_ERROR(torn);
        if (*behind > expected) {
            return base::outOfRange("{}: segments {} to {} were deleted before they were read",
                                    directory_.string(), expected, *behind - 1);
        }
    }
}

} // namespace narthex::tsdb
