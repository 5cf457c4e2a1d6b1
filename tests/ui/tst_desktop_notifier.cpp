// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Notes about alerts on a real session bus of the test's own, shown by a server that the test is.
#include "core/alertmanager/note_actions.h"
#include "core/base/file.h"
#include "core/engine/engine.h"
#include "ui/desktop/desktop_notifier.h"

#include <absl/cleanup/cleanup.h>

#include <QCoreApplication>
#include <QDBusConnection>
#include <QMutex>
#include <QStandardPaths>
#include <QThread>
#include <QtTest>

#include <unistd.h>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::DesktopNote;
using ui::desktop::DesktopNotifier;
using ui::desktop::NoteAction;

namespace {

constexpr const char* kUnderBus = "NARTHEX_TEST_BUS";
const auto kName = QStringLiteral("org.freedesktop.Notifications");

struct Shown
{
    uint id = 0;
    uint replaces = 0;
    QString title;
    QString body;
    QStringList actions;
    QVariantMap hints;
    int expires = 0;
};

base::Logger quiet() { return base::nullLogger(); }

DesktopNote noteOf(const std::string& key, const std::string& title = "DiskFull")
{
    return {.key = key,
            .title = title,
            .body = "a < b & c\n",
            .urgency = alertmanager::Urgency::Critical,
            .canAcknowledge = true,
            .fingerprints = {7, 8}};
}

constexpr const char* kLoudRule = "groups: [{name: g, rules: [{alert: A, expr: vector(1), "
                                  "labels: {severity: critical}}]}]\n";
constexpr const char* kQuietRule = "groups: [{name: g, rules: [{alert: A, expr: vector(1) == 2, "
                                   "labels: {severity: critical}}]}]\n";

/// An engine with one rule that fires, and a desktop.
class Running
{
public:
    explicit Running(DesktopNotifier& notifier)
    {
        write("prometheus.yml", "global: {evaluation_interval: 100ms}\nrule_files: [rules.yml]\n");
        write("rules.yml", kLoudRule);
        options.dataDirectory = file("data");
        options.configFile = file("prometheus.yml");
        options.alerting.desktop = &notifier;
        options.alerting.alertmanager.startDelay = {};
    }
    [[nodiscard]] std::filesystem::path file(const char* name) const
    {
        return folder_.path() / name;
    }
    void write(const char* name, const std::string& text) const
    {
        if (!base::writeFileAtomically(file(name), text).ok()) {
            throw std::runtime_error("cannot write");
        }
    }
    absl::Status start()
    {
        program = std::make_unique<engine::Engine>(
            options, engine::Engine::Environment{
                         .loop = loop_, .pool = pool_, .timers = timers_, .log = log_});
        return program->start();
    }

    engine::EngineOptions options;

private:
    const base::TemporaryDirectory folder_;
    base::LogSetup log_ = base::LogSetup::create("error").value();
    net::IoLoop loop_;
    base::WorkerPool pool_{2};
    base::SystemTimers timers_;

public:
    std::unique_ptr<engine::Engine> program;
};

} // namespace

/// Shows nothing and remembers all. Lives in a thread of its own, as the real one does.
class NoteServer : public QObject
{
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.freedesktop.Notifications")

public:
    explicit NoteServer(QStringList capabilities) : capabilities_(std::move(capabilities)) {}

