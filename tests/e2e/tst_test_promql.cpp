// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `narthexctl test promql` as people call it: what it prints, its exit status, the files it writes.
#include "core/base/file.h"
#include "core/base/status.h"

#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;

namespace {

struct Output
{
    int exitCode = -1;
    QByteArray out;
    QByteArray errors;
};

Output testPromql(const QStringList& arguments)
{
    QProcess process;
    process.start(QStringLiteral(NARTHEX_BIN_DIR "/narthexctl"),
                  QStringList{"test", "promql"} + arguments);
    process.waitForFinished();
    return {process.exitCode(), process.readAllStandardOutput(), process.readAllStandardError()};
}

} // namespace

class TestTestPromql : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void passesAndCounts();
    void saysWhatFailed();
    void expandsPatterns();
    void listsWithoutRunning();
    void stopsAtTheFirstFailure();
    void writesUpdatedCopiesButNeverTheScript();
    void writesXml();
    void refusesWrongUse();
    void theManualTellsEveryOption();

private:
    QString write(const QString& name, const QByteArray& text)
    {
        const QString path = folder_->filePath(name);
        base::ignore(base::writeFileAtomically(path.toStdString(), text.toStdString()),
                     "the test that reads it fails");
        return path;
    }

    std::unique_ptr<QTemporaryDir> folder_;
    QString good_;
    QString bad_;
};

void TestTestPromql::init()
{
    folder_ = std::make_unique<QTemporaryDir>();
    good_ = write("good.test", "load 1m\n  m 1 2 3\n\neval instant at 1m m\n  m 2\n");
    bad_ = write("bad.test", "load 1m\n  m 1 2 3\n\neval instant at 1m m + 1\n  {} 4\n\n"
                             "eval instant at 1m m * 2\n  {} 5\n");
}

void TestTestPromql::passesAndCounts()
{
    const Output output = testPromql({good_});
    QCOMPARE(output.exitCode, 0);
    QCOMPARE(output.out, QByteArray("files: 1, commands: 2, failures: 0\n"));
}

void TestTestPromql::saysWhatFailed()
{
    const Output output = testPromql({bad_, good_});
    QCOMPARE(output.exitCode, 1);
    QVERIFY2(output.out.startsWith(bad_.toUtf8() + ":4: m + 1\n"
                                                   "  {}: expected 4, found 3\n"
                                                   "  expected:\n"
                                                   "    {} 4\n"
                                                   "  found:\n"
                                                   "    {} 3\n"),
             output.out.constData());
    const QString missing = folder_->filePath("none.test");
    const Output unreadable = testPromql({missing});
    QCOMPARE(unreadable.exitCode, 1);
    QVERIFY(unreadable.errors.contains("none.test"));
}

void TestTestPromql::expandsPatterns()
{
    const Output output = testPromql({folder_->filePath("g*.test")});
    QCOMPARE(output.exitCode, 0);
    QVERIFY(output.out.contains("files: 1, "));
}

void TestTestPromql::listsWithoutRunning()
{
    const Output output = testPromql({"--list", "--run", "*", bad_});
    QCOMPARE(output.exitCode, 0);
    QCOMPARE(output.out, bad_.toUtf8() + ":7: m * 2\n");
}

void TestTestPromql::stopsAtTheFirstFailure()
{
    const Output output = testPromql({"--fail-fast", bad_, good_});
    QCOMPARE(output.exitCode, 1);
    QVERIFY(output.out.contains("m + 1"));
    QVERIFY(!output.out.contains("m * 2"));
    QVERIFY(output.out.contains("files: 1, "));
}

void TestTestPromql::writesUpdatedCopiesButNeverTheScript()
{
    const QString copies = folder_->filePath("new");
    QCOMPARE(testPromql({"--update-into", copies, bad_}).exitCode, 1);
    QCOMPARE(testPromql({copies + "/bad.test"}).exitCode, 0);
    const Output same = testPromql({"--update-into", folder_->path(), bad_});
    QCOMPARE(same.exitCode, 1);
    QVERIFY(same.errors.contains("would replace the script"));
    QVERIFY(base::readFile(bad_.toStdString())->find("{} 5") != std::string::npos);
}

void TestTestPromql::writesXml()
{
    const QString xml = folder_->filePath("results.xml");
    testPromql({"--junit", xml, bad_});
    const auto text = base::readFile(xml.toStdString());
    QVERIFY(text.ok());
    QVERIFY(text->find("tests=\"2\" failures=\"2\"") != std::string::npos);
}

void TestTestPromql::refusesWrongUse()
{
    QCOMPARE(testPromql({}).exitCode, 1);
    QCOMPARE(testPromql({"--unknown", good_}).exitCode, 1);
}

void TestTestPromql::theManualTellsEveryOption()
{
    QString manual = QString::fromStdString(
        *base::readFile(NARTHEX_TEST_DATA "/../../packaging/man/narthexctl-test.1"));
    manual.remove('\\');
    const QString help = QString::fromUtf8(testPromql({"--help"}).out);
    QVERIFY(!help.isEmpty());
    const QRegularExpression option("--[a-z-]+");
    for (auto it = option.globalMatch(help); it.hasNext();) {
        const QString name = it.next().captured();
        QVERIFY2(name == "--help" || manual.contains(name), qPrintable(name));
    }
}

QTEST_GUILESS_MAIN(TestTestPromql)
#include "tst_test_promql.moc"
