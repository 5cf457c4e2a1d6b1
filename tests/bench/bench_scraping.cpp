// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole of scraping under load: an engine over many targets that another process serves, CPU
// time of the engine's process alone; reloads of large configurations; relabeling of many
// discovered targets; how fast pages are parsed.
// Run by hand: TMPDIR=build taskset -c 0 build/release/bin/bench_scraping
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/engine/engine.h"
#include "core/exposition/text_parser.h"
#include "core/net/http_server.h"
#include "core/scrape/pool.h"
#include "support/store_fixture.h"

#include <benchmark/benchmark.h>

#include <csignal>
#include <ctime>
#include <fstream>
#include <sched.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

std::string makePage(std::size_t series, std::uint64_t round)
{
    constexpr std::size_t kPerFamily = 8;
    std::string page;
    for (std::size_t i = 0; i < series; ++i) {
        const std::size_t family = i / kPerFamily;
        if (i % kPerFamily == 0) {
            page += fmt::format("# HELP node_example_{}_seconds_total Seconds in each mode.\n"
                                "# TYPE node_example_{}_seconds_total counter\n",
                                family, family);
        }
        const std::uint64_t moving = i % 4 == 0 ? round : 0;
        page += fmt::format("node_example_{}_seconds_total{{cpu=\"{}\",mode=\"system\",device="
                            "\"nvme0n1\"}} {}.{:02}\n",
                            family, i % kPerFamily, 1000 + i + moving, i % 100);
    }
    return page;
}

