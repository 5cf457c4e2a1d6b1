// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/engine.h"

#include "narthex_version.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/engine/remote.h"
#include "core/engine/store_gate.h"
#include "core/host/collector.h"
#include "core/state/database.h"
#include "core/state/state_writer.h"

#include <array>
#include <unistd.h>
#include <vector>

namespace narthex::engine {
namespace {

constexpr std::string_view kOpenProblem = "storage.open";
constexpr std::string_view kWriteProblem = "storage.write";
constexpr base::Duration kWatchInterval = 1_s;
constexpr base::Duration kOpenAgainAfter = 5_s;

/// Ours, then those of the Alertmanager, then those of pushes: the order never changes, new ones
/// come behind.
std::vector<state::Migration> stateSchema()
{
    std::vector<state::Migration> all{
        {1, "CREATE TABLE engine_runs (id INTEGER PRIMARY KEY, started_ms INTEGER NOT NULL, "
            "last_seen_ms INTEGER NOT NULL, "
            "stopped_cleanly INTEGER NOT NULL DEFAULT 0)"}};
    for (const state::Migration& migration : alertmanager::migrations()) {
        all.push_back({static_cast<int>(all.size()) + 1, migration.sql});
    }
    for (const state::Migration& migration : push::migrations()) {
        all.push_back({static_cast<int>(all.size()) + 1, migration.sql});
    }
    return all;
}

} // namespace

std::string_view stateText(State state)
{
    switch (state) {
    case State::Off:
        return "Off";
    case State::Starting:
        return "Starting";
    case State::Replaying:
        return "Replaying";
    case State::Collecting:
        return "Collecting";
    case State::Stopping:
        return "Stopping";
    case State::Failed:
        return "Failed";
    }
    return "";
}

namespace {

/// One problem a job whose targets are down: the first target's error stands for all.
std::vector<Problem> targetProblems(const std::vector<scrape::Failure>& failures)
{
    std::vector<Problem> problems;
    for (std::size_t i = 0; i < failures.size();) {
        std::size_t end = i;
        base::Timestamp since = failures[i].since;
        for (; end < failures.size() && failures[end].job == failures[i].job; ++end) {
            since = std::min(since, failures[end].since);
        }
        const std::string which = end - i == 1 ? fmt::format("{} is down", failures[i].instance)
                                               : fmt::format("{} and {} more are down",
                                                             failures[i].instance, end - i - 1);
        problems.push_back(
            {.id = "targets." + failures[i].job,
             .severity = Severity::Error,
             .source = "targets",
             .message = fmt::format("{}: {}: {}", failures[i].job, which, failures[i].error),
             .since = since});
        i = end;
    }
    return problems;
}

} // namespace

namespace {

AlertingOptions withIdentity(AlertingOptions options)
{
    alertmanager::AlertmanagerOptions& manager = options.alertmanager;
    manager.userAgent = "Narthex/" NARTHEX_VERSION;
    manager.version = NARTHEX_VERSION;
    manager.hostName = host::HostCollector::hostName();
    manager.externalUrl = options.externalUrl;
    return options;
}

} // namespace

Engine::Engine(EngineOptions options, Environment environment)
    : options_(std::move(options)),
      environment_(environment),
      log_(environment.log.logger("engine")),
      changes_(environment.timers),
      queries_(options_.query, environment.pool, environment.timers.clock()),
      store_(std::make_unique<StoreGate>(*this)),
      client_(environment.loop, "Narthex/" NARTHEX_VERSION),
      scraping_({.timers = environment.timers,
                 .pool = environment.pool,
                 .store = *store_,
                 .counters = counters_,
                 .log = environment.log.logger("scrape"),
                 .onScraped =
                     [this] {
                         changes_.post(Change::Samples);
                         changes_.post(Change::Targets);
                     },
                 .startTimes = options_.startTimes,
                 .typeAndUnitLabels = options_.typeAndUnitLabels,
                 .customBuckets = !options_.store.readableBy242,
                 .alignment = options_.alignment},
                client_, options_.discoveryReloadInterval),
      discovery_("scrape", discoveryEnvironment(),
                 [this](std::shared_ptr<const discovery::TargetSets> sets) {
                     if (!applying_) {
                         scraping_.update(std::move(sets));
                         changes_.post(Change::Targets);
                     }
                 }),
      remote_(makeRemote()),
      alerting_(withIdentity(options_.alerting),
                {.queries = queries_,
                 .reading = remote_->queryable(),
                 .writing = *store_,
                 .timers = environment.timers,
                 .pool = environment.pool,
                 .loop = environment.loop,
                 .client = client_,
                 .discovery = discoveryEnvironment(),
                 .log = environment.log,
                 .onChange = [this] { changes_.post(Change::Alerts); }})
{}

discovery::ProviderEnvironment Engine::discoveryEnvironment()
{
    return {.http = client_,
            .clock = clock(),
            .log = environment_.log.logger("discovery"),
            .metrics = discoveryMetrics_,
            .resolverFile = options_.surroundings.resolverFile,
            .dnsPort = options_.surroundings.dnsPort,
            .apiBase = options_.surroundings.apiBase,
            .variable =
                [this](const std::string& name) {
                    const auto& own = options_.surroundings.variables;
                    if (const auto found = own.find(name); found != own.end()) {
                        return found->second;
                    }
                    const char* value = std::getenv( // NOLINT(concurrency-mt-unsafe)
                        name.c_str());
                    return std::string(value == nullptr ? "" : value);
                },
            .rootDirectory = options_.surroundings.rootDirectory};
}

Engine::~Engine() { stop(); }

absl::Status Engine::start()
{
    setState(State::Starting);
    startedMs_ = clock().now().ms;
    auto loaded = loadConfiguration();
    if (!loaded.ok()) {
        if (options_.requireConfig) {
            setState(State::Failed);
            return base::annotate(loaded.status(),
                                  fmt::format("couldn't load configuration (--config.file=\"{}\")",
                                              options_.configFile.string()));
        }
        setProblem(std::string(kConfigProblem), Severity::Error, "configuration",
                   std::string(base::messageOf(loaded.status())),
                   base::positionOf(loaded.status()));
        lastReloadOk_ = false;
        loaded = Loaded{.config = config::builtIn(), .alerting = {}};
    }
    applyConfiguration(std::make_shared<const config::Config>(std::move(loaded->config)));
    applyAlerting(std::move(loaded->alerting));
    if (lastReloadOk_ && options_.autoReload) {
        const std::string print = fingerprintOf(*configuration(), false);
        const absl::MutexLock lock(&mutex_);
        fingerprint_ = print;
    }
    watchFiles();
    opener_ = std::jthread([this](std::stop_token stop) { openStore(stop); });
    return absl::OkStatus();
}

// Keeps trying while the disk is full or another process holds the directory: both end without a
// restart of this program.
void Engine::openStore(std::stop_token stop)
{
    while (!stop.stop_requested()) {
        const absl::Status status = tryOpen(stop);
        if (status.ok() || absl::IsCancelled(status)) {
            return;
        }
        setProblem(std::string(kOpenProblem), Severity::Error, "storage",
                   std::string(base::messageOf(status)));
        log_->error("engine: the store does not open err=\"{}\"", base::messageOf(status));
        setState(State::Failed);
        absl::Mutex mutex;
        absl::CondVar wake;
        const std::stop_callback onStop(stop, [&] {
            absl::MutexLock lock(&mutex);
            wake.SignalAll();
        });
        absl::MutexLock lock(&mutex);
        if (!stop.stop_requested()) {
            wake.WaitWithTimeout(&mutex, absl::Nanoseconds(kOpenAgainAfter.ns));
        }
    }
}

tsdb::LiveOptions Engine::liveOptions(const config::Config& config) const
{
    tsdb::LiveOptions live = options_.store.live;
    live.outOfOrderWindow = config.storage.outOfOrderWindow;
    live.staleSeriesThreshold = config.storage.staleSeriesThreshold;
    if (config.storage.maxExemplars) {
        live.maxExemplars = *config.storage.maxExemplars;
    }
    if (const auto& retention = config.storage.retention) {
        live.retention = retention->time;
        live.retentionBytes = retention->bytes;
        live.retentionPercent = retention->percent;
    }
    return live;
}

absl::Status Engine::tryOpen(std::stop_token stop)
{
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(options_.dataDirectory));
    const auto config = configuration();
    tsdb::DbOptions storeOptions = options_.store;
    storeOptions.live = liveOptions(*config);
    if (config->storage.useXor2) {
        storeOptions.floatEncoding =
            *config->storage.useXor2 ? tsdb::FloatEncoding::Xor2 : tsdb::FloatEncoding::Xor;
    }
    setState(State::Replaying);
    auto db = tsdb::Db::open(options_.dataDirectory, storeOptions,
                             {.pool = environment_.pool,
                              .clock = clock(),
                              .log = environment_.log.logger("tsdb"),
                              .onReplayProgress =
                                  [this](const tsdb::ReplayProgress& progress) {
                                      {
                                          absl::MutexLock lock(&mutex_);
                                          replayProgress_ = progress;
                                      }
                                      changes_.post(Change::Status);
                                  },
                              .onCommit = [this] { remote_->notify(); }},
                             stop);
    NARTHEX_RETURN_IF_ERROR(db.status());
    const auto stateFolder = options_.dataDirectory / "narthex.d";
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(stateFolder));
    NARTHEX_ASSIGN_OR_RETURN(stateDatabase_,
                             state::Database::open(stateFolder / "state.sqlite", stateSchema()));
    store_->set(std::shared_ptr<tsdb::Db>(*std::move(db)));
    openActiveQueries();
    openPushed();
    noteRun(false);
    clearProblem(kOpenProblem);
    NARTHEX_RETURN_IF_ERROR(remote_->start(store_->get()));
    const std::vector<tsdb::SetAside> setAside = store_->get()->setAside();
    for (std::size_t i = 0; i < setAside.size(); ++i) {
        setProblem(fmt::format("store-set-aside-{}", i), Severity::Warning, "storage",
                   fmt::format("not used: {} (set aside as {})", setAside[i].reason,
                               setAside[i].path.string()));
    }
    setState(State::Collecting);
    log_->info("engine: ready directory={} series={}", options_.dataDirectory.string(),
               store_->get()->stats().series);
    applyConfiguration(configuration());
    startAlerting();
    watch();
    return absl::OkStatus();
}

