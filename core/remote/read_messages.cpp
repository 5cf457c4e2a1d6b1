// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/read_messages.h"

#include "core/base/status.h"
#include "core/exposition/protobuf_messages.h"
#include "core/remote/histogram_message.h"
#include "core/tsdb/histogram_chunk.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

namespace narthex::remote {

using exposition::asBytes;
using exposition::asDouble;
using exposition::asVarint;
using exposition::viewOf;
using protozero::pbf_reader;
using protozero::pbf_writer;

namespace {

absl::StatusOr<model::Matcher> matcherOf(pbf_reader message)
{
    constexpr model::MatchType kTypes[] = {model::MatchType::Equal, model::MatchType::NotEqual,
                                           model::MatchType::Regex, model::MatchType::NotRegex};
    std::int32_t type = 0;
    std::string_view name;
    std::string_view value;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            type = message.get_enum();
            break;
        case asBytes(2):
            name = viewOf(message.get_view());
            break;
        case asBytes(3):
            value = viewOf(message.get_view());
            break;
        default:
            message.skip();
        }
    }
    if (type < 0 || type >= static_cast<std::int32_t>(std::size(kTypes))) {
        return base::invalidArgument("invalid matcher type {} of label \"{}\": 0 to 3 are known",
                                     type, name);
    }
    return model::Matcher::create(kTypes[type], name, value);
}

/// Nobody means more than 292 years.
base::Duration durationOf(std::int64_t ms)
{
    constexpr std::int64_t kMostMs = std::numeric_limits<std::int64_t>::max() / 1'000'000;
    return base::Duration::fromMs(std::clamp(ms, -kMostMs, kMostMs));
}

storage::SelectHints hintsOf(pbf_reader message)
{
    storage::SelectHints hints;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            hints.step = durationOf(message.get_int64());
            break;
        case asBytes(2):
            hints.function = message.get_string();
            break;
        case asVarint(3):
            hints.from = base::Timestamp{message.get_int64()};
            break;
        case asVarint(4):
            hints.to = base::Timestamp{message.get_int64()};
            break;
        case asBytes(5):
            hints.grouping.push_back(message.get_string());
            break;
        case asVarint(6):
            hints.groupingIsBy = message.get_bool();
            break;
        case asVarint(7):
            hints.range = durationOf(message.get_int64());
            break;
        default:
            message.skip();
        }
    }
    return hints;
}

absl::StatusOr<ReadQuery> queryOf(pbf_reader message)
{
    ReadQuery query;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            query.from = base::Timestamp{message.get_int64()};
            break;
        case asVarint(2):
            query.to = base::Timestamp{message.get_int64()};
            break;
        case asBytes(3): {
            NARTHEX_ASSIGN_OR_RETURN(model::Matcher matcher, matcherOf(message.get_message()));
            query.matchers.push_back(std::move(matcher));
            break;
        }
        case asBytes(4):
            query.hints = hintsOf(message.get_message());
            break;
        default:
            message.skip();
        }
    }
    return query;
}

absl::StatusOr<ReadRequest> requestOf(pbf_reader message)
{
    ReadRequest request;
    const auto accept = [&request](std::int32_t type) {
        request.accepted.push_back(static_cast<ReadResponseType>(type));
    };
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1): {
            auto query = queryOf(message.get_message());
            if (!query.ok()) {
                return base::annotate(query.status(),
                                      fmt::format("query number {}", request.queries.size() + 1));
            }
            request.queries.push_back(*std::move(query));
            break;
        }
        case asVarint(2):
            accept(message.get_enum());
            break;
        case asBytes(2): {
            const auto packed = message.get_packed_enum();
            for (const std::int32_t type : packed) {
                accept(type);
            }
            break;
        }
        default:
            message.skip();
        }
    }
    return request;
}

/// What protozero throws becomes a status here.
template <typename Result, typename Function>
absl::StatusOr<Result> decoded(std::string_view bytes, std::string_view what,
                               const Function& function)
{
    try {
        return function(pbf_reader(bytes.data(), bytes.size()));
    } catch (const protozero::exception& error) {
        return base::invalidArgument("these {} bytes are no {}: {}", bytes.size(), what,
                                     error.what());
    }
}

void appendMatcher(pbf_writer& query, const model::Matcher& matcher)
{
    pbf_writer message(query, 3);
    message.add_enum(1, static_cast<std::int32_t>(matcher.type()));
    message.add_string(2, matcher.name());
    message.add_string(3, matcher.value());
}

