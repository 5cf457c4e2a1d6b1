// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The query test scripts: the shared ones of Prometheus, and our own.
#include "core/promql/parser.h"
#include "core/promql/testscript/runner.h"

#include <QDir>
#include <QFile>
#include <QtTest>

#include <set>

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
    void ownScriptsUseTheWholeLanguage();

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

namespace {

/// Names of functions, and spellings of operators and aggregations.
void collectWords(const Expr& expr, std::set<std::string, std::less<>>& words)
{
    if (const auto* call = expr.as<Call>()) {
        words.emplace(call->function->name);
    } else if (const auto* aggregation = expr.as<Aggregation>()) {
        words.emplace(tokenText(aggregation->op));
    } else if (const auto* binary = expr.as<Binary>()) {
        words.emplace(tokenText(binary->op));
    }
    for (const Expr* child : childrenOf(expr)) {
        collectWords(*child, words);
    }
}

} // namespace

void TestConformance::ownScriptsUseTheWholeLanguage()
{
    const QDir dir(QStringLiteral(NARTHEX_TEST_DATA "/promql"));
    std::set<std::string, std::less<>> words;
    for (const QString& name : dir.entryList({QStringLiteral("*.test")}, QDir::Files)) {
        QFile file(dir.filePath(name));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const std::string script = file.readAll().toStdString();
        const auto commands = testscript::parseScript(script, engine_.options().features);
        QVERIFY(commands.ok());
        for (const testscript::Command& command : *commands) {
            if (const auto* eval = std::get_if<testscript::Eval>(&command.what)) {
                const auto expr = parse(eval->query, engine_.options().features);
                collectWords(**expr, words);
            }
        }
    }
    QStringList missing;
    const auto want = [&](std::string_view word) {
        if (!words.contains(word)) {
            missing << QString::fromUtf8(word.data(), qsizetype(word.size()));
        }
    };
    for (const FunctionInfo& function : functionTable()) {
        want(function.name);
    }
    for (auto kind = TokenKind::Add; kind <= TokenKind::TopK;
         kind = static_cast<TokenKind>(static_cast<int>(kind) + 1)) {
        want(tokenText(kind));
    }
    QCOMPARE(missing.join(' '), QString());
}

QTEST_GUILESS_MAIN(TestConformance)
#include "tst_conformance.moc"
