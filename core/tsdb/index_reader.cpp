// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/index_reader.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"

#include <algorithm>
#include <limits>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kMagic{"\xBA\xAA\xD7\x00", 4};
constexpr char kVersion = 2;
constexpr std::size_t kContentsBytes = 6 * 8 + 4;
constexpr std::size_t kSeriesAlignment = 16;
constexpr std::uint32_t kSampleEvery = 32;

absl::Status cutOff(std::string_view what)
{
    return base::dataLoss("index: {} runs past its end", what);
}

absl::Status readChunks(base::ByteReader& reader, std::vector<ChunkMeta>& chunks)
{
    chunks.clear();
    const std::uint64_t count = reader.uvarint();
    // Unsigned: what a damaged file says may wrap.
    std::uint64_t ref = 0;
    std::uint64_t time = 0;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const std::uint64_t begin =
            i == 0 ? static_cast<std::uint64_t>(reader.varint()) : time + reader.uvarint();
        time = begin + reader.uvarint();
        ref += i == 0 ? reader.uvarint() : static_cast<std::uint64_t>(reader.varint());
        chunks.push_back(
            {static_cast<std::int64_t>(begin), static_cast<std::int64_t>(time), ChunkRef{ref}});
    }
    return reader.ok() ? absl::OkStatus() : cutOff("a series");
}

} // namespace

absl::StatusOr<IndexReader> IndexReader::open(const std::filesystem::path& path)
{
    IndexReader reader;
    NARTHEX_ASSIGN_OR_RETURN(reader.file_, base::MappedFile::open(path));
    if (absl::Status status = reader.readContents(); !status.ok()) {
        return base::annotate(status, path.string());
    }
    return reader;
}

absl::Status IndexReader::readContents()
{
    const std::string_view bytes = file_.bytes();
    if (bytes.size() < kMagic.size() + 1 + kContentsBytes || !bytes.starts_with(kMagic)) {
        return base::dataLoss("index: no such header in {} bytes", bytes.size());
    }
    if (bytes[kMagic.size()] != kVersion) {
        return base::failedPrecondition(
            "index: version {}, this program reads {}; open the block with what wrote it",
            static_cast<int>(bytes[kMagic.size()]), int{kVersion});
    }
    const std::string_view contents = bytes.substr(bytes.size() - kContentsBytes);
    const std::uint32_t actual = base::crc32c(contents.substr(0, kContentsBytes - 4));
    base::ByteReader reader(contents);
    const std::uint64_t symbolsAt = reader.u64();
    reader.bytes(
        3 *
        8); // series, label indices and label offset table: found through the others, or not needed
    reader.u64(); // postings
    const std::uint64_t tableAt = reader.u64();
    if (const std::uint32_t expected = reader.u32(); actual != expected) {
        return base::dataLoss("index: contents' checksum is {:#x}, file says {:#x}", actual,
                              expected);
    }
    NARTHEX_RETURN_IF_ERROR(readSymbols(symbolsAt));
    return readPostingsTable(tableAt);
}

absl::StatusOr<std::string_view> IndexReader::section(std::uint64_t at) const
{
    const std::string_view bytes = file_.bytes();
    if (at > bytes.size() || bytes.size() - at < 8) {
        return cutOff("a section");
    }
    const auto length = base::loadBigEndian<std::uint32_t>(bytes.data() + at);
    if (bytes.size() - at - 8 < length) {
        return cutOff("a section");
    }
    const std::string_view body = bytes.substr(at + 4, length);
    const auto expected = base::loadBigEndian<std::uint32_t>(bytes.data() + at + 4 + length);
    if (const std::uint32_t actual = base::crc32c(body); actual != expected) {
        return base::dataLoss("index: checksum of the section at {} is {:#x}, file says {:#x}", at,
                              actual, expected);
    }
    return body;
}

absl::Status IndexReader::readSymbols(std::uint64_t at)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string_view body, section(at));
    base::ByteReader reader(body);
    const std::uint32_t count = reader.u32();
    symbols_.reserve(std::min<std::size_t>(count, body.size()));
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        symbols_.push_back(static_cast<std::uint32_t>(at + 4 + body.size() - reader.remaining()));
        reader.uvarintString();
    }
    return reader.ok() ? absl::OkStatus() : cutOff("the symbol table");
}