    std::vector<Shown> shown() const
    {
        const QMutexLocker lock(&mutex_);
        return shown_;
    }
    std::vector<uint> closed() const
    {
        const QMutexLocker lock(&mutex_);
        return closed_;
    }
    void click(uint id, const QString& action)
    {
        QMetaObject::invokeMethod(this, [this, id, action] { Q_EMIT ActionInvoked(id, action); });
    }
    void dismiss(uint id)
    {
        QMetaObject::invokeMethod(this, [this, id] { Q_EMIT NotificationClosed(id, 2); });
    }

public Q_SLOTS:
    QStringList GetCapabilities() { return capabilities_; }
    uint Notify(const QString& /*application*/, uint replaces, const QString& /*icon*/,
                const QString& title, const QString& body, const QStringList& actions,
                const QVariantMap& hints, int expires)
    {
        const QMutexLocker lock(&mutex_);
        const uint id = replaces != 0 ? replaces : ++last_;
        shown_.push_back({id, replaces, title, body, actions, hints, expires});
        return id;
    }
    void CloseNotification(uint id)
    {
        const QMutexLocker lock(&mutex_);
        closed_.push_back(id);
    }

Q_SIGNALS:
    void ActionInvoked(uint id, const QString& action);
    void NotificationClosed(uint id, uint reason);

private:
    const QStringList capabilities_;
    mutable QMutex mutex_;
    std::vector<Shown> shown_;
    std::vector<uint> closed_;
    uint last_ = 0;
};

/// A server on the bus, while it lives.
class Desktop
{
    std::unique_ptr<NoteServer> owned_;

public:
    explicit Desktop(QStringList capabilities = {QStringLiteral("actions"), QStringLiteral("body"),
                                                 QStringLiteral("body-markup")})
        : owned_(std::make_unique<NoteServer>(std::move(capabilities))),
          server(*owned_),
          bus_(QDBusConnection::connectToBus(QDBusConnection::SessionBus, name_))
    {
        // What relays its signals moves with it.
        there = bus_.registerObject(QStringLiteral("/org/freedesktop/Notifications"), &server,
                                    QDBusConnection::ExportAllSlots |
                                        QDBusConnection::ExportAllSignals);
        server.moveToThread(&thread_);
        thread_.start();
        there = bus_.registerService(kName) && there;
    }
    ~Desktop()
    {
        bus_.unregisterService(kName);
        thread_.quit();
        thread_.wait();
        bus_.unregisterObject(QStringLiteral("/org/freedesktop/Notifications"));
        owned_.reset(); // while the connection is there, which hears of it
        QDBusConnection::disconnectFromBus(name_);
    }
    Desktop(const Desktop&) = delete;
    Desktop& operator=(const Desktop&) = delete;

    NoteServer& server;
    bool there = false;

private:
    static inline int count_ = 0;
    const QString name_ = QStringLiteral("desktop-%1").arg(++count_);
    QThread thread_;
    QDBusConnection bus_;
};

class TestDesktopNotifier : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aNoteSaysWhatTheSpecificationHasAPlaceFor();
    void aNewerNoteTakesThePlaceOfTheOlderOne();
    void aDismissedNoteIsShownAnew();
    void whatResolvesGoesAway();
    void aStormOfNotesBecomesOneSummary();
    void withoutMarkupAndActionsTheTextIsPlain();
    void buttonsReachTheHandlerWithTheirAlerts();
    void clicksOnOtherProgramsNotesAreIgnored();
    void aFailedActionIsShown();
    void withoutADesktopThereIsAnErrorUntilOneComes();
    void withoutABusThereIsAnError();
    void anAlertFiresIsAcknowledgedOnTheDesktopAndResolves();
    void withoutAnAlertmanagersConfigurationAlertsGoToThisDesktop();
    void aMistakeInTheFileOfReceiversRefusesTheReload();
};

void TestDesktopNotifier::aNoteSaysWhatTheSpecificationHasAPlaceFor()
{
    Desktop desktop;
    QVERIFY(desktop.there);
    DesktopNotifier notifier(quiet());
    DesktopNote note = noteOf("g");
    note.sound = true;
    const absl::Status status = notifier.show(note);
    QVERIFY2(status.ok(), status.ToString().c_str());
    const Shown shown = desktop.server.shown().at(0);
    QCOMPARE(shown.replaces, 0U);
    QCOMPARE(shown.title, QStringLiteral("DiskFull"));
    QCOMPARE(shown.body, QStringLiteral("a &lt; b &amp; c"));
    QCOMPARE(shown.actions, (QStringList{"default", "Open", "acknowledge", "Acknowledge", "silence",
                                         "Silence 1 h"}));
    QCOMPARE(shown.hints.value("urgency").value<uchar>(), uchar{2});
    QCOMPARE(shown.hints.value("sound-name").toString(), QStringLiteral("dialog-error"));
    QCOMPARE(shown.expires, 0); // critical: stays
}

