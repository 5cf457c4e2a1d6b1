// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/tsdb/verify_parts.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <utility>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kMagic{"\xBA\xAA\xD7\x00", 4};
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kContentsBytes = 6 * 8 + 4;
constexpr std::size_t kSeriesAlignment = 16;
constexpr std::size_t kListAlignment = 4;
constexpr std::string_view kRemedy =
    "move the block's folder away, and restore it from a backup or snapshot";

/// What a list of series should hold, and does: the number and a hash over the order.
struct ListDigest
{
    std::uint64_t count = 0;
    std::uint64_t hash = 14695981039346656037ULL;
    void add(std::uint32_t ref)
    {
        ++count;
        hash = (hash ^ ref) * 1099511628211ULL;
    }
    friend bool operator==(const ListDigest&, const ListDigest&) = default;
};

class IndexCheck
{
public:
    IndexCheck(const std::filesystem::path& path, std::string_view bytes, VerifyReport& report)
        : path_(path), bytes_(bytes), report_(report)
    {}
    std::vector<VerifiedSeries> run();

private:
    void damage(std::string what) { report_.add(path_, std::move(what), std::string(kRemedy)); }
    bool readContents();
    void checkSymbols();
    void checkSeries();
    bool checkEntry(std::size_t at, std::string_view body);
    std::vector<ChunkMeta> readChunks(base::ByteReader& reader) const;
    void checkLists();
    void checkTable();
    void checkEntryList(std::string_view name, std::string_view value, std::uint64_t at);
    /// A section with length and checksum; what it holds, and the byte behind it. Reports damage.
    std::string_view section(std::size_t at, std::size_t limit, std::string_view what,
                             std::size_t& end);
    /// Moves to the next multiple; reports bytes in between that are not zero.
    std::size_t align(std::size_t at, std::size_t boundary, std::size_t limit);
    void checkZero(std::size_t from, std::size_t to);

    const std::filesystem::path& path_;
    const std::string_view bytes_;
    VerifyReport& report_;
    std::size_t symbolsAt_ = 0;
    std::size_t seriesAt_ = 0;
    std::size_t labelIndicesAt_ = 0;
    std::size_t labelTableAt_ = 0;
    std::size_t listsAt_ = 0;
    std::size_t tableAt_ = 0;
    std::size_t contentsAt_ = 0;
    std::vector<std::string_view> symbols_;
    absl::flat_hash_map<std::string_view, std::uint64_t> symbolIds_;
    std::vector<VerifiedSeries> series_;
    bool allSeriesSound_ = true;
    bool allListsSound_ = true;
    ListDigest all_;
    /// By name and value as symbol numbers.
    absl::flat_hash_map<std::pair<std::uint64_t, std::uint64_t>, ListDigest> expected_;
    /// Lists that are sound, by offset.
    absl::flat_hash_map<std::uint64_t, ListDigest> lists_;
    std::uint64_t tableEntries_ = 0;
};

std::vector<VerifiedSeries> IndexCheck::run()
{
    if (!readContents()) {
        return {};
    }
    checkSymbols();
    checkSeries();
    checkLists();
    checkTable();
    return std::move(series_);
}

bool IndexCheck::readContents()
{
    if (bytes_.size() < kHeaderBytes + kContentsBytes || !bytes_.starts_with(kMagic)) {
        damage(fmt::format("index of {} bytes has no index header at offset 0", bytes_.size()));
        return false;
    }
    if (bytes_[kMagic.size()] != 2) {
        damage(fmt::format("index version is {} at offset 4, only 2 can be read",
                           static_cast<int>(static_cast<unsigned char>(bytes_[kMagic.size()]))));
        return false;
    }
    contentsAt_ = bytes_.size() - kContentsBytes;
    base::ByteReader reader(bytes_.substr(contentsAt_));
    const std::uint32_t actual = base::crc32c(bytes_.substr(contentsAt_, kContentsBytes - 4));
    for (std::size_t* at :
         {&symbolsAt_, &seriesAt_, &labelIndicesAt_, &labelTableAt_, &listsAt_, &tableAt_}) {
        *at = reader.u64();
    }
    if (const std::uint32_t expected = reader.u32(); actual != expected) {
        damage(fmt::format("table of contents at offset {}: checksum is {:#x}, file says {:#x}",
                           contentsAt_, actual, expected));
        return false;
    }
    const bool ordered = symbolsAt_ == kHeaderBytes && symbolsAt_ <= seriesAt_ &&
                         seriesAt_ <= labelIndicesAt_ && labelIndicesAt_ <= listsAt_ &&
                         listsAt_ <= labelTableAt_ && labelTableAt_ <= tableAt_ &&
                         tableAt_ <= contentsAt_;
    if (!ordered) {
        damage(
            fmt::format("table of contents at offset {}: sections are not in order", contentsAt_));
    }
    return ordered;
}

