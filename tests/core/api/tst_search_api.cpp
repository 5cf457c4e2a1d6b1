// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names found while somebody types: what fits, how well, in which order, in which lines.
#include "core/api/search_filter.h"
#include "support/api_world.h"

#include <QtTest>

using namespace narthex;
using api::FuzzyAlgorithm;
using test::ApiWorld;

class TestSearchApi : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void scores_data();
    void scores();
    void answersInLines_data();
    void answersInLines();
    void refuses_data();
    void refuses();

private:
    std::unique_ptr<ApiWorld> world_;
};

void TestSearchApi::initTestCase()
{
    world_ = std::make_unique<ApiWorld>(api::ApiOptions{.enableSearch = true, .searchLimit = 5});
    QVERIFY(world_->isReady());
    const auto appender = world_->engine->store().value()->appender();
    const base::Timestamp now = world_->engine->clock().now();
    for (const char* name : {"http_requests_total", "http_errors_total", "go_threads", "up"}) {
        const auto ref = *appender->seriesFor({{"__name__", name}, {"job", name}});
        appender->append(ref, now, 1);
    }
    QVERIFY(appender->commit().ok());
}

void TestSearchApi::scores_data()
{
    QTest::addColumn<QString>("term");
    QTest::addColumn<QString>("value");
    QTest::addColumn<int>("algorithm");
    QTest::addColumn<double>("threshold");
    QTest::addColumn<double>("score"); // below 0: does not fit
    constexpr int kSubsequence = static_cast<int>(FuzzyAlgorithm::Subsequence);
    constexpr int kJaro = static_cast<int>(FuzzyAlgorithm::JaroWinkler);
    const auto row = [](const char* name, const char* term, const char* value, int algorithm,
                        double threshold, double score) {
        QTest::newRow(name) << QString::fromUtf8(term) << QString::fromUtf8(value) << algorithm
                            << threshold << score;
    };
    row("whole", "up", "up", kSubsequence, 0, 1);
    row("prefix", "ht", "http", kSubsequence, 0, 1);
    // One run of 3 behind a gap of 2 of 8, 3 behind it: (9 - 2/8 - 3/16) / 9.
    row("one run", "req", "a_reqabc", kSubsequence, 0, 0.999 * (9 - 0.25 - 0.1875) / 9);
    // Runs of 1 and 1: a gap of 1 within, 1 behind, in 4: (1 + 1 - 1/4 - 1/8) / 4 for "xaxb" less
    // the gap before.
    row("two runs", "ab", "xaxb", kSubsequence, 0, 0.999 * (2 - 0.25 - 0.25) / 4);
    row("order matters", "ba", "ab", kSubsequence, 0, -1);
    row("below the threshold", "ab", "xaxb", kSubsequence, 0.9, -1);
    row("characters, not bytes", "\xc3\xa9", "x\xc3\xa9", kSubsequence, 0, 0.999 * 0.5);
    row("contained at the start", "http", "http_x", kJaro, 0, 1);
    row("contained at the end", "x", "http_x", kJaro, 0, 0.1);
    row("contained in the middle", "b", "abc", kJaro, 0, 0.55);
    row("similar is not enough", "martha", "marhta", kJaro, 0, -1);
    row("similar", "martha", "marhta", kJaro, 0.5, 0.9611111);
    row("similar beginnings", "dixon", "dicksonx", kJaro, 0.5, 0.8133333);
    row("not similar enough", "dixon", "dicksonx", kJaro, 0.9, -1);
}

void TestSearchApi::scores()
{
    QFETCH(QString, term);
    QFETCH(QString, value);
    QFETCH(int, algorithm);
    QFETCH(double, threshold);
    QFETCH(double, score);
    api::SearchFilter filter({.terms = {term.toStdString()},
                              .algorithm = static_cast<FuzzyAlgorithm>(algorithm),
                              .threshold = threshold});
    const auto got = filter.score(value.toStdString());
    QCOMPARE(got.has_value(), score >= 0);
    if (got) {
        QVERIFY2(std::abs(*got - score) < 1e-6, qPrintable(QString::number(*got, 'g', 10)));
    }
}

