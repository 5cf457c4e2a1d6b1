// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The query test scripts: the shared ones of Prometheus, and our own.
#include "core/promql/testscript/runner.h"

#include <QDir>
#include <QFile>
#include <QtTest>

using namespace narthex;
using namespace narthex::promql;

namespace {

/// Shared scripts that do not pass yet, and why. An entry must still fail, so that the list
/// shrinks.
struct Missing
{
    const char* file;
    const char* reason;
};
constexpr std::array<Missing, 0> kMissing = {};

const Missing* findMissing(const QString& file)
{
    for (const Missing& entry : kMissing) {
        if (file == QLatin1String(entry.file)) {
            return &entry;
        }
    }
    return nullptr;
}

} // namespace

class TestConformance : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void sharedScriptsPass_data();
    void sharedScriptsPass();
    void ownScriptsPass_data();
    void ownScriptsPass();

private:
    testscript::Report run(const QString& path);
    static void addScripts(const QString& folder);

    base::WorkerPool pool_{2};
    base::SystemClock clock_;
    Engine engine_{testscript::scriptOptions(), pool_, clock_};
};

void TestConformance::addScripts(const QString& folder)
{
    QTest::addColumn<QString>("path");
    const QDir dir(folder);
    for (const QString& name : dir.entryList({QStringLiteral("*.test")}, QDir::Files, QDir::Name)) {
        QTest::newRow(qPrintable(name)) << dir.filePath(name);
    }
}

testscript::Report TestConformance::run(const QString& path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return {.failures = {{0, {}, "cannot be read"}}};
    }
    testscript::Runner runner(engine_);
    const testscript::Report report = runner.run(file.readAll().toStdString());
    for (const auto& failure : report.failures) {
        qWarning("%s:%u: %s\n    %s", qPrintable(QFileInfo(path).fileName()), failure.line,
                 failure.query.c_str(), failure.text.c_str());
    }
    qInfo("%s: %zu commands, %zu evaluations, %zu failures", qPrintable(QFileInfo(path).fileName()),
          report.commands, report.evaluations, report.failures.size());
    return report;
}

void TestConformance::sharedScriptsPass_data()
{
    addScripts(QStringLiteral(NARTHEX_SHARED_DIR "/conformance/promqltest"));
}

void TestConformance::sharedScriptsPass()
{
    if (!QDir(QStringLiteral(NARTHEX_SHARED_DIR "/conformance/promqltest")).exists()) {
        QSKIP("the shared conformance scripts are not on this machine");
    }
    QFETCH(QString, path);
    const auto report = run(path);
    if (const Missing* missing = findMissing(QFileInfo(path).fileName())) {
        QVERIFY2(!report.failures.empty(), "passes now: remove it from the list");
        QSKIP(missing->reason);
    }
    QCOMPARE(report.failures.size(), std::size_t{0});
}

void TestConformance::ownScriptsPass_data()
{
    addScripts(QStringLiteral(NARTHEX_TEST_DATA "/promql"));
}

void TestConformance::ownScriptsPass()
{
    QFETCH(QString, path);
    QCOMPARE(run(path).failures.size(), std::size_t{0});
}

QTEST_GUILESS_MAIN(TestConformance)
#include "tst_conformance.moc"
