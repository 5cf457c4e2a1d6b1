// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_reader.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/tsdb/wal_compression.h"
#include "core/tsdb/wal_format.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

constexpr WalFragment typeOf(std::uint8_t head) { return static_cast<WalFragment>(head & 7U); }

bool allZero(std::string_view bytes)
{
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

} // namespace

absl::StatusOr<bool> WalReader::nextFragment(Fragment& fragment)
{
    for (;; at_ = std::min<std::uint64_t>(at_ + kWalPageBytes - at_ % kWalPageBytes,
                                          segment_.size())) {
        fragmentAt_ = at_;
        if (at_ >= segment_.size()) {
            return false;
        }
        const std::size_t room = kWalPageBytes - at_ % kWalPageBytes;
        const std::string_view page = segment_.substr(at_, room);
        const auto head = static_cast<std::uint8_t>(page.front());
        if (typeOf(head) == WalFragment::PagePadding) {
            if (!allZero(page)) {
                return base::dataLoss("unexpected non-zero byte in padded page at offset {}", at_);
            }
            continue;
        }
        if (page.size() < kWalHeaderBytes) {
            return base::dataLoss("fragment header cut off at offset {}", at_);
        }
        const std::size_t length = base::loadBigEndian<std::uint16_t>(page.data() + 1);
        if (length > room - kWalHeaderBytes || room < kWalHeaderBytes) {
            return base::dataLoss("fragment of {} bytes does not fit its page at offset {}", length,
                                  at_);
        }
        if (length > page.size() - kWalHeaderBytes) {
            return base::dataLoss("fragment of {} bytes cut off at offset {}", length, at_);
        }
        const std::string_view data = page.substr(kWalHeaderBytes, length);
        const auto expected = base::loadBigEndian<std::uint32_t>(page.data() + 3);
        if (const std::uint32_t actual = base::crc32c(data); actual != expected) {
            return base::dataLoss("fragment checksum is {:#x}, expected {:#x} at offset {}", actual,
                                  expected, at_);
        }
        at_ += kWalHeaderBytes + length;
        fragment = {head, data};
        return true;
    }
}

absl::StatusOr<bool> WalReader::next()
{
    assembled_.clear();
    for (bool first = true;; first = false) {
        Fragment fragment;
        NARTHEX_ASSIGN_OR_RETURN(const bool found, nextFragment(fragment));
        if (!found) {
            if (!first) {
                return base::dataLoss("last record is torn at offset {}", validEnd_);
            }
            return false;
        }
        const WalFragment type = typeOf(fragment.head);
        const bool starts = type == WalFragment::Full || type == WalFragment::First;
        const bool known = starts || type == WalFragment::Middle || type == WalFragment::Last;
        if (!known || starts != first) {
            return base::dataLoss("unexpected fragment type {} before offset {}",
                                  fragment.head & 7U, at_);
        }
        if (type == WalFragment::Full) {
            NARTHEX_RETURN_IF_ERROR(finish(fragment.data, fragment.head));
            return true;
        }
        if (assembled_.size() + fragment.data.size() > kWalRecordBytesMax) {
            return base::dataLoss("record longer than {} bytes at offset {}", kWalRecordBytesMax,
                                  validEnd_);
        }
        assembled_.append(fragment.data);
        if (type == WalFragment::Last) {
            NARTHEX_RETURN_IF_ERROR(finish(assembled_, fragment.head));
            return true;
        }
    }
}

absl::Status WalReader::finish(std::string_view whole, std::uint8_t head)
{
    const auto decompressed = [&]() -> absl::StatusOr<std::string_view> {
        NARTHEX_ASSIGN_OR_RETURN(const WalCompression compression, compressionOf(head));
        return decompressRecord(whole, compression, decompressed_);
    }();
    if (!decompressed.ok()) {
        return base::annotate(decompressed.status(), fmt::format("record before offset {}", at_));
    }
    record_ = *decompressed;
    validEnd_ = at_;
    return absl::OkStatus();
}

} // namespace narthex::tsdb