std::string_view IndexCheck::section(std::size_t at, std::size_t limit, std::string_view what,
                                     std::size_t& end)
{
    if (at > limit || limit - at < 8) {
        damage(fmt::format("{} at offset {} runs past its end", what, at));
        end = limit;
        return {};
    }
    const std::size_t length = base::loadBigEndian<std::uint32_t>(bytes_.data() + at);
    if (limit - at - 8 < length) {
        damage(fmt::format("{} at offset {} says {} bytes, and there are {}", what, at, length,
                           limit - at - 8));
        end = limit;
        return {};
    }
    end = at + 8 + length;
    const std::string_view body = bytes_.substr(at + 4, length);
    const auto expected = base::loadBigEndian<std::uint32_t>(bytes_.data() + at + 4 + length);
    if (const std::uint32_t actual = base::crc32c(body); actual != expected) {
        damage(fmt::format("{} at offset {}: checksum is {:#x}, file says {:#x}", what, at, actual,
                           expected));
        return {};
    }
    return body;
}

std::size_t IndexCheck::align(std::size_t at, std::size_t boundary, std::size_t limit)
{
    const std::size_t next = std::min((at + boundary - 1) / boundary * boundary, limit);
    checkZero(at, next);
    return next;
}

void IndexCheck::checkZero(std::size_t from, std::size_t to)
{
    const std::string_view padding = bytes_.substr(from, to - from);
    if (const std::size_t at = padding.find_first_not_of('\0'); at != std::string_view::npos) {
        damage(fmt::format("padding at offset {} is not zero", from + at));
    }
}

void IndexCheck::checkSymbols()
{
    std::size_t end = 0;
    base::ByteReader reader(section(symbolsAt_, seriesAt_, "symbol table", end));
    checkZero(end, seriesAt_);
    if (reader.remaining() == 0) {
        return;
    }
    const std::uint32_t count = reader.u32();
    symbols_.reserve(std::min<std::size_t>(count, reader.remaining()));
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        const std::string_view symbol = reader.uvarintString();
        if (i > 0 && symbol <= symbols_.back()) {
            damage(fmt::format("symbol {} is not above the one before it", i));
        }
        symbolIds_.emplace(symbol, symbols_.size());
        symbols_.push_back(symbol);
    }
    if (!reader.ok()) {
        damage(
            fmt::format("symbol table at offset {} ends before its {} symbols", symbolsAt_, count));
    }
}

void IndexCheck::checkSeries()
{
    std::size_t at = align(seriesAt_, kSeriesAlignment, labelIndicesAt_);
    while (at < labelIndicesAt_) {
        base::ByteReader reader(bytes_.substr(at, labelIndicesAt_ - at));
        const std::string_view body = reader.uvarintString();
        const std::uint32_t expected = reader.u32();
        if (!reader.ok()) {
            damage(fmt::format("series entry at offset {} runs past its section", at));
            allSeriesSound_ = false;
            return;
        }
        const std::size_t next = labelIndicesAt_ - reader.remaining();
        if (const std::uint32_t actual = base::crc32c(body); actual != expected) {
            damage(fmt::format("series entry at offset {}: checksum is {:#x}, file says {:#x}", at,
                               actual, expected));
            allSeriesSound_ = false;
        } else if (!checkEntry(at, body)) {
            allSeriesSound_ = false;
        }
        at = align(next, kSeriesAlignment, labelIndicesAt_);
    }
}

std::vector<ChunkMeta> IndexCheck::readChunks(base::ByteReader& reader) const
{
    std::vector<ChunkMeta> chunks;
    const std::uint64_t count = reader.uvarint();
    std::uint64_t ref = 0;
    std::uint64_t time = 0; // unsigned: what a file says may overflow
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        time = i == 0 ? static_cast<std::uint64_t>(reader.varint()) : time + reader.uvarint();
        ChunkMeta chunk{.minTime = static_cast<std::int64_t>(time)};
        time += reader.uvarint();
        chunk.maxTime = static_cast<std::int64_t>(time);
        ref += i == 0 ? reader.uvarint() : static_cast<std::uint64_t>(reader.varint());
        chunk.ref = ChunkRef{ref};
        chunks.push_back(chunk);
    }
    return chunks;
}

bool IndexCheck::checkEntry(std::size_t at, std::string_view body)
{
    base::ByteReader reader(body);
    VerifiedSeries series{.ref = static_cast<std::uint32_t>(at / kSeriesAlignment)};
    const std::uint64_t count = reader.uvarint();
    std::string packed;
    std::string_view lastName;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const std::uint64_t name = reader.uvarint();
        const std::uint64_t value = reader.uvarint();
        if (name >= symbols_.size() || value >= symbols_.size()) {
            damage(fmt::format("series entry at offset {} names symbol {} of {}", at,
                               std::max(name, value), symbols_.size()));
            return false;
        }
        if (i > 0 && symbols_[name] <= lastName) {
            damage(fmt::format("series entry at offset {}: label {} does not come after {}", at,
                               symbols_[name], lastName));
        }
        lastName = symbols_[name];
        model::appendPackedLabel(packed, lastName, symbols_[value]);
        pairs.emplace_back(name, value);
    }
    series.chunks = readChunks(reader);
    if (!reader.ok()) {
        damage(fmt::format("series entry at offset {} ends early", at));
        return false;
    }
    series.labels = model::Labels::fromBytes(std::move(packed));
    if (!series_.empty() && !(series_.back().labels < series.labels)) {
        damage(fmt::format("series {} at offset {} does not come after {}",
                           series.labels.toString(), at, series_.back().labels.toString()));
    }
    for (std::size_t i = 0; i < series.chunks.size(); ++i) {
        const ChunkMeta& chunk = series.chunks[i];
        if (chunk.maxTime < chunk.minTime ||
            (i > 0 && chunk.minTime <= series.chunks[i - 1].maxTime)) {
            damage(fmt::format("chunks of series {} are out of order at {}",
                               series.labels.toString(), chunk.minTime));
            break;
        }
    }
    all_.add(series.ref);
    for (const auto& pair : pairs) {
        expected_[pair].add(series.ref);
    }
    series_.push_back(std::move(series));
    return true;
}