void appendHints(pbf_writer& query, const storage::SelectHints& hints)
{
    pbf_writer message(query, 4);
    message.add_int64(1, hints.step.ms());
    message.add_string(2, hints.function);
    message.add_int64(3, hints.from.ms);
    message.add_int64(4, hints.to.ms);
    for (const std::string& label : hints.grouping) {
        message.add_string(5, label);
    }
    message.add_bool(6, hints.groupingIsBy);
    message.add_int64(7, hints.range.ms());
}

void appendLabels(pbf_writer& series, const model::Labels& labels)
{
    for (const model::LabelView label : labels) {
        pbf_writer message(series, 1);
        message.add_bytes(1, label.name.data(), label.name.size());
        message.add_bytes(2, label.value.data(), label.value.size());
    }
}

model::LabelView labelOf(pbf_reader message)
{
    model::LabelView label;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            label.name = viewOf(message.get_view());
            break;
        case asBytes(2):
            label.value = viewOf(message.get_view());
            break;
        default:
            message.skip();
        }
    }
    return label;
}

absl::StatusOr<model::Labels> labelsOf(std::vector<model::LabelView> labels)
{
    std::sort(labels.begin(), labels.end());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i].name.empty()) {
            return base::invalidArgument("a label of a series has no name (its value is {})",
                                         model::quote(labels[i].value));
        }
        if (i > 0 && labels[i].name == labels[i - 1].name) {
            return base::invalidArgument("a series has the label {} twice",
                                         model::quote(labels[i].name));
        }
    }
    return model::Labels::fromPairs(std::move(labels));
}

void readSample(pbf_reader message, storage::SampleColumns& out)
{
    double value = 0;
    std::int64_t time = 0;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asDouble(1):
            value = message.get_double();
            break;
        case asVarint(2):
            time = message.get_int64();
            break;
        default:
            message.skip();
        }
    }
    out.times.push_back(time);
    out.values.push_back(value);
}

absl::Status readHistogram(pbf_reader message, HistogramMessage& buffer,
                           storage::SampleColumns& out)
{
    readHistogramMessage(message, buffer);
    tsdb::HistogramValue value;
    if (buffer.isFloat) {
        value.floats = std::make_shared<const model::FloatHistogram>(std::move(buffer.floats));
    } else {
        value.integers =
            std::make_shared<const model::IntegerHistogram>(std::move(buffer.integers));
    }
    const auto accepted = tsdb::acceptHistogram(std::move(value));
    if (!accepted) {
        return base::invalidArgument("the histogram at {} ms has buckets that do not fit together",
                                     buffer.time);
    }
    out.histogramTimes.push_back(buffer.time);
    out.histograms.push_back(accepted->asFloat());
    return absl::OkStatus();
}

absl::StatusOr<ReadSeries> seriesOf(pbf_reader message)
{
    ReadSeries series;
    std::vector<model::LabelView> labels;
    HistogramMessage histogram;
    absl::Status problem;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            labels.push_back(labelOf(message.get_message()));
            break;
        case asBytes(2):
            readSample(message.get_message(), series.samples);
            break;
        case asBytes(4):
            problem.Update(readHistogram(message.get_message(), histogram, series.samples));
            break;
        default:
            message.skip();
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(series.labels, labelsOf(std::move(labels)));
    return problem.ok() ? absl::StatusOr<ReadSeries>(std::move(series))
                        : base::annotate(problem, series.labels.toString());
}

absl::StatusOr<std::vector<ReadSeries>> resultOf(pbf_reader message)
{
    std::vector<ReadSeries> result;
    while (message.next()) {
        if (message.tag_and_type() != asBytes(1)) {
            message.skip();
            continue;
        }
        NARTHEX_ASSIGN_OR_RETURN(ReadSeries series, seriesOf(message.get_message()));
        result.push_back(std::move(series));
    }
    return result;
}

} // namespace

std::string encodeReadRequest(const ReadRequest& request)
{
    std::string out;
    pbf_writer writer(out);
    for (const ReadQuery& query : request.queries) {
        pbf_writer message(writer, 1);
        message.add_int64(1, query.from.ms);
        message.add_int64(2, query.to.ms);
        for (const model::Matcher& matcher : query.matchers) {
            appendMatcher(message, matcher);
        }
        if (query.hints) {
            appendHints(message, *query.hints);
        }
    }
    std::vector<std::int32_t> accepted;
    for (const ReadResponseType type : request.accepted) {
        accepted.push_back(static_cast<std::int32_t>(type));
    }
    writer.add_packed_enum(2, accepted.begin(), accepted.end());
    return out;
}

