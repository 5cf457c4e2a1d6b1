// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/exposition/text_parser.h"
#include "core/host/collector.h"

#include <QtTest>

#include <filesystem>
#include <map>
#include <set>

using namespace narthex;

namespace {

/// Series and values of a page; empty with a failed test when it does not parse.
std::map<std::string, double> samples(std::string_view page, std::string& error)
{
    std::map<std::string, double> result;
    exposition::TextParser parser(page);
    model::LabelsBuilder labels;
    while (true) {
        const auto kind = parser.next();
        if (!kind.ok()) {
            error = base::messageOf(kind.status());
            return result;
        }
        if (*kind == exposition::EntryKind::End) {
            return result;
        }
        if (*kind == exposition::EntryKind::Series && parser.labels(labels).ok()) {
            const std::string series = labels.build().toString();
            if (!result.emplace(series, parser.value()).second) {
                error = "twice on the page: " + series;
            }
        }
    }
}

/// A copy of the recorded laptop in which the links of hwmon, stored as files with their target,
/// are links again.
void restoreFixture(const std::filesystem::path& from, const std::filesystem::path& to)
{
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    for (const auto& monitor : std::filesystem::directory_iterator(to / "sys/class/hwmon")) {
        const auto link = monitor.path() / "device";
        const auto target = base::readFile(link);
        if (!target.ok() || target->empty()) {
            continue;
        }
        std::filesystem::remove(link);
        std::filesystem::create_directories(monitor.path() / *target);
        std::filesystem::create_symlink(*target, link);
    }
}

std::string family(const std::string& series) { return series.substr(0, series.find('{')); }

} // namespace

class TestHost : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void describesThisMachine();
    void agreesWithNodeExporterOnTheFixture();
    void processorTimesNeverGoBack();

private:
    base::SystemClock clock_;
};

void TestHost::describesThisMachine()
{
    host::HostCollector collector({}, clock_, base::nullLogger());
    std::string page;
    collector.collect(page);
    std::string error;
    const auto found = samples(page, error);
    QCOMPARE(error, std::string());
    for (const char* series :
         {"node_load1", "node_memory_MemTotal_bytes", "node_boot_time_seconds",
          "node_cpu_seconds_total{cpu=\"0\", mode=\"idle\"}", "node_time_seconds",
          "node_scrape_collector_success{collector=\"cpu\"}"}) {
        QVERIFY2(found.contains(series), series);
    }
    QVERIFY(found.at("node_memory_MemTotal_bytes") > 1e8);
}

void TestHost::agreesWithNodeExporterOnTheFixture()
{
    const auto folder = std::filesystem::path(NARTHEX_SHARED_DIR) / "conformance/exposition";
    const auto expectedText = base::readFile(folder / "host-fixture.expected.prom");
    if (!expectedText.ok()) {
        QSKIP("the recorded laptop is not here");
    }
    const base::TemporaryDirectory directory;
    const auto fixture = directory.path() / "fixture";
    restoreFixture(folder / "host-fixture", fixture);
    host::HostCollector collector({.roots = {.procfs = fixture / "proc",
                                             .sysfs = fixture / "sys",
                                             .rootfs = fixture / "root",
                                             .udevData = fixture / "udev"}},
                                  clock_, base::nullLogger());
    std::string page;
    collector.collect(page);
    std::string error;
    const auto ours = samples(page, error);
    QCOMPARE(error, std::string());
    const auto theirs = samples(*expectedText, error);
    // What the two see of the machine they run on, not of the fixture.
    const std::set<std::string> live = {
        "node_time_seconds", "node_time_zone_offset_seconds", "node_uname_info",
        "node_scrape_collector_duration_seconds", "node_scrape_collector_success",
        "node_filesystem_avail_bytes", "node_filesystem_files", "node_filesystem_files_free",
        "node_filesystem_free_bytes", "node_filesystem_size_bytes", "node_filesystem_readonly",
        "node_filesystem_device_error",
        // The recorded version had no labels `rotational` and `adminstate` yet.
        "node_disk_info", "node_network_info"};
    std::set<std::string> ourFamilies;
    for (const auto& [series, value] : ours) {
        ourFamilies.insert(family(series));
    }
    std::set<std::string> theirFamilies;
    int compared = 0;
    QStringList differences;
    for (const auto& [series, value] : theirs) {
        theirFamilies.insert(family(series));
        if (live.contains(family(series)) || !ourFamilies.contains(family(series))) {
            continue;
        }
        ++compared;
        const auto found = ours.find(series);
        if (found == ours.end()) {
            differences << QString::fromStdString("missing " + series);
        } else if (found->second != value) {
            differences << QString::fromStdString(series + ": " + base::formatFloat(found->second) +
                                                  ", expected " + base::formatFloat(value));
        }
    }
    for (const auto& [series, value] : ours) {
        if (theirFamilies.contains(family(series)) && !live.contains(family(series)) &&
            !theirs.contains(series)) {
            differences << QString::fromStdString("too much " + series);
        }
    }
    for (const QString& difference : differences) {
        qWarning("%s", qPrintable(difference));
    }
    QVERIFY(differences.isEmpty());
    qInfo("%d series compared", compared);
    QVERIFY(compared > 250);
}

void TestHost::processorTimesNeverGoBack()
{
    const base::TemporaryDirectory directory;
    const auto stat = directory.path() / "stat";
    host::HostCollector collector({.roots = {.procfs = directory.path()}}, clock_,
                                  base::nullLogger());
    const auto idle = [&](const std::string& line) {
        base::ignore(base::writeFileAtomically(stat, line), "a failure shows in the comparison");
        std::string page;
        collector.collect(page);
        std::string error;
        return samples(page, error)["node_cpu_seconds_total{cpu=\"0\", mode=\"idle\"}"];
    };
    QCOMPARE(idle("cpu0 1 2 3 1000 5 6 7 8 9 10\n"), 10.0);
    QCOMPARE(idle("cpu0 1 2 3 990 5 6 7 8 9 10\n"), 10.0);
    QCOMPARE(idle("cpu0 1 2 3 100 5 6 7 8 9 10\n"), 1.0);
}

QTEST_GUILESS_MAIN(TestHost)
#include "tst_host.moc"
