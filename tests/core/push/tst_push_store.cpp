// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Groups of pushed metrics: what replaces what, what is refused, and what survives. The numbers are
// those of the cases in the specification.
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/exposition/family_writer.h"
#include "core/net/parameters.h"
#include "core/push/push_store.h"

#include <QtTest>

#include <latch>
#include <memory>

using namespace narthex;
using namespace narthex::base::literals;
using exposition::PageFormat;
using push::GroupingKey;
using push::PushKind;

namespace {

/// A store on a database of its own, on a clock that the test moves.
class World
{
public:
    explicit World(push::PushOptions options = {}) : options_(options) { open(); }
    ~World() { store.reset(); }

    void open()
    {
        store.reset();
        database.reset();
        database = state::Database::open(folder.path() / "state.db", push::migrations()).value();
        store = std::make_unique<push::PushStore>(
            options_,
            push::PushStore::Environment{
                .pool = pool,
                .clock = timers.clock(),
                .database = database.get(),
                .log = base::nullLogger(),
                .ownFamilies = [this] { return exposition::parseTextFamilies(own).value(); },
                .onFirstGroup = [this] { ++firstGroups; }});
        base::ignore(store->load(), "the tests look at what is there");
    }
    absl::Status submit(push::PushRequest request)
    {
        absl::Status result;
        std::latch done(1);
        store->submit(std::move(request), [&](absl::Status status) {
            result = std::move(status);
            done.count_down();
        });
        done.wait();
        return result;
    }
    absl::Status send(PushKind kind, const GroupingKey& key, const std::string& body)
    {
        auto families = exposition::parseTextFamilies(body);
        return families.ok() ? submit({kind, key, *std::move(families)}) : families.status();
    }
    absl::Status put(const GroupingKey& key, const std::string& body)
    {
        return send(PushKind::Replace, key, body);
    }
    absl::Status post(const GroupingKey& key, const std::string& body)
    {
        return send(PushKind::Merge, key, body);
    }
    /// Without help, types and the two times.
    [[nodiscard]] QStringList series() const
    {
        QStringList lines;
        const auto page =
            QString::fromStdString(exposition::writePage(store->families(), PageFormat::Text));
        for (const QString& line : page.split('\n', Qt::SkipEmptyParts)) {
            if (!line.startsWith('#') && !line.startsWith("push_")) {
                lines += line;
            }
        }
        return lines;
    }
    [[nodiscard]] QString value(const char* series) const
    {
        const auto page =
            QString::fromStdString(exposition::writePage(store->families(), PageFormat::Text));
        for (const QString& line : page.split('\n')) {
            if (line.startsWith(QString(series) + " ")) {
                return line.section(' ', -1);
            }
        }
        return {};
    }

    std::string own = "# TYPE go_goroutines gauge\ngo_goroutines 5\n";
    int firstGroups = 0;
    base::ManualTimers timers{{1'700'000'000'000}};
    base::WorkerPool pool{2};
    base::TemporaryDirectory folder;
    std::unique_ptr<state::Database> database;
    std::unique_ptr<push::PushStore> store;

private:
    const push::PushOptions options_;
};

const GroupingKey kA{{"job", "a"}};
const GroupingKey kB{{"job", "b"}};

QString textOf(const absl::Status& status)
{
    return QString::fromStdString(std::string(base::messageOf(status)));
}

} // namespace

class TestPushStore : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void pathsAreRead_data();
    void pathsAreRead();
    void pathsAreRefused_data();
    void pathsAreRefused();
    void pathsAreWritten();
    void putReplacesPostMerges();
    void aFamilyIsReplacedAsAWhole();
    void anEmptyPutEmptiesTheGroup();
    void timestampsAreRefused();
    void typesMustAgree();
    void aSeriesStandsOnce();
    void groupLabelsWin();
    void theGroupsGaugesCannotBePushed();
    void helpMayDiffer();
    void ourOwnMetricsCount();
    void aRefusedPushLeavesTheGoodOnes();
    void deletingIsExact();
    void aRestartChangesNothing();
    void withoutTheCheckThePageStaysRight();
    void limitsHold();
    void aFullQueueIsNotHealthy();
    void jsonShowsEveryKind();
};