void TestDesktopNotifier::aNewerNoteTakesThePlaceOfTheOlderOne()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    QVERIFY(notifier.show(noteOf("a")).ok());
    QVERIFY(notifier.show(noteOf("b")).ok());
    QVERIFY(notifier.show(noteOf("a", "more")).ok());
    const auto shown = desktop.server.shown();
    QCOMPARE(shown.size(), 3U);
    QCOMPARE(shown[2].replaces, shown[0].id);
    QVERIFY(shown[1].id != shown[0].id);
}

void TestDesktopNotifier::aDismissedNoteIsShownAnew()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    QVERIFY(notifier.show(noteOf("a")).ok());
    desktop.server.dismiss(desktop.server.shown().at(0).id);
    // Asked once each time: a second question would find the new note.
    QVERIFY(QTest::qWaitFor([&] {
        return notifier.show(noteOf("a")).ok() && desktop.server.shown().back().replaces == 0;
    }));
}

void TestDesktopNotifier::whatResolvesGoesAway()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    QVERIFY(notifier.show(noteOf("a")).ok());
    DesktopNote end = noteOf("a");
    end.resolved = true;
    QVERIFY(notifier.show(end).ok());
    QVERIFY(notifier.show(end).ok()); // gone already
    QCOMPARE(desktop.server.closed(), std::vector<uint>{desktop.server.shown().at(0).id});
    QCOMPARE(desktop.server.shown().size(), 1U);
}

void TestDesktopNotifier::aStormOfNotesBecomesOneSummary()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    for (int i = 0; i < 8; ++i) {
        QVERIFY(notifier.show(noteOf("g" + std::to_string(i), "T" + std::to_string(i))).ok());
    }
    const auto shown = desktop.server.shown();
    QCOMPARE(shown.size(), 8U);
    const Shown& first = shown[5];
    QVERIFY(first.replaces == 0 && shown[6].replaces == first.id && shown[7].replaces == first.id);
    QCOMPARE(shown[7].title, QStringLiteral("3 more groups of alerts"));
    QCOMPARE(shown[7].body, QStringLiteral("T5\nT6\nT7"));
    QVERIFY(shown[7].actions.contains("acknowledge"));
    // A note that was there before goes on by itself, and what resolves leaves the summary.
    QVERIFY(notifier.show(noteOf("g0", "again")).ok());
    QCOMPARE(desktop.server.shown().back().replaces, shown[0].id);
    for (const char* key : {"g5", "g6", "g7"}) {
        DesktopNote end = noteOf(key);
        end.resolved = true;
        QVERIFY(notifier.show(end).ok());
    }
    QCOMPARE(desktop.server.closed(), std::vector<uint>{first.id});
}

void TestDesktopNotifier::withoutMarkupAndActionsTheTextIsPlain()
{
    Desktop desktop({QStringLiteral("body")});
    DesktopNotifier notifier(quiet());
    DesktopNote note = noteOf("a");
    note.urgency = alertmanager::Urgency::Low;
    QVERIFY(notifier.show(note).ok());
    const Shown shown = desktop.server.shown().at(0);
    QCOMPARE(shown.body, QStringLiteral("a < b & c"));
    QVERIFY(shown.actions.isEmpty());
    QVERIFY(shown.hints.value("suppress-sound").toBool());
    QCOMPARE(shown.expires, -1);
}

