// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `narthexctl tsdb` beside promtool 2.42 on the same directories: what they print, what each makes
// of the other's blocks, and what verify notices. Skipped when the peers are missing.
#include "support/directory_state.h"
#include "support/prometheus_peer.h"
#include "support/tsdb_fixture.h"

#include <QProcess>
#include <QtTest>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

using namespace narthex;
using test::TsdbFixture;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'699'999'200'000 / (2 * kHour) * (2 * kHour);
const tsdb::DbOptions kManual{.compactInBackground = false};

struct Answer
{
    int exitCode = -1;
    QByteArray out;
    QByteArray errors;
};

Answer run(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.start(program, arguments);
    if (!process.waitForFinished(test::kPatienceMs)) {
        return {};
    }
    return {process.exitCode(), process.readAllStandardOutput(), process.readAllStandardError()};
}

Answer ours(const QStringList& arguments)
{
    return run(NARTHEX_BIN_DIR "/narthexctl", QStringList{"tsdb"} + arguments);
}

Answer theirs(const QStringList& arguments)
{
    return run(test::peerProgram("promtool"), QStringList{"tsdb"} + arguments);
}

QString text(const fs::path& path) { return QString::fromStdString(path.string()); }

/// Series that come and go over nine hours: blocks, and a log.
void makeDirectory(TsdbFixture& fixture)
{
    const auto db = fixture.open(kManual);
    for (std::int64_t time = kStart; time < kStart + 9 * kHour; time += 60'000) {
        const std::int64_t n = (time - kStart) / 60'000;
        const auto appender = db->appender();
        const auto put = [&](const model::Labels& labels, double value) {
            appender->append(*appender->seriesFor(labels), {time}, value);
        };
        put({{"__name__", "counts"}, {"job", "x"}, {"text", "a \"b\"\nc\\"}},
            static_cast<double>(n) * 1.25e5);
        put({{"__name__", "small"}}, static_cast<double>(n) * 1e-7);
        put({{"__name__", "odd"}}, n % 3 == 0   ? -0.0
                                   : n % 3 == 1 ? model::normalNan()
                                                : -std::numeric_limits<double>::infinity());
        if (n % 20 < 5) {
            put({{"__name__", "rare"}, {"n", std::to_string(n / 100)}}, 1e21);
        }
        base::ignore(appender->commit(), "compared");
    }
    base::ignore(db->compact(), "compared");
}

/// An OpenMetrics file: two counters and a gauge over five hours.
QByteArray openMetrics()
{
    QByteArray page = "# HELP a_total Things.\n# TYPE a counter\n";
    for (std::int64_t time = kStart; time < kStart + 5 * kHour; time += 15'000) {
        const double value = static_cast<double>(time % 1'000'000) / 8;
        for (const char* code : {"200", "500"}) {
            page += QByteArray("a_total{code=\"") + code + "\"} " + QByteArray::number(value) +
                    " " + QByteArray::number(static_cast<double>(time) / 1000, 'f', 3) + "\n";
        }
    }
    page += "# TYPE g gauge\n";
    for (std::int64_t time = kStart + 7; time < kStart + 5 * kHour; time += 900'000) {
        page += "g NaN " + QByteArray::number(static_cast<double>(time) / 1000, 'f', 3) + "\n";
    }
    return page + "# EOF\n";
}

void write(const fs::path& path, const QByteArray& bytes)
{
    std::ofstream(path, std::ios::binary) << bytes.toStdString();
}

/// Lists of an analysis, lines of equal rank in any order: promtool's come from a map.
QByteArrayList ranked(QByteArray analysis)
{
    analysis.replace("\"b\"\nc", "\"b\" c"); // the line break within a label's value
    QByteArrayList lines = analysis.split('\n');
    const auto rankOf = [](const QByteArray& line) {
        bool isNumber = false;
        const qint64 number = line.left(line.indexOf(' ')).toLongLong(&isNumber);
        return isNumber ? number : -1;
    };
    for (auto it = lines.begin(); it != lines.end();) {
        const qint64 rank = rankOf(*it);
        auto end = std::next(it);
        while (rank >= 0 && end != lines.end() && rankOf(*end) == rank) {
            ++end;
        }
        std::sort(it, end);
        it = end;
    }
    return lines;
}

std::vector<fs::path> blocksOf(const fs::path& directory)
{
    std::vector<fs::path> blocks;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (fs::exists(entry.path() / "meta.json")) {
            blocks.push_back(entry.path());
        }
    }
    std::sort(blocks.begin(), blocks.end());
    return blocks;
}