void TestPushStore::pathsAreRead_data()
{
    QTest::addColumn<QString>("path");
    QTest::addColumn<QString>("label");
    QTest::addColumn<QString>("value");
    QTest::newRow("job") << "job/a"
                         << "job"
                         << "a";
    QTest::newRow("slash at the end") << "job/a/"
                                      << "job"
                                      << "a";
    QTest::newRow("12 encoded") << "job/a/path@base64/L3Zhci90bXA"
                                << "path"
                                << "/var/tmp";
    QTest::newRow("12 padded") << "job/a/path@base64/L3Zhci90bXA=="
                               << "path"
                               << "/var/tmp";
    QTest::newRow("12 empty") << "job/a/empty@base64/="
                              << "empty"
                              << "";
    QTest::newRow("encoded job") << "job@base64/YQ"
                                 << "job"
                                 << "a";
    QTest::newRow("the last wins") << "job/a/k/1/k/2"
                                   << "k"
                                   << "2";
    QTest::newRow("the job stays") << "job/a/job/b"
                                   << "job"
                                   << "a";
    QTest::newRow("30 escaped") << "job/a/U__foo_2e_bar/v"
                                << "foo.bar"
                                << "v";
    QTest::newRow("30 not escaped") << "job/a/U__in_xxx_valid/v"
                                    << "U__in_xxx_valid"
                                    << "v";
}

void TestPushStore::pathsAreRead()
{
    QFETCH(QString, path);
    QFETCH(QString, label);
    QFETCH(QString, value);
    const auto key = push::parsePushPath(path.toStdString(), true);
    QVERIFY2(key.ok(), key.status().ToString().c_str());
    QVERIFY(key->contains(label.toStdString()));
    QCOMPARE(QString::fromStdString(key->at(label.toStdString())), value);
    QCOMPARE(*push::parsePushPath("job/a/U__foo_2e_bar/v", false),
             (GroupingKey{{"U__foo_2e_bar", "v"}, {"job", "a"}}));
}

void TestPushStore::pathsAreRefused_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<QString>("error");
    QTest::newRow("13 a slash in a value") << QByteArray("job/a/path//var")
                                           << "odd number of components in label string "
                                              "\"/path//var\"";
    QTest::newRow("14 no value") << QByteArray("job/a/k")
                                 << "odd number of components in label string \"/k\"";
    QTest::newRow("14 reserved") << QByteArray("job/a/__k/v") << "improper label name \"__k\"";
    QTest::newRow("14 digit") << QByteArray("job/a/1k/v") << "improper label name \"1k\"";
    QTest::newRow("15 empty job") << QByteArray("job@base64/=") << "job name is required";
    QTest::newRow("15 wrong job") << QByteArray("job@base64/!!!")
                                  << "invalid base64 encoding in job name \"!!!\": illegal base64 "
                                     "data at input byte 0";
    QTest::newRow("wrong value") << QByteArray("job/a/k@base64/a*")
                                 << "invalid base64 encoding for label k=\"a*\": illegal base64 "
                                    "data at input byte 1";
    QTest::newRow("16 bytes") << QByteArray("job/a/k/\xff") << "invalid UTF-8 in label k=\"\\xff\"";
}

void TestPushStore::pathsAreRefused()
{
    QFETCH(QByteArray, path);
    QFETCH(QString, error);
    const auto key = push::parsePushPath(path.toStdString(), false);
    QVERIFY(!key.ok());
    QCOMPARE(textOf(key.status()), error);
}

void TestPushStore::pathsAreWritten()
{
    const GroupingKey key{{"job", "a b"}, {"empty", ""}, {"path", "/var"}, {"x", "y"}};
    const std::string path = push::pushPath(key);
    QCOMPARE(path, std::string("job/a%20b/empty@base64/=/path@base64/L3Zhcg/x/y"));
    QCOMPARE(*push::parsePushPath(net::percentDecode(path, false), false), key);
}

