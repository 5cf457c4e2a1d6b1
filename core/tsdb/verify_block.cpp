// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/tsdb/block.h"
#include "core/tsdb/verify_parts.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader{"\x85\xBD\x40\xDD\x01\0\0\0", 8};
constexpr std::string_view kRemedy =
    "move the block's folder away, and restore it from a backup or snapshot";
constexpr std::size_t kChecksumBytes = 4;

struct Segment
{
    fs::path path;
    base::MappedFile file;
};

/// One chunk that the index names.
struct ChunkUse
{
    std::uint32_t segment = 0;
    std::uint32_t offset = 0;
    std::uint32_t series = 0; // position in the list of series
    std::uint32_t chunk = 0;  // position in the series
    friend auto operator<=>(const ChunkUse&, const ChunkUse&) = default;
};

class BlockCheck
{
public:
    BlockCheck(const fs::path& directory, VerifyReport& report, const std::stop_token& stop)
        : directory_(directory), report_(report), stop_(stop)
    {}
    void run();

private:
    void damage(const fs::path& path, std::string what)
    {
        report_.add(path, std::move(what), std::string(kRemedy));
    }
    bool openSegments();
    void checkSegment(std::size_t number, std::span<const ChunkUse> uses);
    /// Frames from `at` to `end`; chunks that no series names.
    void checkUnused(const Segment& segment, std::size_t at, std::size_t end);
    /// The frame of a chunk; none when it runs past its file. `next`: the byte behind it.
    std::optional<StoredChunk> frame(const Segment& segment, std::size_t at, std::size_t& next);
    void checkSamples(const Segment& segment, const ChunkUse& use, const StoredChunk& stored);
    void checkTombstones();
    void checkCounts();

    const fs::path& directory_;
    VerifyReport& report_;
    const std::stop_token& stop_;
    BlockMeta meta_;
    std::vector<VerifiedSeries> series_;
    std::vector<Segment> segments_;
    std::uint64_t samples_ = 0;
    std::uint64_t chunks_ = 0;
};

bool BlockCheck::openSegments()
{
    const fs::path folder = directory_ / "chunks";
    std::vector<fs::path> paths;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
            paths.push_back(it->path());
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        damage(folder, error.message());
        return false;
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
        auto file = base::MappedFile::open(path);
        if (!file.ok()) {
            damage(path, std::string(base::messageOf(file.status())));
            return false;
        }
        segments_.push_back({path, *std::move(file)});
    }
    return true;
}

std::optional<StoredChunk> BlockCheck::frame(const Segment& segment, std::size_t at,
                                             std::size_t& next)
{
    const std::string_view bytes = segment.file.bytes();
    base::ByteReader reader(bytes.substr(at));
    const std::uint64_t length = reader.uvarint();
    if (!reader.ok() || length > reader.remaining() ||
        reader.remaining() - length < 1 + kChecksumBytes) {
        damage(segment.path, fmt::format("chunk at offset {} reaches behind its file", at));
        return std::nullopt;
    }
    const std::string_view checked = reader.bytes(static_cast<std::size_t>(length) + 1);
    const std::uint32_t expected = reader.u32();
    next = bytes.size() - reader.remaining();
    if (const std::uint32_t actual = base::crc32c(checked); actual != expected) {
        damage(segment.path, fmt::format("chunk at offset {}: checksum is {:#x}, file says {:#x}",
                                         at, actual, expected));
        return StoredChunk{};
    }
    return StoredChunk{static_cast<ChunkEncoding>(checked.front()), checked.substr(1)};
}

void BlockCheck::checkUnused(const Segment& segment, std::size_t at, std::size_t end)
{
    while (at < end) {
        std::size_t next = 0;
        if (!frame(segment, at, next)) {
            return;
        }
        at = next;
    }
    if (at != end) {
        damage(segment.path, fmt::format("chunk before offset {} reaches over it", end));
    }
}

void BlockCheck::checkSegment(std::size_t number, std::span<const ChunkUse> uses)
{
    const Segment& segment = segments_[number];
    const std::string_view bytes = segment.file.bytes();
    report_.counts.bytes += bytes.size();
    if (!bytes.starts_with(kHeader)) {
        damage(segment.path, "header at offset 0 is not that of a chunk file");
    }
    std::size_t at = kHeader.size();
    for (const ChunkUse& use : uses) {
        if (stop_.stop_requested()) {
            return;
        }
        if (use.offset >= bytes.size()) {
            damage(segment.path,
                   fmt::format("the index names a chunk of {} at offset {}, the file "
                               "ends at {}",
                               series_[use.series].labels.toString(), use.offset, bytes.size()));
            continue;
        }
        if (use.offset > at) {
            checkUnused(segment, at, use.offset);
        }
        std::size_t next = 0;
        const auto stored = frame(segment, use.offset, next);
        if (!stored) {
            return;
        }
        if (stored->encoding != ChunkEncoding::None || !stored->data.empty()) {
            checkSamples(segment, use, *stored);
        }
        at = next;
    }
    if (at < bytes.size()) {
        checkUnused(segment, at, bytes.size());
    }
}