/// Turns one bit of the file.
void damage(const fs::path& path, std::int64_t offset)
{
    std::string bytes = *base::readFile(path);
    char& byte = bytes[static_cast<std::size_t>(
        offset >= 0 ? offset : static_cast<std::int64_t>(bytes.size()) + offset)];
    byte = static_cast<char>(byte ^ 1);
    std::ofstream(path, std::ios::binary) << bytes;
}

} // namespace

class TestTsdbTools : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase();
    void listPrintsWhatPromtoolPrints();
    void dumpPrintsWhatPromtoolPrints_data();
    void dumpPrintsWhatPromtoolPrints();
    void analyzeTellsTheSameNumbers();
    void openMetricsBlocksAreTheSameFromBoth();
    void promtoolReadsAnIndexWithoutLabelIndices();
    void aDumpAsOpenMetricsComesBackWhole();
    void bothRefuseTheSameFiles();
    void rulesMakeTheSameSeriesAsPromtool();
    void verifyIsCleanOnADirectoryOfPrometheus();
    void verifyNoticesEachKindOfDamage();
    void promtoolReadsASnapshot();
    void readingToolsChangeNothing();
    void theManualTellsEveryOption();
};

void TestTsdbTools::initTestCase()
{
    if (!QFile::exists(test::peerProgram("prometheus")) ||
        !QFile::exists(test::peerProgram("promtool"))) {
        QSKIP("prometheus and promtool are not in " NARTHEX_PEERS_DIR);
    }
}

void TestTsdbTools::listPrintsWhatPromtoolPrints()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    for (const QStringList& flags : {QStringList{"list"}, QStringList{"list", "-r"},
                                     QStringList{"list", "--human-readable"}}) {
        const Answer mine = ours(flags + QStringList{text(fixture.path())});
        QCOMPARE(mine.exitCode, 0);
        QVERIFY(mine.out.count('\n') >= 3);
        QCOMPARE(mine.out, theirs(flags + QStringList{text(fixture.path())}).out);
    }
    QCOMPARE(ours({"list", text(fixture.other("missing"))}).exitCode, 1);
}

void TestTsdbTools::dumpPrintsWhatPromtoolPrints_data()
{
    QTest::addColumn<QStringList>("flags");
    QTest::newRow("all") << QStringList{};
    QTest::newRow("selector") << QStringList{"--match={__name__=~'odd|rare',n!='1'}"};
    QTest::newRow("name") << QStringList{"--match=small"};
    QTest::newRow("range") << QStringList{"--min-time=" + QString::number(qint64{kStart + kHour}),
                                          "--max-time=" +
                                              QString::number(qint64{kStart + 2 * kHour})};
    QTest::newRow("nothing") << QStringList{"--match=missing"};
}

void TestTsdbTools::dumpPrintsWhatPromtoolPrints()
{
    QFETCH(QStringList, flags);
    TsdbFixture fixture;
    makeDirectory(fixture);
    const QStringList arguments = QStringList{"dump"} + flags + QStringList{text(fixture.path())};
    const Answer mine = ours(arguments);
    const Answer other = theirs(arguments);
    QCOMPARE(mine.exitCode, 0);
    QVERIFY2(other.exitCode == 0, other.errors.constData());
    QByteArrayList left = mine.out.split('\n');
    QByteArrayList right = other.out.split('\n');
    // promtool gives the series of several sources in no particular order.
    std::sort(left.begin(), left.end());
    std::sort(right.begin(), right.end());
    QCOMPARE(left, right);
}

void TestTsdbTools::analyzeTellsTheSameNumbers()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const std::string last = blocksOf(fixture.path()).front().filename().string();
    for (const QStringList& more : {QStringList{}, QStringList{QString::fromStdString(last)}}) {
        const QStringList arguments =
            QStringList{"analyze", "--extended", "--limit=1000", text(fixture.path())} + more;
        const Answer mine = ours(arguments);
        QVERIFY2(mine.exitCode == 0, mine.errors.constData());
        QVERIFY(mine.out.contains("Highest cardinality metric names:\n"));
        QCOMPARE(ranked(mine.out), ranked(theirs(arguments).out));
    }
    const Answer unknown = ours({"analyze", text(fixture.path()), "missing"});
    QCOMPARE(unknown.exitCode, 1);
    QVERIFY(unknown.errors.contains("block missing not found"));
}