void TestPushStore::putReplacesPostMerges()
{
    World world;
    QVERIFY(world.store->empty());
    QVERIFY(world.put(kA, "x 1\n").ok());
    QCOMPARE(world.series(), QStringList{"x{instance=\"\",job=\"a\"} 1"});
    QCOMPARE(world.value("push_time_seconds{instance=\"\",job=\"a\"}"), QString("1.7e+09"));
    QCOMPARE(world.value("push_failure_time_seconds{instance=\"\",job=\"a\"}"), QString("0"));
    QVERIFY(world.put(kA, "y 2\n").ok());
    QCOMPARE(world.series(), QStringList{"y{instance=\"\",job=\"a\"} 2"});
    QVERIFY(world.post(kA, "z 3\n").ok());
    QCOMPARE(world.series(),
             QStringList({"y{instance=\"\",job=\"a\"} 2", "z{instance=\"\",job=\"a\"} 3"}));
    QCOMPARE(world.firstGroups, 1);
}

void TestPushStore::aFamilyIsReplacedAsAWhole()
{
    World world;
    QVERIFY(world.post(kA, "m{k=\"1\"} 1\n").ok());
    QVERIFY(world.post(kA, "m{k=\"2\"} 2\n").ok());
    QCOMPARE(world.series(), QStringList{"m{instance=\"\",job=\"a\",k=\"2\"} 2"});
    // Its type, too.
    QVERIFY(world.post(kA, "# TYPE m counter\nm{k=\"2\"} 2\n").ok());
}

void TestPushStore::anEmptyPutEmptiesTheGroup()
{
    World world;
    QVERIFY(world.put(kA, "x 1\n").ok());
    world.timers.advance(5_s);
    QVERIFY(world.put(kA, "").ok());
    QCOMPARE(world.series(), QStringList());
    QCOMPARE(world.store->groups().size(), 1U);
    QCOMPARE(world.value("push_time_seconds{instance=\"\",job=\"a\"}"), QString("1.700000005e+09"));
}

void TestPushStore::timestampsAreRefused()
{
    World world;
    const absl::Status status = world.put(kA, "x 1 1700000000000\n");
    QCOMPARE(textOf(status), QString("pushed metrics must not have timestamps"));
    const auto groups = world.store->groups();
    QCOMPARE(groups.size(), 1U);
    QVERIFY(!groups[0].pushed && groups[0].failed && !groups[0].lastPushSucceeded());
    // A page that cannot be read leaves no group behind.
    QVERIFY(!world.put(kB, "x 1").ok());
    QCOMPARE(world.store->groups().size(), 1U);
}

void TestPushStore::typesMustAgree()
{
    World world;
    QVERIFY(world.put(kA, "# TYPE t counter\nt 1\n").ok());
    const absl::Status status = world.put(kB, "# TYPE t gauge\nt 2\n");
    QVERIFY2(textOf(status).contains("is not a COUNTER"), qPrintable(textOf(status)));
    QCOMPARE(world.series(), QStringList{"t{instance=\"\",job=\"a\"} 1"});
    QCOMPARE(world.store->groups().size(), 2U);
    QVERIFY(!world.put(kB, "t_count 1\n").ok() ||
            world.series().contains("t_count{instance=\"\",job=\"b\"} 1"));
    QVERIFY(world.put(kA, "# TYPE h histogram\nh_count 1\nh_sum 1\n").ok());
    QVERIFY(textOf(world.put(kB, "h_count 1\n")).contains("collides with previously collected"));
}

void TestPushStore::aSeriesStandsOnce()
{
    World world;
    QVERIFY(textOf(world.put(kA, "x{k=\"1\"} 1\nx{k=\"1\"} 2\n"))
                .contains("was collected before with the same name and label values"));
    // Case 9: the group's label makes them equal.
    const absl::Status status =
        world.put({{"job", "a"}, {"k", "v"}}, "x{k=\"1\"} 1\nx{k=\"2\"} 2\n");
    QVERIFY(textOf(status).contains("was collected before with the same name and label values"));
    // Groups that differ by an empty instance only.
    QVERIFY(world.put(kB, "x 1\n").ok());
    QVERIFY(textOf(world.put({{"job", "b"}, {"instance", ""}}, "x 1\n"))
                .contains("was collected before"));
    QVERIFY(world.put(kB, "x 2\n").ok());
    const absl::Status two = world.put(kA, "x{k=\"1\"} 1\nx{k=\"1\"} 2\nx{k=\"1\"} 3\n");
    QVERIFY2(textOf(two).startsWith("2 error(s) occurred:\n* collected metric \"x\" { "),
             qPrintable(textOf(two)));
}