void BlockCheck::checkSamples(const Segment& segment, const ChunkUse& use,
                              const StoredChunk& stored)
{
    const VerifiedSeries& series = series_[use.series];
    const ChunkMeta& meta = series.chunks[use.chunk];
    storage::SampleColumns columns;
    if (const absl::Status status = decodeChunk(stored, INT64_MIN, INT64_MAX, columns);
        !status.ok()) {
        damage(segment.path, fmt::format("chunk of {} at offset {}: {}", series.labels.toString(),
                                         use.offset, base::messageOf(status)));
        return;
    }
    const std::vector<std::int64_t>& times =
        columns.times.empty() ? columns.histogramTimes : columns.times;
    ++chunks_;
    samples_ += times.size();
    const bool ascending =
        std::adjacent_find(times.begin(), times.end(), std::greater_equal<>()) == times.end();
    if (!ascending) {
        damage(segment.path, fmt::format("chunk of {} at offset {}: times do not ascend",
                                         series.labels.toString(), use.offset));
    } else if (times.empty() || times.front() != meta.minTime || times.back() != meta.maxTime) {
        damage(segment.path,
               fmt::format("chunk of {} at offset {} covers {} to {}, the index says {} to {}",
                           series.labels.toString(), use.offset, times.empty() ? 0 : times.front(),
                           times.empty() ? 0 : times.back(), meta.minTime, meta.maxTime));
    }
}

void BlockCheck::checkTombstones()
{
    const fs::path path = directory_ / "tombstones";
    const auto bytes = base::readFile(path);
    if (bytes.status().code() == absl::StatusCode::kNotFound) {
        return; // no deletions
    }
    if (!bytes.ok()) {
        damage(path, std::string(base::messageOf(bytes.status())));
        return;
    }
    report_.counts.bytes += bytes->size();
    const auto deleted = decodeTombstonesFile(*bytes);
    if (!deleted.ok()) {
        report_.add(path, std::string(base::messageOf(deleted.status())),
                    "remove the file: what was deleted from this block comes back");
        return;
    }
    for (const auto& [ref, intervals] : *deleted) {
        report_.counts.tombstones += intervals.size();
        for (const TimeInterval& interval : intervals) {
            if (interval.maxTime < interval.minTime) {
                damage(path, fmt::format("deleted range of series {} ends before it begins", ref));
            }
        }
    }
}

void BlockCheck::checkCounts()
{
    const auto compare = [this](std::string_view what, std::uint64_t found, std::uint64_t stated) {
        if (found != stated) {
            damage(directory_ / "meta.json",
                   fmt::format("says {} {}, and there are {}", stated, what, found));
        }
    };
    compare("series", series_.size(), meta_.stats.series);
    compare("chunks", chunks_, meta_.stats.chunks);
    compare("samples", samples_, meta_.stats.samples);
    for (const VerifiedSeries& series : series_) {
        const bool outside =
            !series.chunks.empty() && (series.chunks.front().minTime < meta_.minTime ||
                                       series.chunks.back().maxTime >= meta_.maxTime);
        if (outside) {
            damage(directory_ / "meta.json",
                   fmt::format("says {} to {}, and series {} covers {} to {}", meta_.minTime,
                               meta_.maxTime, series.labels.toString(),
                               series.chunks.front().minTime, series.chunks.back().maxTime));
            return;
        }
    }
}

void BlockCheck::run()
{
    ++report_.counts.blocks;
    const std::uint64_t before = report_.damageCount;
    auto meta = readBlockMeta(directory_);
    if (!meta.ok()) {
        report_.add(directory_ / "meta.json", std::string(base::messageOf(meta.status())),
                    "the block is passed over: restore meta.json from a backup, or move the folder "
                    "away");
    } else {
        meta_ = *std::move(meta);
        if (meta_.ulid != directory_.filename().string()) {
            damage(directory_ / "meta.json", fmt::format("says block {}", meta_.ulid));
        }
    }
    const auto index = base::MappedFile::open(directory_ / "index");
    if (!index.ok()) {
        damage(directory_ / "index", std::string(base::messageOf(index.status())));
    } else {
        report_.counts.bytes += index->bytes().size();
        series_ = verifyIndex(directory_ / "index", index->bytes(), report_);
    }
    std::vector<ChunkUse> uses;
    for (std::uint32_t i = 0; i < series_.size(); ++i) {
        for (std::uint32_t k = 0; k < series_[i].chunks.size(); ++k) {
            const auto ref = static_cast<std::uint64_t>(series_[i].chunks[k].ref);
            uses.push_back({static_cast<std::uint32_t>(ref >> 32U),
                            static_cast<std::uint32_t>(ref & 0xFFFFFFFFU), i, k});
        }
    }
    std::sort(uses.begin(), uses.end());
    if (openSegments()) {
        auto from = uses.begin();
        for (std::size_t number = 0; number < segments_.size(); ++number) {
            const auto to = std::find_if(
                from, uses.end(), [number](const ChunkUse& use) { return use.segment > number; });
            checkSegment(number, std::span<const ChunkUse>(from, to));
            from = to;
        }
        if (from != uses.end()) {
            damage(directory_ / "chunks", fmt::format("the index names file {:06}, there are {}",
                                                      from->segment + 1, segments_.size()));
        }
    }
    checkTombstones();
    report_.counts.series += series_.size();
    report_.counts.chunks += chunks_;
    report_.counts.samples += samples_;
    // What is missing because of damage need not be told again.
    if (report_.damageCount == before && !stop_.stop_requested()) {
        checkCounts();
    }
}

} // namespace

void verifyBlock(const fs::path& directory, VerifyReport& report, const std::stop_token& stop)
{
    BlockCheck(directory, report, stop).run();
}

} // namespace narthex::tsdb