absl::Status IndexReader::readPostingsTable(std::uint64_t at)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string_view body, section(at));
    if (body.size() < 4) {
        return cutOff("the postings offset table");
    }
    table_ = body.substr(4);
    const auto count = base::loadBigEndian<std::uint32_t>(body.data());
    std::uint32_t offset = 0;
    std::string_view current;
    Name* name = nullptr;
    for (std::uint32_t i = 0; i < count; ++i) {
        const Entry entry = entryAt(offset);
        if (entry.next == 0) {
            return cutOff("the postings offset table");
        }
        if (i == 0 && entry.name.empty() && entry.value.empty()) {
            allAt_ = entry.listAt;
        } else {
            if (name == nullptr || entry.name != current) {
                current = entry.name;
                name = &names_[current];
            }
            if (name->count++ % kSampleEvery == 0) {
                name->samples.push_back(offset);
            }
            name->end = entry.next;
        }
        offset = entry.next;
    }
    return absl::OkStatus();
}

/// A damaged entry has next = 0.
IndexReader::Entry IndexReader::entryAt(std::uint32_t offset) const
{
    Entry entry;
    base::ByteReader reader(table_.substr(std::min<std::size_t>(offset, table_.size())));
    const bool pair = reader.uvarint() == 2;
    entry.name = reader.uvarintString();
    entry.value = reader.uvarintString();
    entry.listAt = reader.uvarint();
    entry.next =
        reader.ok() && pair ? static_cast<std::uint32_t>(table_.size() - reader.remaining()) : 0;
    return entry;
}

std::uint32_t IndexReader::lowerBound(const Name& name, std::string_view value) const
{
    // The last sample that is not above the value, then on from there.
    const auto above = std::upper_bound(
        name.samples.begin(), name.samples.end(), value,
        [this](std::string_view v, std::uint32_t offset) { return v < entryAt(offset).value; });
    std::uint32_t offset = above == name.samples.begin() ? name.samples.front() : *std::prev(above);
    while (offset < name.end) {
        const Entry entry = entryAt(offset);
        if (entry.value >= value || entry.next == 0) {
            break;
        }
        offset = entry.next;
    }
    return offset;
}

absl::StatusOr<PostingsView> IndexReader::list(std::uint64_t at, Postings& scratch) const
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string_view body, section(at));
    const std::size_t count = body.size() < 4 ? 0 : base::loadBigEndian<std::uint32_t>(body.data());
    if (body.size() < 4 || (body.size() - 4) / 4 < count) {
        return cutOff("a postings list");
    }
    scratch.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        scratch[i] = base::loadBigEndian<std::uint32_t>(body.data() + 4 + 4 * i);
    }
    return PostingsView(scratch);
}

absl::StatusOr<PostingsView> IndexReader::all(Postings& scratch) const
{
    return list(allAt_, scratch);
}

std::optional<std::uint64_t> IndexReader::listOf(std::string_view name,
                                                 std::string_view value) const
{
    const auto found = names_.find(name);
    if (found == names_.end()) {
        return std::nullopt;
    }
    const std::uint32_t offset = lowerBound(found->second, value);
    if (offset >= found->second.end) {
        return std::nullopt;
    }
    const Entry entry = entryAt(offset);
    return entry.next != 0 && entry.value == value ? std::optional(entry.listAt) : std::nullopt;
}

absl::StatusOr<PostingsView> IndexReader::withLabel(std::string_view name, std::string_view value,
                                                    Postings& scratch) const
{
    const std::optional<std::uint64_t> at = listOf(name, value);
    return at ? list(*at, scratch) : PostingsView();
}

absl::StatusOr<std::size_t> IndexReader::countWithLabel(std::string_view name,
                                                        std::string_view value) const
{
    const std::optional<std::uint64_t> at = listOf(name, value);
    if (!at) {
        return 0;
    }
    // The count alone, without the checksum over what may be megabytes: it only orders a plan.
    const std::string_view bytes = file_.bytes();
    if (*at > bytes.size() || bytes.size() - *at < 8) {
        return cutOff("a postings list");
    }
    return base::loadBigEndian<std::uint32_t>(bytes.data() + *at + 4);
}

