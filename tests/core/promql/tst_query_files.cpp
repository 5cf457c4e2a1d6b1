// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the engine tells about its queries: the file of those under way, the log, the metrics.
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/promql/engine.h"
#include "support/memory_store.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace narthex;
using namespace narthex::promql;

namespace {

constexpr std::size_t kSlotBytes = 1000;

/// Looks into a file from within a query: a store that calls back when it is asked.
class CallingStore final : public storage::Queryable
{
public:
    explicit CallingStore(std::function<void()> call) : call_(std::move(call)) {}
    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp,
                                                              base::Timestamp) const override
    {
        call_();
        return base::unavailable("the store is closed");
    }

private:
    std::function<void()> call_;
};

struct Fixture
{
    base::TemporaryDirectory folder;
    base::ManualClock clock{base::Timestamp{1'700'000'000'000}};
    base::WorkerPool pool{2};
    Engine engine{{.maxConcurrent = 3}, pool, clock};

    [[nodiscard]] std::filesystem::path file(const char* name) const
    {
        return folder.path() / name;
    }
};

QByteArray contents(const std::filesystem::path& file)
{
    return QByteArray::fromStdString(base::readFile(file).value_or("unreadable"));
}

QByteArray slotOf(const std::filesystem::path& file, std::size_t slot)
{
    return contents(file).mid(static_cast<qsizetype>(1 + slot * kSlotBytes), kSlotBytes);
}

QByteArray metricsOf(const Engine& engine)
{
    std::string page;
    exposition::TextWriter out(page);
    engine.writeMetrics(out);
    return QByteArray::fromStdString(page);
}

} // namespace

class TestQueryFiles : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void namesTheQueriesUnderWay();
    void cutsLongQueriesAtACharacter_data();
    void cutsLongQueriesAtACharacter();
    void refusesAFileThatCannotBe();
    void logsQueriesThatEnd();
    void countsWhatItCannotLog();
    void writesItsMetrics();
};

void TestQueryFiles::namesTheQueriesUnderWay()
{
    Fixture fixture;
    const auto file = fixture.file("queries.active");
    {
        const auto active = ActiveQueries::open(file, 3, fixture.clock, base::nullLogger());
        QVERIFY(active.ok());
        QCOMPARE(contents(file).size(), 1 + 3 * kSlotBytes);
        fixture.engine.setActiveQueries(*active);
    }
    QByteArray during;
    const CallingStore store([&] { during = slotOf(file, 0); });
    QVERIFY(!fixture.engine.instant(store, "up{job=\"a\"}", fixture.clock.now(), {}, {}).ok());
    const QByteArray entry = "{\"query\":\"up{job=\\\"a\\\"}\",\"timestamp_sec\":1700000000}";
    QCOMPARE(during.left(entry.size()), entry);
    QCOMPARE(during.back(), ',');
    QCOMPARE(during.mid(entry.size(), 1), QByteArray(1, '\0'));
    QCOMPARE(slotOf(file, 0), QByteArray(kSlotBytes, '\0')); // ended
    // A process that ends in the middle of a query leaves it.
    std::string left;
    const CallingStore crash([&] { left = *base::readFile(file); });
    base::ignore(fixture.engine.instant(crash, "sum(up)", fixture.clock.now(), {}, {}).status(),
                 "the store refuses");
    const auto other = fixture.file("left.active");
    QVERIFY(base::writeFileAtomically(other, left).ok());
    const auto log = base::LogSetup::create("info", base::LogFormat::Logfmt);
    QVERIFY(log.ok());
    QVERIFY(ActiveQueries::open(other, 3, fixture.clock, log->logger("promql")).ok());
    QByteArray lines;
    for (const auto& entryOfLog : log->ring()->lines()) {
        lines += QByteArray::fromStdString(entryOfLog.text);
    }
    QVERIFY2(lines.contains("queries=[{\"query\":\"sum(up)\",\"timestamp_sec\":1700000000}]"),
             lines);
    QCOMPARE(contents(other).left(2), QByteArray("[\0", 2));
}

void TestQueryFiles::cutsLongQueriesAtACharacter_data()
{
    QTest::addColumn<QString>("query");
    QTest::newRow("plain") << QString(5000, 'a');
    QTest::newRow("wide") << QString(5000, QChar(0x20AC));
    QTest::newRow("escaped") << QString(5000, '"');
    QTest::newRow("fits") << QString(900, 'a');
}

void TestQueryFiles::cutsLongQueriesAtACharacter()
{
    QFETCH(const QString, query);
    const QByteArray entry = QByteArray::fromStdString(
        activeQueryEntry(query.toStdString(), base::Timestamp{1'700'000'000'000}));
    QVERIFY(entry.size() < static_cast<qsizetype>(kSlotBytes));
    const QString kept = QJsonDocument::fromJson(entry).object().value("query").toString();
    QVERIFY(!kept.isEmpty() && query.startsWith(kept));
    QVERIFY(query.size() == kept.size() || entry.size() > 985);
}

