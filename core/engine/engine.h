// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Owns and wires everything behind the APIs: store, query engine, scraping, this machine's
// collector. The one place with lifetimes. Owner: app. Threads: every function from any thread;
// start(), reload() and stop() come one at a time. Errors: see each function. After start() nothing
// outside ends the engine: it says what is wrong in problems() and runs on.
#pragma once

#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/base/worker_pool.h"
#include "core/config/config.h"
#include "core/discovery/manager.h"
#include "core/engine/alerting.h"
#include "core/engine/problems.h"
#include "core/net/http_client.h"
#include "core/net/io_loop.h"
#include "core/promql/engine.h"
#include "core/push/push_store.h"
#include "core/scrape/manager.h"
#include "core/tsdb/db.h"

#include <absl/status/statusor.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace narthex::state {
class Database;
}

namespace narthex::engine {

using namespace base::literals;

/// What discovery takes from the machine around it; tests put their own in its place.
struct DiscoverySurroundings
{
    std::string resolverFile = "/etc/resolv.conf";
    std::uint16_t dnsPort = 53;
    /// Takes the place of fixed addresses of clouds; empty: none.
    std::string apiBase;
    /// Where fixed paths of the machine begin; empty: at the root.
    std::string rootDirectory;
    /// Variables besides those of the environment.
    std::map<std::string, std::string> variables;
};

/// The groups that short jobs push.
struct PushedOptions
{
    bool enabled = true;
    push::PushOptions store;
};

struct EngineOptions
{
    /// Empty: the built-in configuration (no jobs).
    std::filesystem::path configFile;
    std::filesystem::path dataDirectory;
    /// Used where the configuration says nothing.
    tsdb::DbOptions store;
    promql::EngineOptions query;
    /// What the command line changes of the configuration's defaults.
    config::LoadOptions config;
    /// Reload by itself when the files have changed, looked at this often; absent: not.
    std::optional<base::Duration> autoReload;
    DiscoverySurroundings surroundings;
    /// Targets of discovery are looked at this often at most.
    base::Duration discoveryReloadInterval = scrape::ScrapeManager::kDefaultReloadInterval;
    scrape::TimestampAlignment alignment;
    scrape::StartTimes startTimes;
    bool typeAndUnitLabels = false;
    AlertingOptions alerting;
    /// How long remote write goes on sending when it ends or is configured anew.
    base::Duration remoteFlushDeadline = 1_min;
    PushedOptions push;
    /// Collect this machine's metrics as job "node".
    bool collectHost = false;
    /// Absent: the global scrape interval.
    std::optional<base::Duration> hostInterval;
    /// A configuration that does not load ends start() with its error; otherwise it becomes a
    /// problem and the engine runs without jobs.
    bool requireConfig = true;
};

enum class State : std::uint8_t
{
    Off,
    Starting,
    Replaying,
    Collecting,
    Stopping,
    Failed
};

struct EngineStatus
{
    State state = State::Off;
    tsdb::ReplayProgress replay;
    double samplesPerSecond = 0;
    tsdb::DbStats store;
    std::optional<base::Timestamp> startedAt;
    scrape::ScrapeManager::Summary targets;
    std::vector<Problem> problems;
};

class Remote;
class StoreGate;

class Engine
{
public:
    /// What the engine runs on; all of it outlives the engine.
    struct Environment
    {
        net::IoLoop& loop;
        base::WorkerPool& pool;
        base::Timers& timers;
        const base::LogSetup& log;
    };

    Engine(EngineOptions options, Environment environment);
    /// stop().
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Loads the configuration, then opens the store in the background: state() goes Starting,
    /// Replaying, Collecting. Errors: the configuration's, when it is required.
    absl::Status start();
    /// Reads the configuration again. All or nothing: on an error the old one stays in force and
    /// the error becomes a problem.
    absl::Status reload();
    /// Stops scraping, closes the store. Bounded by the work at hand. Safe to call twice.
    void stop();

    [[nodiscard]] State state() const { return state_.load(); }
    [[nodiscard]] bool ready() const { return state_.load() == State::Collecting; }
    [[nodiscard]] EngineStatus status() const;
    [[nodiscard]] std::shared_ptr<const config::Config> configuration() const;
    [[nodiscard]] bool lastReloadSucceeded() const { return lastReloadOk_.load(); }
    [[nodiscard]] base::Timestamp lastReloadTime() const { return {lastReloadMs_.load()}; }

    /// What queries read: the store, and what `remote_read` names. Fails with Unavailable until the
    /// store is open.
    [[nodiscard]] const storage::Queryable& queryable() const;
    /// The store alone.
    [[nodiscard]] const storage::Queryable& localQueryable() const;
    /// Where what is received goes. Only while ready().
    [[nodiscard]] storage::Appendable& appendable() const;
    [[nodiscard]] const promql::Engine& queries() const { return queries_; }
    [[nodiscard]] scrape::ScrapeManager& scraping() { return scraping_; }
    [[nodiscard]] const discovery::Manager& discovery() const { return discovery_; }
    [[nodiscard]] Alerting& alerting() { return alerting_; }
    [[nodiscard]] const Remote& remote() const { return *remote_; }
    [[nodiscard]] const discovery::Metrics& discoveryMetrics() const { return discoveryMetrics_; }
    [[nodiscard]] const scrape::ScrapeCounters& counters() const { return counters_; }
    /// For work that blocks on queries, so that scrapes never wait behind it.
    [[nodiscard]] base::WorkerPool& requestPool() { return requestPool_; }
    [[nodiscard]] const base::Clock& clock() const { return environment_.timers.clock(); }
    [[nodiscard]] const EngineOptions& options() const { return options_; }
    [[nodiscard]] ChangeHub& changes() { return changes_; }

