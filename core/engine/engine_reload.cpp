// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Engine: how a configuration comes in force, again and again.
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/engine/engine.h"
#include "core/engine/host_source.h"
#include "core/engine/push_source.h"
#include "core/engine/remote.h"
#include "core/engine/store_gate.h"
#include "core/host/collector.h"

namespace narthex::engine {
namespace {

constexpr std::string_view kWarningPrefix = "configuration.warning.";

/// Scrape offsets differ between machines and between replicas with other external labels.
std::uint64_t offsetSeed(const config::Config& config)
{
    return base::fnv1a64(host::HostCollector::hostName() + config.externalLabelsText());
}

} // namespace

scrape::InternalJob Engine::hostJob(const config::Config& config) const
{
    scrape::JobConfig job{.jobName = "node",
                          .interval =
                              options_.hostInterval.value_or(config.global.scrape.interval)};
    job.timeout = std::min(job.timeout, job.interval);
    job.metricsPath = "/host/metrics";
    const base::Logger log = environment_.log.logger("host");
    return {.job = std::make_shared<const scrape::JobConfig>(std::move(job)),
            .instance = host::HostCollector::hostName(),
            .makeSource = [this, log] { return makeHostSource(environment_.pool, clock(), log); }};
}

void Engine::applyConfiguration(std::shared_ptr<const config::Config> config)
{
    {
        absl::MutexLock lock(&mutex_);
        config_ = config;
    }
    lastReloadMs_ = clock().now().ms;
    openQueryLog(config->global.queryLogFile);
    for (std::size_t i = 0; i < config->warnings.size(); ++i) {
        log_->warn("engine: configuration warning=\"{}\"", config->warnings[i]);
        setProblem(fmt::format("{}{}", kWarningPrefix, i), Severity::Warning, "configuration",
                   config->warnings[i]);
    }
    const bool converts =
        std::any_of(config->jobs.begin(), config->jobs.end(),
                    [](const auto& job) { return job->convertClassicHistograms; });
    if (converts && options_.store.readableBy242) {
        setProblem(fmt::format("{}nhcb", kWarningPrefix), Severity::Warning, "configuration",
                   "convert_classic_histograms_to_nhcb has no effect: histograms with custom "
                   "buckets are written only with --storage.prometheus3-formats (Prometheus 2 "
                   "cannot read them); classic histograms are stored as they are");
    }
    applyRemote(*config);
    if (!ready()) {
        return; // scraping starts with the store
    }
    if (const absl::Status status = store_->get()->reconfigure(liveOptions(*config));
        !status.ok()) {
        setProblem(fmt::format("{}storage", kWarningPrefix), Severity::Error, "configuration",
                   std::string(base::messageOf(status)));
    }
    applyJobs(*config);
    changes_.post(Change::Configuration);
}

void Engine::applyJobs(const config::Config& config)
{
    // A configured job "node" takes the place of the collector's.
    std::vector<scrape::InternalJob> internal;
    const bool nodeConfigured = std::any_of(config.jobs.begin(), config.jobs.end(),
                                            [](const auto& job) { return job->jobName == "node"; });
    if (options_.collectHost && !nodeConfigured) {
        internal.push_back(hostJob(config));
    }
    if (const auto pushed = this->pushed(); pushed && !pushed->empty()) {
        internal.push_back(pushJob(pushed, environment_.pool, config.global.scrape.interval));
    }
    std::map<std::string, discovery::ServiceDiscovery> sets;
    for (const auto& job : config.jobs) {
        sets.emplace(job->jobName, job->discovery);
    }
    applying_ = true;
    discovery_.apply(sets);
    if (const absl::Status status =
            scraping_.apply(config.jobs, internal, offsetSeed(config), discovery_.current());
        !status.ok()) {
        setProblem(fmt::format("{}scraping", kWarningPrefix), Severity::Error, "configuration",
                   std::string(base::messageOf(status)));
    }
    applying_ = false;
    scraping_.update(std::make_shared<const discovery::TargetSets>(discovery_.current()));
    changes_.post(Change::Targets);
}

std::unique_ptr<Remote> Engine::makeRemote()
{
    return std::make_unique<Remote>(
        RemoteOptions{.flushDeadline = options_.remoteFlushDeadline},
        Remote::Environment{.client = client_,
                            .pool = environment_.pool,
                            .timers = environment_.timers,
                            .cloud = discoveryEnvironment(),
                            .log = environment_.log.logger("remote"),
                            .local = *store_,
                            .families = [this] {
                                std::vector<remote::FamilyText> families;
                                for (auto& [name, entries] : scraping_.metadata()) {
                                    for (const model::Metadata& entry : entries) {
                                        families.push_back({name, entry});
                                    }
                                }
                                return families;
                            }});
}

void Engine::applyRemote(const config::Config& config)
{
    if (const absl::Status status = remote_->apply(config); !status.ok()) {
        setProblem(fmt::format("{}remote", kWarningPrefix), Severity::Error, "configuration",
                   std::string(base::messageOf(status)));
    }
}

absl::Status Engine::reload()
{
    const absl::MutexLock reloadLock(&reloadMutex_);
    auto loaded = loadConfiguration();
    if (!loaded.ok()) {
        lastReloadOk_ = false;
        log_->error("engine: the new configuration is not used err=\"{}\"",
                    base::messageOf(loaded.status()));
        setProblem(std::string(kConfigProblem), Severity::Error, "configuration",
                   fmt::format("{} (the configuration of {} runs on)",
                               base::messageOf(loaded.status()),
                               base::formatTimestamp(lastReloadTime())),
                   base::positionOf(loaded.status()));
        return loaded.status();
    }
    if (problems_.clearSource("configuration")) {
        changes_.post(Change::Status);
    }
    lastReloadOk_ = true;
    const std::string print = fingerprintOf(loaded->config, false);
    const auto before = configuration();
    const auto after = std::make_shared<const config::Config>(std::move(loaded->config));
    {
        const absl::MutexLock lock(&mutex_);
        fingerprint_ = print;
    }
    applyConfiguration(after);
    applyAlerting(std::move(loaded->alerting));
    const std::vector<std::string> changes = config::describeChanges(*before, *after);
    log_->info("engine: configuration loaded file={} changes=\"{}\"", options_.configFile.string(),
               changes.empty() ? "none" : fmt::format("{}", fmt::join(changes, "; ")));
    return absl::OkStatus();
}

absl::StatusOr<Engine::Loaded> Engine::loadConfiguration() const
{
    Loaded loaded{.config = config::builtIn(), .alerting = {}};
    if (!options_.configFile.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(loaded.config, config::load(options_.configFile, options_.config));
        NARTHEX_RETURN_IF_ERROR(config::checkFiles(loaded.config, options_.query.features));
        NARTHEX_RETURN_IF_ERROR(Remote::check(loaded.config));
    }
    NARTHEX_ASSIGN_OR_RETURN(loaded.alerting, alerting_.prepare(loaded.config));
    return loaded;
}

void Engine::applyAlerting(Alerting::Plan plan)
{
    const std::vector<std::string> warnings = plan.alertmanager.warnings;
    for (std::size_t i = 0; i < warnings.size(); ++i) {
        log_->warn("engine: alertmanager configuration warning=\"{}\"", warnings[i]);
        setProblem(fmt::format("{}alertmanager.{}", kWarningPrefix, i), Severity::Warning,
                   "configuration", warnings[i]);
    }
    if (const absl::Status status = alerting_.apply(std::move(plan)); !status.ok()) {
        lastReloadOk_ = false;
        log_->error("engine: the Alertmanager's configuration is not used err=\"{}\"",
                    base::messageOf(status));
        setProblem(fmt::format("{}alertmanager", kWarningPrefix), Severity::Error, "configuration",
                   fmt::format("{} (the Alertmanager goes on as it was)", base::messageOf(status)));
    }
}

void Engine::startAlerting()
{
    if (const absl::Status status = alerting_.start(stateDatabase_.get()); !status.ok()) {
        log_->error("engine: the Alertmanager did not start as it should err=\"{}\"",
                    base::messageOf(status));
        setProblem("alertmanager.start", Severity::Error, "alertmanager",
                   std::string(base::messageOf(status)));
    }
}

/// Rules that fail, and Alertmanagers that cannot be reached.
std::vector<Problem> Engine::alertingProblems() const
{
    std::vector<Problem> problems;
    for (const std::shared_ptr<rules::Group>& each : alerting_.rules().groups()) {
        if (each->stats().failures == 0) {
            continue; // there may be thousands
        }
        const rules::GroupSnapshot group = each->snapshot(false);
        std::size_t failing = 0;
        const rules::RuleSnapshot* first = nullptr;
        for (const rules::RuleSnapshot& rule : group.rules) {
            if (!rule.status.lastError.empty()) {
                first = failing++ == 0 ? &rule : first;
            }
        }
        if (first != nullptr) {
            problems.push_back(
                {.id = fmt::format("rules.{};{}", group.file, group.name),
                 .severity = Severity::Error,
                 .source = "rules",
                 .message = fmt::format("{}: group \"{}\", rule \"{}\"{}: {}", group.file,
                                        group.name, first->name,
                                        failing > 1 ? fmt::format(" and {} more", failing - 1) : "",
                                        first->status.lastError),
                 .since = first->status.lastEvaluation.value_or(clock().now())});
        }
    }
    const std::vector<rules::Gap> gaps = alerting_.rules().gaps();
    constexpr base::Duration kShown = 1_h;
    if (!gaps.empty() && clock().now() - gaps.back().to < kShown) {
        problems.push_back(
            {.id = "rules.gap",
             .severity = Severity::Warning,
             .source = "rules",
             .message = fmt::format("nobody watched from {} to {} (the machine slept, or the clock "
                                    "was set): pending alerts wait that much longer, and none "
                                    "fires or resolves because of it",
                                    base::formatTimestamp(gaps.back().from),
                                    base::formatTimestamp(gaps.back().to)),
             .since = gaps.back().to});
    }
    for (const rules::QueueStatus& queue : alerting_.notifier().status().active) {
        if (!queue.lastError.empty()) {
            problems.push_back(
                {.id = "notifier." + queue.url,
                 .severity = Severity::Warning,
                 .source = "notifier",
                 .message = fmt::format("alerts do not reach {}: {}", queue.url, queue.lastError),
                 .since = queue.lastSuccess.value_or(clock().now())});
        }
    }
    const absl::MutexLock lock(&mutex_);
    std::map<std::string, base::Timestamp> since;
    for (Problem& problem : problems) {
        const auto known = alertingSince_.find(problem.id);
        problem.since = known == alertingSince_.end() ? problem.since : known->second;
        since.emplace(problem.id, problem.since);
    }
    alertingSince_ = std::move(since);
    return problems;
}

// Empty: not to be had, or not needed.
std::string Engine::fingerprintOf(const config::Config& config, bool onDisk) const
{
    return options_.autoReload ? config::fingerprint(config, onDisk).value_or("") : std::string();
}

void Engine::watchFiles()
{
    if (!options_.autoReload || options_.configFile.empty()) {
        return;
    }
    const absl::MutexLock lock(&mutex_);
    if (stopped_) {
        return;
    }
    fileTimer_ = environment_.timers.schedule(*options_.autoReload, [this] {
        {
            const absl::MutexLock timerLock(&mutex_);
            if (stopped_) {
                return;
            }
            ++fileChecks_;
        }
        requestPool_.submit([this] { reloadIfChanged(); });
    });
}

// A configuration that does not load is tried again at each look.
void Engine::reloadIfChanged()
{
    const std::string print = fingerprintOf(*configuration(), true);
    const bool changed = [&] {
        const absl::MutexLock lock(&mutex_);
        return !stopped_ && (print.empty() || print != fingerprint_);
    }();
    if (changed) {
        base::ignore(reload(), "logged, and told by the API and /metrics");
    }
    watchFiles();
    const absl::MutexLock lock(&mutex_);
    --fileChecks_;
}

} // namespace narthex::engine
