// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/payload.h"

#include "core/base/codec.h"
#include "core/remote/histogram_message.h"

#include <fmt/format.h>
#include <protozero/pbf_writer.hpp>
#include <snappy.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace narthex::remote {
namespace {

constexpr char kLengthDelimited = 2;
constexpr char kFixed64 = 1;

constexpr char tag(int field, char wire) { return static_cast<char>((field << 3) | wire); }

constexpr std::size_t varintSize(std::uint64_t value)
{
    return (static_cast<std::size_t>(std::bit_width(value | 1U)) + 6) / 7;
}

void appendBytes(std::string& out, int field, std::string_view bytes)
{
    out.push_back(tag(field, kLengthDelimited));
    base::appendUvarintString(out, bytes);
}

/// Writes into memory that is there already.
char* putVarint(char* at, std::uint64_t value)
{
    while (value >= 0x80) {
        *at++ = static_cast<char>(static_cast<unsigned char>(value) | 0x80U);
        value >>= 7U;
    }
    *at++ = static_cast<char>(value);
    return at;
}

char* putBytes(char* at, std::string_view bytes)
{
    std::memcpy(at, bytes.data(), bytes.size());
    return at + bytes.size();
}

char* putFixed64(char* at, std::uint64_t bits)
{
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(at, &bits, sizeof bits);
    return at + sizeof bits;
}

void encodeHistogram(std::string& out, const tsdb::HistogramValue& value, const Pending& item,
                     WriteVersion version)
{
    const std::int64_t start = version == WriteVersion::V2 ? item.start : 0;
    if (value.floats) {
        appendHistogramMessage(out, *value.floats, item.time, start);
    } else {
        appendHistogramMessage(out, *value.integers, item.time, start);
    }
}

/// Fields 1 and 2, and 3 if there is a start time.
void appendSample(std::string& out, int field, const Pending& item)
{
    const auto time = static_cast<std::uint64_t>(item.time);
    const auto start = static_cast<std::uint64_t>(item.start);
    const std::size_t size =
        9 + 1 + varintSize(time) + (item.start != 0 ? 1 + varintSize(start) : 0);
    std::array<char, 48> bytes;
    char* at = bytes.data();
    *at++ = tag(field, kLengthDelimited);
    at = putVarint(at, size);
    *at++ = tag(1, kFixed64);
    at = putFixed64(at, item.valueBits);
    *at++ = tag(2, 0);
    at = putVarint(at, time);
    if (item.start != 0) {
        *at++ = tag(3, 0);
        at = putVarint(at, start);
    }
    out.append(bytes.data(), static_cast<std::size_t>(at - bytes.data()));
}

} // namespace

void PayloadCounts::add(PendingKind kind, std::uint64_t count)
{
    switch (kind) {
    case PendingKind::Sample:
        samples += count;
        break;
    case PendingKind::Histogram:
        histograms += count;
        break;
    case PendingKind::Exemplar:
        exemplars += count;
        break;
    }
}

PayloadCounts& PayloadCounts::operator+=(const PayloadCounts& other)
{
    samples += other.samples;
    histograms += other.histograms;
    exemplars += other.exemplars;
    metadata += other.metadata;
    return *this;
}

void Batch::clear()
{
    items.clear();
    histograms.clear();
    exemplarLabels.clear();
    metadata.clear();
    keepAlive.reset();
}

void Batch::take(Batch& from, std::size_t first, std::size_t last)
{
    const auto begin = from.items.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = from.items.begin() + static_cast<std::ptrdiff_t>(last);
    const std::size_t before = items.size();
    if (keepAlive == nullptr) {
        keepAlive = from.keepAlive;
    }
    items.insert(items.end(), begin, end);
    if (from.histograms.empty() && from.exemplarLabels.empty()) {
        return;
    }
    for (std::size_t i = before; i < items.size(); ++i) {
        Pending& item = items[i];
        if (item.kind == PendingKind::Histogram) {
            histograms.push_back(std::move(from.histograms[item.extra]));
            item.extra = static_cast<std::uint32_t>(histograms.size() - 1);
        } else if (item.kind == PendingKind::Exemplar) {
            exemplarLabels.push_back(std::move(from.exemplarLabels[item.extra]));
            item.extra = static_cast<std::uint32_t>(exemplarLabels.size() - 1);
        }
    }
}

