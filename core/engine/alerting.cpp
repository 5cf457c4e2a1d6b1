// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/alerting.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <utility>

namespace narthex::engine {
namespace {

/// Alerts are kept and shown, and nobody is told.
constexpr std::string_view kSilentConfig =
    "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";

model::Labels labelsOf(const std::map<std::string, std::string>& pairs)
{
    model::LabelsBuilder builder;
    for (const auto& [name, value] : pairs) {
        builder.set(name, value);
    }
    return builder.build();
}

} // namespace

Alerting::Alerting(AlertingOptions options, const Environment& environment)
    : options_(std::move(options)),
      environment_(environment),
      notifier_(options_.notifier, {.client = environment_.client,
                                    .pool = environment_.pool,
                                    .clock = environment_.timers.clock(),
                                    .log = environment_.log.logger("notifier"),
                                    .aws = &environment_.discovery}),
      rules_(options_.rules, {.queries = environment_.queries,
                              .reading = environment_.reading,
                              .writing = environment_.writing,
                              .timers = environment_.timers,
                              .pool = pool_,
                              .sink = [this](const model::Alerts& alerts) { send(alerts); },
                              .log = environment_.log.logger("rules")}),
      discovery_("notify", environment_.discovery,
                 [this](const std::shared_ptr<const discovery::TargetSets>& sets) {
                     notifier_.update(*sets);
                 })
{}

Alerting::~Alerting() { stop(); }

absl::StatusOr<Alerting::Plan> Alerting::prepare(const config::Config& config) const
{
    Plan plan{.defaults = {.interval = config.global.evaluationInterval,
                           .queryOffset = config.global.ruleQueryOffset,
                           .files = {.features = environment_.queries.options().features,
                                     .nameScheme = config.global.scrape.nameScheme}},
              .alerting = config.alerting,
              .externalLabels = labelsOf(config.global.externalLabels)};
    plan.defaults.surroundings = {.externalLabels = plan.externalLabels,
                                  .externalUrl = options_.externalUrl};
    std::vector<std::string> paths;
    for (const std::string& pattern : config.ruleFiles) {
        for (std::string& path : base::matchFiles(pattern)) {
            paths.push_back(std::move(path));
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(plan.files, rules::loadRuleFiles(paths, plan.defaults.files));
    const alertmanager::LoadOptions mode = options_.alertmanagerLoad;
    auto alertmanagerConfig =
        options_.alertmanagerConfig.empty()
            ? alertmanager::parseConfig("built-in", std::string(kSilentConfig), mode)
            : alertmanager::loadConfig(options_.alertmanagerConfig, mode);
    NARTHEX_RETURN_IF_ERROR(alertmanagerConfig.status());
    plan.alertmanager = *std::move(alertmanagerConfig);
    return plan;
}

absl::Status Alerting::apply(Plan plan)
{
    notifier_.apply(plan.alerting, plan.externalLabels);
    discovery_.apply(rules::alertmanagerSets(plan.alerting));
    notifier_.update(discovery_.current());
    rules_.apply(plan.files, plan.defaults);
    std::shared_ptr<alertmanager::Alertmanager> running;
    {
        const absl::MutexLock lock(&mutex_);
        alertmanagerConfig_ = plan.alertmanager;
        running = alertmanager_;
    }
    environment_.onChange();
    return running ? running->apply(std::move(plan.alertmanager)) : absl::OkStatus();
}

absl::Status Alerting::start(state::Database* database)
{
    const auto manager = std::make_shared<alertmanager::Alertmanager>(
        options_.alertmanager,
        alertmanager::Alertmanager::Environment{.loop = environment_.loop,
                                                .http = environment_.client,
                                                .timers = environment_.timers,
                                                .database = database,
                                                .log = environment_.log.logger("alertmanager")});
    absl::Status status;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return absl::OkStatus();
        }
        status = manager->start();
        if (alertmanagerConfig_) {
            status.Update(manager->apply(*alertmanagerConfig_));
        }
        alertmanager_ = manager;
    }
    rules_.start();
    return status;
}

// External Alertmanagers and the one in this process get the same.
void Alerting::send(const model::Alerts& alerts)
{
    notifier_.send(alerts);
    if (const auto manager = alertmanager()) {
        manager->put(alerts);
    }
    environment_.onChange();
}

void Alerting::stop()
{
    std::shared_ptr<alertmanager::Alertmanager> manager;
    {
        const absl::MutexLock lock(&mutex_);
        if (std::exchange(stopped_, true)) {
            return;
        }
        manager = alertmanager_;
    }
    rules_.stop();
    discovery_.stop();
    notifier_.stop();
    if (manager) {
        manager->stop();
    }
}

std::shared_ptr<alertmanager::Alertmanager> Alerting::alertmanager() const
{
    const absl::MutexLock lock(&mutex_);
    return alertmanager_;
}

void Alerting::writeMetrics(exposition::TextWriter& out) const
{
    rules_.writeMetrics(out);
    notifier_.writeMetrics(out);
    if (const auto manager = alertmanager()) {
        manager->writeMetrics(out);
    }
}

} // namespace narthex::engine