void TestQueryFiles::refusesAFileThatCannotBe()
{
    Fixture fixture;
    const auto active =
        ActiveQueries::open(fixture.file("no/such/folder"), 3, fixture.clock, base::nullLogger());
    QVERIFY(!active.ok());
    QVERIFY(base::messageOf(active.status()).find("no/such/folder") != std::string_view::npos);
    const auto log = QueryLog::open(fixture.file("no/such/log"));
    QVERIFY(!log.ok());
    QVERIFY(base::messageOf(log.status()).find("no/such/log") != std::string_view::npos);
}

void TestQueryFiles::logsQueriesThatEnd()
{
    Fixture fixture;
    const auto file = fixture.file("queries.log");
    const auto log = QueryLog::open(file);
    QVERIFY(log.ok());
    fixture.engine.setQueryLog(*log);
    const test::MemoryStore store;
    const QueryOrigin client{
        .clientAddress = "127.0.0.1", .method = "GET", .path = "/api/v1/query"};
    QVERIFY(fixture.engine.instant(store, "1 + 1", {1'000'500}, {.origin = &client}, {}).ok());
    const QueryOrigin rule{.ruleFile = "/rules.yml", .ruleGroup = "node"};
    QVERIFY(fixture.engine
                .range(store, "up", {0}, {60'000}, base::Duration::fromMs(15'000),
                       {.origin = &rule}, {})
                .ok());
    const CallingStore broken([] {});
    QVERIFY(!fixture.engine.instant(broken, "up", {0}, {}, {}).ok());
    QVERIFY(!fixture.engine.instant(store, "up{", {0}, {}, {}).ok()); // never ran
    const QByteArrayList lines = contents(file).split('\n');
    QCOMPARE(lines.size(), 4);
    QVERIFY(lines.back().isEmpty());
    const QJsonObject first = QJsonDocument::fromJson(lines[0]).object();
    QCOMPARE(first["params"].toObject()["query"].toString(), QString("1 + 1"));
    QCOMPARE(first["params"].toObject()["start"].toString(), QString("1970-01-01T00:16:40.500Z"));
    QCOMPARE(first["params"].toObject()["step"].toInt(), 0);
    QCOMPARE(first["httpRequest"].toObject()["clientIP"].toString(), QString("127.0.0.1"));
    QCOMPARE(first["httpRequest"].toObject()["path"].toString(), QString("/api/v1/query"));
    QVERIFY(first["stats"].toObject()["timings"].toObject().contains("evalTotalTime"));
    QVERIFY(!first.contains("error"));
    const QJsonObject second = QJsonDocument::fromJson(lines[1]).object();
    QCOMPARE(second["params"].toObject()["end"].toString(), QString("1970-01-01T00:01:00.000Z"));
    QCOMPARE(second["params"].toObject()["step"].toInt(), 15);
    QCOMPARE(second["ruleGroup"].toObject()["name"].toString(), QString("node"));
    const QJsonObject third = QJsonDocument::fromJson(lines[2]).object();
    QCOMPARE(third["error"].toString(), QString("the store is closed"));
}

void TestQueryFiles::countsWhatItCannotLog()
{
    Fixture fixture;
    const auto log = QueryLog::open("/dev/full");
    QVERIFY(log.ok());
    fixture.engine.setQueryLog(*log);
    QVERIFY(fixture.engine.instant(test::MemoryStore(), "1", {0}, {}, {}).ok());
    QVERIFY(metricsOf(fixture.engine).contains("prometheus_engine_query_log_failures_total 1\n"));
    QVERIFY(metricsOf(fixture.engine).contains("prometheus_engine_query_log_enabled 1\n"));
}

void TestQueryFiles::writesItsMetrics()
{
    Fixture fixture;
    QVERIFY(fixture.engine.instant(test::MemoryStore(), "1", {0}, {}, {}).ok());
    const QByteArray page = metricsOf(fixture.engine);
    for (const char* line :
         {"prometheus_engine_queries 0\n", "prometheus_engine_queries_concurrent_max 3\n",
          "prometheus_engine_query_log_enabled 0\n",
          "prometheus_engine_query_duration_seconds{slice=\"inner_eval\",quantile=\"0.99\"} ",
          "prometheus_engine_query_duration_seconds_count{slice=\"queue_time\"} 1\n",
          "prometheus_engine_query_duration_seconds_sum{slice=\"prepare_time\"} ",
          "prometheus_engine_query_duration_histogram_seconds_bucket{slice=\"result_sort\","
          "le=\"0.01\"} 1\n",
          "prometheus_engine_query_duration_histogram_seconds_count{slice=\"inner_eval\"} 1\n",
          "prometheus_engine_query_samples_total 0\n",
          "prometheus_engine_query_samples_read_total 0\n"}) {
        QVERIFY2(page.contains(line), page);
    }
}

QTEST_GUILESS_MAIN(TestQueryFiles)
#include "tst_query_files.moc"