PayloadCounts Batch::counts() const
{
    PayloadCounts result{.metadata = metadata.size()};
    for (const Pending& item : items) {
        result.add(item.kind);
    }
    return result;
}

std::int64_t Batch::highestTime() const
{
    std::int64_t highest = kNoTime;
    for (const Pending& item : items) {
        highest = item.kind == PendingKind::Exemplar ? highest : std::max(highest, item.time);
    }
    return highest;
}

PayloadCounts Batch::dropBefore(std::int64_t oldest)
{
    PayloadCounts dropped;
    std::erase_if(items, [&](const Pending& item) {
        if (item.time >= oldest) {
            return false;
        }
        dropped.add(item.kind);
        return true;
    });
    return dropped;
}

std::string encodeLabels(const model::Labels& labels)
{
    std::string out;
    for (const model::LabelView label : labels) {
        const std::size_t size = 2 + varintSize(label.name.size()) + label.name.size() +
                                 varintSize(label.value.size()) + label.value.size();
        out.push_back(tag(1, kLengthDelimited));
        base::appendUvarint(out, size);
        appendBytes(out, 1, label.name);
        appendBytes(out, 2, label.value);
    }
    return out;
}

const std::string& PayloadEncoder::encode(const Batch& batch)
{
    out_.clear();
    if (!batch.metadata.empty()) {
        encodeMetadata(batch);
    } else if (version_ == WriteVersion::V1) {
        encodeV1(batch);
    } else {
        encodeV2(batch);
    }
    return out_;
}

void PayloadEncoder::encodeCompressed(const Batch& batch, std::string& body)
{
    const std::string& raw = encode(batch);
    snappy::Compress(raw.data(), raw.size(), &body);
}

void PayloadEncoder::encodeMetadata(const Batch& batch)
{
    for (const FamilyText& family : batch.metadata) {
        part_.clear();
        protozero::pbf_writer message(part_);
        message.add_enum(1, static_cast<std::int32_t>(family.metadata.type));
        message.add_string(2, family.family);
        message.add_string(4, family.metadata.help);
        message.add_string(5, family.metadata.unit);
        appendBytes(out_, 3, part_);
    }
}

void PayloadEncoder::encodeV1(const Batch& batch)
{
    for (const Pending& item : batch.items) {
        if (item.kind == PendingKind::Sample) {
            // One piece of memory for the whole series: nearly all that is sent are these.
            const std::string& labels = item.series->encodedLabels;
            const auto time = static_cast<std::uint64_t>(item.time);
            const std::size_t sample = 9 + 1 + varintSize(time);
            const std::size_t size = labels.size() + 2 + sample;
            const std::size_t before = out_.size();
            out_.resize(before + 1 + varintSize(size) + size);
            char* at = out_.data() + before;
            *at++ = tag(1, kLengthDelimited);
            at = putVarint(at, size);
            at = putBytes(at, labels);
            *at++ = tag(2, kLengthDelimited);
            *at++ = static_cast<char>(sample);
            *at++ = tag(1, kFixed64);
            at = putFixed64(at, item.valueBits);
            *at++ = tag(2, 0);
            putVarint(at, time);
        } else {
            appendItemV1(batch, item);
        }
    }
}

void PayloadEncoder::appendItemV1(const Batch& batch, const Pending& item)
{
    part_.assign(item.series->encodedLabels);
    histogram_.clear();
    if (item.kind == PendingKind::Histogram) {
        encodeHistogram(histogram_, batch.histograms[item.extra], item, version_);
        appendBytes(part_, 4, histogram_);
    } else {
        histogram_ = encodeLabels(batch.exemplarLabels[item.extra]);
        protozero::pbf_writer exemplar(histogram_);
        exemplar.add_double(2, std::bit_cast<double>(item.valueBits));
        exemplar.add_int64(3, item.time);
        appendBytes(part_, 3, histogram_);
    }
    appendBytes(out_, 1, part_);
}

std::uint32_t PayloadEncoder::symbol(std::string_view text)
{
    const auto [found, isNew] = symbols_.try_emplace(text, nextSymbol_);
    if (isNew) {
        ++nextSymbol_;
        appendBytes(symbolText_, 4, text);
    }
    return found->second;
}

