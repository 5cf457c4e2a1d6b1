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

/// Whether `a` ends before `b` with at least one millisecond between them.
bool isApart(const TimeInterval& a, const TimeInterval& b)
{
    return a.maxTime < b.minTime && a.maxTime != b.minTime - 1;
}

bool contains(const TimeIntervals& intervals, std::int64_t time)
{
    const auto after =
        std::upper_bound(intervals.begin(), intervals.end(), time,
                         [](std::int64_t t, const TimeInterval& i) { return t < i.minTime; });
    return after != intervals.begin() && time <= std::prev(after)->maxTime;
}

/// Keeps the rows of the columns whose time is not deleted. `starts` is empty or as long.
template <typename Value>
void filter(const TimeIntervals& intervals, std::size_t from, std::vector<std::int64_t>& times,
            std::vector<Value>& values, std::vector<std::int64_t>& starts)
{
    std::size_t out = from;
    for (std::size_t i = from; i < times.size(); ++i) {
        if (!contains(intervals, times[i])) {
            times[out] = times[i];
            values[out] = std::move(values[i]);
            if (!starts.empty()) {
                starts[out] = starts[i];
            }
            ++out;
        }
    }
    times.resize(out);
    values.resize(out);
    starts.resize(starts.empty() ? 0 : out);
}

} // namespace

void addInterval(TimeIntervals& intervals, TimeInterval interval)
{
    // The first that is not wholly before, with a gap, and the first that is wholly behind.
    const auto begin = std::partition_point(
        intervals.begin(), intervals.end(),
        [&interval](const TimeInterval& old) { return isApart(old, interval); });
    const auto end =
        std::partition_point(begin, intervals.end(), [&interval](const TimeInterval& old) {
            return !isApart(interval, old);
        });
    if (begin == end) {
        intervals.insert(begin, interval);
        return;
    }
    begin->minTime = std::min(begin->minTime, interval.minTime);
    begin->maxTime = std::max(std::prev(end)->maxTime, interval.maxTime);
    intervals.erase(std::next(begin), end);
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
        // One that ends before it begins covers nothing.
        if (reader.ok() && interval.minTime <= interval.maxTime) {
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
    columns.padStartTimes();
    filter(intervals, fromSample, columns.times, columns.values, columns.startTimes);
    filter(intervals, fromHistogram, columns.histogramTimes, columns.histograms,
           columns.histogramStartTimes);
}

} // namespace narthex::tsdb