// One row a run: when it began, when it was last alive, whether it ended in order. Gaps between
// runs are times without data.
void Engine::noteRun(bool clean)
{
    if (!stateDatabase_) {
        return;
    }
    const std::int64_t now = clock().now().ms;
    const absl::Status status = stateDatabase_->write([&](state::Connection& connection) {
        if (runId_ == 0) {
            const std::array<state::Cell, 2> cells = {state::Cell(now), state::Cell(now)};
            return connection.execute(
                "INSERT INTO engine_runs (started_ms, last_seen_ms) VALUES (?, ?) RETURNING id",
                cells, [this](std::span<const state::Cell> row) {
                    runId_ = std::get<std::int64_t>(row[0]);
                });
        }
        const std::array<state::Cell, 3> cells = {
            state::Cell(now), state::Cell(std::int64_t{clean ? 1 : 0}), state::Cell(runId_)};
        return connection.execute(
            "UPDATE engine_runs SET last_seen_ms = ?, stopped_cleanly = ? WHERE id = ?", cells);
    });
    if (!status.ok()) {
        log_->warn("engine: state not written err=\"{}\"", base::messageOf(status));
    }
}

void Engine::watch()
{
    const auto db = store_->get();
    if (!db) {
        return;
    }
    const std::uint64_t samples = db->stats().samplesAppended;
    const base::Duration now = clock().monotonic();
    reportWrites(*db);
    absl::MutexLock lock(&mutex_);
    if (stopped_) {
        return;
    }
    if (lastWatch_.ns != 0 && now > lastWatch_) {
        // Scrapes come in bursts: smooth over some ten seconds.
        constexpr double kWeight = 0.15;
        const double rate =
            static_cast<double>(samples - lastSamples_) / (now - lastWatch_).seconds();
        const double old = samplesPerSecond_.load();
        samplesPerSecond_ = old == 0 ? rate : old + kWeight * (rate - old);
    }
    lastSamples_ = samples;
    lastWatch_ = now;
    changes_.post(Change::Status);
    watchTimer_ = environment_.timers.schedule(kWatchInterval, [this] { watch(); });
}

