// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the doors of HTTP do not show of remote read: who waits for whom, what is given up, chunks
// of mixed series; and the cache of the write receiver. Source: spec/remote.md, 4.
#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/remote/read_chunks.h"
#include "core/remote/read_server.h"
#include "core/remote/receiver/ref_cache.h"
#include "core/remote/snappy_block.h"
#include "core/storage/memory_store.h"

#include <fmt/format.h>

#include <QtTest>

#include <thread>

namespace narthex::remote {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

std::string requestFor(ReadResponseType type)
{
    ReadRequest request{.accepted = {type}};
    request.queries.push_back({.from = {0}, .to = {kNow * 2}});
    return compressBlock(encodeReadRequest(request));
}

std::string metricsOf(const ReadServer& server)
{
    std::string text;
    exposition::TextWriter out(text);
    server.writeMetrics(out);
    return text.substr(text.rfind(' ') + 1);
}

} // namespace

class TestReadServer : public QObject
{
    Q_OBJECT
private slots:
    void aStreamKeepsItsPlace();
    void whoWaitsMayGiveUp();
    void tooManyWaitersAreTurnedAway();
    void aStreamEndsWhenNobodyTakesIt();
    void chunksOfMixedSeriesDoNotOverlap();
    void theCacheForgetsAtItsLimit();
    void fingerprintsTellListsApart();
};

void TestReadServer::aStreamKeepsItsPlace()
{
    storage::MemoryStore store;
    store.add({{"__name__", "up"}}, {kNow}, 1);
    const ExternalLabels none;
    ReadServer server({.concurrentLimit = 1});
    auto stream = server.answer(requestFor(ReadResponseType::StreamedXorChunks),
                                {.store = store, .externalLabels = none});
    QVERIFY(stream.ok());
    QCOMPARE(metricsOf(server), std::string("1\n"));
    std::atomic<bool> isAnswered = false;
    std::jthread second([&] {
        const auto answer = server.answer(requestFor(ReadResponseType::Samples),
                                          {.store = store, .externalLabels = none});
        isAnswered = answer.ok();
    });
    QVERIFY(!isAnswered);
    stream = absl::CancelledError("given back");
    second.join();
    QVERIFY(isAnswered);
    QCOMPARE(metricsOf(server), std::string("0\n"));
}

void TestReadServer::whoWaitsMayGiveUp()
{
    const storage::MemoryStore store;
    const ExternalLabels none;
    ReadServer server({.concurrentLimit = 1});
    const auto first = server.answer(requestFor(ReadResponseType::StreamedXorChunks),
                                     {.store = store, .externalLabels = none});
    QVERIFY(first.ok());
    std::stop_source gone;
    absl::Status status;
    std::jthread second([&] {
        status = server
                     .answer(requestFor(ReadResponseType::Samples),
                             {.store = store, .externalLabels = none, .gone = gone.get_token()})
                     .status();
    });
    gone.request_stop();
    second.join();
    QVERIFY(absl::IsCancelled(status));
    QCOMPARE(metricsOf(server), std::string("1\n"));
}

void TestReadServer::tooManyWaitersAreTurnedAway()
{
    const storage::MemoryStore store;
    const ExternalLabels none;
    ReadServer server({.concurrentLimit = 1, .waitingLimit = 0});
    const auto first = server.answer(requestFor(ReadResponseType::StreamedXorChunks),
                                     {.store = store, .externalLabels = none});
    QVERIFY(first.ok());
    const auto second = server.answer(requestFor(ReadResponseType::Samples),
                                      {.store = store, .externalLabels = none});
    QVERIFY(absl::IsUnavailable(second.status()));
}

void TestReadServer::aStreamEndsWhenNobodyTakesIt()
{
    storage::MemoryStore store;
    store.add({{"__name__", "up"}}, {kNow}, 1);
    const ExternalLabels none;
    ReadServer server({});
    std::stop_source gone;
    auto answer = server.answer(requestFor(ReadResponseType::StreamedXorChunks),
                                {.store = store, .externalLabels = none, .gone = gone.get_token()});
    QVERIFY(answer.ok());
    gone.request_stop();
    const auto frame = std::get<std::unique_ptr<ReadStream>>(*answer)->next();
    QVERIFY(absl::IsCancelled(frame.status()));
}

void TestReadServer::chunksOfMixedSeriesDoNotOverlap()
{
    storage::SampleColumns samples;
    const auto histogram = std::make_shared<const model::FloatHistogram>(model::FloatHistogram{
        .count = 3, .sum = 1, .positiveSpans = {{0, 2}}, .positiveBuckets = {1, 2}});
    for (int i = 0; i < 1000; ++i) {
        if (i / 100 % 2 == 0) {
            samples.times.push_back(i);
            samples.values.push_back(i);
        } else {
            samples.histogramTimes.push_back(i);
            samples.histograms.push_back(histogram);
        }
    }
    std::vector<tsdb::ExportedChunk> chunks;
    encodeChunks(samples, chunks);
    QCOMPARE(chunks.size(), std::size_t{10});
    storage::SampleColumns back;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        QVERIFY(i == 0 || chunks[i].minTime > chunks[i - 1].maxTime);
        QVERIFY(
            appendChunk({chunks[i].minTime, chunks[i].maxTime, chunks[i].encoding, chunks[i].bytes},
                        {0}, {1000}, back)
                .ok());
    }
    QVERIFY(back.times == samples.times);
    QVERIFY(back.histogramTimes == samples.histogramTimes);
}

void TestReadServer::theCacheForgetsAtItsLimit()
{
    receiver::RefCache cache(10'000);
    const auto printOf = [&cache](int i) { return cache.fingerprint(fmt::format("series {}", i)); };
    for (int i = 1; i <= 100'000; ++i) {
        cache.put(printOf(i), model::SeriesRef{static_cast<std::uint64_t>(i)});
    }
    QVERIFY(cache.size() <= 10'000);
    QVERIFY(cache.size() > 5'000);
    const auto table = cache.table();
    int found = 0;
    for (int i = 1; i <= 100'000; ++i) {
        const auto ref = static_cast<std::uint64_t>(table->find(printOf(i)));
        QVERIFY(ref == 0 || ref == static_cast<std::uint64_t>(i));
        found += ref == 0 ? 0 : 1;
    }
    QCOMPARE(static_cast<std::size_t>(found), cache.size());
    cache.put(printOf(7), model::SeriesRef{70});
    QVERIFY(cache.table()->find(printOf(7)) == model::SeriesRef{70});
}

void TestReadServer::fingerprintsTellListsApart()
{
    const receiver::RefCache cache(10);
    const auto a = cache.fingerprint("a");
    const auto b = cache.fingerprint("b");
    using receiver::RefCache;
    const receiver::Fingerprint none;
    QVERIFY(!(RefCache::combine(RefCache::combine(none, a), b) ==
              RefCache::combine(RefCache::combine(none, b), a)));
    QVERIFY(!(RefCache::combine(none, a) == RefCache::combine(RefCache::combine(none, a), a)));
    QVERIFY(!(a == b));
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestReadServer)
#include "tst_read_server.moc"