    /// Problems of parts outside the engine (the listener).
    void setProblem(std::string id, Severity severity, std::string source, std::string message,
                    std::optional<base::Position> position = std::nullopt);
    void clearProblem(std::string_view id);

    /// What the store runs with under a configuration.
    [[nodiscard]] tsdb::LiveOptions liveOptions(const config::Config& config) const;
    /// What jobs have pushed; null until the store is open, and when it is switched off.
    [[nodiscard]] std::shared_ptr<push::PushStore> pushed() const;
    /// What pushes must fit to, for as long as `families` is set.
    void setOwnFamilies(std::function<std::vector<exposition::MetricFamily>()> families);
    /// The open store. Errors: Unavailable until it is open.
    [[nodiscard]] absl::StatusOr<std::shared_ptr<tsdb::Db>> store() const;

private:
    static constexpr std::string_view kConfigProblem = "configuration.load";

    struct Loaded
    {
        config::Config config;
        Alerting::Plan alerting;
    };
    /// The file, with everything that it names looked at; the built-in one if there is none.
    [[nodiscard]] absl::StatusOr<Loaded> loadConfiguration() const;
    void applyAlerting(Alerting::Plan plan);
    void startAlerting();
    [[nodiscard]] std::unique_ptr<Remote> makeRemote();
    void applyRemote(const config::Config& config);
    [[nodiscard]] std::vector<Problem> alertingProblems() const;
    [[nodiscard]] discovery::ProviderEnvironment discoveryEnvironment();
    [[nodiscard]] std::string fingerprintOf(const config::Config& config, bool onDisk) const;
    void watchFiles();
    void reloadIfChanged();
    void applyConfiguration(std::shared_ptr<const config::Config> config);
    void openStore(std::stop_token stop);
    void openActiveQueries();
    /// Opens it anew each time, as whoever rotates logs expects. Empty: no log.
    void openQueryLog(const std::string& file);
    absl::Status tryOpen(std::stop_token stop);
    void setState(State state);
    void watch();
    void reportWrites(const tsdb::Db& db);
    void noteRun(bool clean);
    /// Scrapes what the configuration and this process ask for, from now on.
    void applyJobs(const config::Config& config);
    void openPushed();
    [[nodiscard]] scrape::InternalJob hostJob(const config::Config& config) const;

    // Fixed after construction.
    const EngineOptions options_;
    const Environment environment_;
    const base::Logger log_;

    // Safe by themselves.
    std::atomic<State> state_{State::Off};
    std::atomic<double> samplesPerSecond_{0};
    std::atomic<bool> lastReloadOk_{true};
    std::atomic<std::int64_t> lastReloadMs_{0};
    std::atomic<std::int64_t> startedMs_{0};
    ProblemBoard problems_;
    ChangeHub changes_;
    base::WorkerPool requestPool_;
    promql::Engine queries_;
    const std::unique_ptr<StoreGate> store_;
    scrape::ScrapeCounters counters_;
    net::HttpClient client_;
    scrape::ScrapeManager scraping_;
    discovery::Metrics discoveryMetrics_;
    /// Targets that are published for a configuration whose jobs are not there yet come later.
    std::atomic<bool> applying_{false};
    discovery::Manager discovery_;
    const std::unique_ptr<Remote> remote_;
    Alerting alerting_;

    /// One reload at a time, whoever asks for it.
    absl::Mutex reloadMutex_;
    mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(reloadMutex_);
    std::shared_ptr<const config::Config> config_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> watchTimer_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> fileTimer_ ABSL_GUARDED_BY(mutex_);
    /// Of the files that were loaded last; empty: not known.
    std::string fingerprint_ ABSL_GUARDED_BY(mutex_);
    /// When each problem of alerting was seen first, by its id.
    mutable std::map<std::string, base::Timestamp> alertingSince_ ABSL_GUARDED_BY(mutex_);
    int fileChecks_ ABSL_GUARDED_BY(mutex_) = 0; // under way
    tsdb::ReplayProgress replayProgress_ ABSL_GUARDED_BY(mutex_);
    std::uint64_t lastSamples_ ABSL_GUARDED_BY(mutex_) = 0;
    base::Duration lastWatch_ ABSL_GUARDED_BY(mutex_);
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

    mutable absl::Mutex pushMutex_;
    std::shared_ptr<push::PushStore> pushed_ ABSL_GUARDED_BY(pushMutex_);
    std::function<std::vector<exposition::MetricFamily>()> ownFamilies_ ABSL_GUARDED_BY(pushMutex_);

    // Touched by the opening thread, then by stop().
    std::unique_ptr<state::Database> stateDatabase_;
    std::int64_t runId_ = 0;
    std::jthread opener_;
};

/// "Starting", "Replaying", …
std::string_view stateText(State state);

} // namespace narthex::engine