void TestTsdbTools::openMetricsBlocksAreTheSameFromBoth()
{
    TsdbFixture fixture;
    const fs::path file = fixture.other("page.om");
    write(file, openMetrics());
    const QStringList command{"create-blocks-from", "openmetrics", text(file)};
    const Answer mine = ours(command + QStringList{text(fixture.other("ours"))});
    const Answer other = theirs(command + QStringList{text(fixture.other("theirs"))});
    QVERIFY2(mine.exitCode == 0, mine.errors.constData());
    QCOMPARE(mine.out.count('\n'), other.out.count('\n'));
    for (const char* name : {"ours", "theirs"}) {
        fs::create_directories(fixture.other(name) / "wal"); // promtool dump wants one
    }
    // promtool reads our blocks, and finds in them what it found in its own.
    const Answer readByThem = theirs({"dump", text(fixture.other("ours"))});
    QVERIFY2(readByThem.exitCode == 0, readByThem.errors.constData());
    QVERIFY(readByThem.out.count('\n') > 2000);
    QCOMPARE(readByThem.out, theirs({"dump", text(fixture.other("theirs"))}).out);
    QCOMPARE(ours({"dump", text(fixture.other("theirs"))}).out, readByThem.out);
    for (const char* name : {"ours", "theirs"}) {
        const Answer check = ours({"verify", text(fixture.other(name))});
        QVERIFY2(check.exitCode == 0, check.out.constData());
    }
}

void TestTsdbTools::promtoolReadsAnIndexWithoutLabelIndices()
{
    TsdbFixture fixture;
    write(fixture.other("demo.om"), "demo{job=\"a\"} 1 1700000000\ndemo{job=\"a\"} 2 1700000015\n"
                                    "demo{job=\"a\"} 2 1700000030\ndemo{job=\"a\"} 3.5 1700000046\n"
                                    "demo{job=\"b\"} 20 1700000000\n# EOF\n");
    const QString directory = text(fixture.path());
    QCOMPARE(
        ours({"create-blocks-from", "-q", "openmetrics", text(fixture.other("demo.om")), directory})
            .exitCode,
        0);
    fs::create_directories(fixture.path() / "wal");
    const Answer list = theirs({"list", directory});
    QVERIFY2(list.exitCode == 0, list.errors.constData());
    const QStringList line = QString::fromUtf8(list.out.split('\n').at(1)).simplified().split(' ');
    QCOMPARE(line.value(4), QString("5")); // samples
    QCOMPARE(line.value(6), QString("2")); // series
    QCOMPARE(theirs({"dump", directory}).out.count('\n'), 5);
    QCOMPARE(theirs({"analyze", directory}).exitCode, 0);
}

void TestTsdbTools::aDumpAsOpenMetricsComesBackWhole()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const Answer dump = ours({"dump-openmetrics", text(fixture.path())});
    QCOMPARE(dump.exitCode, 0);
    QVERIFY(dump.out.endsWith("# EOF\n"));
    write(fixture.other("dump.om"), dump.out);
    QCOMPARE(ours({"create-blocks-from", "-q", "openmetrics", text(fixture.other("dump.om")),
                   text(fixture.other("back"))})
                 .exitCode,
             0);
    QCOMPARE(ours({"dump", text(fixture.other("back"))}).out,
             ours({"dump", text(fixture.path())}).out);
    // And promtool takes the dump, too.
    const Answer other = theirs({"create-blocks-from", "-q", "openmetrics",
                                 text(fixture.other("dump.om")), text(fixture.other("theirs"))});
    QVERIFY2(other.exitCode == 0, other.errors.constData());
}

void TestTsdbTools::bothRefuseTheSameFiles()
{
    TsdbFixture fixture;
    for (const char* page : {"a 1 1\n", "a 1\n# EOF\n", "a x 1\n# EOF\n", "a 1 1\n\n# EOF\n"}) {
        write(fixture.other("bad.om"), page);
        const QStringList command{"create-blocks-from", "openmetrics",
                                  text(fixture.other("bad.om")), text(fixture.other("bad"))};
        const Answer mine = ours(command);
        QCOMPARE(mine.exitCode, 1);
        QCOMPARE(theirs(command).exitCode, 1);
        QVERIFY2(mine.errors.startsWith(text(fixture.other("bad.om")).toUtf8() + ":"),
                 mine.errors.constData());
        QVERIFY(!fs::exists(fixture.other("bad")) || blocksOf(fixture.other("bad")).empty());
    }
}