void TestSearchApi::answersInLines_data()
{
    QTest::addColumn<QString>("query");
    QTest::addColumn<QString>("lines");
    const QString end = "{\"status\":\"success\",\"has_more\":false}\n";
    QTest::newRow("all, in order")
        << "metric_names?limit=5"
        << "{\"results\":[{\"name\":\"go_threads\"},{\"name\":\"http_errors_total\"},{\"name\":"
           "\"http_requests_total\"},{\"name\":\"up\"}]}\n" +
               end;
    QTest::newRow("backwards, one a line")
        << "metric_names?sort_by=alpha&sort_dir=dsc&limit=2&batch_size=1"
        << "{\"results\":[{\"name\":\"up\"}]}\n{\"results\":[{\"name\":\"http_requests_total\"}]}"
           "\n{\"status\":\"success\",\"has_more\":true}\n";
    QTest::newRow("the best first")
        << "metric_names?search[]=total&search[]=up&sort_by=score&include_score=true"
           "&fuzz_alg=jarowinkler"
        << "{\"results\":[{\"name\":\"up\",\"score\":1},{\"name\":\"http_errors_total\",\"score\":"
           "0.09999999999999998},{\"name\":\"http_requests_total\",\"score\":"
           "0.09999999999999998}]}\n" +
               end;
    QTest::newRow("capitals do not matter") << "metric_names?search[]=UP&case_sensitive=false"
                                            << "{\"results\":[{\"name\":\"up\"}]}\n" + end;
    QTest::newRow("nothing is a line, too") << "metric_names?search[]=zzz"
                                            << "{\"results\":[]}\n" + end;
    QTest::newRow("names of labels") << "label_names"
                                     << "{\"results\":[{\"name\":\"__name__\"},{\"name\":\"job\"}]}"
                                        "\n" +
                                            end;
    QTest::newRow("values of a label, narrowed")
        << "label_values?label=job&match[]={job=~\"http.*\"}&search[]=err"
        << "{\"results\":[{\"value\":\"http_errors_total\"}]}\n" + end;
}

void TestSearchApi::answersInLines()
{
    QFETCH(QString, query);
    QFETCH(QString, lines);
    const qsizetype question = query.indexOf('?');
    const QString path = question < 0 ? query : query.left(question);
    const net::ServerResponse response = world_->call(
        "GET", "/api/v1/search/" + path.toStdString(),
        question < 0 ? net::Parameters{} : net::parseQuery(query.mid(question + 1).toStdString()));
    QCOMPARE(response.contentType, std::string("application/x-ndjson; charset=utf-8"));
    QCOMPARE(QString::fromStdString(response.body), lines);
}

void TestSearchApi::refuses_data()
{
    QTest::addColumn<QString>("query");
    QTest::addColumn<QString>("text");
    QTest::newRow("no label") << "label_values"
                              << "missing required parameter \"label\"";
    QTest::newRow("range") << "metric_names?start=2&end=1"
                           << "end timestamp must not be before start timestamp";
    QTest::newRow("terms") << "metric_names?" + QString("search[]=x&").repeated(33)
                           << "too many search[] terms: got 33, maximum is 32";
    QTest::newRow("threshold") << "metric_names?fuzz_threshold=101"
                               << "invalid fuzz_threshold \"101\": must be 0-100";
    QTest::newRow("algorithm") << "metric_names?fuzz_alg=x"
                               << "unsupported fuzz_alg \"x\"";
    QTest::newRow("case") << "metric_names?case_sensitive=x"
                          << "invalid case_sensitive \"x\": must be boolean";
    QTest::newRow("direction alone") << "metric_names?sort_dir=asc"
                                     << "sort_dir is only valid when sort_by is set";
    QTest::newRow("direction of scores") << "metric_names?search[]=x&sort_by=score&sort_dir=asc"
                                         << "sort_dir is not supported for sort_by=score";
    QTest::newRow("direction") << "metric_names?sort_by=alpha&sort_dir=up"
                               << "invalid sort_dir \"up\"";
    QTest::newRow("order") << "label_names?sort_by=x"
                           << "invalid sort_by \"x\" for label_names";
    QTest::newRow("scores of nothing") << "metric_names?sort_by=score"
                                       << "sort_by=score requires search[] to be set";
    QTest::newRow("limit") << "metric_names?limit=0"
                           << "invalid limit \"0\": must be a positive integer";
    QTest::newRow("limit beyond") << "metric_names?limit=6"
                                  << "limit 6 exceeds the configured maximum (5, see "
                                     "--web.search.max-limit)";
    QTest::newRow("batch") << "metric_names?batch_size=x"
                           << "invalid batch_size \"x\": must be a positive integer";
}

void TestSearchApi::refuses()
{
    QFETCH(QString, query);
    QFETCH(QString, text);
    const QStringList parts = query.split('?');
    const net::ServerResponse response = world_->call(
        "GET", "/api/v1/search/" + parts[0].toStdString(),
        parts.size() < 2 ? net::Parameters{} : net::parseQuery(parts[1].toStdString()));
    QCOMPARE(response.status, 400);
    const QString error = QJsonDocument::fromJson(QByteArray::fromStdString(response.body))
                              .object()["error"]
                              .toString();
    QVERIFY2(error.startsWith(text), qPrintable(error));
}

QTEST_GUILESS_MAIN(TestSearchApi)
#include "tst_search_api.moc"
