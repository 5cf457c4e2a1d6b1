// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "support/watch_run.h"

#include <QtTest>

#include <fstream>
#include <sys/stat.h>

using namespace narthex;
using namespace narthex::tests;

namespace {

constexpr const char* kThree = "[{\"targets\":[\"a:1\"],\"labels\":{\"rack\":\"r\"}},"
                               "{\"targets\":[\"b:1\"]},{\"targets\":[\"c:1\",\"d:1\"]}]";
constexpr const char* kOne = "[{\"targets\":[\"z:1\"]}]";

} // namespace

class TestFileDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init() { folder_ = std::make_unique<base::TemporaryDirectory>(); }
    void judgesPaths_data();
    void judgesPaths();
    void readsJsonAndYamlWithTheirPath();
    void followsARenameOverTheFile();
    void keepsTheGroupsOfABrokenFile_data();
    void keepsTheGroupsOfABrokenFile();
    void emptiesGroupsThatAreGone();
    void forgetsADeletedFileAndTakesItBack();
    void findsNewFilesOfAPattern();
    void fallsBackToTheInterval();
    void ignoresChangesOfAttributes();
    void stopsAtOnce();

private:
    [[nodiscard]] std::string path(const std::string& name) const
    {
        return (folder_->path() / name).string();
    }
    void write(const std::string& name, const std::string& text) const
    {
        std::ofstream(path(name)) << text;
    }
    void replace(const std::string& name, const std::string& text) const
    {
        // From a folder that is not watched: one event.
        const std::filesystem::path staged = staging_.path() / name;
        std::ofstream(staged) << text;
        std::filesystem::rename(staged, path(name));
    }
    [[nodiscard]] std::string yamlFor(const std::string& name,
                                      const std::string& interval = "1h") const
    {
        return "files: ['" + path(name) + "']\nrefresh_interval: " + interval + "\n";
    }
    [[nodiscard]] double errors() const
    {
        return world_.metrics.value("prometheus_sd_file_read_errors_total");
    }
    [[nodiscard]] double mtime(const std::string& name) const
    {
        const std::string file = path(name);
        return world_.metrics.value("prometheus_sd_file_mtime_seconds",
                                    model::Labels{{"filename", file}});
    }

    DiscoveryWorld world_;
    base::TemporaryDirectory staging_;
    std::unique_ptr<base::TemporaryDirectory> folder_;
};

void TestFileDiscovery::judgesPaths_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("none") << "refresh_interval: 5s"
                          << "file service discovery config must contain at least one path name";
    QTest::newRow("star in a folder")
        << "files: ['/x/a*/b.json']"
        << "path name \"/x/a*/b.json\" is not valid for file discovery";
    QTest::newRow("star in the name") << "files: ['a/b*.json']"
                                      << "";
    QTest::newRow("two stars in the name") << "files: ['a/b*c*.yml']"
                                           << "";
    QTest::newRow("text") << "files: ['/a/b.txt']"
                          << "path name \"/a/b.txt\" is not valid for file discovery";
    QTest::newRow("mixed case") << "files: ['/a/b.Json']"
                                << "is not valid for file discovery";
    QTest::newRow("capitals") << "files: [a.JSON, b.YML, c.YAML, d.yml, e.yaml]"
                              << "";
    QTest::newRow("unknown key") << "files: [a.json]\nfile: x"
                                 << "field file not found in type";
}

void TestFileDiscovery::judgesPaths()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error =
        QString::fromStdString(DiscoveryWorld::readError("file", yaml.toStdString()));
    QVERIFY2(message.isEmpty() ? error.isEmpty() : error.contains(message), qPrintable(error));
    QVERIFY2(message.isEmpty() || error.contains("test.yml:"), qPrintable(error));
}

void TestFileDiscovery::readsJsonAndYamlWithTheirPath()
{
    write("a.json", kThree);
    write("b.YML", "- targets: ['y:1', 'y:2']\n  labels: {__meta_filepath: mine, zone: x}\n");
    WatchRun run(world_, "file", "files: ['" + path("a.json") + "', '" + path("*.YML") + "']\n");
    QVERIFY(run.untilEntries(path("b.YML") + ":0", 2));
    QCOMPARE(run.state().size(), std::size_t{4});
    const auto json = run.group(path("a.json") + ":0");
    auto labels = labelsOf(json);
    QCOMPARE(labels["__address__"], std::string("a:1"));
    QCOMPARE(labels["rack"], std::string("r"));
    QCOMPARE(labels["__meta_filepath"], path("a.json"));
    auto yaml = labelsOf(run.group(path("b.YML") + ":0"), 1);
    QCOMPARE(yaml["__address__"], std::string("y:2"));
    QCOMPARE(yaml["zone"], std::string("x"));
    QCOMPARE(yaml["__meta_filepath"], path("b.YML"));
    struct stat info
    {};
    QCOMPARE(stat(path("a.json").c_str(), &info), 0);
    QVERIFY(std::abs(mtime("a.json") - static_cast<double>(info.st_mtim.tv_sec)) <= 1);
    run.end();
}

void TestFileDiscovery::followsARenameOverTheFile()
{
    write("a.json", kThree);
    WatchRun run(world_, "file", yamlFor("a.json"));
    const std::string source = path("a.json") + ":0";
    QVERIFY(run.untilEntries(source, 1));
    replace("a.json", kOne);
    QVERIFY(run.until(
        [&](const WatchRun::State& state) {
            return labelsOf(state.at(source))["__address__"] == "z:1";
        },
        1));
    // The new file is followed like the first one.
    replace("a.json", kThree);
    QVERIFY(run.until(
        [&](const WatchRun::State& state) {
            return labelsOf(state.at(source))["__address__"] == "a:1";
        },
        1));
}

