// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/index_writer.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"

#include <algorithm>
#include <limits>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kHeader{"\xBA\xAA\xD7\x00\x02", 5};
constexpr std::size_t kSeriesAlignment = 16;
constexpr std::size_t kPostingsAlignment = 4;

} // namespace

IndexWriter::IndexWriter(std::span<const std::string> symbols)
    : symbols_(symbols.begin(), symbols.end())
{
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
        symbolIds_.emplace(symbols_[i], static_cast<std::uint32_t>(i));
    }
    out_ = kHeader;
    writeSymbols(symbols_);
    alignTo(kSeriesAlignment);
    seriesAt_ = out_.size();
}

void IndexWriter::alignTo(std::size_t boundary)
{
    out_.append((boundary - out_.size() % boundary) % boundary, '\0');
}

/// Fills in the length of a section whose length field is at `lengthAt`, and appends its checksum.
absl::Status IndexWriter::endSection(std::size_t lengthAt)
{
    const std::size_t length = out_.size() - lengthAt - 4;
    if (length > std::numeric_limits<std::uint32_t>::max()) {
        return base::resourceExhausted("index section of {} bytes is above 4 GiB", length);
    }
    std::string field;
    base::appendBigEndian(field, static_cast<std::uint32_t>(length));
    out_.replace(lengthAt, 4, field);
    base::appendBigEndian(out_, base::crc32c(std::string_view(out_).substr(lengthAt + 4)));
    return absl::OkStatus();
}

void IndexWriter::writeSymbols(std::span<const std::string> symbols)
{
    symbolsAt_ = out_.size();
    out_.append(4, '\0');
    base::appendBigEndian(out_, static_cast<std::uint32_t>(symbols.size()));
    for (const std::string& symbol : symbols) {
        base::appendUvarintString(out_, symbol);
    }
    error_ = endSection(symbolsAt_);
}

absl::Status IndexWriter::addSeries(const model::Labels& labels, std::span<const ChunkMeta> chunks)
{
    if (!allSeries_.empty() && !(lastLabels_ < labels)) {
        return base::invalidArgument("index: series {} does not come after {}", labels.toString(),
                                     lastLabels_.toString());
    }
    lastLabels_ = labels;
    alignTo(kSeriesAlignment);
    const std::uint64_t position = out_.size() / kSeriesAlignment;
    if (position > std::numeric_limits<std::uint32_t>::max()) {
        return base::resourceExhausted("index is above 64 GiB");
    }
    const auto ref = static_cast<std::uint32_t>(position);
    allSeries_.push_back(ref);

    // | uvarint length | labels: count, (name id, value id)… | chunks: count, first absolute, then
    // differences | CRC32C |
    std::string body;
    base::appendUvarint(body, labels.size());
    for (const model::LabelView& label : labels) {
        const auto name = symbolIds_.find(label.name);
        const auto value = symbolIds_.find(label.value);
        if (name == symbolIds_.end() || value == symbolIds_.end()) {
            return base::invalidArgument("index: no symbol for {}=\"{}\"", label.name, label.value);
        }
        base::appendUvarint(body, name->second);
        base::appendUvarint(body, value->second);
        postings_[(std::uint64_t{name->second} << 32U) | value->second].push_back(ref);
    }
    base::appendUvarint(body, chunks.size());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        const ChunkMeta& chunk = chunks[i];
        const auto chunkRef = static_cast<std::uint64_t>(chunk.ref);
        if (i == 0) {
            base::appendVarint(body, chunk.minTime);
            base::appendUvarint(body, static_cast<std::uint64_t>(chunk.maxTime - chunk.minTime));
            base::appendUvarint(body, chunkRef);
            continue;
        }
        if (chunk.minTime <= chunks[i - 1].maxTime) {
            return base::invalidArgument("index: chunks of {} overlap at {}", labels.toString(),
                                         chunk.minTime);
        }
        base::appendUvarint(body,
                            static_cast<std::uint64_t>(chunk.minTime - chunks[i - 1].maxTime));
        base::appendUvarint(body, static_cast<std::uint64_t>(chunk.maxTime - chunk.minTime));
        base::appendVarint(body, static_cast<std::int64_t>(
                                     chunkRef - static_cast<std::uint64_t>(chunks[i - 1].ref)));
    }
    base::appendUvarintString(out_, body);
    base::appendBigEndian(out_, base::crc32c(body));
    return absl::OkStatus();
}

std::uint64_t IndexWriter::writeList(std::span<const std::uint32_t> refs)
{
    alignTo(kPostingsAlignment);
    const std::size_t at = out_.size();
    out_.append(4, '\0');
    base::appendBigEndian(out_, static_cast<std::uint32_t>(refs.size()));
    for (const std::uint32_t ref : refs) {
        base::appendBigEndian(out_, ref);
    }
    error_.Update(endSection(at));
    return at;
}

absl::StatusOr<std::string> IndexWriter::finish()
{
    NARTHEX_RETURN_IF_ERROR(error_);
    const std::uint64_t labelIndicesAt = out_.size(); // written by nobody any more: empty
    std::vector<std::uint64_t> keys;
    keys.reserve(postings_.size());
    for (const auto& [key, refs] : postings_) {
        keys.push_back(key);
    }
    std::sort(keys.begin(), keys.end()); // symbols are sorted: so are names, then values
    alignTo(kPostingsAlignment);
    const std::uint64_t postingsAt = out_.size();
    std::string entries;
    const auto addEntry = [&entries](std::string_view name, std::string_view value,
                                     std::uint64_t offset) {
        base::appendUvarint(entries, 2);
        base::appendUvarintString(entries, name);
        base::appendUvarintString(entries, value);
        base::appendUvarint(entries, offset);
    };
    addEntry("", "", writeList(allSeries_));
    for (const std::uint64_t key : keys) {
        addEntry(symbols_[key >> 32U], symbols_[key & 0xFFFFFFFFU], writeList(postings_[key]));
    }
    const std::uint64_t tableAt = out_.size();
    out_.append(4, '\0');
    base::appendBigEndian(out_, static_cast<std::uint32_t>(keys.size() + 1));
    out_ += entries;
    error_.Update(endSection(tableAt));
    NARTHEX_RETURN_IF_ERROR(error_);

    std::string contents;
    const std::uint64_t labelTableAt = tableAt; // written by nobody any more: empty
    for (const std::uint64_t at :
         {symbolsAt_, seriesAt_, labelIndicesAt, labelTableAt, postingsAt, tableAt}) {
        base::appendBigEndian(contents, at);
    }
    base::appendBigEndian(contents, base::crc32c(contents));
    out_ += contents;
    return std::move(out_);
}

} // namespace narthex::tsdb
