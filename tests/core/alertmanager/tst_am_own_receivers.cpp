// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The file of receivers that an Alertmanager does not have: what it says wrong is named with its
// place, and what it asks for goes the way of all messages.
#include "am_world.h"

#include "core/alertmanager/own_receivers.h"
#include "core/alertmanager/receivers/desktop.h"
#include "core/exposition/text_writer.h"

#include <QtTest>

namespace narthex::alertmanager {

using namespace base::literals;
using tests::AmWorld;
using tests::Outbox;

namespace {

constexpr OwnReceiverRights kAll{.commands = true, .desktop = true};

class Desktop final : public DesktopNotifier
{
public:
    absl::Status show(const DesktopNote& note) override
    {
        const absl::MutexLock lock(&mutex_);
        notes_.push_back(note);
        return std::exchange(next_, absl::OkStatus());
    }
    void failOnce()
    {
        const absl::MutexLock lock(&mutex_);
        next_ = base::unavailable("no desktop");
    }
    std::vector<DesktopNote> take()
    {
        const absl::MutexLock lock(&mutex_);
        return std::exchange(notes_, {});
    }

private:
    absl::Mutex mutex_;
    absl::Status next_ ABSL_GUARDED_BY(mutex_);
    std::vector<DesktopNote> notes_ ABSL_GUARDED_BY(mutex_);
};

Config plainConfig()
{
    return parseConfig("/am.yml", AmWorld::kPlain, {.kinds = tests::fakeKinds()}).value();
}

/// The plain configuration with these receivers beside it.
Config configWith(const std::string& own)
{
    Config config = plainConfig();
    const absl::Status status = addOwnReceivers(config, "/own.yml", own, kAll);
    if (!status.ok()) {
        throw std::runtime_error(status.ToString());
    }
    return config;
}

std::string problemOf(const std::string& own, const OwnReceiverRights& rights)
{
    Config config = plainConfig();
    const absl::Status status = addOwnReceivers(config, "/own.yml", own, rights);
    // All or nothing.
    return config.receivers[0].integrations.size() == 1 ? std::string(base::messageOf(status))
                                                        : "the configuration was changed";
}

model::Alert alertOf(base::Timestamp from, std::optional<base::Timestamp> until = {})
{
    return {.labels = {{"alertname", "DiskFull"}, {"severity", "critical"}},
            .annotations = {},
            .startsAt = from,
            .endsAt = until,
            .generatorUrl = {}};
}

} // namespace

class TestAmOwnReceivers : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void mistakesAreNamedWithTheirPlace_data();
    void mistakesAreNamedWithTheirPlace();
    void anEmptyFileAddsNothing();
    void theirIntegrationsComeAfterThoseOfTheFile();
    void theAlertmanagersFileIsPrintedWithoutThem();
    void aMissingFileIsAnError();
    void notesGoTheWayOfAllMessages();
    void aDesktopThatComesLaterGetsTheNote();
    void programsGetWhatFires();
    void aReloadWithoutADesktopKeepsWhatWasThere();
};

void TestAmOwnReceivers::mistakesAreNamedWithTheirPlace_data()
{
    QTest::addColumn<QString>("file");
    QTest::addColumn<bool>("rights");
    QTest::addColumn<QString>("problem");
    const auto row = [](const char* name, const char* file, const char* problem,
                        bool rights = true) { QTest::newRow(name) << file << rights << problem; };
    row("no YAML", "receivers: [", "/own.yml:");
    row("a list at the top", "[1]", "/own.yml:1:1: ");
    row("an unknown section", "routes: []\n", "/own.yml:1:1: field routes not found");
    row("an unknown key", "receivers:\n  - name: r\n    desktop: []\n",
        "/own.yml:3:5: field desktop not found");
    row("an unknown setting", "receivers:\n  - name: r\n    narthex:desktop: [{colour: red}]\n",
        "/own.yml:3:24: field colour not found");
    row("a setting of another type",
        "receivers:\n  - name: r\n    narthex:desktop: [{sound: loud}]\n", "/own.yml:3:");
    row("no name", "receivers:\n  - narthex:desktop: [{}]\n",
        "/own.yml:2:5: missing name in receiver");
    row("a receiver that the Alertmanager's file does not have", "receivers:\n  - name: nope\n",
        "/own.yml:2:11: there is no receiver \"nope\" in /am.yml");
    row("a receiver twice", "receivers:\n  - name: r\n  - name: r\n",
        "/own.yml:3:5: receiver \"r\" is there twice");
    row("a command without a program",
        "receivers:\n  - name: r\n    narthex:command: [{command: []}]\n",
        "/own.yml:3:23: a command receiver names no program");
    row("a command that is null", "receivers:\n  - name: r\n    narthex:command: [null]\n",
        "/own.yml:3:23: missing narthex:command config");
    row("no time for a command",
        "receivers:\n  - name: r\n    narthex:command: [{command: [x], timeout: 0s}]\n",
        "timeout must be longer than 0s");
    row("a command that is not allowed",
        "receivers:\n  - name: r\n    narthex:command: [{command: [x]}]\n",
        "/own.yml:3:23: programs are not run unless that is allowed", false);
    row("a desktop where there is none", "receivers:\n  - name: r\n    narthex:desktop: [{}]\n",
        "/own.yml:3:23: this program has no desktop", false);
}