void TestPushStore::groupLabelsWin()
{
    World world;
    QVERIFY(world.put(kA, "x{job=\"other\",instance=\"i9\"} 1\n").ok());
    QCOMPARE(world.series(), QStringList{"x{instance=\"i9\",job=\"a\"} 1"});
    QVERIFY(world.put({{"job", "a"}, {"instance", "i1"}}, "y{instance=\"i9\"} 1\n").ok());
    QVERIFY(world.series().contains("y{instance=\"i1\",job=\"a\"} 1"));
}

void TestPushStore::theGroupsGaugesCannotBePushed()
{
    World world;
    QVERIFY(world.put(kA, "# TYPE push_time_seconds counter\npush_time_seconds 1\nx 1\n").ok());
    QCOMPARE(world.value("push_time_seconds{instance=\"\",job=\"a\"}"), QString("1.7e+09"));
}

void TestPushStore::helpMayDiffer()
{
    World world;
    QVERIFY(world.put(kA, "# HELP f A\n# TYPE f gauge\nf 1\n").ok());
    QVERIFY(world.put(kB, "# HELP f B\n# TYPE f gauge\nf 1\n").ok());
    const std::string page = exposition::writePage(world.store->families(), PageFormat::Text);
    QVERIFY(page.starts_with("# HELP f A\n# TYPE f gauge\nf{instance=\"\",job=\"a\"} 1\n"
                             "f{instance=\"\",job=\"b\"} 1\n"));
}

void TestPushStore::ourOwnMetricsCount()
{
    World world;
    QVERIFY(world.put(kA, "# TYPE go_goroutines gauge\ngo_goroutines 1\n").ok());
    QVERIFY(textOf(world.put(kB, "# TYPE go_goroutines counter\ngo_goroutines 1\n"))
                .contains("it is not a GAUGE"));
}

void TestPushStore::aRefusedPushLeavesTheGoodOnes()
{
    World world;
    QVERIFY(world.put(kA, "x 1\n").ok());
    world.timers.advance(10_s);
    QVERIFY(!world.put(kA, "x 2 1\n").ok());
    QCOMPARE(world.series(), QStringList{"x{instance=\"\",job=\"a\"} 1"});
    QCOMPARE(world.value("push_time_seconds{instance=\"\",job=\"a\"}"), QString("1.7e+09"));
    QCOMPARE(world.value("push_failure_time_seconds{instance=\"\",job=\"a\"}"),
             QString("1.70000001e+09"));
    QVERIFY(!world.store->groups()[0].lastPushSucceeded());
    world.timers.advance(10_s);
    QVERIFY(world.put(kA, "x 3\n").ok());
    QVERIFY(world.store->groups()[0].lastPushSucceeded());
    QCOMPARE(world.value("push_failure_time_seconds{instance=\"\",job=\"a\"}"),
             QString("1.70000001e+09"));
}

void TestPushStore::deletingIsExact()
{
    World world;
    const GroupingKey inner{{"job", "a"}, {"instance", "i1"}};
    QVERIFY(world.put(kA, "x 1\n").ok());
    QVERIFY(world.put(inner, "x 2\n").ok());
    QVERIFY(world.submit({PushKind::Delete, kA, {}}).ok());
    QVERIFY(world.submit({PushKind::Delete, kA, {}}).ok());
    QCOMPARE(world.series(), QStringList{"x{instance=\"i1\",job=\"a\"} 2"});
    // What is gone is in nobody's way.
    QVERIFY(world.put(kA, "x 5\n").ok());
    QVERIFY(world.submit({PushKind::Wipe, {}, {}}).ok());
    QVERIFY(world.store->empty());
    QVERIFY(world.put(kB, "# TYPE x counter\nx 1\n").ok());
}

