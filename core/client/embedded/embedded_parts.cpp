// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine's rules, store and configuration. Source: spec/http-api.md, 4 to 8.
#include "narthex_version.h"

#include "core/base/status.h"
#include "core/client/embedded/embedded_client.h"
#include "core/host/collector.h"
#include "core/promql/ast.h"
#include "core/promql/parser.h"
#include "core/rules/dependencies.h"
#include "core/tsdb/store_text.h"

#include <filesystem>

namespace narthex::client {
namespace {

RuleState convert(rules::AlertState value)
{
    switch (value) {
    case rules::AlertState::Unknown:
        return RuleState::Unknown;
    case rules::AlertState::Inactive:
        return RuleState::Inactive;
    case rules::AlertState::Pending:
        return RuleState::Pending;
    case rules::AlertState::Firing:
        return RuleState::Firing;
    }
    return RuleState::Unknown;
}

RuleCondition convert(rules::RuleHealth value)
{
    switch (value) {
    case rules::RuleHealth::Unknown:
        return RuleCondition::Unknown;
    case rules::RuleHealth::Ok:
        return RuleCondition::Ok;
    case rules::RuleHealth::Error:
        return RuleCondition::Error;
    }
    return RuleCondition::Unknown;
}

RuleAlert convert(const rules::ActiveAlert& alert)
{
    const double* value = std::get_if<double>(&alert.value);
    return {.labels = alert.labels,
            .annotations = alert.annotations,
            .state = convert(alert.state),
            .activeAt = alert.activeAt,
            .keepFiringSince = alert.keepFiringSince,
            .value = value != nullptr ? *value : 0};
}

RuleInfo convert(rules::RuleSnapshot rule)
{
    RuleInfo info{.alerting = rule.kind == rules::RuleKind::Alerting,
                  .name = std::move(rule.name),
                  .query = std::move(rule.query),
                  .holdFor = rule.holdFor,
                  .keepFiringFor = rule.keepFiringFor,
                  .labels = std::move(rule.labels),
                  .annotations = std::move(rule.annotations),
                  .health = convert(rule.status.health),
                  .lastError = std::move(rule.status.lastError),
                  .evaluationTime = rule.status.evaluationTime,
                  .lastEvaluation = rule.status.lastEvaluation,
                  .state = convert(rule.state)};
    info.alerts.reserve(rule.alerts.size());
    for (const rules::ActiveAlert& alert : rule.alerts) {
        info.alerts.push_back(convert(alert));
    }
    return info;
}

std::vector<NameCount> convert(std::vector<tsdb::NamedCount> counts)
{
    std::vector<NameCount> result;
    result.reserve(counts.size());
    for (tsdb::NamedCount& each : counts) {
        result.push_back({.name = std::move(each.name), .value = each.value});
    }
    return result;
}

BlockInfo convert(const tsdb::BlockMeta& meta)
{
    return {.ulid = meta.ulid,
            .from = {meta.minTime},
            .to = {meta.maxTime},
            .samples = meta.stats.samples,
            .series = meta.stats.series,
            .chunks = meta.stats.chunks,
            .tombstones = meta.stats.tombstones,
            .level = meta.level,
            .sources = meta.sources};
}

absl::StatusOr<std::vector<ExemplarSeries>> findExemplars(engine::Engine& engine,
                                                          const ExemplarQuery& query)
{
    NARTHEX_ASSIGN_OR_RETURN(const promql::ExprPtr expr,
                             promql::parse(query.query, engine.queries().options().features));
    std::vector<model::Matchers> sets;
    for (const promql::VectorSelector* selector : rules::selectorsOf(*expr)) {
        sets.push_back(selector->matchers);
    }
    std::vector<ExemplarSeries> result;
    if (sets.empty()) {
        return result;
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto store, engine.store());
    for (storage::ExemplarSeries& series :
         store->exemplars(query.from.value_or(base::Timestamp::min()),
                          query.to.value_or(base::Timestamp::max()), sets)) {
        result.push_back(
            {.labels = std::move(series.labels), .exemplars = std::move(series.exemplars)});
    }
    return result;
}

absl::StatusOr<bool> hideSeries(engine::Engine& engine, const SeriesFilter& filter)
{
    if (filter.selectors.empty()) {
        return base::invalidArgument("no selector says which series to delete: give at least one, "
                                     "such as up{{job=\"a\"}}");
    }
    std::vector<model::Matchers> sets;
    for (const std::string& text : filter.selectors) {
        NARTHEX_ASSIGN_OR_RETURN(auto matchers, promql::parseSelector(text));
        sets.push_back(std::move(matchers));
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto store, engine.store());
    NARTHEX_RETURN_IF_ERROR(store->deleteSeries(filter.from.value_or(base::Timestamp::min()),
                                                filter.to.value_or(base::Timestamp::max()), sets));
    return true;
}

} // namespace

void EmbeddedClient::offers(std::stop_token stop, Reply<Offers> reply)
{
    requests_.run<Offers>(std::move(stop), std::move(reply),
                          [](const std::stop_token&) -> absl::StatusOr<Offers> {
                              Offers offers;
                              offers.kind = ServerKind::Narthex;
                              offers.version = NARTHEX_VERSION;
                              return offers;
                          });
}

void EmbeddedClient::exemplars(ExemplarQuery query, std::stop_token stop,
                               Reply<std::vector<ExemplarSeries>> reply)
{
    requests_.run<std::vector<ExemplarSeries>>(
        std::move(stop), std::move(reply),
        [this, query = std::move(query)](const std::stop_token&) {
            return findExemplars(engine_, query);
        });
}

void EmbeddedClient::rules(std::stop_token stop, Reply<std::vector<RuleGroupInfo>> reply)
{
    using Groups = std::vector<RuleGroupInfo>;
    requests_.run<Groups>(std::move(stop), std::move(reply),
                          [this](const std::stop_token&) -> absl::StatusOr<Groups> {
                              Groups result;
                              for (rules::GroupSnapshot& group :
                                   engine_.alerting().rules().snapshot()) {
                                  RuleGroupInfo& info = result.emplace_back(
                                      RuleGroupInfo{.name = std::move(group.name),
                                                    .file = std::move(group.file),
                                                    .interval = group.interval,
                                                    .limit = group.limit,
                                                    .evaluationTime = group.stats.lastDuration,
                                                    .lastEvaluation = group.stats.lastEvaluation});
                                  for (rules::RuleSnapshot& rule : group.rules) {
                                      info.rules.push_back(convert(std::move(rule)));
                                  }
                              }
                              return result;
                          });
}

void EmbeddedClient::alertmanagers(std::stop_token stop, Reply<AlertmanagerTargets> reply)
{
    requests_.run<AlertmanagerTargets>(
        std::move(stop), std::move(reply),
        [this](const std::stop_token&) -> absl::StatusOr<AlertmanagerTargets> {
            rules::NotifierStatus status = engine_.alerting().notifier().status();
            AlertmanagerTargets result{.dropped = std::move(status.dropped)};
            for (rules::QueueStatus& queue : status.active) {
                result.active.push_back(std::move(queue.url));
            }
            return result;
        });
}

void EmbeddedClient::storeStatus(std::size_t limit, std::stop_token stop, Reply<StoreStatus> reply)
{
    requests_.run<StoreStatus>(
        std::move(stop), std::move(reply),
        [this, limit](const std::stop_token&) -> absl::StatusOr<StoreStatus> {
            NARTHEX_ASSIGN_OR_RETURN(const auto store, engine_.store());
            const tsdb::DbStats stats = store->stats();
            tsdb::Cardinality cardinality = store->cardinality(limit);
            return StoreStatus{
                .series = stats.series,
                .labelPairs = cardinality.labelPairs,
                .chunks = stats.chunks,
                .oldest = stats.minTime,
                .newest = stats.maxTime,
                .seriesByMetricName = convert(std::move(cardinality.seriesByMetricName)),
                .valuesByLabelName = convert(std::move(cardinality.valuesByLabelName)),
                .bytesByLabelName = convert(std::move(cardinality.bytesByLabelName)),
                .seriesByLabelPair = convert(std::move(cardinality.seriesByLabelPair))};
        });
}

void EmbeddedClient::blocks(std::stop_token stop, Reply<BlockList> reply)
{
    requests_.run<BlockList>(std::move(stop), std::move(reply),
                             [this](const std::stop_token&) -> absl::StatusOr<BlockList> {
                                 NARTHEX_ASSIGN_OR_RETURN(const auto store, engine_.store());
                                 BlockList result;
                                 for (const tsdb::BlockMeta& meta : store->blocks()) {
                                     result.blocks.push_back(convert(meta));
                                 }
                                 for (tsdb::SetAside& each : store->setAside()) {
                                     result.setAside.push_back({.path = each.path.string(),
                                                                .reason = std::move(each.reason)});
                                 }
                                 return result;
                             });
}

void EmbeddedClient::runtimeInfo(std::stop_token stop, Reply<RuntimeInfo> reply)
{
    requests_.run<RuntimeInfo>(
        std::move(stop), std::move(reply),
        [this](const std::stop_token&) -> absl::StatusOr<RuntimeInfo> {
            const engine::EngineStatus status = engine_.status();
            const auto config = engine_.configuration();
            std::error_code error;
            return RuntimeInfo{.startedAt = status.startedAt,
                               .workingDirectory = std::filesystem::current_path(error).string(),
                               .hostName = host::HostCollector::hostName(),
                               .serverTime = engine_.clock().now(),
                               .lastReloadSucceeded = engine_.lastReloadSucceeded(),
                               .lastReload = engine_.lastReloadTime(),
                               .corruptions = status.store.walCorruptions,
                               .retention =
                                   tsdb::retentionText(config ? engine_.liveOptions(*config)
                                                              : engine_.options().store.live)};
        });
}

void EmbeddedClient::configurationText(std::stop_token stop, Reply<std::string> reply)
{
    requests_.run<std::string>(std::move(stop), std::move(reply),
                               [this](const std::stop_token&) -> absl::StatusOr<std::string> {
                                   const auto config = engine_.configuration();
                                   return config ? config->toYaml() : config::builtIn().toYaml();
                               });
}

void EmbeddedClient::flags(std::stop_token stop, Reply<Flags> reply)
{
    requests_.run<Flags>(std::move(stop), std::move(reply),
                         [this](const std::stop_token&) -> absl::StatusOr<Flags> {
                             absl::MutexLock lock(&mutex_);
                             return flags_;
                         });
}

void EmbeddedClient::deleteSeries(SeriesFilter filter, std::stop_token stop, Reply<bool> reply)
{
    requests_.run<bool>(std::move(stop), std::move(reply),
                        [this, filter = std::move(filter)](const std::stop_token&) {
                            return hideSeries(engine_, filter);
                        });
}

void EmbeddedClient::cleanTombstones(std::stop_token stop, Reply<bool> reply)
{
    requests_.run<bool>(std::move(stop), std::move(reply),
                        [this](const std::stop_token&) -> absl::StatusOr<bool> {
                            NARTHEX_ASSIGN_OR_RETURN(const auto store, engine_.store());
                            NARTHEX_RETURN_IF_ERROR(store->cleanTombstones());
                            return true;
                        });
}

void EmbeddedClient::snapshot(bool skipHead, std::stop_token stop, Reply<std::string> reply)
{
    requests_.run<std::string>(
        std::move(stop), std::move(reply),
        [this, skipHead](const std::stop_token&) -> absl::StatusOr<std::string> {
            NARTHEX_ASSIGN_OR_RETURN(const auto store, engine_.store());
            std::string name = tsdb::snapshotName(engine_.clock().now());
            NARTHEX_RETURN_IF_ERROR(
                store->snapshot(store->directory() / "snapshots" / name, skipHead));
            return name;
        });
}

} // namespace narthex::client