void TestTsdbTools::rulesMakeTheSameSeriesAsPromtool()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    write(fixture.other("rules.yml"), "groups:\n"
                                      "- name: g\n"
                                      "  interval: 1m\n"
                                      "  rules:\n"
                                      "  - record: job:counts:rate5m\n"
                                      "    expr: sum by (job) (rate(counts[5m]))\n"
                                      "    labels: {new: label}\n"
                                      "  - alert: Never\n"
                                      "    expr: counts < 0\n"
                                      "  - {record: constant, expr: 5}\n");
    test::Prometheus prometheus(fixture.path(), fixture.other("empty.yml"), "scrape_configs: []\n");
    QVERIFY2(prometheus.waitUntilReady(), prometheus.output().constData());
    // An hour and a half across a border of windows. promtool evaluates at an offset of its own
    // within the minute: on a steady rate that does not show in the values.
    const auto command = [&](const char* directory) {
        return QStringList{"create-blocks-from",
                           "rules",
                           "--start=" + QString::number(qint64{kStart / 1000 + 5400}),
                           "--end=" + QString::number(qint64{kStart / 1000 + 10'800}),
                           "--url=" + prometheus.url(),
                           "--output-dir=" + text(fixture.other(directory)),
                           text(fixture.other("rules.yml"))};
    };
    const Answer mine = ours(command("ours"));
    QVERIFY2(mine.exitCode == 0, mine.errors.constData());
    QVERIFY2(mine.out.count('\n') == 3, mine.out.constData());
    const Answer other = theirs(command("theirs"));
    QVERIFY2(other.exitCode == 0, other.errors.constData());
    // Both extrapolate the rate, in another order of operations: the last bits differ with the
    // offset of the evaluation. A rate that is steady has one value all the same.
    const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-12 * a; };
    const auto series = [&](const char* directory) {
        fs::create_directories(fixture.other(directory) / "wal");
        std::map<QByteArray, double> found;
        const QByteArrayList lines = ours({"dump", text(fixture.other(directory))}).out.split('\n');
        for (const QByteArray& line : lines) {
            const qsizetype end = line.lastIndexOf('}') + 1;
            if (end > 0) {
                const double value = line.mid(end).trimmed().split(' ').front().toDouble();
                const auto [entry, isNew] = found.emplace(line.left(end), value);
                if (!same(entry->second, value)) {
                    found.emplace("not steady: " + line, value);
                }
            }
        }
        return found;
    };
    const std::map<QByteArray, double> mineBySeries = series("ours");
    const std::map<QByteArray, double> theirsBySeries = series("theirs");
    QCOMPARE(mineBySeries.size(), 2U);
    QCOMPARE(theirsBySeries.size(), 2U);
    for (const auto& [labels, value] : mineBySeries) {
        const auto entry = theirsBySeries.find(labels);
        QVERIFY2(entry != theirsBySeries.end(), labels.constData());
        QVERIFY2(same(entry->second, value), labels.constData());
    }
    QCOMPARE(ours({"dump", text(fixture.other("ours"))}).out.count("constant"), 91);
    // What is wrong is said with its place.
    write(fixture.other("bad.yml"),
          "groups: [{name: g, rules: [{record: a, expr: 'nothing('}]}]\n");
    QStringList bad = command("bad");
    bad.last() = text(fixture.other("bad.yml"));
    const Answer syntax = ours(bad);
    QCOMPARE(syntax.exitCode, 1);
    QVERIFY2(syntax.errors.contains("bad.yml:1:"), syntax.errors.constData());
    prometheus.terminate();
    const Answer unreachable = ours(command("unreachable"));
    QCOMPARE(unreachable.exitCode, 1);
    QVERIFY2(unreachable.errors.contains("rules.yml:5"), unreachable.errors.constData());
}

void TestTsdbTools::verifyIsCleanOnADirectoryOfPrometheus()
{
    TsdbFixture fixture;
    fs::create_directories(fixture.path());
    {
        test::Prometheus prometheus(
            fixture.path(), fixture.other("self.yml"),
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
            "scrape_configs: [{job_name: self, static_configs: [{targets: "
            "['127.0.0.1:PORT']}]}]\n",
            {"--storage.tsdb.min-block-duration=4s", "--storage.tsdb.max-block-duration=12s"});
        QVERIFY2(prometheus.waitUntilReady(), prometheus.output().constData());
        QVERIFY(QTest::qWaitFor([&] { return blocksOf(fixture.path()).size() >= 2; },
                                2 * test::kPatienceMs));
        prometheus.terminate();
    }
    QVERIFY(fs::exists(fixture.path() / "chunks_head"));
    const Answer check = ours({"verify", text(fixture.path())});
    QVERIFY2(check.exitCode == 0, check.out.constData());
    QVERIFY2(check.out.contains("all sound"), check.out.constData());
    QVERIFY2(!check.out.contains(" 0 head chunks"), check.out.constData());
}