void IndexCheck::checkLists()
{
    // Label indices are written by 2.42 only, and read by nobody: their checksums still tell of a
    // disk that loses bits.
    for (std::size_t at = align(labelIndicesAt_, kListAlignment, listsAt_); at < listsAt_;) {
        std::size_t end = 0;
        section(at, listsAt_, "label index", end);
        at = align(end, kListAlignment, listsAt_);
    }
    const std::size_t limit = std::min(labelTableAt_, tableAt_);
    for (std::size_t at = align(listsAt_, kListAlignment, limit); at < limit;) {
        std::size_t end = 0;
        const std::string_view body = section(at, limit, "postings list", end);
        if (!body.empty()) {
            base::ByteReader reader(body);
            const std::uint32_t count = reader.u32();
            ListDigest digest;
            std::uint32_t last = 0;
            for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
                const std::uint32_t ref = reader.u32();
                if (i > 0 && ref <= last) {
                    damage(fmt::format("postings list at offset {} is not ascending", at));
                    break;
                }
                last = ref;
                digest.add(ref);
            }
            if (!reader.ok() || reader.remaining() != 0) {
                damage(fmt::format("postings list at offset {} does not hold its {} entries", at,
                                   count));
            }
            lists_.emplace(at, digest);
        } else {
            allListsSound_ = false;
        }
        at = align(end, kListAlignment, limit);
    }
    if (labelTableAt_ != tableAt_) {
        std::size_t end = 0;
        section(labelTableAt_, tableAt_, "label offset table", end);
        checkZero(end, tableAt_);
    }
}

void IndexCheck::checkTable()
{
    std::size_t end = 0;
    base::ByteReader reader(section(tableAt_, contentsAt_, "postings offset table", end));
    checkZero(end, contentsAt_);
    if (reader.remaining() == 0) {
        return;
    }
    const std::uint32_t count = reader.u32();
    std::pair<std::string_view, std::string_view> last;
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        const std::uint64_t strings = reader.uvarint();
        // Braces: read from left to right.
        const std::pair<std::string_view, std::string_view> pair{reader.uvarintString(),
                                                                 reader.uvarintString()};
        const std::uint64_t at = reader.uvarint();
        if (!reader.ok() || strings != 2) {
            break;
        }
        if (i > 0 && pair <= last) {
            damage(fmt::format("postings offset table: {}={} does not come after {}={}", pair.first,
                               pair.second, last.first, last.second));
        }
        last = pair;
        ++tableEntries_;
        checkEntryList(pair.first, pair.second, at);
    }
    if (!reader.ok() || tableEntries_ != count) {
        damage(fmt::format("postings offset table at offset {} does not hold its {} entries",
                           tableAt_, count));
    } else if (allSeriesSound_ && tableEntries_ != expected_.size() + 1) {
        damage(fmt::format("postings offset table has {} label pairs, the series have {}",
                           tableEntries_ - 1, expected_.size()));
    }
}

void IndexCheck::checkEntryList(std::string_view name, std::string_view value, std::uint64_t at)
{
    const auto list = lists_.find(at);
    if (list == lists_.end() && allListsSound_) {
        damage(fmt::format("postings offset table: no list of {}=\"{}\" at offset {}", name, value,
                           at));
    }
    if (list == lists_.end() || !allSeriesSound_) {
        return; // reported already, or nothing to compare with
    }
    ListDigest expected = all_;
    if (!name.empty() || !value.empty()) {
        const auto nameId = symbolIds_.find(name);
        const auto valueId = symbolIds_.find(value);
        const auto found = nameId == symbolIds_.end() || valueId == symbolIds_.end()
                               ? expected_.end()
                               : expected_.find({nameId->second, valueId->second});
        expected = found == expected_.end() ? ListDigest{} : found->second;
    }
    if (!(list->second == expected)) {
        damage(fmt::format("postings list of {}=\"{}\" at offset {} is not the list of the series "
                           "with that label",
                           name, value, at));
    }
}

} // namespace

std::vector<VerifiedSeries> verifyIndex(const std::filesystem::path& path, std::string_view bytes,
                                        VerifyReport& report)
{
    return IndexCheck(path, bytes, report).run();
}

} // namespace narthex::tsdb