void TestDesktopNotifier::buttonsReachTheHandlerWithTheirAlerts()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    QMutex mutex;
    std::vector<std::pair<NoteAction, std::vector<std::uint64_t>>> seen;
    notifier.setHandler([&](NoteAction action, const std::vector<std::uint64_t>& alerts) {
        const QMutexLocker lock(&mutex);
        seen.emplace_back(action, alerts);
        return absl::OkStatus();
    });
    QVERIFY(notifier.show(noteOf("a")).ok());
    const uint id = desktop.server.shown().at(0).id;
    for (const char* action : {"acknowledge", "silence", "default", "what"}) {
        desktop.server.click(id, QString::fromLatin1(action));
    }
    const auto count = [&] {
        const QMutexLocker lock(&mutex);
        return seen.size();
    };
    QTRY_COMPARE(count(), 3U);
    notifier.setHandler(nullptr);
    QVERIFY(seen[0].first == NoteAction::Acknowledge && seen[1].first == NoteAction::Silence &&
            seen[2].first == NoteAction::Open);
    QCOMPARE(seen[0].second, (std::vector<std::uint64_t>{7, 8}));
}

void TestDesktopNotifier::clicksOnOtherProgramsNotesAreIgnored()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    std::atomic<int> calls = 0;
    notifier.setHandler([&](NoteAction, const std::vector<std::uint64_t>&) {
        ++calls;
        return absl::OkStatus();
    });
    QVERIFY(notifier.show(noteOf("a")).ok());
    const uint id = desktop.server.shown().at(0).id;
    desktop.server.click(id + 1, QStringLiteral("acknowledge"));
    desktop.server.click(id, QStringLiteral("acknowledge"));
    QTRY_COMPARE(calls.load(), 1);
    notifier.setHandler(nullptr);
}

void TestDesktopNotifier::aFailedActionIsShown()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    notifier.setHandler([](NoteAction, const std::vector<std::uint64_t>&) {
        return absl::InvalidArgumentError("comment is required");
    });
    QVERIFY(notifier.show(noteOf("a")).ok());
    desktop.server.click(desktop.server.shown().at(0).id, QStringLiteral("acknowledge"));
    QTRY_COMPARE(desktop.server.shown().size(), 2U);
    QCOMPARE(desktop.server.shown().at(1).body, QStringLiteral("comment is required"));
}

void TestDesktopNotifier::withoutADesktopThereIsAnErrorUntilOneComes()
{
    DesktopNotifier notifier(quiet());
    const absl::Status status = notifier.show(noteOf("a"));
    QVERIFY2(absl::IsUnavailable(status), status.ToString().c_str());
    {
        Desktop desktop;
        QVERIFY(notifier.show(noteOf("a")).ok());
    }
    QTRY_VERIFY(absl::IsUnavailable(notifier.show(noteOf("a"))));
    // Another one counts anew.
    Desktop desktop;
    QTRY_VERIFY(notifier.show(noteOf("a")).ok());
    QCOMPARE(desktop.server.shown().at(0).replaces, 0U);
}

void TestDesktopNotifier::withoutABusThereIsAnError()
{
    DesktopNotifier notifier(quiet(), QStringLiteral("unix:path=/no/such/bus"));
    const absl::Status status = notifier.show(noteOf("a"));
    QVERIFY2(absl::IsUnavailable(status), status.ToString().c_str());
    QVERIFY(status.ToString().find("no desktop session") != std::string::npos);
}

