// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The messages of remote read: what is written is what is read, and damaged bytes are errors.
// Source: spec/remote.md, 1.1 and 4.
#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/remote/read_messages.h"
#include "core/tsdb/xor_chunk.h"

#include <QtTest>

#include <memory>

namespace narthex::remote {
namespace {

using base::Timestamp;

ReadRequest someRequest()
{
    ReadQuery query{.from = Timestamp{1000}, .to = Timestamp{5000}};
    query.matchers.push_back(model::Matcher::equal("__name__", "up"));
    query.matchers.push_back(*model::Matcher::create(model::MatchType::Regex, "job", "a|b"));
    query.matchers.push_back(*model::Matcher::create(model::MatchType::NotEqual, "x", ""));
    query.matchers.push_back(*model::Matcher::create(model::MatchType::NotRegex, "y", "z.*"));
    query.hints = storage::SelectHints{.from = Timestamp{900},
                                       .to = Timestamp{5100},
                                       .step = base::Duration::fromMs(15'000),
                                       .range = base::Duration::fromMs(300'000),
                                       .function = "rate",
                                       .grouping = {"job", "instance"},
                                       .groupingIsBy = true};
    return {.queries = {query, {.from = Timestamp{-5}, .to = Timestamp{-1}}},
            .accepted = {ReadResponseType::StreamedXorChunks, ReadResponseType::Samples}};
}

model::FloatHistogram someHistogram()
{
    return {.schema = 1,
            .hint = model::CounterResetHint::Gauge,
            .zeroThreshold = 0.001,
            .zeroCount = 2,
            .count = 9,
            .sum = 12.5,
            .positiveSpans = {{-2, 2}, {3, 1}},
            .negativeSpans = {{1, 1}},
            .positiveBuckets = {1, 2, 3},
            .negativeBuckets = {1}};
}

storage::SampleColumns someSamples()
{
    storage::SampleColumns samples;
    samples.times = {1000, 2000, 3000};
    samples.values = {1, 2.5, -3};
    samples.histogramTimes = {4000};
    samples.histograms = {std::make_shared<const model::FloatHistogram>(someHistogram())};
    return samples;
}

std::string someResponse()
{
    std::string bytes;
    ReadResponseWriter writer(bytes);
    writer.addSeries({{"__name__", "up"}, {"job", "a"}}, someSamples());
    writer.addSeries({{"__name__", "up"}, {"job", "b"}}, {});
    writer.endQuery();
    writer.endQuery();
    return bytes;
}

std::string someFrame(std::int64_t query = 1)
{
    const std::string first = tsdb::xorEncode({1000, 2000}, {1, 2});
    const std::string second = tsdb::xorEncode({3000}, {3});
    const ReadChunk chunks[] = {{1000, 2000, tsdb::ChunkEncoding::Xor, first},
                                {3000, 3000, tsdb::ChunkEncoding::Xor, second}};
    return encodeReadFrame({{"__name__", "up"}, {"job", "a"}}, chunks, query);
}

/// A frame that was put together by another program: `up` 1 at 1,700,000,000,000.
constexpr const char* kForeignFrame =
    "389b9078ed0a340a0e0a085f5f6e616d655f5f1202757012220880d095ffbc311080d095ffbc3118"
    "012210000180a0abfef9623ff00000000000001000";

} // namespace

class TestReadMessages : public QObject
{
    Q_OBJECT
private slots:
    void aRequestComesBackAsItWas();
    void acceptedTypesComePackedOrNot();
    void hintsOutOfRangeAreCutDown();
    void aMatcherOfUnknownTypeIsRefused();
    void aDamagedExpressionIsRefused();
    void aRequestCutShortIsAnErrorOrAShorterOne();
    void anAnswerComesBackAsItWas();
    void aHistogramWithTooFewBucketsIsRefused();
    void repeatedLabelsAreRefused();
    void aFrameComesBackAsItWas();
    void aFrameOfAnotherProgramIsRead();
    void framesAreReadByteByByte();
    void aWrongChecksumIsFound();
    void aFrameAboveTheLimitIsRefusedBeforeItCame();
    void anAnswerThatEndsWithinAFrameIsAnError();
    void samplesOutsideTheRangeAreLeftOut();
};

void TestReadMessages::aRequestComesBackAsItWas()
{
    const ReadRequest request = someRequest();
    const auto back = decodeReadRequest(encodeReadRequest(request));
    QVERIFY(back.ok());
    QCOMPARE(back->queries.size(), std::size_t{2});
    const ReadQuery& query = back->queries[0];
    QCOMPARE(query.from.ms, 1000);
    QCOMPARE(query.to.ms, 5000);
    QVERIFY(query.matchers == request.queries[0].matchers);
    QVERIFY(query.hints.has_value());
    QCOMPARE(query.hints->from.ms, 900);
    QCOMPARE(query.hints->to.ms, 5100);
    QCOMPARE(query.hints->step.ms(), 15'000);
    QCOMPARE(query.hints->range.ms(), 300'000);
    QCOMPARE(query.hints->function, std::string("rate"));
    QVERIFY(query.hints->grouping == request.queries[0].hints->grouping);
    QVERIFY(query.hints->groupingIsBy);
    QCOMPARE(back->queries[1].from.ms, -5);
    QVERIFY(!back->queries[1].hints.has_value());
    QVERIFY(back->accepted == request.accepted);
}

void TestReadMessages::acceptedTypesComePackedOrNot()
{
    const auto packed = decodeReadRequest(std::string("\x12\x02\x63\x01", 4));
    const auto single = decodeReadRequest(std::string("\x10\x63\x10\x01", 4));
    QVERIFY(packed.ok() && single.ok());
    QVERIFY(packed->accepted == single->accepted);
    QCOMPARE(static_cast<int>(packed->accepted[0]), 99);
    QVERIFY(packed->accepted[1] == ReadResponseType::StreamedXorChunks);
}

void TestReadMessages::hintsOutOfRangeAreCutDown()
{
    // Query { hints { step: the greatest number } }
    const std::string step("\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10);
    const auto request = decodeReadRequest("\x0a\x0c\x22\x0a" + step);
    QVERIFY(request.ok());
    QVERIFY(request->queries[0].hints->step.ns > 0);
}

void TestReadMessages::aMatcherOfUnknownTypeIsRefused()
{
    const auto request = decodeReadRequest(std::string("\x0a\x07\x1a\x05\x08\x04\x12\x01x", 9));
    QVERIFY(absl::IsInvalidArgument(request.status()));
    QVERIFY(base::messageOf(request.status()).find("type 4") != std::string_view::npos);
}

void TestReadMessages::aDamagedExpressionIsRefused()
{
    const auto request =
        decodeReadRequest(std::string("\x0a\x0a\x1a\x08\x08\x02\x12\x01x\x1a\x01(", 12));
    QVERIFY(absl::IsInvalidArgument(request.status()));
}

void TestReadMessages::aRequestCutShortIsAnErrorOrAShorterOne()
{
    const std::string bytes = encodeReadRequest(someRequest());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto request = decodeReadRequest(std::string_view(bytes).substr(0, size));
        QVERIFY(request.ok() || absl::IsInvalidArgument(request.status()));
    }
}

void TestReadMessages::anAnswerComesBackAsItWas()
{
    const auto results = decodeReadResponse(someResponse());
    QVERIFY(results.ok());
    QCOMPARE(results->size(), std::size_t{2});
    QCOMPARE((*results)[0].size(), std::size_t{2});
    QCOMPARE((*results)[1].size(), std::size_t{0});
    const ReadSeries& series = (*results)[0][0];
    QCOMPARE(series.labels.toString(), std::string("up{job=\"a\"}"));
    QVERIFY(series.samples.times == someSamples().times);
    QVERIFY(series.samples.values == someSamples().values);
    QVERIFY(series.samples.histogramTimes == someSamples().histogramTimes);
    QVERIFY(model::sameBits(*series.samples.histograms[0], someHistogram()));
    QVERIFY(series.samples.histograms[0]->hint == model::CounterResetHint::Gauge);
}

void TestReadMessages::aHistogramWithTooFewBucketsIsRefused()
{
    model::FloatHistogram histogram = someHistogram();
    histogram.positiveBuckets.pop_back();
    storage::SampleColumns samples;
    samples.histogramTimes = {4000};
    samples.histograms = {std::make_shared<const model::FloatHistogram>(histogram)};
    std::string bytes;
    ReadResponseWriter writer(bytes);
    writer.addSeries({{"__name__", "h"}}, samples);
    writer.endQuery();
    const auto results = decodeReadResponse(bytes);
    QVERIFY(absl::IsInvalidArgument(results.status()));
    QVERIFY(base::messageOf(results.status()).find("4000 ms") != std::string_view::npos);
}

void TestReadMessages::repeatedLabelsAreRefused()
{
    const std::string label("\x0a\x06\x0a\x01j\x12\x01v", 8);
    const std::string series = label + label;
    const std::string result = std::string("\x0a\x10", 2) + series;
    const auto results = decodeReadResponse(std::string("\x0a\x12", 2) + result);
    QVERIFY(absl::IsInvalidArgument(results.status()));
    QVERIFY(base::messageOf(results.status()).find("twice") != std::string_view::npos);
}

void TestReadMessages::aFrameComesBackAsItWas()
{
    FrameReader reader(1'000'000);
    reader.feed(someFrame(7));
    const auto message = reader.next();
    QVERIFY(message.ok() && *message);
    const auto frame = decodeReadFrame(**message);
    QVERIFY(frame.ok());
    QCOMPARE(frame->queryIndex, 7);
    QCOMPARE(frame->series.size(), std::size_t{1});
    QCOMPARE(frame->series[0].labels.toString(), std::string("up{job=\"a\"}"));
    QCOMPARE(frame->series[0].chunks.size(), std::size_t{2});
    QCOMPARE(frame->series[0].chunks[1].minTime, 3000);
    storage::SampleColumns samples;
    for (const ReadChunk& chunk : frame->series[0].chunks) {
        QVERIFY(appendChunk(chunk, Timestamp{0}, Timestamp{9000}, samples).ok());
    }
    QVERIFY((samples.values == std::vector<double>{1, 2, 3}));
}

void TestReadMessages::aFrameOfAnotherProgramIsRead()
{
    FrameReader reader(1'000'000);
    reader.feed(QByteArray::fromHex(kForeignFrame).toStdString());
    const auto message = reader.next();
    QVERIFY(message.ok() && *message);
    const auto frame = decodeReadFrame(**message);
    QVERIFY(frame.ok());
    QCOMPARE(frame->series[0].labels.toString(), std::string("up"));
    storage::SampleColumns samples;
    QVERIFY(appendChunk(frame->series[0].chunks[0], {0}, {INT64_MAX}, samples).ok());
    QVERIFY((samples.times == std::vector<std::int64_t>{1'700'000'000'000}));
    QVERIFY((samples.values == std::vector<double>{1}));
    const std::string data(frame->series[0].chunks[0].data);
    const ReadChunk chunk{1'700'000'000'000, 1'700'000'000'000, tsdb::ChunkEncoding::Xor, data};
    const std::string ours = encodeReadFrame({{"__name__", "up"}}, {&chunk, 1}, 0);
    QCOMPARE(QByteArray::fromStdString(ours).toHex(), QByteArray(kForeignFrame));
}

void TestReadMessages::framesAreReadByteByByte()
{
    const std::string bytes = someFrame(0) + someFrame(1);
    FrameReader reader(1'000'000);
    int frames = 0;
    for (const char byte : bytes) {
        reader.feed({&byte, 1});
        const auto message = reader.next();
        QVERIFY(message.ok());
        frames += *message ? 1 : 0;
    }
    QCOMPARE(frames, 2);
    QVERIFY(reader.finish().ok());
}

void TestReadMessages::aWrongChecksumIsFound()
{
    std::string bytes = someFrame();
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    FrameReader reader(1'000'000);
    reader.feed(bytes);
    QVERIFY(absl::IsDataLoss(reader.next().status()));
}

void TestReadMessages::aFrameAboveTheLimitIsRefusedBeforeItCame()
{
    std::string head;
    base::appendUvarint(head, 1001);
    FrameReader reader(1000);
    reader.feed(head);
    QVERIFY(absl::IsResourceExhausted(reader.next().status()));
}

void TestReadMessages::anAnswerThatEndsWithinAFrameIsAnError()
{
    const std::string bytes = someFrame();
    FrameReader reader(1'000'000);
    reader.feed(std::string_view(bytes).substr(0, bytes.size() - 1));
    const auto message = reader.next();
    QVERIFY(message.ok() && !*message);
    QVERIFY(absl::IsDataLoss(reader.finish()));
}

void TestReadMessages::samplesOutsideTheRangeAreLeftOut()
{
    const std::string data = tsdb::xorEncode({1000, 2000, 3000}, {1, 2, 3});
    storage::SampleColumns samples;
    QVERIFY(appendChunk({1000, 3000, tsdb::ChunkEncoding::Xor, data}, Timestamp{1500},
                        Timestamp{2500}, samples)
                .ok());
    QVERIFY((samples.times == std::vector<std::int64_t>{2000}));
    QVERIFY(
        absl::IsDataLoss(appendChunk({0, 0, tsdb::ChunkEncoding::None, data}, {}, {}, samples)));
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestReadMessages)
#include "tst_read_messages.moc"
