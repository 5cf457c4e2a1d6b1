// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/fake_data.h"

#include <fmt/format.h>

#include <array>

namespace narthex::test {
namespace {

using client::Health;
using client::ScrapeErrorClass;

struct Row
{
    const char* job;
    const char* instance;
    const char* role;
    double seconds;
    int samples;
    int added;
    int bodyBytes;
    int ageSeconds;
    bool down;
};

constexpr std::array kRows{
    Row{"managed-kafka", "192.0.2.21:9273", "broker-1", 0.036, 0, 0, 0, 9, true},
    Row{"managed-kafka", "192.0.2.22:9273", "broker-2", 0.038, 0, 0, 0, 12, true},
    Row{"managed-kafka", "192.0.2.23:9273", "broker-3", 0.035, 0, 0, 0, 4, true},
    Row{"node", "app-1:9100", "app-1", 0.0124, 1118, 0, 84'100, 3, false},
    Row{"node", "app-2:9100", "app-2", 0.0131, 1118, 0, 84'300, 8, false},
    Row{"node", "app-3:9100", "app-3", 0.0417, 1124, 2, 84'900, 1, false},
    Row{"node", "db-1:9100", "db-1", 0.015, 1131, 0, 85'600, 6, false},
    Row{"node", "db-2:9100", "db-2", 0.0142, 1131, 0, 85'500, 11, false},
    Row{"node", "edge-1:9100", "edge-1", 0.0886, 1098, 0, 82'700, 13, false},
    Row{"postgres", "db-1:9187", "primary", 6.9, 612, 0, 61'000, 2, false},
    Row{"postgres", "db-2:9187", "replica", 0.0649, 612, 0, 60'800, 7, false},
    Row{"api", "api-1:8080", "", 0.0062, 386, 0, 31'400, 5, false},
    Row{"api", "api-2:8080", "", 0.0079, 391, 3, 31'900, 9, false},
    Row{"api", "api-3:8080", "", 0.006, 386, 0, 31'400, 14, false},
    Row{"host", "laptop", "built in", 0.0041, 1840, 0, 0, 1, false},
    Row{"prometheus", "localhost:9090", "this engine", 0.0053, 780, 0, 58'200, 10, false},
};

client::TargetInfo makeTarget(const Row& row, base::Timestamp now, std::size_t index)
{
    client::TargetInfo target;
    target.job = row.job;
    target.id = fmt::format("{}/{}", row.job, row.instance);
    target.url = fmt::format("{}://{}/metrics", row.down ? "https" : "http", row.instance);
    target.labels = model::Labels{
        {"instance", row.instance}, {"job", row.job}, {"name", row.role}, {"team", "platform"}};
    target.discoveredLabels = model::Labels{{"__address__", row.instance},
                                            {"__metrics_path__", "/metrics"},
                                            {"__scheme__", row.down ? "https" : "http"},
                                            {"__scrape_interval__", "15s"},
                                            {"__scrape_timeout__", "8s"},
                                            {"job", row.job}};
    target.health = row.down ? Health::Down : Health::Up;
    target.lastScrape = now - base::Duration::fromMs(row.ageSeconds * 1000);
    target.lastDuration = base::Duration{std::int64_t(row.seconds * 1e9)};
    target.interval = base::Duration::fromMs(15'000);
    target.timeout = base::Duration::fromMs(8'000);
    target.samplesScraped = std::uint64_t(row.samples);
    target.samplesAfterRelabeling = std::uint64_t(row.samples);
    target.seriesAdded = std::uint64_t(row.added);
    target.bodyBytes = std::uint64_t(row.bodyBytes);
    if (row.down) {
        target.lastError = fmt::format("Get \"{}\": tls: failed to verify certificate: x509: "
                                       "certificate signed by unknown authority",
                                       target.url);
        target.errorClass = ScrapeErrorClass::Tls;
    }
    constexpr int kCells = 96;
    for (int i = 0; i < kCells; ++i) {
        client::ScrapeOutcome outcome;
        outcome.time = now - base::Duration::fromMs(std::int64_t(kCells - i) * 15 * 60'000);
        outcome.duration = target.lastDuration;
        const bool late = row.down && i >= kCells - 2;
        const bool blip = !row.down && index % 4 == 1 && i == 60;
        outcome.health =
            late || blip ? Health::Down : (i >= 70 && i < 73 ? Health::Unknown : Health::Up);
        target.history.push_back(outcome);
    }
    return target;
}

} // namespace

client::Targets fakeTargets(base::Timestamp now)
{
    client::Targets targets;
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        targets.active.push_back(makeTarget(kRows[i], now, i));
    }
    targets.dropped.push_back(
        {"node", model::Labels{{"__address__", "old-1:9100"}, {"job", "node"}}});
    return targets;
}

} // namespace narthex::test