void TestTsdbTools::verifyNoticesEachKindOfDamage()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    QCOMPARE(ours({"verify", text(fixture.path())}).exitCode, 0);
    const fs::path block = blocksOf(fixture.path()).front();
    const std::vector<std::pair<fs::path, std::int64_t>> places{
        {block / "index", 2},          // header
        {block / "index", 20},         // symbols
        {block / "index", -80},        // postings offset table
        {block / "index", -10},        // table of contents
        {block / "chunks/000001", 3},  // header
        {block / "chunks/000001", 30}, // chunk
        {block / "chunks/000001", -1}, // its checksum
        {block / "tombstones", -1},    // checksum
        {fixture.path() / "wal/00000000", 40},
    };
    for (const auto& [path, offset] : places) {
        damage(path, offset);
        const Answer check = ours({"verify", text(fixture.path())});
        QVERIFY2(check.exitCode == 1, path.c_str());
        QVERIFY2(check.out.contains("DAMAGED " + text(path).toUtf8()), check.out.constData());
        QVERIFY2(check.out.contains("remedy: "), check.out.constData());
        damage(path, offset); // back again
    }
    write(block / "meta.json", "");
    QCOMPARE(ours({"verify", text(fixture.path())}).exitCode, 1);
    QCOMPARE(ours({"verify", text(fixture.other("missing"))}).exitCode, 2);
}

void TestTsdbTools::promtoolReadsASnapshot()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const fs::path copy = fixture.other("copy");
    QCOMPARE(ours({"snapshot", "--skip-head", text(fixture.path()), text(copy)}).exitCode, 0);
    QCOMPARE(theirs({"list", text(copy)}).out, theirs({"list", text(fixture.path())}).out);
    const fs::path whole = fixture.other("whole");
    QCOMPARE(ours({"snapshot", text(fixture.path()), text(whole)}).exitCode, 0);
    fs::create_directories(whole / "wal");
    QByteArrayList lines = theirs({"dump", text(whole)}).out.split('\n');
    QByteArrayList expected = ours({"dump", text(fixture.path())}).out.split('\n');
    std::sort(lines.begin(), lines.end());
    std::sort(expected.begin(), expected.end());
    QCOMPARE(lines, expected);
    const Answer again = ours({"snapshot", text(fixture.path()), text(copy)});
    QCOMPARE(again.exitCode, 1);
    QVERIFY2(again.errors.contains("is not empty"), again.errors.constData());
}

void TestTsdbTools::readingToolsChangeNothing()
{
    TsdbFixture fixture;
    makeDirectory(fixture);
    const std::string before = test::stateOf(fixture.path());
    for (const char* tool : {"list", "analyze", "dump", "dump-openmetrics", "verify"}) {
        QCOMPARE(ours({tool, text(fixture.path())}).exitCode, 0);
        QCOMPARE(test::stateOf(fixture.path()), before);
    }
}

void TestTsdbTools::theManualTellsEveryOption()
{
    QString manual = QString::fromStdString(
        *base::readFile(NARTHEX_TEST_DATA "/../../packaging/man/narthexctl-tsdb.1"));
    manual.remove('\\');
    const QRegularExpression option("--[a-z-]+");
    for (const QStringList& command :
         {QStringList{"list"}, QStringList{"analyze"}, QStringList{"dump"},
          QStringList{"dump-openmetrics"}, QStringList{"verify"}, QStringList{"snapshot"},
          QStringList{"create-blocks-from"}, QStringList{"create-blocks-from", "openmetrics"},
          QStringList{"create-blocks-from", "rules"}}) {
        QVERIFY2(manual.contains(command.last()), qPrintable(command.last()));
        const QString help = QString::fromUtf8(ours(command + QStringList{"--help"}).out);
        QVERIFY(!help.isEmpty());
        for (auto it = option.globalMatch(help); it.hasNext();) {
            const QString name = it.next().captured();
            QVERIFY2(name == "--help" || manual.contains(name), qPrintable(name));
        }
    }
}

QTEST_GUILESS_MAIN(TestTsdbTools)
#include "tst_tsdb_tools.moc"
