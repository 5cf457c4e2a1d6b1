// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `tsdb bench write`: how fast this machine's disk and cores take samples, with the labels of a
// file or made-up ones. Threads: main, and the workers of a pool. Source: spec/http-api.md, 16.
#include "tsdb_commands.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/discovery/json.h"
#include "core/tsdb/db.h"

#include <absl/strings/str_split.h>
#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>

namespace narthex::ctl {
namespace {

using namespace base::literals;

constexpr std::int64_t kInterval = 30'000; // ms between scrapes
constexpr std::size_t kScrapesAtOnce = 100;
constexpr std::size_t kSeriesAtOnce = 1000;

struct BenchFlags
{
    std::string file;
    std::string directory = "benchout";
    std::size_t metrics = 10'000;
    std::size_t scrapes = 3'000;
};

/// One JSON object of labels a line; lines that repeat a set are passed over.
absl::StatusOr<std::vector<model::Labels>> readSeries(const std::string& file, std::size_t limit)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file));
    std::vector<model::Labels> all;
    base::StringSet seen;
    std::size_t number = 0;
    const std::vector<std::string> lines = absl::StrSplit(text, '\n');
    for (const std::string& line : lines) {
        ++number;
        if (all.size() == limit || line.empty()) {
            continue;
        }
        const auto json = discovery::Json::parse(line);
        if (!json.ok() || !json->isObject()) {
            return base::invalidArgument("{}:{}: expected an object of labels, "
                                         "{{\"__name__\":\"a\",\"b\":\"c\"}}",
                                         file, number);
        }
        model::LabelsBuilder labels;
        for (const auto& [name, value] : json->members()) {
            labels.set(name, value.text());
        }
        model::Labels built = labels.build();
        if (seen.insert(built.bytes()).second) {
            all.push_back(std::move(built));
        }
    }
    return all;
}

/// A hundred metrics on as many instances as it takes.
std::vector<model::Labels> makeSeries(std::size_t count)
{
    constexpr std::size_t kMetrics = 100;
    std::vector<model::Labels> all;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string name = fmt::format("bench_metric_{}_total", i % kMetrics);
        const std::string instance = fmt::format("host{}.example.org:9100", i / kMetrics);
        all.push_back({{model::kMetricName, name},
                       {"instance", instance},
                       {"job", "bench"},
                       {"mode", i % 2 == 0 ? "user" : "system"}});
    }
    return all;
}

/// Tells of a stage and how long it took.
absl::StatusOr<double> stage(std::string_view name, const std::function<absl::Status()>& work)
{
    fmt::print(">> start stage={}\n", name);
    const auto start = std::chrono::steady_clock::now();
    NARTHEX_RETURN_IF_ERROR(work());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print(">> completed stage={} duration={:.3f}s\n", name, took.count());
    return took.count();
}

/// Some series with what their samples need, from scrape to scrape.
struct Shard
{
    std::span<const model::Labels> labels;
    std::vector<storage::SeriesRef> refs{};
    std::vector<base::Timestamp> times{};
    std::vector<double> values{};
    std::vector<storage::AppendResult> results{};

    absl::Status scrape(tsdb::Db& db, base::Timestamp time)
    {
        constexpr double kStep = 1000;
        const auto appender = db.appender();
        if (refs.empty()) {
            for (const model::Labels& each : labels) {
                NARTHEX_ASSIGN_OR_RETURN(const storage::SeriesRef ref, appender->seriesFor(each));
                refs.push_back(ref);
            }
            times.resize(refs.size());
            values.resize(refs.size(), 123'456'789);
            results.resize(refs.size());
        }
        std::fill(times.begin(), times.end(), time);
        for (double& value : values) {
            value += kStep;
        }
        appender->appendBatch(refs, times, values, results);
        for (const storage::AppendResult result : results) {
            if (result != storage::AppendResult::Appended) {
                return absl::InternalError("the store did not take a sample");
            }
        }
        return appender->commit();
    }
};