void TestFileDiscovery::keepsTheGroupsOfABrokenFile_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("good");
    QTest::addColumn<QString>("bad");
    QTest::newRow("JSON") << "a.json" << kOne << "[{";
    QTest::newRow("YAML") << "a.yml"
                          << "[{targets: ['z:1']}]"
                          << "[{";
    QTest::newRow("unknown field in JSON") << "a.json" << kOne << "[{\"target\":[\"a:1\"]}]";
    QTest::newRow("unknown field in YAML") << "a.yml" << kOne << "- target: ['a:1']";
    QTest::newRow("null group in JSON") << "a.json" << kOne << "[null]";
    QTest::newRow("null group in YAML") << "a.yml" << kOne << "[null]";
    QTest::newRow("value that contains itself")
        << "a.yml" << kOne << "- &a\n  <<: *a\n  targets: ['a:1']\n";
    QTest::newRow("merge of a list") << "a.yml" << kOne << "- <<: [[a, b]]\n  targets: ['a:1']\n";
    QTest::newRow("numbers as targets") << "a.json" << kOne << "[{\"targets\":[1]}]";
    QTest::newRow("no list") << "a.yml" << kOne << "targets: ['a:1']";
}

void TestFileDiscovery::keepsTheGroupsOfABrokenFile()
{
    QFETCH(QString, name);
    QFETCH(QString, good);
    QFETCH(QString, bad);
    const std::string file = name.toStdString();
    write(file, good.toStdString());
    WatchRun run(world_, "file", yamlFor(file));
    QVERIFY(run.untilEntries(path(file) + ":0", 1));
    const double before = errors();
    const std::size_t sends = run.sends();
    replace(file, bad.toStdString());
    QTRY_COMPARE(errors(), before + 1);
    QTRY_COMPARE(run.failing().size(), std::size_t{1});
    QCOMPARE(run.sends(), sends);
    QCOMPARE(labelsOf(run.group(path(file) + ":0"))["__address__"], std::string("z:1"));
    replace(file, "[]");
    QVERIFY(run.untilEntries(path(file) + ":0", 0));
    QVERIFY(run.failing().empty());
}

void TestFileDiscovery::emptiesGroupsThatAreGone()
{
    write("a.json", kThree);
    WatchRun run(world_, "file", yamlFor("a.json"));
    QVERIFY(run.untilEntries(path("a.json") + ":2", 2));
    replace("a.json", kOne);
    QVERIFY(run.untilEntries(path("a.json") + ":1", 0));
    QVERIFY(run.untilEntries(path("a.json") + ":2", 0));
    QCOMPARE(run.group(path("a.json") + ":0").entries.size(), std::size_t{1});
}

void TestFileDiscovery::forgetsADeletedFileAndTakesItBack()
{
    write("a.json", kThree);
    WatchRun run(world_, "file", yamlFor("a.json"));
    QVERIFY(run.untilEntries(path("a.json") + ":2", 2));
    const double before = errors();
    std::filesystem::remove(path("a.json"));
    QVERIFY(run.untilEntries(path("a.json") + ":0", 0, 1));
    QVERIFY(run.untilEntries(path("a.json") + ":2", 0, 1));
    QCOMPARE(mtime("a.json"), 0.0);
    QCOMPARE(errors(), before);
    write("a.json", kOne);
    QVERIFY(run.untilEntries(path("a.json") + ":0", 1, 1));
}

void TestFileDiscovery::findsNewFilesOfAPattern()
{
    WatchRun run(world_, "file", yamlFor("*.json"));
    replace(".hidden.json", kOne);
    QVERIFY(run.untilEntries(path(".hidden.json") + ":0", 1, 2));
    write("other.txt", "[{");
    replace("n.json", kOne);
    QVERIFY(run.untilEntries(path("n.json") + ":0", 1, 2));
}

void TestFileDiscovery::fallsBackToTheInterval()
{
    // The folder is not there yet: nothing can be watched.
    const std::string late = path("late");
    WatchRun run(world_, "file", "files: ['" + late + "/a.json']\nrefresh_interval: 100ms\n");
    QTRY_VERIFY(world_.metrics.value("prometheus_sd_file_watcher_errors_total") >= 1);
    std::filesystem::create_directory(late);
    std::ofstream(late + "/a.json") << kOne;
    QVERIFY(run.untilEntries(late + "/a.json:0", 1));
}

void TestFileDiscovery::ignoresChangesOfAttributes()
{
    write("a.json", kOne);
    WatchRun run(world_, "file", yamlFor("a.json"));
    QVERIFY(run.untilEntries(path("a.json") + ":0", 1));
    const std::size_t sends = run.sends();
    QCOMPARE(chmod(path("a.json").c_str(), 0600), 0);
    // Whatever came of that would come before this.
    replace("a.json", kThree);
    QVERIFY(run.untilEntries(path("a.json") + ":2", 2));
    QCOMPARE(run.sends(), sends + 1);
}

void TestFileDiscovery::stopsAtOnce()
{
    WatchRun run(world_, "file", yamlFor("a.json"));
    QVERIFY(run.end() < 2);
}

QTEST_GUILESS_MAIN(TestFileDiscovery)
#include "tst_file_discovery.moc"