void TestAmOwnReceivers::mistakesAreNamedWithTheirPlace()
{
    QFETCH(QString, file);
    QFETCH(bool, rights);
    QFETCH(QString, problem);
    const QString found =
        QString::fromStdString(problemOf(file.toStdString(), rights ? kAll : OwnReceiverRights{}));
    QVERIFY2(found.contains(problem), qPrintable(found));
}

void TestAmOwnReceivers::anEmptyFileAddsNothing()
{
    for (const char* text : {"", "# later\n", "receivers: []\n", "receivers:\n"}) {
        QCOMPARE(configWith(text).receivers[0].integrations.size(), 1U);
    }
}

void TestAmOwnReceivers::theirIntegrationsComeAfterThoseOfTheFile()
{
    const Config config = configWith("receivers:\n"
                                     "  - name: r\n"
                                     "    narthex:command: [{command: [a, b], timeout: 5s}]\n"
                                     "    narthex:desktop: [{title: 'x'}, null]\n");
    std::string names;
    for (const IntegrationSettings& each : config.receivers[0].integrations) {
        names += each.name() + " ";
    }
    QCOMPARE(names, std::string("fake[0] desktop[0] desktop[1] command[0] "));
}

void TestAmOwnReceivers::theAlertmanagersFileIsPrintedWithoutThem()
{
    const Config config = configWith("receivers: [{name: r, narthex:desktop: [{}]}]\n");
    QCOMPARE(config.toYaml(), plainConfig().toYaml());
}

void TestAmOwnReceivers::aMissingFileIsAnError()
{
    Config config = plainConfig();
    const absl::Status status = loadOwnReceivers(config, "/no/such/own.yml", kAll);
    QVERIFY2(absl::IsNotFound(status), status.ToString().c_str());
}

void TestAmOwnReceivers::notesGoTheWayOfAllMessages()
{
    Desktop desktop;
    AmWorld world(AmWorld::kPlain, {.startDelay = {}, .desktop = &desktop, .seed = 1});
    QVERIFY(world->apply(configWith("receivers: [{name: r, narthex:desktop: [{}]}]\n")).ok());
    const base::Timestamp from = world.now();
    world->put({alertOf(from, from + 1_h)});
    world.pass(1_min);
    std::vector<DesktopNote> notes = desktop.take();
    QCOMPARE(notes.size(), 1U);
    QCOMPARE(notes[0].title, std::string("[FIRING:1] DiskFull (critical)"));
    QVERIFY(!notes[0].resolved && notes[0].canAcknowledge);
    QCOMPARE(Outbox::instance().count("r"), 1U); // the receiver of the file goes on
    // No repeats before the repeat interval, then the end.
    world.pass(10_min);
    QVERIFY(desktop.take().empty());
    world->put({alertOf(from, world.now())});
    world.pass(10_min);
    notes = desktop.take();
    QCOMPARE(notes.size(), 1U);
    QVERIFY(notes[0].resolved && !notes[0].canAcknowledge);
    std::string metrics;
    exposition::TextWriter out(metrics);
    world->writeMetrics(out);
    QVERIFY(metrics.find("integration=\"desktop\"") != std::string::npos);
}

void TestAmOwnReceivers::aDesktopThatComesLaterGetsTheNote()
{
    Desktop desktop;
    AmWorld world(AmWorld::kPlain, {.startDelay = {}, .desktop = &desktop, .seed = 1});
    QVERIFY(world->apply(configWith("receivers: [{name: r, narthex:desktop: [{}]}]\n")).ok());
    desktop.failOnce();
    world->put({alertOf(world.now())});
    world.pass(1_min);
    QCOMPARE(desktop.take().size(), 2U); // tried again, and well then
}

void TestAmOwnReceivers::programsGetWhatFires()
{
    const base::TemporaryDirectory folder;
    const std::string file = (folder.path() / "got").string();
    AmWorld world;
    QVERIFY(world
                ->apply(configWith("receivers:\n"
                                   "  - name: r\n"
                                   "    narthex:command: [{command: [/bin/sh, -c, 'cat > " +
                                   file + "']}]\n"))
                .ok());
    world->put({alertOf(world.now())});
    world.pass(1_min);
    const auto got = base::readFile(file);
    QVERIFY2(got.ok() && got->find("\"alertname\":\"DiskFull\"") != std::string::npos,
             got.ok() ? got->c_str() : got.status().ToString().c_str());
}

void TestAmOwnReceivers::aReloadWithoutADesktopKeepsWhatWasThere()
{
    AmWorld world;
    const absl::Status status =
        world->apply(configWith("receivers: [{name: r, narthex:desktop: [{}]}]\n"));
    const QString message = QString::fromStdString(std::string(base::messageOf(status)));
    QVERIFY2(message.contains("receiver r, desktop[0]: this program has no desktop"),
             qPrintable(message));
    QCOMPARE(world->setup()->receivers.at("r").size(), 1U);
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestAmOwnReceivers)
#include "tst_am_own_receivers.moc"
