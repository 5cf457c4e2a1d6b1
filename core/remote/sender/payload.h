// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one request of remote write carries: samples that wait, and their bytes on the wire in both
// versions of the protocol. Encoding allocates only while its buffers grow. Owner: a batch belongs
// to one lane of a queue; its series belong to the series table, which keeps them as long as
// `keepAlive`. Threads: values; one at a time. Units: milliseconds, values as IEEE bits.
// Source: spec/remote.md, 1.1, 1.2 and 2.7.
#pragma once

#include "core/base/string_map.h"
#include "core/model/sample.h"
#include "core/tsdb/histogram_chunk.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::remote {

enum class WriteVersion : std::uint8_t
{
    V1,
    V2
};

/// A series as it is sent: with external labels, relabelled.
struct SentSeries
{
    /// What the log calls it.
    std::uint64_t ref = 0;
    model::Labels labels;
    /// `labels` as fields 1 of a TimeSeries of version 1.
    std::string encodedLabels;
    /// Version 2 only; null: nothing is known.
    const model::Metadata* metadata = nullptr;
    /// The newest segment of the log that names the series.
    std::uint32_t segment = 0;
    /// Relabelling took it out.
    bool isDropped = false;
};

enum class PendingKind : std::uint8_t
{
    Sample,
    Histogram,
    Exemplar
};

/// Something of one series that waits to be sent.
struct Pending
{
    const SentSeries* series = nullptr;
    const model::Metadata* metadata = nullptr;
    std::int64_t time = 0;
    /// Of a sample or exemplar.
    std::uint64_t valueBits = 0;
    /// When the counter began; 0: unknown. Version 2 only.
    std::int64_t start = 0;
    /// Where the histogram, or the labels of the exemplar, are in the batch.
    std::uint32_t extra = 0;
    PendingKind kind = PendingKind::Sample;
};

/// Of a family, for the metadata requests of version 1.
struct FamilyText
{
    std::string family;
    model::Metadata metadata;
    friend auto operator<=>(const FamilyText&, const FamilyText&) = default;
};

/// How many of each kind.
struct PayloadCounts
{
    std::uint64_t samples = 0;
    std::uint64_t histograms = 0;
    std::uint64_t exemplars = 0;
    std::uint64_t metadata = 0;

    [[nodiscard]] std::uint64_t total() const
    {
        return samples + histograms + exemplars + metadata;
    }
    void add(PendingKind kind, std::uint64_t count = 1);
    PayloadCounts& operator+=(const PayloadCounts& other);
    friend bool operator==(const PayloadCounts&, const PayloadCounts&) = default;
};

struct Batch
{
    std::vector<Pending> items;
    std::vector<tsdb::HistogramValue> histograms;
    std::vector<model::Labels> exemplarLabels;
    /// A batch of metadata has nothing else.
    std::vector<FamilyText> metadata;
    std::shared_ptr<const void> keepAlive;

    [[nodiscard]] bool empty() const { return items.empty() && metadata.empty(); }
    [[nodiscard]] std::size_t size() const { return items.size() + metadata.size(); }
    void clear();
    /// Moves items [first, last) of another batch behind those of this one.
    void take(Batch& from, std::size_t first, std::size_t last);
    [[nodiscard]] PayloadCounts counts() const;
    /// The newest time of samples and histograms; absent if there are none.
    [[nodiscard]] std::int64_t highestTime() const;
    /// Removes what is older than `oldest`; what it was.
    PayloadCounts dropBefore(std::int64_t oldest);
};

inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

/// `labels` as fields 1 of a message of version 1.
std::string encodeLabels(const model::Labels& labels);

/// Turns batches into bodies. Owner: a lane. Threads: one at a time.
class PayloadEncoder
{
public:
    explicit PayloadEncoder(WriteVersion version) : version_(version) {}

    /// The request, not compressed; valid until the next call.
    [[nodiscard]] const std::string& encode(const Batch& batch);
    /// The same as a snappy block in `body`.
    void encodeCompressed(const Batch& batch, std::string& body);
    /// Of the newest request, before compression.
    [[nodiscard]] std::size_t rawBytes() const { return out_.size(); }

private:
    void encodeV1(const Batch& batch);
    void encodeV2(const Batch& batch);
    void encodeMetadata(const Batch& batch);
    std::uint32_t symbol(std::string_view text);
    /// The references of these labels in the first refBytes_ of refs_, encoded.
    void referTo(const model::Labels& labels);
    void appendItemV1(const Batch& batch, const Pending& item);
    void appendItemV2(const Batch& batch, const Pending& item);
    void appendOtherV2(const Batch& batch, const Pending& item);

    const WriteVersion version_;
    std::string out_;
    std::string part_;
    std::string histogram_;
    // Version 2.
    std::string symbolText_;
    std::string refs_;
    std::size_t refBytes_ = 0;
    std::string exemplarRefs_;
    base::StringViewMap<std::uint32_t> symbols_;
    std::uint32_t nextSymbol_ = 0;
    /// The labels of the series before: mostly those of the next one, but for two or three.
    struct LabelRefs
    {
        std::string_view name;
        std::string_view value;
        std::uint32_t nameRef = 0;
        std::uint32_t valueRef = 0;
    };
    std::vector<LabelRefs> before_;
};

/// What a batch says, a line an item, cut at `limitBytes`: for the log.
std::string describeBatch(const Batch& batch, std::size_t limitBytes);

} // namespace narthex::remote