/// A process of its own that answers every request with a page; its work is not ours.
class Exporter
{
public:
    explicit Exporter(std::size_t series)
    {
        int ends[2];
        NARTHEX_CHECK(::pipe(ends) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            serve(series, ends[1]);
        }
        ::close(ends[1]);
        std::uint16_t port = 0;
        NARTHEX_CHECK(::read(ends[0], &port, sizeof(port)) == sizeof(port));
        ::close(ends[0]);
        address_ = "127.0.0.1:" + std::to_string(port);
    }
    ~Exporter()
    {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    [[nodiscard]] const std::string& address() const { return address_; }

private:
    [[noreturn]] static void serve(std::size_t series, int out)
    {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        for (int i = 1; i < CPU_SETSIZE; ++i) { // the first one is the engine's
            CPU_SET(i, &cores);
        }
        ::sched_setaffinity(0, sizeof(cores), &cores);
        std::vector<std::string> bodies;
        for (std::uint64_t round = 0; round < 8; ++round) {
            bodies.push_back(makePage(series, round));
        }
        std::atomic<std::size_t> round = 0;
        net::IoLoop loop;
        const auto server =
            net::HttpServer::start(loop, {.maxConnections = 20000},
                                   [&](net::ServerRequest, net::Responder respond) {
                                       respond({.contentType = "text/plain; version=0.0.4",
                                                .body = bodies[++round / 100 % bodies.size()],
                                                .headers = {{"Content-Encoding", "gzip"}}});
                                   })
                .value();
        const std::uint16_t port = server->port();
        NARTHEX_CHECK(::write(out, &port, sizeof(port)) == sizeof(port));
        while (true) {
            ::pause();
        }
    }

    pid_t child_ = -1;
    std::string address_;
};

/// An engine over a configuration, on the first core.
class World
{
public:
    explicit World(const std::string& config)
    {
        write(config);
        engine::EngineOptions options;
        options.dataDirectory = folder_.path() / "data";
        options.configFile = file();
        engine_ = std::make_unique<engine::Engine>(
            options, engine::Engine::Environment{
                         .loop = loop_, .pool = pool_, .timers = timers_, .log = log_});
        NARTHEX_CHECK(engine_->start().ok());
        while (!engine_->ready()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    void write(const std::string& config) const
    {
        NARTHEX_CHECK(base::writeFileAtomically(file(), config).ok());
    }
    engine::Engine& engine() { return *engine_; }

private:
    [[nodiscard]] std::filesystem::path file() const { return folder_.path() / "prometheus.yml"; }

    base::TemporaryDirectory folder_;
    base::LogSetup log_ = base::LogSetup::create("error").value();
    net::IoLoop loop_;
    base::WorkerPool pool_{1};
    base::SystemTimers timers_;
    std::unique_ptr<engine::Engine> engine_;
};

double cpuSeconds()
{
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string jobs(const std::string& address, std::size_t count, const std::string& interval)
{
    std::string text = "global: {scrape_interval: " + interval + ", scrape_timeout: " + interval +
                       "}\nscrape_configs:\n- job_name: load\n  static_configs:\n";
    for (std::size_t i = 0; i < count; ++i) {
        text +=
            fmt::format("  - {{targets: ['{}'], labels: {{instance: 'host-{}'}}}}\n", address, i);
    }
    return text;
}

/// `targets` × `series` each `seconds`; the share of one core.
void underLoad(benchmark::State& state)
{
    const auto targets = static_cast<std::size_t>(state.range(0));
    const auto series = static_cast<std::size_t>(state.range(1));
    const auto interval = state.range(2);
    for (auto _ : state) {
        const Exporter exporter(series);
        World world(jobs(exporter.address(), targets, fmt::format("{}s", interval)));
        // All series are known after the first round.
        std::this_thread::sleep_for(std::chrono::seconds(interval + 3));
        const std::uint64_t samples = world.engine().counters().samples.load();
        const double before = cpuSeconds();
        const auto begin = std::chrono::steady_clock::now();
        std::this_thread::sleep_for(std::chrono::seconds(std::max<std::int64_t>(10, interval)));
        const double wall =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const double used = cpuSeconds() - before;
        const auto stored = static_cast<double>(world.engine().counters().samples.load() - samples);
        state.SetIterationTime(used);
        state.counters["% of a core"] = 100 * used / wall;
        state.counters["samples/s"] = stored / wall;
        state.counters["ns/sample"] = 1e9 * used / stored;
        state.counters["up"] = world.engine().scraping().summary().up;
        const auto failures = world.engine().scraping().failures();
        if (!failures.empty()) {
            state.SetLabel(failures.front().error);
        }
    }
}

std::string manyJobs(std::size_t count, const std::string& label)
{
    std::string text = "global: {scrape_interval: 10s}\nscrape_configs:\n";
    for (std::size_t i = 0; i < count; ++i) {
        text += fmt::format(
            "- job_name: job-{0}\n  metrics_path: /metrics/{0}\n  static_configs:\n"
            "  - targets: ['127.0.0.1:1']\n    labels: {{env: prod}}\n"
            "  relabel_configs:\n  - source_labels: [__address__]\n    regex: '(.*):.*'\n"
            "    target_label: host\n  - target_label: x\n    replacement: {1}\n",
            i, i == 7 ? label : "same");
    }
    return text;
}

/// A reload of a file of a thousand jobs of which one has changed.
void reload(benchmark::State& state)
{
    World world(manyJobs(1000, "a"));
    bool other = false;
    for (auto _ : state) {
        state.PauseTiming();
        other = !other;
        world.write(manyJobs(1000, other ? "b" : "a"));
        state.ResumeTiming();
        NARTHEX_CHECK(world.engine().reload().ok());
    }
}

/// Pods as Kubernetes gives them, through the rules that everybody has.
void relabelTargets(benchmark::State& state)
{
    const auto count = static_cast<std::size_t>(state.range(0));
    const std::string rules =
        "job_name: pods\nrelabel_configs:\n"
        "- {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, "
        "regex: true}\n"
        "- {source_labels: [__address__, "
        "__meta_kubernetes_pod_annotation_prometheus_io_port], regex: '(.+?)(?::\\d+)?;(\\d+)', "
        "replacement: '$1:$2', target_label: __address__}\n"
        "- {action: labelmap, regex: __meta_kubernetes_pod_label_(.+)}\n"
        "- {source_labels: [__meta_kubernetes_namespace], target_label: namespace}\n"
        "- {source_labels: [__meta_kubernetes_pod_name], target_label: pod}\n";
    const auto document = yaml::Document::parse("rules.yml", rules).value();
    const scrape::JobConfig job = scrape::readJob(document->root(), "/", {}, nullptr);
    NARTHEX_CHECK(document->status().ok());
    std::vector<discovery::TargetGroup> groups;
    for (std::size_t i = 0; i < count; ++i) {
        discovery::TargetGroup group{.source = fmt::format("pod/shop/web-{}", i)};
        group.labels =
            model::Labels{{"__meta_kubernetes_namespace", "shop"},
                          {"__meta_kubernetes_pod_annotation_prometheus_io_port", "9102"},
                          {"__meta_kubernetes_pod_annotation_prometheus_io_scrape", "true"},
                          {"__meta_kubernetes_pod_annotationpresent_prometheus_io_port", "true"},
                          {"__meta_kubernetes_pod_annotationpresent_prometheus_io_scrape", "true"},
                          {"__meta_kubernetes_pod_ip", "10.1.2.3"},
                          {"__meta_kubernetes_pod_label_app", "web"},
                          {"__meta_kubernetes_pod_label_tier", "front"},
                          {"__meta_kubernetes_pod_labelpresent_app", "true"},
                          {"__meta_kubernetes_pod_labelpresent_tier", "true"},
                          {"__meta_kubernetes_pod_name", fmt::format("web-{}", i)},
                          {"__meta_kubernetes_pod_node_name", fmt::format("node-{}", i % 100)},
                          {"__meta_kubernetes_pod_phase", "Running"},
                          {"__meta_kubernetes_pod_ready", "true"}};
        group.entries = {model::Labels{
            {"__address__", fmt::format("10.{}.{}.{}:8080", i / 65536, i / 256 % 256, i % 256)},
            {"__meta_kubernetes_pod_container_name", "web"},
            {"__meta_kubernetes_pod_container_port_number", "8080"}}};
        groups.push_back(std::move(group));
    }
    std::size_t made = 0;
    for (auto _ : state) {
        for (const auto& group : groups) {
            made += scrape::makeTargets(job, group).targets.size();
        }
    }
    NARTHEX_CHECK(made == count * static_cast<std::size_t>(state.iterations()));
}

/// Lines of a page that is seen for the first time.
void parseFirstSight(benchmark::State& state)
{
    const std::string page = makePage(50'000, 1);
    model::LabelsBuilder labels;
    for (auto _ : state) {
        exposition::TextParser parser(page);
        while (true) {
            const auto kind = parser.next();
            NARTHEX_CHECK(kind.ok());
            if (*kind == exposition::EntryKind::End) {
                break;
            }
            if (*kind == exposition::EntryKind::Series) {
                NARTHEX_CHECK(parser.labels(labels).ok());
            }
        }
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(page.size()));
}

/// Lines of a page that resembles the last one, as a target's pages do.
void parseSteady(benchmark::State& state)
{
    const std::string last = makePage(50'000, 1);
    const std::string page = makePage(50'000, 2);
    struct Line
    {
        std::size_t begin = 0;
        std::size_t size = 0;
        std::size_t series = 0;
        double value = 0;
        model::MetricType type = model::MetricType::Unknown;
    };
    std::vector<Line> lines;
    exposition::TextParser first(last);
    while (true) {
        const auto kind = first.next();
        NARTHEX_CHECK(kind.ok());
        if (*kind == exposition::EntryKind::End) {
            break;
        }
        const bool isSeries = *kind == exposition::EntryKind::Series;
        lines.push_back({first.entryOffset(), first.line().size(),
                         isSeries ? first.seriesText().size() : 0, isSeries ? first.value() : 0,
                         first.type()});
    }
    double sum = 0;
    for (auto _ : state) {
        exposition::TextParser parser(page);
        for (const Line& line : lines) {
            const std::string_view text = std::string_view(last).substr(line.begin, line.size);
            const bool taken = line.series == 0
                                   ? parser.tryMetadataLine(text, line.type)
                                   : parser.trySameLine(text, line.series, line.value) ||
                                         parser.trySeries(text.substr(0, line.series));
            NARTHEX_CHECK(taken);
            sum += line.series == 0 ? 0 : parser.value();
        }
    }
    benchmark::DoNotOptimize(sum);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(page.size()));
}

BENCHMARK(parseFirstSight)->Unit(benchmark::kMillisecond);
BENCHMARK(parseSteady)->Unit(benchmark::kMillisecond);
BENCHMARK(relabelTargets)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(reload)->Unit(benchmark::kMillisecond)->Iterations(10)->UseRealTime();
BENCHMARK(underLoad)
    ->Args({100, 1000, 1})
    ->Args({5000, 300, 15})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kSecond);

} // namespace

int main(int argc, char** argv)
{
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
