// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hundreds of expressions answered by Debian's Prometheus and by this engine on the same directory,
// as instant and as range queries. Evaluation times stand off the samples: 2.42 counts the left end
// of a window in, this engine does not, and that is not what is compared here. Skipped when the
// peer is missing.
#include "core/api/context.h"
#include "core/promql/engine.h"
#include "core/tsdb/read_only_db.h"
#include "support/prometheus_peer.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

using namespace narthex;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kInterval = 15'000;
/// Samples stand 3 s behind full quarter minutes, evaluations 10 s behind full minutes.
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour) + 3000;
constexpr std::int64_t kSamples = 3 * kHour / kInterval;
constexpr std::int64_t kNow = kStart + 2 * kHour + 7000;
constexpr std::int64_t kRangeStart = kNow - kHour;
constexpr std::int64_t kStep = 120'000;

class Writer
{
public:
    Writer(tsdb::Db& db, std::int64_t n)
        : appender_(db.appender()), time_{kStart + n * kInterval}, n_(n)
    {}
    ~Writer() { base::ignore(appender_->commit(), "compared"); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void put(const model::Labels& labels, double value)
    {
        appender_->append(*appender_->seriesFor(labels), time_, value);
    }
    void put(const model::Labels& labels, const model::IntegerHistogram& histogram)
    {
        appender_->appendHistogram(*appender_->seriesFor(labels), time_, histogram);
    }
    void counters();
    void gauges();
    void histograms();

private:
    std::unique_ptr<storage::Appender> appender_;
    base::Timestamp time_;
    std::int64_t n_;
};

void Writer::counters()
{
    int series = 0;
    for (const char* job : {"api", "web", "db"}) {
        for (const char* instance : {"i1", "i2", "i3", "i4"}) {
            for (const char* code : {"200", "500"}) {
                for (const char* method : {"GET", "POST"}) {
                    ++series;
                    // Each starts again after a time of its own.
                    const std::int64_t since = n_ % (150 + 37 * (series % 7));
                    const double value = static_cast<double>(since * (series % 11 + 1)) * 1.3 +
                                         static_cast<double>(series);
                    put({{"__name__", "http_requests_total"},
                         {"code", code},
                         {"instance", instance},
                         {"job", job},
                         {"method", method}},
                        value);
                }
            }
            put({{"__name__", "build"},
                 {"instance", instance},
                 {"job", job},
                 {"version", series % 8 == 0 ? "2" : "1"}},
                1);
        }
    }
}

void Writer::gauges()
{
    const double turn = static_cast<double>(n_) / 40;
    put({{"__name__", "temp"}, {"room", "a"}}, std::sin(turn) * 3);
    put({{"__name__", "temp"}, {"room", "b"}}, std::cos(turn * 1.7) + 0.3);
    put({{"__name__", "temp"}, {"room", "c"}}, static_cast<double>(n_ % 17) / 4 - 2);
    for (int n = 1; n <= 3; ++n) {
        const model::Labels labels{{"__name__", "gaps"}, {"n", std::to_string(n)}};
        const std::int64_t within = n_ % (40 * n);
        if (within == 20 * n) {
            put(labels, model::staleMarker());
        } else if (within < 20 * n) {
            put(labels, static_cast<double>(n_ % 23 * n));
        }
    }
    const double infinity = std::numeric_limits<double>::infinity();
    put({{"__name__", "odd"}, {"kind", "nan"}}, n_ % 3 == 0 ? model::normalNan() : 2.5);
    put({{"__name__", "odd"}, {"kind", "inf"}}, n_ % 2 == 0 ? infinity : 7);
    put({{"__name__", "odd"}, {"kind", "minus"}}, n_ % 5 == 0 ? -infinity : -1e3);
    put({{"__name__", "odd"}, {"kind", "zero"}}, -0.0);
}

void Writer::histograms()
{
    for (const char* job : {"api", "web"}) {
        const double each = static_cast<double>(n_ + 1) * (job[0] == 'a' ? 3 : 5);
        double total = 0;
        for (const char* bound : {"0.1", "0.5", "1", "2.5", "+Inf"}) {
            total += std::floor(each * (bound[0] == '+' ? 0.2 : 0.7));
            put({{"__name__", "lat_bucket"}, {"job", job}, {"le", bound}}, total);
        }
        put({{"__name__", "lat_count"}, {"job", job}}, total);
        put({{"__name__", "lat_sum"}, {"job", job}}, total * 0.37);
        const auto scale = static_cast<std::int64_t>(each);
        model::IntegerHistogram native;
        native.schema = 1;
        native.zeroThreshold = 0.001;
        native.zeroCount = static_cast<std::uint64_t>(scale);
        native.positiveSpans = {{-2, 3}, {2, 1}};
        native.positiveDeltas = {scale, scale, -scale, scale};
        native.negativeSpans = {{0, 1}};
        native.negativeDeltas = {scale};
        native.count = static_cast<std::uint64_t>(scale) * (1 + 1 + 2 + 1 + 2 + 1);
        native.sum = static_cast<double>(scale) * 4.25;
        put({{"__name__", "native"}, {"job", job}}, native);
    }
}

void makeDirectory(TsdbFixture& fixture)
{
    const auto db = fixture.open({.compactInBackground = false});
    for (std::int64_t n = 0; n < kSamples; ++n) {
        Writer writer(*db, n);
        writer.counters();
        writer.gauges();
        writer.histograms();
    }
}

bool sameNumber(const QString& a, const QString& b)
{
    if (a == b) {
        return true;
    }
    bool isA = false;
    bool isB = false;
    const double x = a.toDouble(&isA);
    const double y = b.toDouble(&isB);
    // The last bits depend on the order of operations, which newer versions chose anew; sums that
    // cancel out leave what is left of them.
    return isA && isB && std::abs(x - y) <= 1e-9 * std::max({std::abs(x), std::abs(y), 1e-3});
}

bool same(const QJsonValue& a, const QJsonValue& b);

bool sameList(const QJsonArray& a, const QJsonArray& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const QJsonValue& x, const QJsonValue& y) { return same(x, y); });
}

