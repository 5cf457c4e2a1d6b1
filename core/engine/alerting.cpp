// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/alerting.h"

#include "core/alertmanager/own_receivers.h"
#include "core/base/file.h"
#include "core/base/status.h"

#include <utility>

namespace narthex::engine {
namespace {

/// Alerts are kept and shown, and nobody is told.
constexpr std::string_view kSilentConfig =
    "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
/// Alerts go to this desktop only, one note for each rule.
constexpr std::string_view kDesktopConfig =
    "route: {receiver: desktop, group_by: [alertname]}\nreceivers: [{name: desktop}]\n";
constexpr std::string_view kDesktopReceivers =
    "receivers: [{name: desktop, 'narthex:desktop': [{sound: true}]}]\n";

model::Labels labelsOf(const std::map<std::string, std::string>& pairs)
{
    model::LabelsBuilder builder;
    for (const auto& [name, value] : pairs) {
        builder.set(name, value);
    }
    return builder.build();
}

} // namespace

struct Alerting::AckExports
{
    std::shared_ptr<alertmanager::Alertmanager> manager;
    std::unique_ptr<alertmanager::AckExporter> exporter;
    std::unique_ptr<alertmanager::AckSync> sync;
};

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
    NARTHEX_ASSIGN_OR_RETURN(plan.alertmanager, loadAlertmanager());
    return plan;
}

absl::StatusOr<alertmanager::Config> Alerting::loadAlertmanager() const
{
    const bool builtIn = options_.alertmanagerConfig.empty();
    const alertmanager::OwnReceiverRights rights{.commands = options_.allowCommands &&
                                                             options_.allowCommands(),
                                                 .desktop = options_.desktop != nullptr};
    const std::string_view text = rights.desktop ? kDesktopConfig : kSilentConfig;
    const alertmanager::LoadOptions& mode = options_.alertmanagerLoad;
    auto config = builtIn ? alertmanager::parseConfig("built-in", std::string(text), mode)
                          : alertmanager::loadConfig(options_.alertmanagerConfig, mode);
    NARTHEX_RETURN_IF_ERROR(config.status());
    if (!options_.ownReceivers.empty()) {
        NARTHEX_RETURN_IF_ERROR(loadOwnReceivers(*config, options_.ownReceivers, rights));
    } else if (builtIn && rights.desktop) {
        NARTHEX_RETURN_IF_ERROR(
            addOwnReceivers(*config, "built-in", std::string(kDesktopReceivers), rights));
    }
    return config;
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
    alertmanager::AlertmanagerOptions options = options_.alertmanager;
    options.ackSeries = options_.ackSeries ? &environment_.writing : nullptr;
    options.desktop = options_.desktop;
    options.onAcknowledgements = [this] { onAcknowledgements(); };
    const auto manager = std::make_shared<alertmanager::Alertmanager>(
        std::move(options),
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
        if (manager->options().acknowledgements.exportEnabled) {
            auto exports = startExports(manager, database);
            status.Update(exports.status());
            exports_ = exports.ok() ? *std::move(exports) : nullptr;
        }
    }
    rules_.start();
    return status;
}

absl::StatusOr<std::shared_ptr<Alerting::AckExports>>
Alerting::startExports(std::shared_ptr<alertmanager::Alertmanager> manager,
                       state::Database* database)
{
    NARTHEX_ASSIGN_OR_RETURN(std::string instance, alertmanager::instanceId(database));
    const auto log = environment_.log.logger("alertmanager");
    const alertmanager::AckSettings& settings = manager->options().acknowledgements;
    auto exports = std::make_shared<AckExports>();
    exports->exporter = std::make_unique<alertmanager::AckExporter>(
        settings, std::move(instance),
        alertmanager::AckExporter::Environment{.http = environment_.client,
                                               .timers = environment_.timers,
                                               .database = database,
                                               .log = log,
                                               .metrics = manager->metrics()});
    exports->sync = std::make_unique<alertmanager::AckSync>(alertmanager::AckSync::Environment{
        .exporter = *exports->exporter,
        .timers = environment_.timers,
        .interval = settings.exportInterval,
        .acknowledgements = [raw = manager.get()] { return raw->acknowledgements(); },
        .servers = [this](const model::Labels& alert) { return alertServers(alert); },
        .log = log});
    exports->manager = std::move(manager);
    NARTHEX_RETURN_IF_ERROR(exports->exporter->start());
    exports->sync->start();
    return exports;
}

std::vector<alertmanager::AlertServer> Alerting::alertServers(const model::Labels& alert) const
{
    constexpr std::string_view kPush = "/api/v2/alerts";
    std::vector<alertmanager::AlertServer> servers;
    for (rules::Recipient& each : notifier_.recipients(alert)) {
        // Behind another path stands something that takes alerts and knows no silences.
        if (each.url.ends_with(kPush)) {
            servers.push_back({.target = each.url.substr(0, each.url.size() - kPush.size()),
                               .access = std::move(each.access),
                               .labels = std::move(each.labels)});
        }
    }
    return servers;
}

void Alerting::onAcknowledgements()
{
    std::shared_ptr<AckExports> exports;
    {
        const absl::MutexLock lock(&mutex_);
        exports = exports_;
    }
    if (exports) {
        exports->sync->changed();
    }
    environment_.onChange();
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
    std::shared_ptr<AckExports> exports;
    {
        const absl::MutexLock lock(&mutex_);
        if (std::exchange(stopped_, true)) {
            return;
        }
        manager = alertmanager_;
        exports = std::move(exports_);
    }
    exports.reset(); // its silences end by themselves
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

std::shared_ptr<const alertmanager::AckExporter> Alerting::ackExporter() const
{
    const absl::MutexLock lock(&mutex_);
    return exports_ ? std::shared_ptr<const alertmanager::AckExporter>(exports_,
                                                                       exports_->exporter.get())
                    : nullptr;
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
