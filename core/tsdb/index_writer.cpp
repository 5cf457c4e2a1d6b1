// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/index_writer.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"

#include <algorithm>
#include <fcntl.h>
#include <limits>
#include <numeric>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kHeader{"\xBA\xAA\xD7\x00\x02", 5};
constexpr std::size_t kSeriesAlignment = 16;
constexpr std::size_t kPostingsAlignment = 4;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;
constexpr std::string_view kZeros{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", kSeriesAlignment};

std::uint64_t keyOf(SymbolPair pair) { return (std::uint64_t{pair.name} << 32U) | pair.value; }

/// | labels: count, (name id, value id)… | chunks: count, first absolute, then differences |
absl::Status encodeSeries(std::string& body, std::span<const SymbolPair> labels,
                          std::span<const ChunkMeta> chunks)
{
    body.clear();
    base::appendUvarint(body, labels.size());
    for (const SymbolPair& label : labels) {
        base::appendUvarint(body, label.name);
        base::appendUvarint(body, label.value);
    }
    base::appendUvarint(body, chunks.size());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        const ChunkMeta& chunk = chunks[i];
        const auto chunkRef = static_cast<std::uint64_t>(chunk.ref);
        const auto length =
            static_cast<std::uint64_t>(chunk.maxTime) - static_cast<std::uint64_t>(chunk.minTime);
        if (i == 0) {
            base::appendVarint(body, chunk.minTime);
            base::appendUvarint(body, length);
            base::appendUvarint(body, chunkRef);
            continue;
        }
        if (chunk.minTime <= chunks[i - 1].maxTime) {
            return base::invalidArgument("chunks overlap at {}", chunk.minTime);
        }
        base::appendUvarint(body, static_cast<std::uint64_t>(chunk.minTime) -
                                      static_cast<std::uint64_t>(chunks[i - 1].maxTime));
        base::appendUvarint(body, length);
        base::appendVarint(body, static_cast<std::int64_t>(
                                     chunkRef - static_cast<std::uint64_t>(chunks[i - 1].ref)));
    }
    return absl::OkStatus();
}

} // namespace

IndexWriter::IndexWriter(std::span<const std::string_view> symbols)
{
    std::size_t bytes = 0;
    for (const std::string_view symbol : symbols) {
        bytes += symbol.size();
    }
    symbolBytes_.reserve(bytes);
    symbols_.reserve(symbols.size());
    for (const std::string_view symbol : symbols) {
        const std::size_t at = symbolBytes_.size();
        symbolBytes_.append(symbol); // within what was reserved: views stay good
        symbols_.push_back(std::string_view(symbolBytes_).substr(at));
    }
}

absl::StatusOr<std::unique_ptr<IndexWriter>>
IndexWriter::create(const std::filesystem::path& path, std::span<const std::string_view> symbols)
{
    std::unique_ptr<IndexWriter> writer(new IndexWriter(symbols));
    NARTHEX_ASSIGN_OR_RETURN(writer->file_, base::File::open(path, O_WRONLY | O_CREAT | O_TRUNC));
    NARTHEX_RETURN_IF_ERROR(writer->write(kHeader));
    NARTHEX_RETURN_IF_ERROR(writer->writeSymbols());
    NARTHEX_RETURN_IF_ERROR(writer->alignTo(kSeriesAlignment));
    writer->seriesAt_ = writer->position_;
    return writer;
}

absl::Status IndexWriter::write(std::string_view bytes)
{
    buffer_.append(bytes);
    position_ += bytes.size();
    return buffer_.size() >= kBufferBytes ? flush() : absl::OkStatus();
}

absl::Status IndexWriter::flush()
{
    NARTHEX_RETURN_IF_ERROR(file_.write(buffer_));
    buffer_.clear();
    return absl::OkStatus();
}

absl::Status IndexWriter::alignTo(std::size_t boundary)
{
    return write(kZeros.substr(0, (boundary - position_ % boundary) % boundary));
}

