// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The verdicts of the shared configuration files, read from the tables beside them. Skipped when
// they are not there.
#include "core/alertmanager/config.h"
#include "core/base/file.h"
#include "core/base/status.h"

#include <QtTest>

#include <filesystem>

using namespace narthex;

namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(NARTHEX_SHARED_DIR) / "conformance/alertmanager";

/// The rows of the table below a heading, cells trimmed.
QList<QStringList> table(const QString& heading)
{
    QList<QStringList> rows;
    const auto text = base::readFile(kFolder / "README.md", 1 << 20);
    bool inside = false;
    for (const QString& line : QString::fromStdString(text.ok() ? *text : "").split('\n')) {
        if (line.startsWith("## ")) {
            inside = line == "## " + heading;
        } else if (inside && line.startsWith("| `")) {
            QStringList cells;
            for (const QString& cell : line.split('|')) {
                cells << cell.trimmed();
            }
            rows << cells;
        }
    }
    return rows;
}

QString unquoted(const QString& cell) { return cell.section('`', 1, 1); }

QStringList quotedParts(const QString& cell)
{
    QStringList parts;
    const QStringList pieces = cell.split('`');
    for (int i = 1; i < pieces.size(); i += 2) {
        parts << pieces[i];
    }
    return parts;
}

model::Labels labelsOf(const QString& text)
{
    model::LabelsBuilder labels;
    const auto matchers = alertmanager::parseClassicMatchers(text.toStdString());
    for (const model::Matcher& matcher : *matchers) {
        labels.set(matcher.name(), matcher.value());
    }
    return labels.build();
}

} // namespace

class TestAmConformance : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void badFilesAreRefusedWithTheReason_data();
    void badFilesAreRefusedWithTheReason();
    void goodFilesLoadAndSurviveBeingPrinted_data();
    void goodFilesLoadAndSurviveBeingPrinted();
    void alertsGoToTheirReceivers_data();
    void alertsGoToTheirReceivers();
    void theBigOneHidesItsSecretsAndInherits();
    void groupingByAllIsRead();
};

void TestAmConformance::init()
{
    if (!std::filesystem::exists(kFolder)) {
        QSKIP("the conformance files are not here");
    }
}

void TestAmConformance::badFilesAreRefusedWithTheReason_data()
{
    QTest::addColumn<QString>("file");
    QTest::addColumn<QStringList>("named");
    QTest::newRow("none") << QString() << QStringList();
    QStringList before;
    for (const QStringList& row : table("Files that must be rejected")) {
        const QStringList named = row[3] == "the same" ? before : quotedParts(row[3]);
        QTest::newRow(qPrintable(row[1])) << unquoted(row[1]) << named;
        before = named;
    }
}

void TestAmConformance::badFilesAreRefusedWithTheReason()
{
    QFETCH(QString, file);
    QFETCH(QStringList, named);
    if (file.isEmpty()) {
        return;
    }
    const auto config = alertmanager::loadConfig(kFolder / file.toStdString());
    QVERIFY2(!config.ok(), "it loads");
    const auto message = QString::fromStdString(std::string(base::messageOf(config.status())));
    QVERIFY2(message.contains(file), qPrintable(message));
    for (const QString& part : named) {
        QVERIFY2(message.contains(part), qPrintable(part + " in: " + message));
    }
}

void TestAmConformance::goodFilesLoadAndSurviveBeingPrinted_data()
{
    QTest::addColumn<QString>("file");
    QTest::newRow("none") << QString();
    for (const QStringList& row : table("Files that must load")) {
        QTest::newRow(qPrintable(row[1])) << unquoted(row[1]);
    }
}

void TestAmConformance::goodFilesLoadAndSurviveBeingPrinted()
{
    QFETCH(QString, file);
    if (file.isEmpty()) {
        return;
    }
    const auto path = kFolder / file.toStdString();
    const auto config = alertmanager::loadConfig(path);
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const std::string printed = config->toYaml(true);
    const auto again = alertmanager::parseConfig(path, printed);
    QVERIFY2(again.ok(), (again.status().ToString() + "\n" + printed).c_str());
    QCOMPARE(QString::fromStdString(again->toYaml(true)), QString::fromStdString(printed));
}

void TestAmConformance::alertsGoToTheirReceivers_data()
{
    QTest::addColumn<QString>("file");
    QTest::addColumn<QString>("labels");
    QTest::addColumn<QString>("receivers");
    QTest::newRow("none") << QString() << QString() << QString();
    for (const QStringList& row : table("Routing (the order of receivers counts)")) {
        const QString receivers =
            row[3].section(" (", 0, 0).section(" only", 0, 0).section(", grouped", 0, 0);
        QTest::newRow(qPrintable(row[1] + row[2]))
            << unquoted(row[1]) << unquoted(row[2]) << receivers;
    }
}

void TestAmConformance::alertsGoToTheirReceivers()
{
    QFETCH(QString, file);
    QFETCH(QString, labels);
    QFETCH(QString, receivers);
    if (file.isEmpty()) {
        return;
    }
    const auto config = alertmanager::loadConfig(kFolder / file.toStdString());
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const alertmanager::RouteTree tree(config->route);
    std::vector<const alertmanager::RouteNode*> nodes;
    tree.match(labelsOf(labels), nodes);
    QStringList names;
    for (const auto* node : nodes) {
        names << QString::fromStdString(node->receiver);
    }
    QCOMPARE(names.join(", "), receivers);
    if (receivers == "team-DB-pager") {
        QCOMPARE(nodes[0]->groupBy, (std::vector<std::string>{"alertname", "cluster", "database"}));
    }
}

void TestAmConformance::theBigOneHidesItsSecretsAndInherits()
{
    const auto config = alertmanager::loadConfig(kFolder / "conf.good.yml");
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const auto printed = QString::fromStdString(config->toYaml());
    QVERIFY2(!printed.contains("mysecret"), qPrintable(printed));
    QCOMPARE(printed.count("<secret>"), 13);
    QCOMPARE(config->route.groupBy->size(), 3U);
    QCOMPARE(config->route.repeatInterval->ms(), 3 * 3'600'000);
    QVERIFY(printed.contains("resolve_timeout: 5m"));
    QVERIFY(printed.contains("https://events.pagerduty.com/v2/enqueue"));
    QVERIFY(printed.count("hello: host.example.org") >= 4);
}

void TestAmConformance::groupingByAllIsRead()
{
    const auto config = alertmanager::loadConfig(kFolder / "conf.group-by-all.yml");
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    const alertmanager::RouteTree tree(config->route);
    QVERIFY(tree.root().groupByAll);
    QVERIFY(tree.root().groupBy.empty());
}

QTEST_GUILESS_MAIN(TestAmConformance)
#include "tst_am_conformance.moc"