void Engine::reportWrites(const tsdb::Db& db)
{
    const absl::Status status = db.writeStatus();
    if (status.ok()) {
        clearProblem(kWriteProblem);
        return;
    }
    const std::string remedy = absl::IsResourceExhausted(status)
                                   ? " (free some space: collecting goes on by itself)"
                                   : " (collecting goes on when writing works again)";
    setProblem(std::string(kWriteProblem), Severity::Error, "storage",
               fmt::format("samples are not being stored: {}{}", base::messageOf(status), remedy));
}

void Engine::stop()
{
    std::optional<base::TimerId> timer;
    std::optional<base::TimerId> fileTimer;
    {
        absl::MutexLock lock(&mutex_);
        if (std::exchange(stopped_, true)) {
            return;
        }
        timer = watchTimer_;
        fileTimer = fileTimer_;
    }
    if (fileTimer) {
        environment_.timers.cancel(*fileTimer);
    }
    {
        const absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(
            +[](Engine* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->fileChecks_ == 0; },
            this));
    }
    if (opener_.joinable()) {
        opener_.request_stop();
        opener_.join();
    }
    setState(State::Stopping);
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    if (const auto pushed = this->pushed()) {
        pushed->stop();
    }
    discovery_.stop();
    scraping_.stop();
    alerting_.stop();
    remote_->stop();
    if (const auto db = store_->get()) {
        if (const absl::Status status = db->close(); !status.ok()) {
            log_->error("engine: closing the store failed err=\"{}\"", base::messageOf(status));
        }
        noteRun(true);
        log_->info("engine: stopped directory={}", options_.dataDirectory.string());
    }
    setState(State::Off);
}

