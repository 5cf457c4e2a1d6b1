// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads pages in the protobuf format: each metric becomes the series that the text formats would
// show, or a native histogram, or both, as the job says. Owner: PageAppender. Threads: one page at
// a time. Errors: InvalidArgument (the parser's), ResourceExhausted (label limits, histograms with
// too many buckets). Source: spec/scrape.md, sections 11, 12 and Protobuf.
#pragma once

#include "core/exposition/protobuf_parser.h"
#include "core/scrape/page_sink.h"

#include <absl/status/status.h>

#include <span>
#include <string>
#include <string_view>

namespace narthex::scrape {

/// Whether a cache key was made from a protobuf metric, not taken from a text.
bool isProtobufKey(std::string_view key);
/// The labels of such a key.
void labelsOfKey(std::string_view key, model::LabelsBuilder& labels);

class ProtobufPage
{
public:
    absl::Status read(std::string_view body, PageSink& sink);

private:
    absl::Status readMetric(const exposition::ProtobufFamily& family,
                            const exposition::ProtobufMetric& metric);
    absl::Status readSummary(const exposition::ProtobufFamily& family,
                             const exposition::ProtobufMetric& metric);
    absl::Status readClassic(const exposition::ProtobufFamily& family,
                             const exposition::ProtobufMetric& metric);
    absl::Status readConverted(const exposition::ProtobufFamily& family,
                               const exposition::ProtobufMetric& metric);
    absl::Status readNative(const exposition::ProtobufFamily& family,
                            const exposition::ProtobufMetric& metric);
    /// The series of a name with the metric's labels and perhaps one more.
    absl::StatusOr<std::uint32_t> seriesOf(std::string_view name, std::string_view suffix,
                                           const exposition::ProtobufMetric& metric,
                                           model::LabelView extra = {});
    absl::Status addFloat(std::string_view name, std::string_view suffix,
                          const exposition::ProtobufMetric& metric, double value,
                          model::LabelView extra = {},
                          std::span<const model::Exemplar> exemplars = {});

    PageSink* sink_ = nullptr;
    std::uint32_t family_ = CachedSeries::kNoFamily;
    std::string key_;
};

} // namespace narthex::scrape
