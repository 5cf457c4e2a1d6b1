// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two programs and one data directory: the second one offers to show what the first collects, and
// the window shows a server elsewhere.
#include "other_server.h"

#include "app/service/running_server.h"
#include "core/base/file.h"
#include "support/process.h"

#include <QApplication>
#include <QMessageBox>
#include <QPushButton>
#include <QtTest>

using namespace narthex;
using app::OtherServerChoice;
using test::Program;

class TestOtherServer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void theDialogSaysWhoItIs_data();
    void theDialogSaysWhoItIs();
    void onlyALivingServerIsOffered();
    void theWindowShowsAServerElsewhere();
};

void TestOtherServer::theDialogSaysWhoItIs_data()
{
    QTest::addColumn<QString>("button");
    QTest::addColumn<int>("choice");
    QTest::newRow("connect") << "connect" << static_cast<int>(OtherServerChoice::Connect);
    QTest::newRow("wait") << "wait" << static_cast<int>(OtherServerChoice::Wait);
    QTest::newRow("quit") << "quit" << static_cast<int>(OtherServerChoice::Quit);
    QTest::newRow("escape") << "" << static_cast<int>(OtherServerChoice::Quit);
}

void TestOtherServer::theDialogSaysWhoItIs()
{
    QFETCH(QString, button);
    QFETCH(int, choice);
    QString text;
    QTimer::singleShot(0, this, [&] {
        auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
        QVERIFY(box != nullptr);
        text = box->informativeText();
        if (button.isEmpty()) {
            QTest::keyClick(box, Qt::Key_Escape);
        } else {
            QTest::mouseClick(box->findChild<QPushButton*>(button), Qt::LeftButton);
        }
    });
    const OtherServerChoice made =
        app::askAboutOtherServer({.processId = 4711, .url = "http://127.0.0.1:9090"});
    QCOMPARE(static_cast<int>(made), choice);
    QVERIFY(text.contains("4711") && text.contains("http://127.0.0.1:9090"));
}

void TestOtherServer::onlyALivingServerIsOffered()
{
    base::TemporaryDirectory folder;
    QVERIFY(!app::runningServer(folder.path()));
    QVERIFY(base::makeDirectories(folder.path() / "narthex.d").ok());
    // A note that a crash left behind: process 1 is somebody else.
    const auto note = folder.path() / "narthex.d" / "server.json";
    QVERIFY(base::writeFileAtomically(note, "{\"pid\":1,\"url\":\"http://127.0.0.1:1\"}").ok());
    QVERIFY(!app::runningServer(folder.path()));
    QVERIFY(base::writeFileAtomically(note, "damaged").ok());
    QVERIFY(!app::runningServer(folder.path()));
    const int port = test::freePort();
    Program server;
    const QString data = QString::fromStdString(folder.path().string());
    QVERIFY(base::writeFileAtomically(folder.path() / "empty.yml", "").ok());
    QVERIFY(server.start(test::ownProgram("narthexctl"),
                         {"serve", "--config.file=" + data + "/empty.yml",
                          "--storage.tsdb.path=" + data,
                          "--web.listen-address=127.0.0.1:" + QString::number(port)}));
    QVERIFY2(test::Requests(port).waitReady(), qPrintable(server.output()));
    QTRY_VERIFY_WITH_TIMEOUT(app::runningServer(folder.path()).has_value(), 10000);
    const auto found = app::runningServer(folder.path());
    QCOMPARE(QString::fromStdString(found->url), QString("http://127.0.0.1:%1").arg(port));
    QCOMPARE(found->processId, server.id());
    QCOMPARE(server.terminate(), 0);
    QVERIFY(!app::runningServer(folder.path()));
}

void TestOtherServer::theWindowShowsAServerElsewhere()
{
    base::TemporaryDirectory folder;
    const QString data = QString::fromStdString(folder.path().string());
    QVERIFY(base::writeFileAtomically(folder.path() / "empty.yml", "").ok());
    const int port = test::freePort();
    Program server;
    QVERIFY(server.start(test::ownProgram("narthexctl"),
                         {"serve", "--config.file=" + data + "/empty.yml", "--collector.host",
                          "--storage.tsdb.path=" + data + "/data",
                          "--web.listen-address=127.0.0.1:" + QString::number(port)}));
    QVERIFY2(test::Requests(port).waitReady(), qPrintable(server.output()));
    Program window;
    QVERIFY(
        window.start(test::ownProgram("narthex"),
                     {"--connect", QString("http://127.0.0.1:%1").arg(port), "--profile-dir",
                      data + "/profile", "--shot", data + "/shot.png", "--shot-after", "4000"}));
    QCOMPARE(window.waitForEnd(), 0);
    QVERIFY2(!QImage(data + "/shot.png").isNull(), qPrintable(window.output()));
    // Nothing was collected here.
    QVERIFY(!std::filesystem::exists(folder.path() / "profile" / "data" / "wal"));
}

QTEST_MAIN(TestOtherServer)
#include "tst_other_server.moc"