void TestDesktopNotifier::anAlertFiresIsAcknowledgedOnTheDesktopAndResolves()
{
    Desktop desktop;
    DesktopNotifier notifier(quiet());
    Running running(notifier);
    running.write("alertmanager.yml",
                  "route: {receiver: me, group_by: [alertname], group_wait: 0s, "
                  "group_interval: 100ms}\nreceivers: [{name: me}]\n");
    running.write("receivers.yml", "receivers: [{name: me, narthex:desktop: [{}]}]\n");
    running.options.alerting.alertmanagerConfig = running.file("alertmanager.yml");
    running.options.alerting.ownReceivers = running.file("receivers.yml");
    const absl::Status started = running.start();
    QVERIFY2(started.ok(), started.ToString().c_str());
    QTRY_VERIFY_WITH_TIMEOUT(running.program->alerting().alertmanager() != nullptr, 15000);
    const auto manager = running.program->alerting().alertmanager();
    notifier.setHandler([&](NoteAction action, const std::vector<std::uint64_t>& alerts) {
        return action == NoteAction::Acknowledge ? acknowledgeFromNote(*manager, alerts, "anna")
                                                 : silenceFromNote(*manager, alerts, "anna");
    });
    const absl::Cleanup mute = [&] { notifier.setHandler(nullptr); };
    QTRY_COMPARE_WITH_TIMEOUT(desktop.server.shown().size(), 1U, 15000);
    const Shown shown = desktop.server.shown().at(0);
    QCOMPARE(shown.title, QStringLiteral("[FIRING:1] A (critical)"));

    desktop.server.click(shown.id, QStringLiteral("acknowledge"));
    QTRY_COMPARE_WITH_TIMEOUT(manager->acknowledgements().size(), 1U, 15000);
    const alertmanager::Acknowledgement ack = manager->acknowledgements().front();
    QVERIFY(ack.open() && ack.source == alertmanager::AckSource::DesktopNotification);
    QVERIFY(ack.author == "anna" && ack.comment.empty());
    desktop.server.click(shown.id, QStringLiteral("silence"));
    QTRY_COMPARE_WITH_TIMEOUT(manager->silences().size(), 1U, 15000);
    const alertmanager::SilencePtr silence = manager->silences().front();
    QCOMPARE(silence->matcherSets.front().size(), 2U);
    QVERIFY(manager->expireSilence(silence->id).ok());

    running.write("rules.yml", kQuietRule);
    QVERIFY(running.program->reload().ok());
    QTRY_COMPARE_WITH_TIMEOUT(desktop.server.closed(), std::vector<uint>{shown.id}, 15000);
}

void TestDesktopNotifier::withoutAnAlertmanagersConfigurationAlertsGoToThisDesktop()
{
    DesktopNotifier notifier(quiet());
    Running running(notifier);
    running.write("rules.yml", kQuietRule);
    const absl::Status started = running.start();
    QVERIFY2(started.ok(), started.ToString().c_str());
    QTRY_VERIFY_WITH_TIMEOUT(running.program->alerting().alertmanager() != nullptr, 15000);
    const auto setup = running.program->alerting().alertmanager()->setup();
    QVERIFY(setup != nullptr);
    QCOMPARE(setup->receivers.size(), 1U);
    QCOMPARE(setup->receivers.at("desktop").at(0)->name(), std::string("desktop[0]"));
}

void TestDesktopNotifier::aMistakeInTheFileOfReceiversRefusesTheReload()
{
    DesktopNotifier notifier(quiet());
    Running running(notifier);
    running.write("rules.yml", kQuietRule);
    running.write("receivers.yml", "receivers: [{name: desktop, narthex:desktop: [{}]}]\n");
    running.options.alerting.ownReceivers = running.file("receivers.yml");
    QVERIFY(running.start().ok());
    QTRY_VERIFY_WITH_TIMEOUT(running.program->alerting().alertmanager() != nullptr, 15000);
    running.write("receivers.yml",
                  "receivers: [{name: desktop, narthex:command: [{command: [a]}]}]\n");
    const QString message = QString::fromStdString(running.program->reload().ToString());
    QVERIFY2(message.contains("receivers.yml:1:") && message.contains("programs are not run"),
             qPrintable(message));
    QCOMPARE(running.program->alerting().alertmanager()->setup()->receivers.at("desktop").size(),
             1U);
}

/// Runs itself again with a bus of its own, which ends with it.
int main(int argc, char** argv)
{
    if (qEnvironmentVariableIsEmpty(kUnderBus)) {
        const QString runner = QStandardPaths::findExecutable(QStringLiteral("dbus-run-session"));
        if (runner.isEmpty()) {
            std::puts("SKIP: dbus-run-session (package dbus) is not there");
            return 0;
        }
        qputenv(kUnderBus, "1");
        const QByteArray program = runner.toLocal8Bit();
        std::vector<const char*> arguments{program.constData(), "--"};
        arguments.insert(arguments.end(), argv, argv + argc);
        arguments.push_back(nullptr);
        ::execv(program.constData(), const_cast<char* const*>(arguments.data()));
        return 1;
    }
    QCoreApplication application(argc, argv);
    TestDesktopNotifier test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_desktop_notifier.moc"
