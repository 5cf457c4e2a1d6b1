// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Notes on the desktop and programs of one's own.
#include "core/alertmanager/receivers/desktop.h"
#include "core/base/file.h"
#include "support/receiver_world.h"

#include <QTemporaryDir>
#include <QTest>

namespace narthex::alertmanager {

using tests::diskFine;
using tests::diskFull;
using tests::ReceiverWorld;

namespace {

/// Keeps what it is shown.
class Notes final : public DesktopNotifier
{
public:
    absl::Status show(const DesktopNote& note) override
    {
        notes.push_back(note);
        return status;
    }
    std::vector<DesktopNote> notes;
    absl::Status status;
};

constexpr base::Duration kTimeout{20'000'000'000};

} // namespace

class TestDesktopReceivers : public QObject
{
    Q_OBJECT

private slots:
    void notesSayWhatFires();
    void urgencyFollowsTheSeverity();
    void aMissingDesktopIsTriedAgain();
    void programsGetTheMessageOnStandardInput();
    void programsThatFailAreErrors();
};

void TestDesktopReceivers::notesSayWhatFires()
{
    ReceiverWorld world;
    Notes notes;
    const auto desktop = makeDesktopIntegration({.sound = true}, world.environment(), notes);
    QVERIFY(desktop->send(diskFull(), kTimeout, {}).status.ok());
    const DesktopNote& note = notes.notes.at(0);
    QCOMPARE(note.title, std::string("[FIRING:1] DiskFull (a critical)"));
    QCOMPARE(note.body, std::string("root & <all>\n"));
    QCOMPARE(note.key, diskFull().groupKey);
    QVERIFY(note.urgency == Urgency::Critical && note.sound && note.canAcknowledge);
    QCOMPARE(note.fingerprints, std::vector<std::uint64_t>{0x3be05e6bf91375d8});
    Notification acknowledged = diskFull();
    acknowledged.alerts[0].acknowledgement = {.author = "ann", .createdAt = {1'700'000'000'000}};
    QVERIFY(desktop->send(acknowledged, kTimeout, {}).status.ok());
    QVERIFY(!notes.notes.at(1).canAcknowledge);
    QVERIFY(desktop->send(diskFine(), kTimeout, {}).status.ok());
    QVERIFY(notes.notes.at(2).urgency == Urgency::Low && !notes.notes.at(2).sound);
}

void TestDesktopReceivers::urgencyFollowsTheSeverity()
{
    Notification notification = diskFull();
    notification.alerts[0].labels = {{"severity", "info"}};
    QVERIFY(urgencyOf(notification) == Urgency::Low);
    notification.alerts.push_back({.labels = {{"severity", "warning"}}});
    QVERIFY(urgencyOf(notification) == Urgency::Normal);
    notification.alerts.push_back({.labels = {{"severity", "page"}}});
    QVERIFY(urgencyOf(notification) == Urgency::Critical);
    notification.alerts[2].endsAt = base::Timestamp{1};
    QVERIFY(urgencyOf(notification) == Urgency::Normal);
}

void TestDesktopReceivers::aMissingDesktopIsTriedAgain()
{
    ReceiverWorld world;
    Notes notes;
    notes.status = base::unavailable("no desktop");
    const SendResult result =
        makeDesktopIntegration({}, world.environment(), notes)->send(diskFull(), kTimeout, {});
    QVERIFY(!result.status.ok() && result.retry);
    const SendResult broken =
        makeDesktopIntegration({.title = "{{ .Nope }}"}, world.environment(), notes)
            ->send(diskFull(), kTimeout, {});
    QVERIFY(!broken.status.ok() && !broken.retry);
}

void TestDesktopReceivers::programsGetTheMessageOnStandardInput()
{
    const QTemporaryDir folder;
    const std::string file = folder.filePath("got").toStdString();
    const auto command = makeCommandIntegration({.arguments = {"/bin/sh", "-c", "cat > " + file}});
    QVERIFY((*command)->send(diskFull(), kTimeout, {}).status.ok());
    const std::string got = base::readFile(file).value();
    QVERIFY(got.starts_with("{\"receiver\":\"team-X\",\"status\":\"firing\",") &&
            got.ends_with("}\n"));
    // More than a pipe holds.
    Notification large = diskFull();
    large.alerts[0].annotations = {{"summary", std::string(1'000'000, 'x')}};
    QVERIFY((*command)->send(large, kTimeout, {}).status.ok());
    QVERIFY(base::readFile(file)->size() > 1'000'000);
}

void TestDesktopReceivers::programsThatFailAreErrors()
{
    QVERIFY(!makeCommandIntegration({}).ok());
    const auto send = [](std::vector<std::string> arguments, base::Duration timeout) {
        return (*makeCommandIntegration({.arguments = std::move(arguments)}))
            ->send(diskFull(), timeout, {});
    };
    const SendResult failed = send({"/bin/sh", "-c", "exit 3"}, kTimeout);
    QVERIFY(!failed.status.ok() && failed.retry);
    const SendResult missing = send({"/no/such/program"}, kTimeout);
    QVERIFY(!missing.status.ok() && !missing.retry);
    const SendResult late = send({"/bin/sleep", "60"}, base::Duration{50'000'000});
    QCOMPARE(late.reason, FailureReason::ContextDeadlineExceeded);
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestDesktopReceivers)
#include "tst_desktop_receivers.moc"