bool same(const QJsonValue& a, const QJsonValue& b)
{
    if (a.isArray() && b.isArray()) {
        return sameList(a.toArray(), b.toArray());
    }
    if (a.isObject() && b.isObject()) {
        const QJsonObject x = a.toObject();
        const QJsonObject y = b.toObject();
        const QStringList keys = x.keys();
        return keys == y.keys() && std::all_of(keys.begin(), keys.end(), [&](const QString& key) {
                   return key == "metric" ? x[key] == y[key] : same(x[key], y[key]);
               });
    }
    if (a.isString() && b.isString()) {
        return sameNumber(a.toString(), b.toString());
    }
    return a == b;
}

/// The elements by their labels; vectors come in no order unless the query asks for one.
QJsonValue sorted(const QJsonValue& result)
{
    QJsonArray list = result.toArray();
    std::vector<QJsonValue> elements(list.begin(), list.end());
    const auto key = [](const QJsonValue& element) {
        return QJsonDocument(element["metric"].toObject()).toJson();
    };
    std::stable_sort(elements.begin(), elements.end(),
                     [&](const QJsonValue& a, const QJsonValue& b) { return key(a) < key(b); });
    QJsonArray answer;
    for (const QJsonValue& element : elements) {
        answer.append(element);
    }
    return answer;
}

QByteArray shown(const QJsonValue& value)
{
    return QJsonDocument(QJsonObject{{"result", value}}).toJson(QJsonDocument::Compact).left(2000);
}

} // namespace

class TestPromqlPeer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void answersAsPrometheus_data();
    void answersAsPrometheus();

private:
    /// Status, and the result unless that is an error.
    QJsonObject theirs(const QString& expression, bool range);
    QJsonObject ours(const QString& expression, bool range);

    std::unique_ptr<TsdbFixture> fixture_;
    std::unique_ptr<test::Prometheus> prometheus_;
    std::unique_ptr<tsdb::ReadOnlyDb> store_;
    std::unique_ptr<promql::Engine> engine_;
};

void TestPromqlPeer::initTestCase()
{
    if (!fs::exists(test::peerProgram("prometheus").toStdString())) {
        QSKIP("Debian's prometheus was not unpacked into the build folder");
    }
    fixture_ = std::make_unique<TsdbFixture>();
    makeDirectory(*fixture_);
    fs::copy(fixture_->path(), fixture_->other("theirs"), fs::copy_options::recursive);
    prometheus_ = std::make_unique<test::Prometheus>(
        fixture_->other("theirs"), fixture_->other("empty.yml"), "scrape_configs: []\n");
    QVERIFY2(prometheus_->waitUntilReady(), prometheus_->output().constData());
    auto store =
        tsdb::ReadOnlyDb::open(fixture_->path(), {}, {fixture_->pool(), base::nullLogger()}, {});
    QVERIFY2(store.ok(), store.status().ToString().c_str());
    store_ = *std::move(store);
    engine_ = std::make_unique<promql::Engine>(promql::EngineOptions{}, fixture_->pool(),
                                               fixture_->clock());
}