absl::StatusOr<ReadRequest> decodeReadRequest(std::string_view bytes)
{
    return decoded<ReadRequest>(bytes, "read request",
                                [](pbf_reader message) { return requestOf(message); });
}

void ReadResponseWriter::addSeries(const model::Labels& labels,
                                   const storage::SampleColumns& samples)
{
    series_.clear();
    pbf_writer series(series_);
    appendLabels(series, labels);
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
        pbf_writer message(series, 2);
        message.add_double(1, samples.values[i]);
        message.add_int64(2, samples.times[i]);
    }
    for (std::size_t i = 0; i < samples.histogramTimes.size(); ++i) {
        histogram_.clear();
        appendHistogramMessage(histogram_, *samples.histograms[i], samples.histogramTimes[i]);
        series.add_message(4, histogram_);
    }
    pbf_writer(query_).add_message(1, series_);
}

void ReadResponseWriter::endQuery()
{
    pbf_writer(out_).add_message(1, query_);
    query_.clear();
}

absl::StatusOr<std::vector<std::vector<ReadSeries>>> decodeReadResponse(std::string_view bytes)
{
    using Results = std::vector<std::vector<ReadSeries>>;
    return decoded<Results>(
        bytes, "read answer", [](pbf_reader message) -> absl::StatusOr<Results> {
            Results results;
            while (message.next()) {
                if (message.tag_and_type() != asBytes(1)) {
                    message.skip();
                    continue;
                }
                NARTHEX_ASSIGN_OR_RETURN(auto result, resultOf(message.get_message()));
                results.push_back(std::move(result));
            }
            return results;
        });
}

namespace {

ReadChunk chunkOf(pbf_reader message)
{
    ReadChunk chunk;
    std::int32_t encoding = 0;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asVarint(1):
            chunk.minTime = message.get_int64();
            break;
        case asVarint(2):
            chunk.maxTime = message.get_int64();
            break;
        case asVarint(3):
            encoding = message.get_enum();
            break;
        case asBytes(4):
            chunk.data = viewOf(message.get_view());
            break;
        default:
            message.skip();
        }
    }
    constexpr auto kLast = static_cast<std::int32_t>(tsdb::ChunkEncoding::FloatHistogramSt);
    chunk.encoding = encoding >= 0 && encoding <= kLast ? static_cast<tsdb::ChunkEncoding>(encoding)
                                                        : tsdb::ChunkEncoding::None;
    return chunk;
}

absl::StatusOr<ChunkedSeries> chunkedSeriesOf(pbf_reader message)
{
    ChunkedSeries series;
    std::vector<model::LabelView> labels;
    while (message.next()) {
        switch (message.tag_and_type()) {
        case asBytes(1):
            labels.push_back(labelOf(message.get_message()));
            break;
        case asBytes(2):
            series.chunks.push_back(chunkOf(message.get_message()));
            break;
        default:
            message.skip();
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(series.labels, labelsOf(std::move(labels)));
    return series;
}

} // namespace

std::string encodeReadMessage(const model::Labels& labels, std::span<const ReadChunk> chunks,
                              std::int64_t queryIndex)
{
    std::string out;
    pbf_writer writer(out);
    {
        pbf_writer series(writer, 1);
        appendLabels(series, labels);
        for (const ReadChunk& chunk : chunks) {
            pbf_writer message(series, 2);
            message.add_int64(1, chunk.minTime);
            message.add_int64(2, chunk.maxTime);
            message.add_enum(3, static_cast<std::int32_t>(chunk.encoding));
            message.add_bytes(4, chunk.data.data(), chunk.data.size());
        }
    }
    writer.add_int64(2, queryIndex);
    return out;
}

absl::StatusOr<ReadFrame> decodeReadFrame(std::string_view message)
{
    return decoded<ReadFrame>(
        message, "frame of a streamed answer", [](pbf_reader reader) -> absl::StatusOr<ReadFrame> {
            ReadFrame frame;
            while (reader.next()) {
                switch (reader.tag_and_type()) {
                case asBytes(1): {
                    NARTHEX_ASSIGN_OR_RETURN(ChunkedSeries series,
                                             chunkedSeriesOf(reader.get_message()));
                    frame.series.push_back(std::move(series));
                    break;
                }
                case asVarint(2):
                    frame.queryIndex = reader.get_int64();
                    break;
                default:
                    reader.skip();
                }
            }
            return frame;
        });
}

} // namespace narthex::remote