void TestPushStore::aRestartChangesNothing()
{
    World world;
    QVERIFY(world
                .put(kA, "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 2\n"
                         "h_sum 3\n")
                .ok());
    QVERIFY(!world.put(kA, "x 1 1\n").ok());
    QVERIFY(world.put({{"job", "b"}, {"path", "/x"}, {"e", ""}}, "y 1\n").ok());
    QVERIFY(world.put(kB, "gone 1\n").ok());
    QVERIFY(world.submit({PushKind::Delete, kB, {}}).ok());
    const std::string before = exposition::writePage(world.store->families(), PageFormat::Text);
    const std::string json = push::groupsJson(world.store->groups());
    world.open();
    QCOMPARE(exposition::writePage(world.store->families(), PageFormat::Text), before);
    QCOMPARE(push::groupsJson(world.store->groups()), json);
    QVERIFY(!world.put(kB, "# TYPE h gauge\nh 1\n").ok());
}

void TestPushStore::withoutTheCheckThePageStaysRight()
{
    World world({.check = false});
    QVERIFY(world.put(kA, "# TYPE t counter\nt 1\n").ok());
    QVERIFY(world.put(kB, "# TYPE t gauge\nt 2\nx 1\nx 2\n").ok());
    QCOMPARE(world.series(),
             QStringList({"t{instance=\"\",job=\"a\"} 1", "x{instance=\"\",job=\"b\"} 1"}));
    QVERIFY(world.store->leftOut() >= 2);
}

void TestPushStore::limitsHold()
{
    World world({.mostGroups = 1, .mostSeries = 2});
    QVERIFY(world.put(kA, "x 1\ny 1\n").ok());
    QVERIFY(absl::IsResourceExhausted(world.put(kB, "x 1\n")));
    QVERIFY(absl::IsResourceExhausted(world.post(kA, "z 1\n")));
    QCOMPARE(world.store->groups().size(), 1U);
}

void TestPushStore::aFullQueueIsNotHealthy()
{
    World world({.queuePlaces = 2});
    std::latch go(1);
    std::atomic<int> answered = 0;
    // The first one stalls the store.
    world.store->submit({PushKind::Delete, kA, {}}, [&](const absl::Status&) { go.wait(); });
    QVERIFY(QTest::qWaitFor([&] { return world.store->healthy(); }));
    absl::Status last;
    for (int i = 0; i < 4; ++i) {
        world.store->submit({PushKind::Delete, kB, {}}, [&](absl::Status status) {
            last = status.ok() ? last : status;
            ++answered;
        });
    }
    QVERIFY(!world.store->healthy());
    QVERIFY(absl::IsUnavailable(last));
    go.count_down();
    QVERIFY(QTest::qWaitFor([&] { return answered.load() == 4; }));
    QVERIFY(world.store->healthy());
}

void TestPushStore::jsonShowsEveryKind()
{
    World world;
    QVERIFY(world
                .put({{"job", "types"}, {"instance", "i1"}},
                     "# HELP s S.\n# TYPE s summary\ns{quantile=\"0.5\"} 1.5\ns_sum 10\ns_count 6\n"
                     "# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 3\n"
                     "h_sum 4.5\nh_count 3\n# TYPE g gauge\ng NaN\n")
                .ok());
    const std::string json = push::groupsJson(world.store->groups());
    for (const char* part :
         {"[{\"labels\":{\"instance\":\"i1\",\"job\":\"types\"},\"last_push_successful\":true,",
          "\"s\":{\"time_stamp\":\"2023-11-14T22:13:20Z\",\"type\":\"SUMMARY\",\"help\":\"S.\","
          "\"metrics\":[{\"labels\":{\"instance\":\"i1\",\"job\":\"types\"},\"quantiles\":{\"0.5\":"
          "\"1.5\"},\"count\":\"6\",\"sum\":\"10\"}]}",
          "\"buckets\":{\"+Inf\":\"3\",\"0.1\":\"1\"},\"count\":\"3\",\"sum\":\"4.5\"",
          "\"value\":\"NaN\"", "\"push_time_seconds\":{", "\"push_failure_time_seconds\":{"}) {
        QVERIFY2(json.find(part) != std::string::npos, json.c_str());
    }
}

QTEST_GUILESS_MAIN(TestPushStore)
#include "tst_push_store.moc"
