// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is kept: the decisions of the log, state after a kill, files of Prometheus' Alertmanager,
// merging of alerts, the lanes.
#include "am_world.h"

#include "core/alertmanager/snapshot_import.h"
#include "core/base/status.h"

#include <absl/synchronization/notification.h>
#include <protozero/pbf_writer.hpp>

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::DecisionInput;
using alertmanager::LogEntry;
using alertmanager::Reason;
using tests::AmWorld;

namespace {

constexpr base::Timestamp kNow{1'700'000'000'000};

/// Letters are alerts; capital ones are acknowledged.
std::vector<std::uint64_t> hashes(const QString& letters, bool unacknowledgedOnly = false)
{
    std::vector<std::uint64_t> result;
    for (const QChar& letter : letters) {
        if (!unacknowledgedOnly || letter.isLower()) {
            result.push_back(letter.toLower().unicode());
        }
    }
    std::sort(result.begin(), result.end());
    return result;
}

std::string withLength(const std::string& message)
{
    std::string bytes;
    protozero::add_varint_to_buffer(&bytes, message.size());
    return bytes + message;
}

void addTime(protozero::pbf_writer& writer, protozero::pbf_tag_type tag, std::int64_t seconds)
{
    protozero::pbf_writer time(writer, tag);
    time.add_int64(1, seconds);
    time.add_int32(2, 5'000'000);
}

std::string silencesFile(const std::string& id)
{
    std::string mesh;
    protozero::pbf_writer writer(mesh);
    {
        protozero::pbf_writer silence(writer, 1);
        silence.add_string(1, id);
        for (int type = 0; type < 4; ++type) {
            protozero::pbf_writer matcher(silence, 2);
            matcher.add_enum(1, type);
            matcher.add_string(2, "l" + std::to_string(type));
            matcher.add_string(3, "v");
        }
        addTime(silence, 3, 1'700'000'000);
        addTime(silence, 4, 4'000'000'000);
        addTime(silence, 5, 1'700'000'001);
        silence.add_string(8, "anna");
        silence.add_string(9, "why");
    }
    addTime(writer, 2, 4'000'000'100);
    return withLength(mesh);
}

std::string logFile()
{
    std::string mesh;
    protozero::pbf_writer writer(mesh);
    {
        protozero::pbf_writer entry(writer, 1);
        entry.add_string(1, "{}:{alertname=\"A\"}");
        {
            protozero::pbf_writer receiver(entry, 2);
            receiver.add_string(1, "r");
            receiver.add_string(2, "fake");
        }
        addTime(entry, 5, 1'772'452'740); // a minute before the world's time
        const std::vector<std::uint64_t> firing = {alertmanager::logHashOf({{"alertname", "A"}})};
        entry.add_packed_uint64(6, firing.begin(), firing.end());
        {
            protozero::pbf_writer pair(entry, 8);
            pair.add_string(1, "threadTs");
            protozero::pbf_writer value(pair, 2);
            value.add_string(1, "7");
        }
    }
    addTime(writer, 2, 4'000'000'000);
    return withLength(mesh);
}

} // namespace

class TestAmState : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whatTheLogDecides_data();
    void whatTheLogDecides();
    void alertsMerge();
    void fingerprintsAreThoseOfPrometheus();
    void afterAKillEverythingIsThere();
    void filesOfTheOtherAlertmanagerAreImported();
    void damagedFilesAreRefused();
    void anImportedLogTellsNothingTwice();
    void lanesGrowOnDemandAndEndWhenIdle();
    void whatTheDatabaseRefusesHoldsUpNothing();
    void resolvedAlertsAreCollected();
    void aLimitForEachName();
};

void TestAmState::whatTheLogDecides_data()
{
    QTest::addColumn<QString>("entry"); // "firing/resolved", empty: none
    QTest::addColumn<QString>("now");   // "firing/resolved"
    QTest::addColumn<int>("minutes");   // since the entry
    QTest::addColumn<bool>("ackEnded");
    QTest::addColumn<QString>("reason"); // empty: nothing
    const auto row = [](const char* name, const char* entry, const char* now, int minutes,
                        const char* reason, bool ended = false) {
        QTest::newRow(name) << entry << now << minutes << ended << reason;
    };
    row("first", "", "a/", 0, "first notification");
    row("nothing ever", "", "/a", 0, "");
    row("the same", "a/", "a/", 0, "");
    row("one more", "a/", "ab/", 0, "new alerts added");
    row("again after the end", "/a", "b/", 0, "first notification");
    row("one less is no news", "ab/", "a/", 0, "");
    row("one resolved", "ab/", "a/b", 0, "some alerts resolved");
    row("told before", "a/b", "a/b", 0, "");
    row("all resolved", "ab/", "/ab", 0, "all alerts resolved");
    row("the end was told", "/ab", "/ab", 0, "");
    row("the end was told, others resolve", "/a", "/ab", 0, "");
    row("repeat", "a/", "a/", 241, "repeat interval elapsed");
    row("not quite", "a/", "a/", 240, "");
    row("new wins over repeat", "a/", "ab/", 241, "new alerts added");
    row("acknowledged first", "", "A/", 0, "");
    row("acknowledged and new", "a/", "Ab/", 0, "new alerts added");
    row("acknowledged fires on, other resolves", "ab/", "A/b", 0, "some alerts resolved");
    row("acknowledged does not repeat", "a/", "A/", 300, "");
    row("one of two acknowledged repeats", "ab/", "Ab/", 300, "repeat interval elapsed");
    row("acknowledgement ended", "a/", "a/", 5, "acknowledgement ended", true);
    row("repeat wins over that", "a/", "a/", 241, "repeat interval elapsed", true);
    row("acknowledged resolves", "a/", "/a", 5, "all alerts resolved");
}

void TestAmState::whatTheLogDecides()
{
    QFETCH(QString, entry);
    QFETCH(QString, now);
    QFETCH(int, minutes);
    QFETCH(bool, ackEnded);
    QFETCH(QString, reason);
    LogEntry logged{.time = kNow, .repeatFrom = kNow};
    if (!entry.isEmpty()) {
        logged.firing = hashes(entry.split('/')[0]);
        logged.resolved = hashes(entry.split('/')[1]);
    }
    const auto decision =
        alertmanager::decide({.entry = entry.isEmpty() ? nullptr : &logged,
                              .firing = hashes(now.split('/')[0]),
                              .unacknowledged = hashes(now.split('/')[0], true),
                              .resolved = hashes(now.split('/')[1]),
                              .now = kNow + base::Duration::fromMs(minutes * 60'000),
                              .acknowledgementEnded = ackEnded});
    QCOMPARE(decision.send, !reason.isEmpty());
    QVERIFY(decision.send || !decision.whyNot.empty());
    if (decision.send) {
        QCOMPARE(QString::fromStdString(std::string(alertmanager::text(decision.reason))), reason);
    }
}

void TestAmState::alertsMerge()
{
    alertmanager::Alert older{
        .startsAt = kNow, .endsAt = kNow + 10_min, .updatedAt = kNow, .endsByTimeout = false};
    alertmanager::Alert younger{.startsAt = kNow + 1_min,
                                .endsAt = kNow + 6_min,
                                .updatedAt = kNow + 1_min,
                                .endsByTimeout = true};
    QCOMPARE(merged(older, younger).startsAt.ms, kNow.ms);
    QCOMPARE(merged(older, younger).endsAt.ms, older.endsAt.ms);
    older.endsByTimeout = true;
    QCOMPARE(merged(older, younger).endsAt.ms, younger.endsAt.ms);
    younger.endsAt = younger.updatedAt;
    QCOMPARE(merged(older, younger).endsAt.ms, younger.endsAt.ms);
}

void TestAmState::fingerprintsAreThoseOfPrometheus()
{
    // As a running Alertmanager 0.25 gave it.
    const auto text = base::readFile(std::filesystem::path(NARTHEX_SHARED_DIR) /
                                     "conformance/alertmanager/payloads/"
                                     "webhook-0.25.0-1-first.json");
    if (!text.ok()) {
        QSKIP("the recorded bodies are not here");
    }
    const auto body = QJsonDocument::fromJson(QByteArray::fromStdString(*text)).object();
    for (const QJsonValue& alert : body["alerts"].toArray()) {
        model::LabelsBuilder labels;
        const QJsonObject object = alert["labels"].toObject();
        for (auto label = object.begin(); label != object.end(); ++label) {
            labels.set(label.key().toStdString(), label.value().toString().toStdString());
        }
        QCOMPARE(QString::fromStdString(
                     alertmanager::fingerprintText(alertmanager::fingerprintOf(labels.build()))),
                 alert["fingerprint"].toString());
    }
}

void TestAmState::afterAKillEverythingIsThere()
{
    base::TemporaryDirectory folder;
    const auto file = folder.path() / "state.db";
    const model::Labels labels{{"alertname", "A"}};
    const pid_t child = ::fork();
    if (child == 0) {
        // No test framework here: this process only works and dies.
        base::ManualTimers timers{kNow};
        net::IoLoop loop;
        net::HttpClient http(loop, "x");
        auto database = state::Database::open(file, alertmanager::migrations());
        alertmanager::Alertmanager manager({.startDelay = {}}, {.loop = loop,
                                                                .http = http,
                                                                .timers = timers,
                                                                .database = database->get(),
                                                                .log = base::nullLogger()});
        bool ok = manager.start().ok();
        manager.put({{.labels = labels, .annotations = {{"a", "b"}}}});
        ok =
            ok && manager.acknowledge(alertmanager::fingerprintOf(labels), {.author = "anna"}).ok();
        ok = ok && manager
                       .setSilence({.matcherSets = {{model::Matcher::equal("x", "y")}},
                                    .endsAt = kNow + 1_h})
                       .ok();
        ok = ok && manager.flushState().ok();
        ::kill(::getpid(), ok ? SIGKILL : SIGTERM);
        ::pause();
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    QVERIFY(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    base::ManualTimers timers{kNow + 30_s};
    net::IoLoop loop;
    net::HttpClient http(loop, "x");
    auto database = state::Database::open(file, alertmanager::migrations());
    QVERIFY2(database.ok(), database.status().ToString().c_str());
    alertmanager::Alertmanager manager({}, {.loop = loop,
                                            .http = http,
                                            .timers = timers,
                                            .database = database->get(),
                                            .log = base::nullLogger()});
    QVERIFY(manager.start().ok());
    const auto alerts = manager.alerts();
    QCOMPARE(alerts.size(), 1U);
    QCOMPARE(alerts[0].alert->annotations, model::Labels({{"a", "b"}}));
    QCOMPARE(alerts[0].acknowledgement->author, std::string("anna"));
    QCOMPARE(manager.silences().size(), 1U);
}

void TestAmState::filesOfTheOtherAlertmanagerAreImported()
{
    AmWorld world;
    const std::string id = alertmanager::makeUuid();
    const std::string bytes = silencesFile(id) + silencesFile(alertmanager::makeUuid());
    QVERIFY(world->importSilences(bytes).ok());
    QCOMPARE(world->silences().size(), 2U);
    const auto silence = world->silence(id);
    QCOMPARE(QString::fromStdString(alertmanager::toText(silence->matcherSets.at(0))),
             QString("{l0=\"v\",l1=~\"v\",l2!=\"v\",l3!~\"v\"}"));
    QCOMPARE(silence->createdBy, std::string("anna"));
    QCOMPARE(silence->startsAt->ms, 1'700'000'000'005);
    world.restart(AmWorld::kPlain);
    QCOMPARE(world->silence(id)->comment, std::string("why"));
    // An older copy changes nothing.
    QVERIFY(world->expireSilence(id).ok());
    QVERIFY(world->importSilences(bytes).ok());
    QVERIFY(world->silence(id)->endsAt <= world.now());
}

void TestAmState::damagedFilesAreRefused()
{
    const std::string good = silencesFile(alertmanager::makeUuid());
    for (std::size_t length = 1; length < good.size(); ++length) {
        QVERIFY(!alertmanager::readSilencesSnapshot(good.substr(0, length)).ok());
    }
    const auto result = alertmanager::readSilencesSnapshot(good + "\x7f");
    QVERIFY(QString::fromStdString(result.status().ToString())
                .contains(QString("offset %1").arg(good.size())));
    QVERIFY(!alertmanager::readLogSnapshot("\xff\xff\xff").ok());
}

void TestAmState::anImportedLogTellsNothingTwice()
{
    AmWorld world;
    QVERIFY(world->importLog(logFile()).ok());
    world.fire({{"alertname", "A"}});
    world.passFiring(10_min, {{{"alertname", "A"}}});
    QCOMPARE(world.told(), QStringList());
    world.resolve({{"alertname", "A"}});
    world.pass(5_min);
    const auto sent = tests::Outbox::instance().take();
    QCOMPARE(sent.size(), 1U);
    QCOMPARE(sent[0].notification.reason, Reason::AllResolved);
    QCOMPARE(sent[0].notification.memory.at("threadTs"), std::string("7"));
}

void TestAmState::lanesGrowOnDemandAndEndWhenIdle()
{
    alertmanager::Lane lane(3, 20_ms);
    QCOMPARE(lane.threads(), 0U);
    absl::Mutex mutex;
    int done = 0;
    bool go = false;
    for (int i = 0; i < 10; ++i) {
        lane.post([&](const std::stop_token&) {
            const absl::MutexLock lock(&mutex);
            mutex.Await(absl::Condition(&go));
            ++done;
        });
    }
    QTRY_COMPARE(lane.threads(), 3U);
    {
        const absl::MutexLock lock(&mutex);
        go = true;
    }
    QTRY_VERIFY(lane.idle());
    QTRY_COMPARE(lane.threads(), 0U);
    lane.post([&](const std::stop_token&) {
        const absl::MutexLock lock(&mutex);
        ++done;
    });
    QTRY_VERIFY(lane.idle());
    const absl::MutexLock lock(&mutex);
    QCOMPARE(done, 11);
}

void TestAmState::whatTheDatabaseRefusesHoldsUpNothing()
{
    AmWorld world;
    state::StateWriter writer(&world.database());
    const auto statement = [&writer](const char* sql) {
        writer.post([sql](state::Connection& connection) { return connection.execute(sql); });
    };
    // Nothing is written before all of it waits.
    absl::Notification go;
    std::atomic<int> tries = 0;
    writer.post([&go](state::Connection&) {
        go.WaitForNotification();
        return absl::OkStatus();
    });
    statement("INSERT INTO am_meta VALUES ('before', 1)");
    writer.post([&tries](state::Connection& connection) {
        ++tries;
        return connection.execute("INSERT INTO no_such_table VALUES (1)");
    });
    statement("INSERT INTO am_meta VALUES ('between', 1)");
    statement("INSERT INTO am_meta VALUES ('before', 2)"); // the key is taken
    statement("INSERT INTO am_meta VALUES ('after', 1)");
    go.Notify();
    QVERIFY(!writer.flush().ok());
    QCOMPARE(world.rows("am_meta WHERE name IN ('before', 'between', 'after') AND value = 1"), 3);
    QCOMPARE(writer.dropped().count, 2U);
    QVERIFY(QString::fromStdString(writer.dropped().error.ToString()).contains("UNIQUE"));
    QVERIFY(tries >= state::StateWriter::kMostTries);
    statement("INSERT INTO am_meta VALUES ('later', 1)");
    QVERIFY(writer.flush().ok());
    QCOMPARE(world.rows("am_meta WHERE name = 'later'"), 1);
    QCOMPARE(writer.dropped().count, 2U);

    // Were the disk full, nothing would be dropped.
    std::atomic<bool> full = true;
    writer.post([&full](state::Connection& connection) {
        return full ? base::resourceExhausted("database or disk is full")
                    : connection.execute("INSERT INTO am_meta VALUES ('full', 1)");
    });
    for (int i = 0; i < 2 * state::StateWriter::kMostTries; ++i) {
        statement("INSERT OR REPLACE INTO am_meta VALUES ('behind', 1)");
        QVERIFY(absl::IsResourceExhausted(writer.flush()));
    }
    full = false;
    statement("INSERT OR REPLACE INTO am_meta VALUES ('behind', 1)");
    QVERIFY(writer.flush().ok());
    QCOMPARE(world.rows("am_meta WHERE name IN ('full', 'behind')"), 2);
    QCOMPARE(writer.dropped().count, 2U);
}

void TestAmState::resolvedAlertsAreCollected()
{
    AmWorld world;
    world.fire({{"alertname", "A"}});
    world.pass(31_min, 10_s);
    QVERIFY(world->alert(alertmanager::fingerprintOf({{"alertname", "A"}})) == nullptr);
    QVERIFY(world->groups().empty());
    world.restart(AmWorld::kPlain);
    QVERIFY(world->alert(alertmanager::fingerprintOf({{"alertname", "A"}})) == nullptr);
}

void TestAmState::aLimitForEachName()
{
    AmWorld world(AmWorld::kPlain, {.store = {.perNameLimit = 2}, .startDelay = {}});
    model::Alerts alerts;
    for (const char* instance : {"1", "2", "3"}) {
        alerts.push_back({.labels = {{"alertname", "A"}, {"i", instance}}});
    }
    alerts.push_back({.labels = {{"alertname", "B"}}});
    const auto result = world->put(alerts);
    QCOMPARE(result.limited, 1U);
    QCOMPARE(world->alerts().size(), 3U);
    QCOMPARE(world->put(alerts).limited, 1U);
}

QTEST_GUILESS_MAIN(TestAmState)
#include "tst_am_state.moc"
