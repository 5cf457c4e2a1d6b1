// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Our side of the comparison with other servers: makes a data directory of blocks that they can
// open, too, prints it in the form that VictoriaMetrics imports, and runs queries on it.
//   bench_query make DIRECTORY SERIES        three blocks of 2 h, a sample every 15 s
//   bench_query export DIRECTORY             one line of JSON a series
//   bench_query run DIRECTORY THREADS RUNS   queries from the input: NAME TAB START TAB END TAB
//   STEP
//                                            TAB TEXT, times in seconds; step 0 is an instant query
// A line of `run`: name, best and median wall time, best processor time (all in milliseconds),
// series, points, sum of the values. Threads: THREADS, the calling one among them.
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/promql/engine.h"
#include "core/tsdb/backfill.h"
#include "core/tsdb/read_only_db.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>
#include <iostream>
#include <malloc.h>
#include <random>
#include <string>

using namespace narthex;
using namespace narthex::base::literals;

namespace {

/// A multiple of the length of a block.
constexpr std::int64_t kStartMs = 1'700'006'400'000;
constexpr std::int64_t kBlockMs = 2 * 3'600'000;
constexpr std::int64_t kScrapeMs = 15'000;
constexpr int kBlocks = 3;
constexpr std::array<std::string_view, 10> kBounds = {"0.005", "0.01", "0.025", "0.05", "0.1",
                                                      "0.25",  "0.5",  "1",     "2.5",  "+Inf"};

template <typename T>
T must(absl::StatusOr<T> result)
{
    if (!result.ok()) {
        std::cerr << result.status().ToString() << '\n';
        std::exit(1);
    }
    return *std::move(result);
}
void must(const absl::Status& status)
{
    if (!status.ok()) {
        std::cerr << status.ToString() << '\n';
        std::exit(1);
    }
}

/// Ten series of each kind: counters with resets, gauges, buckets of a histogram; and one of
/// information. Scraped at its own place inside the interval, as servers spread their targets.
class Target
{
public:
    explicit Target(std::size_t number) : random_(number), number_(number)
    {
        for (double& gauge : gauges_) {
            gauge = static_cast<double>(random_() % 10'000) / 100;
        }
    }

    void fill(tsdb::BlockBuilder& block, std::int64_t from)
    {
        std::array<tsdb::BlockBuilder::Series, 31> series{};
        for (std::size_t i = 0; i < 10; ++i) {
            const std::string part = std::to_string(i);
            series[i] = must(block.seriesFor(labels("x_total", "cpu", part)));
            series[10 + i] = must(block.seriesFor(labels("g", "device", part)));
            series[20 + i] = must(block.seriesFor(labels("b_bucket", "le", kBounds[i])));
        }
        series[30] = must(
            block.seriesFor(labels("build_info", "version", fmt::format("1.{}", number_ % 4))));
        // Never on the edge of a window: older servers count the sample on its left edge, too.
        const auto offset = 1 + static_cast<std::int64_t>(number_ * 7919 % (kScrapeMs - 1));
        for (std::int64_t time = from + offset; time < from + kBlockMs; time += kScrapeMs) {
            step();
            for (std::size_t i = 0; i < 10; ++i) {
                must(block.add(series[i], time, counters_[i]));
                must(block.add(series[10 + i], time, gauges_[i]));
                must(block.add(series[20 + i], time, buckets_[i]));
            }
            must(block.add(series[30], time, 1));
        }
    }

private:
    [[nodiscard]] model::Labels labels(std::string_view name, std::string_view label,
                                       std::string_view value) const
    {
        const std::string instance = fmt::format("host-{:04}.example.org:9100", number_);
        const std::string job = fmt::format("job{}", number_ % 10);
        return {{"__name__", name}, {"instance", instance}, {"job", job}, {label, value}};
    }

    void step()
    {
        for (std::size_t i = 0; i < 10; ++i) {
            const std::uint64_t draw = random_();
            counters_[i] = draw % 2000 == 0 ? 0 : counters_[i] + static_cast<double>(draw % 100);
            const double moved = gauges_[i] + static_cast<double>(draw / 4096 % 201) / 100 - 1;
            gauges_[i] = std::round(std::abs(moved) * 100) / 100;
        }
        // Requests of this interval, by duration.
        double cumulative = 0;
        for (std::size_t i = 0; i < 10; ++i) {
            cumulative += static_cast<double>(random_() % (20 - i));
            buckets_[i] += cumulative;
        }
    }

    std::mt19937_64 random_;
    const std::size_t number_;
    std::array<double, 10> counters_{};
    std::array<double, 10> gauges_{};
    std::array<double, 10> buckets_{};
};

int make(const std::string& directory, std::size_t series)
{
    const base::SystemClock clock;
    std::vector<Target> targets;
    for (std::size_t i = 0; i < series / 10; ++i) {
        targets.emplace_back(i);
    }
    for (int i = 0; i < kBlocks; ++i) {
        const std::int64_t from = kStartMs + i * kBlockMs;
        tsdb::BlockBuilder block(from, kBlockMs);
        for (Target& target : targets) {
            target.fill(block, from);
        }
        must(block.write(directory, clock).status());
    }
    return 0;
}

class Store
{
public:
    Store(const std::string& directory, std::size_t threads) : pool_(threads)
    {
        db_ = must(tsdb::ReadOnlyDb::open(directory, {.withHead = false},
                                          {pool_, base::nullLogger()}, {}));
    }
    [[nodiscard]] const storage::Queryable& db() const { return *db_; }
    [[nodiscard]] base::WorkerPool& pool() { return pool_; }

private:
    base::WorkerPool pool_;
    std::unique_ptr<tsdb::ReadOnlyDb> db_;
};

int exportAll(const std::string& directory)
{
    Store store(directory, 1);
    const auto querier = must(store.db().querier({kStartMs}, {kStartMs + kBlocks * kBlockMs}));
    const auto anything = must(model::Matcher::create(model::MatchType::NotEqual, "__name__", ""));
    const auto set = must(querier->select({}, {anything}, {}));
    std::vector<std::shared_ptr<const storage::Series>> series;
    storage::SampleColumns columns;
    for (must(set->next(1, series)); !series.empty(); must(set->next(1, series))) {
        columns.clear();
        must(series[0]->read({kStartMs}, {kStartMs + kBlocks * kBlockMs}, columns));
        std::string line = R"({"metric":{)";
        for (const model::LabelView label : series[0]->labels()) {
            line += fmt::format(R"({}"{}":"{}")", line.ends_with('{') ? "" : ",", label.name,
                                label.value);
        }
        line += fmt::format(R"(}},"values":[{}],"timestamps":[{}]}})",
                            fmt::join(columns.values, ","), fmt::join(columns.times, ","));
        std::cout << line << '\n';
        series.clear();
    }
    return 0;
}

struct Query
{
    std::string name;
    base::Timestamp start;
    base::Timestamp end;
    base::Duration step;
    std::string text;
};

std::optional<Query> nextQuery()
{
    Query query;
    std::array<std::string, 3> times;
    if (!std::getline(std::cin, query.name, '\t')) {
        return std::nullopt;
    }
    for (std::string& time : times) {
        std::getline(std::cin, time, '\t');
    }
    std::getline(std::cin, query.text);
    query.start.ms = std::stoll(times[0]) * 1000;
    query.end.ms = std::stoll(times[1]) * 1000;
    query.step = base::Duration::fromMs(std::stoll(times[2]) * 1000);
    return query;
}

/// Of all threads together.
double processorMs()
{
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

struct Answer
{
    std::size_t series = 0;
    std::size_t points = 0;
    double sum = 0;

    void add(double value)
    {
        ++points;
        sum += std::isfinite(value) ? value : 0;
    }
};

Answer summary(const promql::Value& value)
{
    Answer answer;
    if (const auto* matrix = std::get_if<promql::Matrix>(&value)) {
        for (const auto& series : *matrix) {
            ++answer.series;
            for (const auto& point : series.points) {
                answer.add(point.value);
            }
        }
    } else if (const auto* vector = std::get_if<promql::Vector>(&value)) {
        for (const auto& element : *vector) {
            ++answer.series;
            answer.add(element.value);
        }
    }
    return answer;
}

void measure(const promql::Engine& engine, const storage::Queryable& db, const Query& query,
             std::size_t runs)
{
    // An instant query is too short for the clock: many of them count as one run.
    const bool instant = query.step.ns == 0;
    const std::size_t repeats = instant ? 1000 : 1;
    std::vector<double> walls;
    std::vector<double> processors;
    Answer answer;
    for (std::size_t run = 0; run < runs; ++run) {
        const double processorBefore = processorMs();
        const auto before = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < repeats; ++i) {
            const promql::Result result = must(
                instant ? engine.instant(db, query.text, query.start, {}, {})
                        : engine.range(db, query.text, query.start, query.end, query.step, {}, {}));
            answer = summary(result.value);
        }
        const std::chrono::duration<double, std::milli> wall =
            std::chrono::steady_clock::now() - before;
        walls.push_back(wall.count() / static_cast<double>(repeats));
        processors.push_back((processorMs() - processorBefore) / static_cast<double>(repeats));
    }
    std::sort(walls.begin(), walls.end());
    fmt::print("{}\t{:.4f}\t{:.4f}\t{:.4f}\t{}\t{}\t{:.9g}\n", query.name, walls.front(),
               walls[walls.size() / 2], *std::min_element(processors.begin(), processors.end()),
               answer.series, answer.points, answer.sum);
    std::fflush(stdout);
}

int run(const std::string& directory, std::size_t threads, std::size_t runs)
{
    // parallelFor works on the calling thread as well; a pool of one thread beside it would be two.
    Store store(directory, std::max<std::size_t>(threads - 1, 1));
    const base::SystemClock clock;
    const promql::Engine engine({}, store.pool(), clock);
    fmt::print("ready\n");
    std::fflush(stdout);
    for (auto query = nextQuery(); query; query = nextQuery()) {
        measure(engine, store.db(), *query, runs);
        malloc_trim(0);
    }
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    // Debian's Abseil looks for lock cycles unless told otherwise; the programs turn it off, too.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 3 && arguments[0] == "make") {
        return make(arguments[1], std::stoul(arguments[2]));
    }
    if (arguments.size() == 2 && arguments[0] == "export") {
        return exportAll(arguments[1]);
    }
    if (arguments.size() == 4 && arguments[0] == "run") {
        return run(arguments[1], std::stoul(arguments[2]), std::stoul(arguments[3]));
    }
    std::cerr
        << "bench_query make DIRECTORY SERIES | export DIRECTORY | run DIRECTORY THREADS RUNS\n";
    return 2;
}