absl::Status IndexWriter::writeSection(std::string_view body)
{
    if (body.size() > std::numeric_limits<std::uint32_t>::max()) {
        return base::resourceExhausted("index section of {} bytes is above 4 GiB", body.size());
    }
    std::string field;
    base::appendBigEndian(field, static_cast<std::uint32_t>(body.size()));
    NARTHEX_RETURN_IF_ERROR(write(field));
    NARTHEX_RETURN_IF_ERROR(write(body));
    field.clear();
    base::appendBigEndian(field, base::crc32c(body));
    return write(field);
}

absl::Status IndexWriter::writeSymbols()
{
    symbolsAt_ = position_;
    std::string body;
    base::appendBigEndian(body, static_cast<std::uint32_t>(symbols_.size()));
    for (const std::string_view symbol : symbols_) {
        base::appendUvarintString(body, symbol);
    }
    return writeSection(body);
}

std::string IndexWriter::describe(std::span<const SymbolPair> labels) const
{
    std::vector<model::LabelView> views;
    for (const SymbolPair& label : labels) {
        if (label.name < symbols_.size() && label.value < symbols_.size()) {
            views.push_back({symbols_[label.name], symbols_[label.value]});
        }
    }
    return model::Labels::fromPairs(std::move(views)).toString();
}

absl::Status IndexWriter::addSeries(const model::Labels& labels, std::span<const ChunkMeta> chunks)
{
    if (symbolIds_.empty()) {
        symbolIds_.reserve(symbols_.size());
        for (std::size_t i = 0; i < symbols_.size(); ++i) {
            symbolIds_.emplace(symbols_[i], static_cast<std::uint32_t>(i));
        }
    }
    pairs_.clear();
    for (const model::LabelView& label : labels) {
        const auto name = symbolIds_.find(label.name);
        const auto value = symbolIds_.find(label.value);
        if (name == symbolIds_.end() || value == symbolIds_.end()) {
            return base::invalidArgument("index: no symbol for {}=\"{}\"", label.name, label.value);
        }
        pairs_.push_back({name->second, value->second});
    }
    return addSeries(pairs_, chunks);
}

absl::Status IndexWriter::addSeries(std::span<const SymbolPair> labels,
                                    std::span<const ChunkMeta> chunks)
{
    const bool ascends = std::lexicographical_compare(lastLabels_.begin(), lastLabels_.end(),
                                                      labels.begin(), labels.end());
    if (!allSeries_.empty() && !ascends) {
        return base::invalidArgument("index: series {} does not come after {}", describe(labels),
                                     describe(lastLabels_));
    }
    lastLabels_.assign(labels.begin(), labels.end());
    NARTHEX_RETURN_IF_ERROR(alignTo(kSeriesAlignment));
    const std::uint64_t number = position_ / kSeriesAlignment;
    if (number > std::numeric_limits<std::uint32_t>::max()) {
        return base::resourceExhausted("index is above 64 GiB");
    }
    allSeries_.push_back(static_cast<std::uint32_t>(number));
    for (const SymbolPair& label : labels) {
        if (label.name >= symbols_.size() || label.value >= symbols_.size()) {
            return base::invalidArgument("index: symbol {} or {} of {}", label.name, label.value,
                                         symbols_.size());
        }
        const auto [place, isNew] =
            labelNumbers_.try_emplace(keyOf(label), static_cast<std::uint32_t>(labelKeys_.size()));
        if (isNew) {
            labelKeys_.push_back(place->first);
        }
        labelsInARow_.push_back(place->second);
    }
    labelCounts_.push_back(static_cast<std::uint32_t>(labels.size()));
    if (absl::Status status = encodeSeries(body_, labels, chunks); !status.ok()) {
        return base::annotate(status, "index: series " + describe(labels));
    }
    // | uvarint length | body | CRC32C of the body |
    const std::uint32_t checksum = base::crc32c(body_);
    std::string length;
    base::appendUvarint(length, body_.size());
    NARTHEX_RETURN_IF_ERROR(write(length));
    base::appendBigEndian(body_, checksum);
    return write(body_);
}

