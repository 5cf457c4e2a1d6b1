// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/fake_data.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace narthex::test {
namespace {

using model::MetricType;

struct Curve
{
    const char* metric;
    MetricType type;
    const char* unit;
    const char* help;
    double low;
    double high;
    /// Of the noise.
    double rough;
};

/// Longer names before their beginnings: the first that a query contains is taken.
constexpr std::array kCurves{
    Curve{"node_cpu_seconds_total", MetricType::Counter, "seconds",
          "Seconds the CPUs spent in each mode.", 14, 42, 1.2},
    Curve{"node_memory_MemTotal_bytes", MetricType::Gauge, "bytes",
          "Memory information field MemTotal_bytes.", 9.6e9, 10.6e9, 8e7},
    Curve{"node_memory_MemAvailable_bytes", MetricType::Gauge, "bytes",
          "Memory information field MemAvailable_bytes.", 5.1e9, 6.2e9, 8e7},
    Curve{"node_memory_SwapTotal_bytes", MetricType::Gauge, "bytes",
          "Memory information field SwapTotal_bytes.", 2e9, 2e9, 0},
    Curve{"node_disk_read_bytes_total", MetricType::Counter, "bytes",
          "The total number of bytes read successfully.", 2e5, 9e5, 4e5},
    Curve{"node_disk_written_bytes_total", MetricType::Counter, "bytes",
          "The total number of bytes written successfully.", 4e5, 2.6e6, 2e5},
    Curve{"node_filesystem_avail_bytes", MetricType::Gauge, "bytes",
          "Filesystem space available to non-root users in bytes.", 1.4e11, 1.5e11, 1e8},
    Curve{"node_filesystem_size_bytes", MetricType::Gauge, "bytes", "Filesystem size in bytes.",
          5.1e11, 5.1e11, 0},
    Curve{
        "node_network_receive_bytes_total", MetricType::Counter, "bytes",
        "Bytes received by a network device since it came up. Resets when the driver is reloaded.",
        2e5, 5.2e5, 3e4},
    Curve{"node_network_receive_errs_total", MetricType::Counter, "",
          "Receive errors of a network device.", 0, 1, 0.3},
    Curve{"node_network_receive_packets_total", MetricType::Counter, "",
          "Packets received by a network device.", 200, 900, 100},
    Curve{"node_network_transmit_bytes_total", MetricType::Counter, "bytes",
          "Bytes sent by a network device since it came up.", 4e4, 9e4, 3e4},
    Curve{"node_hwmon_temp_celsius", MetricType::Gauge, "celsius",
          "Hardware monitor for temperature.", 52, 64, 1.2},
    Curve{"node_power_supply_capacity", MetricType::Gauge, "",
          "Capacity of the battery in percent.", 70, 84, 0},
    Curve{"node_load1", MetricType::Gauge, "", "1m load average.", 0.6, 2.2, 0.05},
    Curve{"node_load5", MetricType::Gauge, "", "5m load average.", 0.8, 1.8, 0.1},
    Curve{"http_requests_total", MetricType::Counter, "", "HTTP requests by code and handler.", 10,
          140, 12},
    Curve{"http_request_duration_seconds_bucket", MetricType::Histogram, "seconds",
          "Latency of requests.", 0.02, 0.35, 0.03},
    Curve{"prometheus_tsdb_head_series", MetricType::Gauge, "",
          "Total number of series in the head block.", 24000, 24400, 20},
    Curve{"scrape_duration_seconds", MetricType::Gauge, "seconds", "How long the scrape took.",
          0.004, 0.09, 0.004},
    Curve{"many_series", MetricType::Gauge, "", "A thousand curves for tests of speed.", 0, 100, 3},
    Curve{"up", MetricType::Gauge, "", "1 if the last scrape succeeded.", 1, 1, 0},
};

std::uint64_t mixBits(std::uint64_t x)
{
    x ^= x >> 33U;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33U;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33U);
}

double unitNoise(std::uint64_t seed) { return double(mixBits(seed) >> 11U) / 9007199254740992.0; }

/// Value noise of one period, smooth between grid points.
double smoothNoise(std::uint64_t seed, double t, double period)
{
    const double at = t / period;
    const double cell = std::floor(at);
    const double part = at - cell;
    const auto grid = [&](double n) {
        return unitNoise(seed ^ std::uint64_t(std::int64_t(n)) * 0x9E3779B97F4A7C15ULL);
    };
    const double blend = part * part * (3 - 2 * part);
    return grid(cell) * (1 - blend) + grid(cell + 1) * blend;
}

double valueAt(const Curve& curve, std::uint64_t seed, std::size_t rank, std::size_t count,
               base::Timestamp time, bool split)
{
    const double seconds = time.seconds();
    const double spread = count > 1 ? double(rank) / double(count - 1) : 0.4;
    const double slow = smoothNoise(seed, seconds, 1500);
    const double burst = std::pow(smoothNoise(seed + 7, seconds, 420), 6);
    const double level = 0.75 * spread + 0.25 * slow + (spread > 0.6 ? 0.35 : 0.15) * burst;
    const double noise = (unitNoise(seed ^ std::uint64_t(time.ms)) - 0.5) * 2 * curve.rough;
    const double value = std::max(0.0, curve.low + (curve.high - curve.low) * level + noise);
    // A share of the whole each, where a query splits one figure by mode.
    return split ? value * (0.02 + 0.5 * spread * spread) : value;
}

std::vector<std::string> instances()
{
    return {"app-1:9100", "app-2:9100", "app-3:9100", "db-1:9100", "db-2:9100", "edge-1:9100"};
}