void PayloadEncoder::referTo(const model::Labels& labels)
{
    constexpr std::size_t kPairBytes = 20; // two varints at their longest
    std::size_t used = 0;
    std::size_t i = 0;
    for (const model::LabelView label : labels) {
        if (i == before_.size()) {
            before_.emplace_back();
        }
        LabelRefs& refs = before_[i++];
        if (refs.name.data() == nullptr || refs.name != label.name) {
            refs.name = label.name;
            refs.nameRef = symbol(label.name);
        }
        if (refs.value.data() == nullptr || refs.value != label.value) {
            refs.value = label.value;
            refs.valueRef = symbol(label.value);
        }
        if (refs_.size() < used + kPairBytes) {
            refs_.resize(2 * (used + kPairBytes));
        }
        char* const at = refs_.data() + used;
        used = static_cast<std::size_t>(putVarint(putVarint(at, refs.nameRef), refs.valueRef) -
                                        refs_.data());
    }
    refBytes_ = used;
}

void PayloadEncoder::encodeV2(const Batch& batch)
{
    symbols_.clear();
    symbolText_.clear();
    before_.clear();
    nextSymbol_ = 0;
    static_cast<void>(symbol("")); // always the first
    for (const Pending& item : batch.items) {
        appendItemV2(batch, item);
    }
    out_.append(symbolText_);
}

void PayloadEncoder::appendItemV2(const Batch& batch, const Pending& item)
{
    referTo(item.series->labels);
    const std::string_view refs(refs_.data(), refBytes_);
    part_.clear();
    if (item.kind == PendingKind::Sample) {
        appendSample(part_, 2, item);
    } else {
        appendOtherV2(batch, item);
    }
    if (item.metadata != nullptr) {
        std::array<char, 24> bytes;
        char* at = bytes.data();
        *at++ = tag(1, 0);
        at = putVarint(at, static_cast<std::uint64_t>(item.metadata->type));
        *at++ = tag(3, 0);
        at = putVarint(at, symbol(item.metadata->help));
        *at++ = tag(4, 0);
        at = putVarint(at, symbol(item.metadata->unit));
        appendBytes(part_, 5, {bytes.data(), static_cast<std::size_t>(at - bytes.data())});
    }
    const std::size_t size = 1 + varintSize(refs.size()) + refs.size() + part_.size();
    const std::size_t before = out_.size();
    out_.resize(before + 1 + varintSize(size) + size);
    char* at = out_.data() + before;
    *at++ = tag(5, kLengthDelimited);
    at = putVarint(at, size);
    *at++ = tag(1, kLengthDelimited);
    at = putVarint(at, refs.size());
    putBytes(putBytes(at, refs), part_);
}

/// A histogram or an exemplar, in part_.
void PayloadEncoder::appendOtherV2(const Batch& batch, const Pending& item)
{
    histogram_.clear();
    if (item.kind == PendingKind::Histogram) {
        encodeHistogram(histogram_, batch.histograms[item.extra], item, version_);
        appendBytes(part_, 3, histogram_);
        return;
    }
    exemplarRefs_.clear();
    for (const model::LabelView label : batch.exemplarLabels[item.extra]) {
        base::appendUvarint(exemplarRefs_, symbol(label.name));
        base::appendUvarint(exemplarRefs_, symbol(label.value));
    }
    appendBytes(histogram_, 1, exemplarRefs_);
    protozero::pbf_writer exemplar(histogram_);
    exemplar.add_double(2, std::bit_cast<double>(item.valueBits));
    exemplar.add_int64(3, item.time);
    appendBytes(part_, 4, histogram_);
}

std::string describeBatch(const Batch& batch, std::size_t limitBytes)
{
    std::string text;
    for (const Pending& item : batch.items) {
        if (text.size() >= limitBytes) {
            text += "…";
            break;
        }
        text += item.series->labels.toString();
        switch (item.kind) {
        case PendingKind::Sample:
            text += fmt::format(" {}", std::bit_cast<double>(item.valueBits));
            break;
        case PendingKind::Histogram:
            text += " histogram";
            break;
        case PendingKind::Exemplar:
            text += fmt::format(" exemplar {}", batch.exemplarLabels[item.extra].toString());
            break;
        }
        text += fmt::format(" @{}; ", item.time);
    }
    return text;
}

} // namespace narthex::remote
