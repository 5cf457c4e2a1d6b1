// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/tombstones.h"

#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/status.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kMagic{"\x01\x30\xBA\x30\x01", 5}; // and version 1
constexpr std::size_t kChecksumBytes = 4;

bool contains(const TimeIntervals& intervals, std::int64_t time)
{
    const auto after =
        std::upper_bound(intervals.begin(), intervals.end(), time,
                         [](std::int64_t t, const TimeInterval& i) { return t < i.minTime; });
    return after != intervals.begin() && time <= std::prev(after)->maxTime;
}

/// Keeps the rows of two columns whose time is not deleted.
template <typename Value>
void filter(const TimeIntervals& intervals, std::size_t from, std::vector<std::int64_t>& times,
            std::vector<Value>& values)
{
    std::size_t out = from;
    for (std::size_t i = from; i < times.size(); ++i) {
        if (!contains(intervals, times[i])) {
            times[out] = times[i];
            values[out] = std::move(values[i]);
            ++out;
        }
    }
    times.resize(out);
    values.resize(out);
}

/// Whether there is a time between the end of one interval and the start of another.
bool isApart(std::int64_t end, std::int64_t start)
{
    return end < start && end + 1 < start; // no difference: it may be more than a number holds
}

} // namespace

void addInterval(TimeIntervals& intervals, TimeInterval interval)
{
    TimeIntervals result;
    for (const TimeInterval& old : intervals) {
        const bool before = isApart(old.maxTime, interval.minTime);
        const bool after = isApart(interval.maxTime, old.minTime);
        if (before || after) {
            result.push_back(old);
        } else {
            interval.minTime = std::min(interval.minTime, old.minTime);
            interval.maxTime = std::max(interval.maxTime, old.maxTime);
        }
    }
    const auto place = std::find_if(result.begin(), result.end(), [&](const TimeInterval& i) {
        return i.minTime > interval.maxTime;
    });
    result.insert(place, interval);
    intervals = std::move(result);
}

std::string encodeTombstones(const DeletedRanges& tombstones)
{
    std::string stones;
    for (const auto& [ref, intervals] : tombstones) {
        for (const TimeInterval& interval : intervals) {
            base::appendUvarint(stones, ref);
            base::appendVarint(stones, interval.minTime);
            base::appendVarint(stones, interval.maxTime);
        }
    }
    std::string bytes(kMagic);
    bytes += stones;
    base::appendBigEndian(bytes, base::crc32c(stones));
    return bytes;
}

absl::StatusOr<DeletedRanges> decodeTombstonesFile(std::string_view bytes)
{
    if (bytes.size() < kMagic.size() + kChecksumBytes || !bytes.starts_with(kMagic)) {
        return base::dataLoss("tombstones: no such header in {} bytes", bytes.size());
    }
    const std::string_view stones =
        bytes.substr(kMagic.size(), bytes.size() - kMagic.size() - kChecksumBytes);
    const auto expected =
        base::loadBigEndian<std::uint32_t>(bytes.data() + bytes.size() - kChecksumBytes);
    if (const std::uint32_t actual = base::crc32c(stones); actual != expected) {
        return base::dataLoss("tombstones: checksum is {:#x}, file says {:#x}", actual, expected);
    }
    DeletedRanges tombstones;
    base::ByteReader reader(stones);
    while (reader.remaining() > 0) {
        const std::uint64_t ref = reader.uvarint();
        TimeInterval interval{.minTime = reader.varint()};
        interval.maxTime = reader.varint();
        if (reader.ok()) {
            addInterval(tombstones[ref], interval);
        }
    }
    return reader.ok() ? absl::StatusOr<DeletedRanges>(std::move(tombstones))
                       : base::dataLoss("tombstones: a stone is cut off");
}

absl::StatusOr<DeletedRanges> readTombstones(const std::filesystem::path& blockDirectory)
{
    const auto bytes = base::readFile(blockDirectory / "tombstones");
    if (bytes.status().code() == absl::StatusCode::kNotFound) {
        return DeletedRanges{};
    }
    NARTHEX_RETURN_IF_ERROR(bytes.status());
    return decodeTombstonesFile(*bytes);
}

void removeDeleted(const TimeIntervals& intervals, std::size_t fromSample,
                   std::size_t fromHistogram, storage::SampleColumns& columns)
{
    filter(intervals, fromSample, columns.times, columns.values);
    filter(intervals, fromHistogram, columns.histogramTimes, columns.histograms);
}

} // namespace narthex::tsdb