std::vector<model::Labels> seriesOf(const std::string& metric, const std::string& query)
{
    if (metric == "many_series") {
        std::vector<model::Labels> all;
        for (int i = 0; i < 1000; ++i) {
            const std::string shard = fmt::format("shard-{:03}", i);
            all.push_back(
                model::Labels{{"__name__", metric}, {"instance", shard}, {"job", "load"}});
        }
        return all;
    }
    const bool grouped =
        query.find("by (instance)") != query.npos || query.find("by(instance)") != query.npos;
    const bool selected = query.find("job=\"node\"") != query.npos && !grouped;
    const bool byMode = query.find("by (mode)") != query.npos;
    const bool aggregated = query.find("sum(") != query.npos || query.find("avg(") != query.npos ||
                            query.find("max(") != query.npos || query.find("sum by") != query.npos;
    if (aggregated && !grouped && !byMode) {
        return {model::Labels{}};
    }
    std::vector<model::Labels> all;
    if (query.find("by (mode)") != query.npos) {
        for (const char* mode : {"iowait", "irq", "nice", "softirq", "system", "user"}) {
            all.push_back(model::Labels{{"mode", mode}});
        }
        return all;
    }
    for (const std::string& instance : instances()) {
        if (grouped) {
            all.push_back(model::Labels{{"instance", instance}, {"job", "node"}});
        } else if (selected && instance != "app-1:9100") {
            continue;
        } else if (metric.find("network") != metric.npos) {
            for (const char* device : {"eth0", "wlan0"}) {
                all.push_back(model::Labels{{"__name__", metric},
                                            {"device", device},
                                            {"instance", instance},
                                            {"job", "node"}});
            }
        } else {
            all.push_back(
                model::Labels{{"__name__", metric}, {"instance", instance}, {"job", "node"}});
        }
    }
    return all;
}

absl::Status syntaxError(std::size_t begin, std::size_t end, const std::string& text)
{
    base::Position position;
    position.line = 1;
    position.column = std::uint32_t(begin + 1);
    position.begin = std::uint32_t(begin);
    position.end = std::uint32_t(end);
    return base::withPosition(base::invalidArgument("{}:{}: parse error: {}", 1, begin + 1, text),
                              position);
}

absl::Status checkBrackets(const std::string& query)
{
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < query.size(); ++i) {
        if (query[i] == '(') {
            open.push_back(i);
        } else if (query[i] == ')') {
            if (open.empty()) {
                return syntaxError(i, i + 1, "unexpected right parenthesis ')'");
            }
            open.pop_back();
        }
    }
    return open.empty() ? absl::OkStatus()
                        : syntaxError(open.back(), query.size(), "unclosed left parenthesis");
}

} // namespace

std::vector<client::MetricMetadata> fakeMetrics(bool withBattery)
{
    std::vector<client::MetricMetadata> all;
    for (const Curve& curve : kCurves) {
        if (withBattery || std::string_view(curve.metric) != "node_power_supply_capacity") {
            all.push_back({curve.metric, {{curve.type, curve.help, curve.unit}}});
        }
    }
    for (const char* part : {"compressed", "drop", "fifo", "frame", "multicast"}) {
        all.push_back({fmt::format("node_network_receive_{}_total", part),
                       {{MetricType::Counter, "Network device statistic.", ""}}});
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.metric < b.metric; });
    return all;
}

absl::StatusOr<promql::Matrix> fakeRange(const std::string& query, base::Timestamp from,
                                         base::Timestamp to, base::Duration step)
{
    NARTHEX_RETURN_IF_ERROR(checkBrackets(query));
    if (const std::size_t at = query.find("rat(");
        at != query.npos && (at == 0 || query[at - 1] == '(' || query[at - 1] == ' ')) {
        return syntaxError(at, at + 3, "unknown function with name \"rat\"");
    }
    const auto curve = std::find_if(kCurves.begin(), kCurves.end(), [&](const Curve& c) {
        return query.find(c.metric) != query.npos;
    });
    promql::Matrix matrix;
    if (curve == kCurves.end()) {
        return matrix;
    }
    const std::vector<model::Labels> all = seriesOf(curve->metric, query);
    for (std::size_t i = 0; i < all.size(); ++i) {
        promql::MatrixSeries series{all[i], {}, {}};
        const std::uint64_t seed = mixBits(all[i].hash() + std::uint64_t(curve - kCurves.begin()));
        for (base::Timestamp t = from; t <= to && step.ms() > 0; t = t + step) {
            series.points.push_back(
                {t, valueAt(*curve, seed, i, all.size(), t, all[i].has("mode"))});
        }
        matrix.push_back(std::move(series));
    }
    return matrix;
}

client::ServerStatus fakeStatus(base::Timestamp now)
{
    client::ServerStatus status;
    status.state = client::EngineState::Collecting;
    status.samplesPerSecond = 782;
    status.headSeries = 24'172;
    status.headBytes = 98'000'000;
    status.diskBytes = 1'240'000'000;
    status.newestSample = now;
    status.startedAt = now - base::Duration::fromMs(86'400'000);
    status.targetsUp = 13;
    status.targetsDown = 3;
    status.listenAddress = "127.0.0.1:9090";
    status.problems = {
        {"targets.kafka",
         client::ProblemSeverity::Error,
         "targets",
         "job managed-kafka: 3 of 3 targets fail: certificate signed by unknown authority",
         {},
         now - base::Duration::fromMs(25 * 60'000)},
        {"config.rule", client::ProblemSeverity::Warning, "configuration",
         "rule file host.rules.yml matches no file",
         base::Position{"prometheus.yml", 12, 5, {}, {}}, now - base::Duration::fromMs(3'600'000)}};
    return status;
}

} // namespace narthex::test
