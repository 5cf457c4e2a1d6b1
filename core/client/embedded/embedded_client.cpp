// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/embedded/embedded_client.h"

#include "narthex_version.h"

#include "core/base/status.h"
#include "core/promql/parser.h"

#include <algorithm>
#include <set>

namespace narthex::client {
namespace {

ScrapeErrorClass convert(scrape::ErrorClass value)
{
    switch (value) {
    case scrape::ErrorClass::None:
        return ScrapeErrorClass::None;
    case scrape::ErrorClass::NameResolution:
        return ScrapeErrorClass::NameResolution;
    case scrape::ErrorClass::ConnectionRefused:
        return ScrapeErrorClass::ConnectionRefused;
    case scrape::ErrorClass::Timeout:
        return ScrapeErrorClass::Timeout;
    case scrape::ErrorClass::Tls:
        return ScrapeErrorClass::Tls;
    case scrape::ErrorClass::Unauthorized:
        return ScrapeErrorClass::Unauthorized;
    case scrape::ErrorClass::NotFound:
        return ScrapeErrorClass::NotFound;
    case scrape::ErrorClass::HttpStatus:
        return ScrapeErrorClass::HttpStatus;
    case scrape::ErrorClass::Parse:
        return ScrapeErrorClass::Parse;
    case scrape::ErrorClass::LimitExceeded:
        return ScrapeErrorClass::LimitExceeded;
    case scrape::ErrorClass::Storage:
        return ScrapeErrorClass::Storage;
    case scrape::ErrorClass::Other:
        return ScrapeErrorClass::Other;
    }
    return ScrapeErrorClass::Other;
}

Health convert(scrape::Health value)
{
    switch (value) {
    case scrape::Health::Unknown:
        return Health::Unknown;
    case scrape::Health::Up:
        return Health::Up;
    case scrape::Health::Down:
        return Health::Down;
    }
    return Health::Unknown;
}

EngineState convert(engine::State value)
{
    switch (value) {
    case engine::State::Off:
        return EngineState::Off;
    case engine::State::Starting:
        return EngineState::Starting;
    case engine::State::Replaying:
        return EngineState::Replaying;
    case engine::State::Collecting:
        return EngineState::Collecting;
    case engine::State::Stopping:
        return EngineState::Stopping;
    case engine::State::Failed:
        return EngineState::Failed;
    }
    return EngineState::Off;
}

Event convert(engine::Change value)
{
    switch (value) {
    case engine::Change::Status:
        return Event::Status;
    case engine::Change::Targets:
        return Event::Targets;
    case engine::Change::Samples:
        return Event::Samples;
    case engine::Change::Configuration:
        return Event::Configuration;
    case engine::Change::Alerts:
        return Event::Alerts;
    }
    return Event::Status;
}

TargetInfo convert(const scrape::TargetStatus& status)
{
    TargetInfo info{.job = status.target->job,
                    .id = status.id,
                    .url = status.target->url,
                    .labels = status.target->labels,
                    .discoveredLabels = status.target->discoveredLabels,
                    .health = convert(status.health),
                    .lastError = status.lastError,
                    .errorClass = convert(status.errorClass),
                    .lastScrape = status.lastScrape,
                    .lastDuration = status.lastDuration,
                    .interval = status.target->interval,
                    .timeout = status.target->timeout,
                    .samplesScraped = status.samplesScraped,
                    .samplesAfterRelabeling = status.samplesAfterRelabeling,
                    .seriesAdded = status.seriesAdded,
                    .bodyBytes = status.bodyBytes};
    info.history.reserve(status.history.size());
    for (const scrape::ScrapeOutcome& outcome : status.history) {
        info.history.push_back({.time = outcome.time,
                                .duration = outcome.duration,
                                .health = convert(outcome.health)});
    }
    return info;
}

Problem convert(const engine::Problem& problem)
{
    return {.id = problem.id,
            .severity = problem.severity == engine::Severity::Error ? ProblemSeverity::Error
                                                                    : ProblemSeverity::Warning,
            .source = problem.source,
            .message = problem.message,
            .position = problem.position,
            .since = problem.since};
}

struct Opened
{
    std::unique_ptr<storage::Querier> querier;
    std::vector<model::Matchers> selectors; // at least one
    base::Timestamp from;
    base::Timestamp to;
};

absl::StatusOr<Opened> open(engine::Engine& engine, const SeriesFilter& filter)
{
    Opened opened{.from = filter.from.value_or(base::Timestamp::min()),
                  .to = filter.to.value_or(base::Timestamp::max())};
    for (const std::string& text : filter.selectors) {
        NARTHEX_ASSIGN_OR_RETURN(auto matchers, promql::parseSelector(text));
        opened.selectors.push_back(std::move(matchers));
    }
    if (opened.selectors.empty()) {
        opened.selectors.emplace_back();
    }
    NARTHEX_ASSIGN_OR_RETURN(opened.querier, engine.queryable().querier(opened.from, opened.to));
    return opened;
}

template <typename Ask>
absl::StatusOr<std::vector<std::string>> unite(const Opened& opened, std::size_t limit,
                                               const Ask& ask)
{
    std::set<std::string> all;
    for (const model::Matchers& matchers : opened.selectors) {
        NARTHEX_ASSIGN_OR_RETURN(auto values, ask(matchers));
        all.insert(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
    }
    std::vector<std::string> result(all.begin(), all.end());
    if (limit != 0 && result.size() > limit) {
        result.resize(limit);
    }
    return result;
}

absl::StatusOr<std::vector<model::Labels>>
findSeries(engine::Engine& engine, const SeriesFilter& filter, const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const Opened opened, open(engine, filter));
    constexpr std::size_t kMost = 10'000'000;
    std::set<model::Labels> found;
    for (const model::Matchers& matchers : opened.selectors) {
        NARTHEX_ASSIGN_OR_RETURN(
            const auto set,
            opened.querier->select({.from = opened.from, .to = opened.to, .function = "series"},
                                   matchers, stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto all, storage::collect(*set, kMost));
        for (const auto& each : all) {
            found.insert(each->labels());
        }
    }
    std::vector<model::Labels> result(found.begin(), found.end());
    if (filter.limit != 0 && result.size() > filter.limit) {
        result.resize(filter.limit);
    }
    return result;
}

} // namespace

EmbeddedClient::EmbeddedClient(engine::Engine& engine) : engine_(engine), requests_(engine) {}

void EmbeddedClient::setListenAddress(std::string address)
{
    absl::MutexLock lock(&mutex_);
    listenAddress_ = std::move(address);
}

void EmbeddedClient::setFlags(Flags flags)
{
    absl::MutexLock lock(&mutex_);
    flags_ = std::move(flags);
}

void EmbeddedClient::query(InstantQuery query, std::stop_token stop, Reply<QueryResult> reply)
{
    requests_.run<QueryResult>(
        std::move(stop), std::move(reply),
        [this, query = std::move(query)](std::stop_token token) -> absl::StatusOr<QueryResult> {
            NARTHEX_ASSIGN_OR_RETURN(
                promql::Result result,
                engine_.queries().instant(engine_.queryable(), query.query,
                                          query.time.value_or(engine_.clock().now()),
                                          {.timeout = query.timeout}, std::move(token)));
            return std::make_shared<const promql::Result>(std::move(result));
        });
}

void EmbeddedClient::queryRange(RangeQuery query, std::stop_token stop, Reply<QueryResult> reply)
{
    requests_.run<QueryResult>(
        std::move(stop), std::move(reply),
        [this, query = std::move(query)](std::stop_token token) -> absl::StatusOr<QueryResult> {
            NARTHEX_ASSIGN_OR_RETURN(
                promql::Result result,
                engine_.queries().range(engine_.queryable(), query.query, query.from, query.to,
                                        query.step, {.timeout = query.timeout}, std::move(token)));
            return std::make_shared<const promql::Result>(std::move(result));
        });
}

void EmbeddedClient::series(SeriesFilter filter, std::stop_token stop,
                            Reply<std::vector<model::Labels>> reply)
{
    requests_.run<std::vector<model::Labels>>(
        std::move(stop), std::move(reply),
        [this, filter = std::move(filter)](std::stop_token token) {
            return findSeries(engine_, filter, token);
        });
}

void EmbeddedClient::labelNames(SeriesFilter filter, std::stop_token stop,
                                Reply<std::vector<std::string>> reply)
{
    requests_.run<std::vector<std::string>>(
        std::move(stop), std::move(reply),
        [this,
         filter = std::move(filter)](std::stop_token) -> absl::StatusOr<std::vector<std::string>> {
            NARTHEX_ASSIGN_OR_RETURN(const Opened opened, open(engine_, filter));
            return unite(opened, filter.limit, [&](const model::Matchers& matchers) {
                return opened.querier->labelNames(matchers, filter.limit);
            });
        });
}

void EmbeddedClient::labelValues(std::string label, SeriesFilter filter, std::stop_token stop,
                                 Reply<std::vector<std::string>> reply)
{
    requests_.run<std::vector<std::string>>(
        std::move(stop), std::move(reply),
        [this, label = std::move(label),
         filter = std::move(filter)](std::stop_token) -> absl::StatusOr<std::vector<std::string>> {
            NARTHEX_ASSIGN_OR_RETURN(const Opened opened, open(engine_, filter));
            return unite(opened, filter.limit, [&](const model::Matchers& matchers) {
                return opened.querier->labelValues(label, matchers, filter.limit);
            });
        });
}

void EmbeddedClient::metadata(std::string metric, std::stop_token stop,
                              Reply<std::vector<MetricMetadata>> reply)
{
    requests_.run<std::vector<MetricMetadata>>(
        std::move(stop), std::move(reply),
        [this, metric = std::move(metric)](
            std::stop_token) -> absl::StatusOr<std::vector<MetricMetadata>> {
            std::vector<MetricMetadata> result;
            for (auto& [family, entries] : engine_.scraping().metadata()) {
                if (metric.empty() || family == metric) {
                    result.push_back({.metric = family, .entries = entries});
                }
            }
            return result;
        });
}

void EmbeddedClient::targets(std::stop_token stop, Reply<Targets> reply)
{
    requests_.run<Targets>(
        std::move(stop), std::move(reply), [this](std::stop_token) -> absl::StatusOr<Targets> {
            Targets result;
            scrape::PoolStatus status = engine_.scraping().status();
            for (const scrape::TargetStatus& target : status.active) {
                result.active.push_back(convert(target));
            }
            for (scrape::DroppedTarget& dropped : status.dropped) {
                result.dropped.push_back({.job = std::move(dropped.job),
                                          .discoveredLabels = std::move(dropped.discoveredLabels)});
            }
            return result;
        });
}

void EmbeddedClient::buildInfo(std::stop_token stop, Reply<BuildInfo> reply)
{
    requests_.run<BuildInfo>(
        std::move(stop), std::move(reply), [](std::stop_token) -> absl::StatusOr<BuildInfo> {
            return BuildInfo{.application = "Narthex", .version = NARTHEX_VERSION};
        });
}

void EmbeddedClient::status(std::stop_token stop, Reply<ServerStatus> reply)
{
    requests_.run<ServerStatus>(
        std::move(stop), std::move(reply), [this](std::stop_token) -> absl::StatusOr<ServerStatus> {
            const engine::EngineStatus engineStatus = engine_.status();
            ServerStatus status{.state = convert(engineStatus.state),
                                .replayProgress = engineStatus.replay.done,
                                .samplesPerSecond = engineStatus.samplesPerSecond,
                                .headSeries = engineStatus.store.series,
                                .headBytes = engineStatus.store.headBytes,
                                .diskBytes = engineStatus.store.walBytes,
                                .newestSample = engineStatus.store.maxTime,
                                .startedAt = engineStatus.startedAt,
                                .targetsUp = engineStatus.targets.up,
                                .targetsDown = engineStatus.targets.down,
                                .targetsUnknown = engineStatus.targets.unknown,
                                .dataDirectory = engine_.options().dataDirectory.string(),
                                .configurationFile = engine_.options().configFile.string()};
            {
                absl::MutexLock lock(&mutex_);
                status.listenAddress = listenAddress_;
            }
            for (const engine::Problem& problem : engineStatus.problems) {
                status.problems.push_back(convert(problem));
            }
            return status;
        });
}

void EmbeddedClient::scrapeNow(std::string targetId, std::stop_token stop, Reply<bool> reply)
{
    // The scrape ends on another worker; no worker waits for it.
    auto holder = std::make_shared<Reply<bool>>(std::move(reply));
    if (stop.stop_requested()) {
        (*holder)(absl::CancelledError("request was cancelled"));
        return;
    }
    const absl::Status started =
        engine_.scraping().scrapeNow(targetId, [holder] { (*holder)(true); });
    if (!started.ok()) {
        (*holder)(started);
    }
}

void EmbeddedClient::reloadConfiguration(std::stop_token stop, Reply<bool> reply)
{
    requests_.run<bool>(std::move(stop), std::move(reply),
                        [this](std::stop_token) -> absl::StatusOr<bool> {
                            NARTHEX_RETURN_IF_ERROR(engine_.reload());
                            return true;
                        });
}

Subscription EmbeddedClient::subscribe(std::function<void(Event)> onEvent)
{
    const std::uint64_t id = engine_.changes().add(
        [onEvent = std::move(onEvent)](engine::Change change) { onEvent(convert(change)); });
    return Subscription([this, id] { engine_.changes().remove(id); });
}

} // namespace narthex::client