void Engine::setState(State state)
{
    state_ = state;
    changes_.post(Change::Status);
}

EngineStatus Engine::status() const
{
    EngineStatus status{.state = state(),
                        .samplesPerSecond = samplesPerSecond_.load(),
                        .targets = scraping_.summary(),
                        .problems = problems_.list()};
    {
        absl::MutexLock lock(&mutex_);
        status.replay = replayProgress_;
    }
    for (Problem& problem : targetProblems(scraping_.failures())) {
        status.problems.push_back(std::move(problem));
    }
    for (const discovery::ProviderStatus& provider : discovery_.status()) {
        if (!provider.lastError.empty()) {
            status.problems.push_back(
                {.id = "discovery-" + provider.name,
                 .source = "discovery",
                 .message =
                     fmt::format("{} of {}: {} (targets found before stay)", provider.mechanism,
                                 fmt::join(provider.sets, ", "), provider.lastError),
                 .since =
                     provider.lastSuccess.value_or(provider.lastAttempt.value_or(clock().now()))});
        }
    }
    for (Problem& problem : alertingProblems()) {
        status.problems.push_back(std::move(problem));
    }
    for (Problem& problem : remote_->problems()) {
        status.problems.push_back(std::move(problem));
    }
    if (const std::int64_t started = startedMs_.load(); started != 0) {
        status.startedAt = base::Timestamp{started};
    }
    if (const auto db = store_->get()) {
        status.store = db->stats();
    }
    return status;
}

std::shared_ptr<const config::Config> Engine::configuration() const
{
    absl::MutexLock lock(&mutex_);
    return config_;
}

absl::StatusOr<std::shared_ptr<tsdb::Db>> Engine::store() const
{
    auto db = store_->get();
    if (!db) {
        return base::unavailable("the store is not open yet ({})", stateText(state()));
    }
    return db;
}

const storage::Queryable& Engine::queryable() const { return remote_->queryable(); }

const storage::Queryable& Engine::localQueryable() const { return *store_; }

storage::Appendable& Engine::appendable() const { return *store_; }

void Engine::setProblem(std::string id, Severity severity, std::string source, std::string message,
                        std::optional<base::Position> position)
{
    const bool changed = problems_.set({.id = std::move(id),
                                        .severity = severity,
                                        .source = std::move(source),
                                        .message = std::move(message),
                                        .position = std::move(position),
                                        .since = clock().now()});
    if (changed) {
        changes_.post(Change::Status);
    }
}

void Engine::clearProblem(std::string_view id)
{
    if (problems_.clear(id)) {
        changes_.post(Change::Status);
    }
}

} // namespace narthex::engine