void TestPromqlPeer::cleanupTestCase()
{
    engine_.reset();
    store_.reset();
    prometheus_.reset();
    fixture_.reset();
}

QJsonObject TestPromqlPeer::theirs(const QString& expression, bool range)
{
    const auto seconds = [](std::int64_t ms) {
        return QString::number(static_cast<double>(ms) / 1000, 'f', 3);
    };
    QUrlQuery query{{"query", QString::fromLatin1(QUrl::toPercentEncoding(expression))}};
    if (range) {
        query.addQueryItem("start", seconds(kRangeStart));
        query.addQueryItem("end", seconds(kNow));
        query.addQueryItem("step", seconds(kStep));
    } else {
        query.addQueryItem("time", seconds(kNow));
    }
    const QByteArray body =
        prometheus_->get(range ? "/api/v1/query_range" : "/api/v1/query", query);
    const QJsonObject answer = QJsonDocument::fromJson(body).object();
    if (answer["status"] != "success") {
        return {{"error", answer["error"]}};
    }
    return answer["data"].toObject();
}

QJsonObject TestPromqlPeer::ours(const QString& expression, bool range)
{
    const std::string query = expression.toStdString();
    const auto result = range ? engine_->range(*store_, query, {kRangeStart}, {kNow},
                                               base::Duration::fromMs(kStep), {}, {})
                              : engine_->instant(*store_, query, {kNow}, {}, {});
    if (!result.ok()) {
        return {{"error", QString::fromStdString(std::string(base::messageOf(result.status())))}};
    }
    std::string text;
    base::JsonWriter json(text);
    json.beginObject()
        .member("resultType", promql::valueTypeText(promql::typeOf(result->value)))
        .key("result");
    api::writeValue(json, result->value);
    json.endObject();
    return QJsonDocument::fromJson(QByteArray::fromStdString(text)).object();
}

void TestPromqlPeer::answersAsPrometheus_data()
{
    QTest::addColumn<QString>("expression");
    QTest::addColumn<QString>("difference");
    std::ifstream file(NARTHEX_TEST_DATA "/promql/compared_with_prometheus.txt");
    QVERIFY(file.is_open());
    std::string difference;
    int number = 0;
    constexpr std::string_view kDiffers = "differs: ";
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.empty() || line[0] == '#') {
            continue;
        }
        if (line.starts_with(kDiffers)) {
            difference = line.substr(kDiffers.size());
            continue;
        }
        QTest::addRow("%d: %s", number, line.c_str())
            << QString::fromStdString(line) << QString::fromStdString(difference);
        difference.clear();
    }
}

void TestPromqlPeer::answersAsPrometheus()
{
    QFETCH(const QString, expression);
    QFETCH(const QString, difference);
    bool isSame = true;
    QByteArray message;
    for (const bool range : {false, true}) {
        QJsonObject other = theirs(expression, range);
        QJsonObject mine = ours(expression, range);
        if (other.contains("error") || mine.contains("error")) {
            // Each words its errors in its own way.
            isSame = isSame && other.contains("error") == mine.contains("error");
        } else {
            if (!expression.startsWith("sort") && other["resultType"] != "scalar" &&
                other["resultType"] != "string") {
                other["result"] = sorted(other["result"]);
                mine["result"] = sorted(mine["result"]);
            }
            isSame = isSame && same(mine, other);
        }
        if (!isSame && message.isEmpty()) {
            message = (range ? "range\nours:   " : "instant\nours:   ") + shown(mine) +
                      "\ntheirs: " + shown(other);
        }
    }
    if (difference.isEmpty()) {
        QVERIFY2(isSame, message);
    } else {
        QVERIFY2(!isSame, "the answers are the same by now: take the line 'differs' away");
    }
}

QTEST_GUILESS_MAIN(TestPromqlPeer)
#include "tst_promql_peer.moc"