absl::StatusOr<std::uint64_t> ingest(tsdb::Db& db, base::WorkerPool& pool,
                                     const std::vector<model::Labels>& series, std::size_t scrapes)
{
    std::vector<Shard> shards;
    for (std::size_t i = 0; i < series.size(); i += kSeriesAtOnce) {
        shards.push_back(
            {.labels = std::span(series).subspan(i, std::min(kSeriesAtOnce, series.size() - i))});
    }
    absl::Mutex mutex;
    absl::Status status;
    for (std::size_t done = 0; done < scrapes; done += kScrapesAtOnce) {
        const std::size_t count = std::min(kScrapesAtOnce, scrapes - done);
        pool.parallelFor(shards.size(), [&](std::size_t s) {
            absl::Status result;
            for (std::size_t i = 0; i < count && result.ok(); ++i) {
                const auto number = static_cast<std::int64_t>(done + i + 1);
                result = shards[s].scrape(db, {number * kInterval});
            }
            const absl::MutexLock lock(&mutex);
            status.Update(result);
        });
        NARTHEX_RETURN_IF_ERROR(status);
    }
    fmt::print("ingestion completed\n");
    return std::uint64_t{series.size()} * scrapes;
}

absl::Status benchmark(const BenchFlags& flags)
{
    const std::filesystem::path storage = std::filesystem::path(flags.directory) / "storage";
    NARTHEX_RETURN_IF_ERROR(base::removePath(storage));
    base::WorkerPool pool;
    const base::SystemClock clock;
    NARTHEX_ASSIGN_OR_RETURN(const base::LogSetup log, base::LogSetup::create("warn"));
    NARTHEX_ASSIGN_OR_RETURN(const auto db, tsdb::Db::open(storage, {.compactInBackground = false},
                                                           {.pool = pool,
                                                            .clock = clock,
                                                            .log = log.logger("tsdb"),
                                                            .onReplayProgress = {},
                                                            .files = nullptr,
                                                            .onCommit = {}},
                                                           {}));
    std::vector<model::Labels> series;
    const auto readData = [&flags, &series] {
        if (flags.file.empty()) {
            series = makeSeries(flags.metrics);
            return absl::OkStatus();
        }
        auto read = readSeries(flags.file, flags.metrics);
        if (read.ok()) {
            series = *std::move(read);
        }
        return read.status();
    };
    NARTHEX_RETURN_IF_ERROR(stage("readData", readData).status());
    std::uint64_t total = 0;
    NARTHEX_ASSIGN_OR_RETURN(const double seconds, stage("ingestScrapes", [&] {
                                 auto samples = ingest(*db, pool, series, flags.scrapes);
                                 total = samples.value_or(0);
                                 return samples.status();
                             }));
    fmt::print(" > total samples: {}\n > samples/sec: {:.0f}\n", total,
               static_cast<double>(total) / seconds);
    return stage("stopStorage", [&] { return db->close(); }).status();
}

} // namespace

void addTsdbBench(CLI::App& tsdb, int& exitCode)
{
    CLI::App* bench = tsdb.add_subcommand("bench", "Measure the store on this machine.");
    bench->require_subcommand(1);
    CLI::App* write = bench->add_subcommand(
        "write", "Write samples as fast as they go, and tell how many a second that is.");
    auto flags = std::make_shared<BenchFlags>();
    write->add_option("FILE", flags->file,
                      "Series, a JSON object of labels a line (as tsdb dump --format=seriesjson "
                      "prints them); none: made up");
    write
        ->add_option("--out", flags->directory,
                     "Where to write; its folder \"storage\" is replaced")
        ->capture_default_str();
    write->add_option("--metrics", flags->metrics, "How many series")->capture_default_str();
    write->add_option("--scrapes", flags->scrapes, "How many samples for each")
        ->capture_default_str();
    write->footer("Example: narthexctl tsdb bench write --metrics 1000 --scrapes 500");
    write->callback([flags, &exitCode] {
        const absl::Status status = benchmark(*flags);
        exitCode = status.ok() ? kOk : failed(status);
    });
}

} // namespace narthex::ctl
