// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The buckets that all histograms of a chunk share: how they are written, walked and united.
// Threads: values. Errors: DataLoss (a layout that no writer makes).
// Format: spec/tsdb.md, 3.2 Histogram layout block.
#pragma once

#include "core/model/histogram.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/varbit.h"

#include <absl/status/status.h>

#include <cstdint>
#include <vector>

namespace narthex::tsdb {

struct HistogramLayout
{
    std::int32_t schema = 0;
    double zeroThreshold = 0;
    std::vector<model::Span> positiveSpans;
    std::vector<model::Span> negativeSpans;
    /// Upper bounds, only with schema -53.
    std::vector<double> customValues;
};

std::size_t bucketsOf(const std::vector<model::Span>& spans);

void putLayout(BitWriter& out, const HistogramLayout& layout);
/// `chunkBytes` bounds what a layout may claim.
absl::Status getLayout(BitReader& in, std::size_t chunkBytes, HistogramLayout& layout);

/// Walks the buckets of spans in ascending order of index.
class BucketCursor
{
public:
    explicit BucketCursor(const std::vector<model::Span>& spans) : spans_(&spans) { enter(); }

    [[nodiscard]] bool atEnd() const { return span_ >= spans_->size(); }
    /// The index of the bucket in its schema.
    [[nodiscard]] std::int64_t index() const { return index_; }
    /// Which one it is among the buckets of the spans.
    [[nodiscard]] std::size_t position() const { return position_; }
    void next()
    {
        ++position_;
        ++index_;
        if (++inSpan_ == (*spans_)[span_].length) {
            ++span_;
            inSpan_ = 0;
            enter();
        }
    }

private:
    /// To the next span that has buckets.
    void enter()
    {
        while (span_ < spans_->size()) {
            index_ += (*spans_)[span_].offset;
            if ((*spans_)[span_].length > 0) {
                return;
            }
            ++span_;
        }
    }

    const std::vector<model::Span>* spans_;
    std::size_t span_ = 0;
    std::uint32_t inSpan_ = 0;
    std::size_t position_ = 0;
    std::int64_t index_ = 0;
};

/// The buckets of two lists of spans together.
struct SpanUnion
{
    std::vector<model::Span> spans;
    std::size_t buckets = 0;
    /// For each bucket of `a`, and of `b`, which one it is among those of `spans`.
    std::vector<std::uint32_t> fromA;
    std::vector<std::uint32_t> fromB;

    [[nodiscard]] bool addsToA() const { return buckets > fromA.size(); }
    [[nodiscard]] bool addsToB() const { return buckets > fromB.size(); }
};
SpanUnion unite(const std::vector<model::Span>& a, const std::vector<model::Span>& b);

/// Whether the schema is one whose samples are read: the standard ones, the finer ones that are
/// reduced to the finest standard one, and custom buckets.
bool isReadableSchema(std::int64_t schema);
/// Whether the spans ascend and have that many buckets.
bool spansFit(const std::vector<model::Span>& spans, std::size_t buckets);

/// Whether it is one of the schemas 9 to 52.
bool isFineSchema(std::int32_t schema);
/// Makes histograms of the schemas 9 to 52 ones of schema 8; leaves others alone.
void reduceFineSchema(model::FloatHistogram& histogram);
void reduceFineSchema(model::IntegerHistogram& histogram);

} // namespace narthex::tsdb