absl::StatusOr<std::uint64_t> IndexWriter::writeList(std::span<const std::uint32_t> refs)
{
    NARTHEX_RETURN_IF_ERROR(alignTo(kPostingsAlignment));
    const std::uint64_t at = position_;
    body_.clear();
    base::appendBigEndian(body_, static_cast<std::uint32_t>(refs.size()));
    for (const std::uint32_t ref : refs) {
        base::appendBigEndian(body_, ref);
    }
    NARTHEX_RETURN_IF_ERROR(writeSection(body_));
    return at;
}

/// Writes all lists and fills `table` with an entry for each.
absl::Status IndexWriter::writePostings(std::string& table)
{
    // Sorted by counting: where each label's list begins, then every series into its lists. Series
    // come in ascending order, so the lists ascend.
    std::vector<std::uint32_t> ends(labelKeys_.size() + 1);
    for (const std::uint32_t label : labelsInARow_) {
        ++ends[label + 1];
    }
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    std::vector<std::uint32_t> next(ends.begin(), ends.end() - 1);
    std::vector<std::uint32_t> refs(labelsInARow_.size());
    std::size_t at = 0;
    for (std::size_t i = 0; i < labelCounts_.size(); ++i) {
        for (std::uint32_t k = 0; k < labelCounts_[i]; ++k) {
            refs[next[labelsInARow_[at++]]++] = allSeries_[i];
        }
    }
    std::vector<std::uint32_t> order(labelKeys_.size());
    std::iota(order.begin(), order.end(), 0U);
    // Symbols are sorted: so are names, then values.
    std::sort(order.begin(), order.end(),
              [this](std::uint32_t a, std::uint32_t b) { return labelKeys_[a] < labelKeys_[b]; });

    const auto addEntry = [&table](std::string_view name, std::string_view value,
                                   std::uint64_t offset) {
        base::appendUvarint(table, 2);
        base::appendUvarintString(table, name);
        base::appendUvarintString(table, value);
        base::appendUvarint(table, offset);
    };
    NARTHEX_ASSIGN_OR_RETURN(const std::uint64_t allAt, writeList(allSeries_));
    addEntry("", "", allAt);
    for (const std::uint32_t label : order) {
        const std::span<const std::uint32_t> list(refs.data() + ends[label],
                                                  ends[label + 1] - ends[label]);
        NARTHEX_ASSIGN_OR_RETURN(const std::uint64_t listAt, writeList(list));
        addEntry(symbols_[labelKeys_[label] >> 32U], symbols_[labelKeys_[label] & 0xFFFFFFFFU],
                 listAt);
    }
    return absl::OkStatus();
}

absl::Status IndexWriter::finish()
{
    const std::uint64_t labelIndicesAt = position_; // written by nobody any more: empty
    NARTHEX_RETURN_IF_ERROR(alignTo(kPostingsAlignment));
    const std::uint64_t postingsAt = position_;
    std::string table;
    base::appendBigEndian(table, static_cast<std::uint32_t>(labelKeys_.size() + 1));
    NARTHEX_RETURN_IF_ERROR(writePostings(table));
    const std::uint64_t tableAt = position_;
    NARTHEX_RETURN_IF_ERROR(writeSection(table));

    std::string contents;
    const std::uint64_t labelTableAt = tableAt; // written by nobody any more: empty
    for (const std::uint64_t at :
         {symbolsAt_, seriesAt_, labelIndicesAt, labelTableAt, postingsAt, tableAt}) {
        base::appendBigEndian(contents, at);
    }
    base::appendBigEndian(contents, base::crc32c(contents));
    NARTHEX_RETURN_IF_ERROR(write(contents));
    NARTHEX_RETURN_IF_ERROR(flush());
    NARTHEX_RETURN_IF_ERROR(file_.sync());
    return file_.close();
}

} // namespace narthex::tsdb