absl::Status IndexReader::eachValue(std::string_view name, std::string_view prefix,
                                    absl::FunctionRef<bool(std::string_view value)> visit) const
{
    const auto found = names_.find(name);
    if (found == names_.end()) {
        return absl::OkStatus();
    }
    for (std::uint32_t offset = lowerBound(found->second, prefix); offset < found->second.end;) {
        const Entry entry = entryAt(offset);
        if (entry.next == 0) {
            return cutOff("the postings offset table");
        }
        if (!entry.value.starts_with(prefix) || !visit(entry.value)) {
            break;
        }
        offset = entry.next;
    }
    return absl::OkStatus();
}

std::size_t IndexReader::valueCount(std::string_view name) const
{
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second.count;
}

absl::StatusOr<std::string_view> IndexReader::symbol(std::uint64_t id) const
{
    if (id >= symbols_.size()) {
        return base::dataLoss("index: symbol {} of {}", id, symbols_.size());
    }
    return base::ByteReader(file_.bytes().substr(symbols_[id])).uvarintString();
}

absl::StatusOr<std::string_view> IndexReader::seriesBody(PostingsRef ref) const
{
    const std::uint64_t at = std::uint64_t{ref} * kSeriesAlignment;
    const std::string_view bytes = file_.bytes();
    base::ByteReader reader(bytes.substr(std::min<std::uint64_t>(at, bytes.size())));
    const std::string_view body = reader.uvarintString();
    const std::uint32_t expected = reader.u32();
    if (!reader.ok()) {
        return cutOff("a series");
    }
    if (const std::uint32_t actual = base::crc32c(body); actual != expected) {
        return base::dataLoss("index: checksum of series {} is {:#x}, file says {:#x}", ref, actual,
                              expected);
    }
    return body;
}

absl::Status IndexReader::series(PostingsRef ref, model::Labels& labels,
                                 std::vector<ChunkMeta>& chunks) const
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string_view body, seriesBody(ref));
    base::ByteReader reader(body);
    std::string packed;
    const std::uint64_t labelCount = reader.uvarint();
    for (std::uint64_t i = 0; i < labelCount && reader.ok(); ++i) {
        NARTHEX_ASSIGN_OR_RETURN(const std::string_view name, symbol(reader.uvarint()));
        NARTHEX_ASSIGN_OR_RETURN(const std::string_view value, symbol(reader.uvarint()));
        model::appendPackedLabel(packed, name, value);
    }
    labels = model::Labels::fromBytes(std::move(packed));
    return readChunks(reader, chunks);
}

absl::Status IndexReader::series(PostingsRef ref, std::vector<SymbolPair>& labels,
                                 std::vector<ChunkMeta>& chunks) const
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string_view body, seriesBody(ref));
    base::ByteReader reader(body);
    labels.clear();
    const std::uint64_t labelCount = reader.uvarint();
    for (std::uint64_t i = 0; i < labelCount && reader.ok(); ++i) {
        const std::uint64_t name = reader.uvarint();
        const std::uint64_t value = reader.uvarint();
        if (name >= symbols_.size() || value >= symbols_.size()) {
            return base::dataLoss("index: symbol {} or {} of {}", name, value, symbols_.size());
        }
        labels.push_back({static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(value)});
    }
    return readChunks(reader, chunks);
}

absl::StatusOr<std::string_view> IndexReader::labelOf(PostingsRef ref, std::string_view name,
                                                      std::string& /*scratch*/) const
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string_view body, seriesBody(ref));
    base::ByteReader reader(body);
    const std::uint64_t count = reader.uvarint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        NARTHEX_ASSIGN_OR_RETURN(const std::string_view here, symbol(reader.uvarint()));
        const std::uint64_t value = reader.uvarint();
        if (here == name) {
            return symbol(value);
        }
    }
    return reader.ok() ? absl::StatusOr<std::string_view>(std::string_view()) : cutOff("a series");
}

std::vector<std::string> IndexReader::labelNames() const
{
    std::vector<std::string> names;
    for (const auto& [name, entries] : names_) {
        names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace narthex::tsdb
