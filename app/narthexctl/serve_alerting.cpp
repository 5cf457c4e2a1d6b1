// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "serve_alerting.h"

#include "core/base/status.h"

#include <fmt/format.h>

namespace narthex::ctl {
namespace {

absl::Status readDuration(std::string_view flag, const std::string& text, base::Duration& out)
{
    const absl::StatusOr<base::Duration> duration = base::parseDuration(text);
    if (!duration.ok()) {
        return base::annotate(duration.status(), fmt::format("--{}", flag));
    }
    out = *duration;
    return absl::OkStatus();
}

} // namespace

void addAlertingFlags(CLI::App& serve, AlertingFlags& flags)
{
    serve.add_option("--alertmanager.config.file", flags.alertmanagerConfig,
                     "Alertmanager configuration file: routes, receivers, templates. Without one, "
                     "alerts are grouped, shown and can be silenced, and nobody is told");
    serve.add_option("--alertmanager.own-receivers", flags.ownReceivers,
                     "Further ways to tell people, for receivers of the Alertmanager's file: "
                     "programs that get the message on their standard input");
    serve.add_flag("--alertmanager.allow-commands", flags.allowCommands,
                   "Run the programs that --alertmanager.own-receivers names");
    serve.add_option("--web.external-url", flags.externalUrl,
                     "The URL under which this server is reached, for links in alerts");
    serve
        .add_option("--alertmanager.notification-queue-capacity", flags.queueCapacity,
                    "Alerts that wait for each external Alertmanager at most")
        ->capture_default_str();
    serve
        .add_option("--alertmanager.notification-batch-size", flags.batchSize,
                    "Alerts sent to an external Alertmanager at once")
        ->capture_default_str();
    serve.add_flag("--alertmanager.drain-notification-queue-on-shutdown,!--no-alertmanager.drain-"
                   "notification-queue-on-shutdown",
                   flags.drainOnShutdown, "Send what waits for external Alertmanagers at the end");
    serve
        .add_option("--rules.alert.for-outage-tolerance", flags.outageTolerance,
                    "Longest outage after which alerts know since when they have been pending")
        ->capture_default_str();
    serve
        .add_option("--rules.alert.for-grace-period", flags.gracePeriod,
                    "After a restart, alerts with a longer `for` fire no sooner than this")
        ->capture_default_str();
    serve
        .add_option("--rules.alert.resend-delay", flags.resendDelay,
                    "Alerts are said again to Alertmanagers after this")
        ->capture_default_str();
    serve
        .add_option("--rules.max-concurrent-evals", flags.maxConcurrentEvaluations,
                    "Rules at once, with the feature concurrent-rule-eval")
        ->capture_default_str();
    serve
        .add_option("--data.retention", flags.retention,
                    "How long expired silences and told notifications are remembered")
        ->capture_default_str();
    serve
        .add_option("--data.maintenance-interval", flags.maintenanceInterval,
                    "How often they are looked through")
        ->capture_default_str();
    serve
        .add_option("--alerts.gc-interval", flags.collectInterval,
                    "How often resolved alerts are removed")
        ->capture_default_str();
    serve
        .add_option("--alerts.per-alertname-limit", flags.perNameLimit,
                    "Alerts of one name that are taken at most; 0: no limit")
        ->capture_default_str();
    serve
        .add_option("--silences.max-silences", flags.maxSilences,
                    "Silences at most, expired ones included; 0: no limit")
        ->capture_default_str();
    serve
        .add_option("--silences.max-silence-size-bytes", flags.maxSilenceBytes,
                    "Size of a silence at most; 0: no limit")
        ->capture_default_str();
    serve
        .add_option("--dispatch.start-delay", flags.startDelay,
                    "Nothing is sent so long after the start, so that alerts are there again")
        ->capture_default_str();
}

absl::StatusOr<engine::AlertingOptions> alertingOptions(const AlertingFlags& flags)
{
    engine::AlertingOptions options{
        .alertmanagerConfig = flags.alertmanagerConfig,
        .ownReceivers = flags.ownReceivers,
        .allowCommands = [allow = flags.allowCommands] { return allow; },
        .externalUrl = flags.externalUrl};
    while (options.externalUrl.ends_with('/')) {
        options.externalUrl.pop_back();
    }
    options.notifier = {.queues = {.capacity = flags.queueCapacity, .batchSize = flags.batchSize},
                        .drainOnShutdown = flags.drainOnShutdown};
    options.rules.maxConcurrentEvaluations = flags.maxConcurrentEvaluations;
    rules::GroupOptions& groups = options.rules.groups;
    alertmanager::AlertmanagerOptions& manager = options.alertmanager;
    NARTHEX_RETURN_IF_ERROR(readDuration("rules.alert.for-outage-tolerance", flags.outageTolerance,
                                         groups.restore.outageTolerance));
    NARTHEX_RETURN_IF_ERROR(readDuration("rules.alert.for-grace-period", flags.gracePeriod,
                                         groups.restore.gracePeriod));
    NARTHEX_RETURN_IF_ERROR(
        readDuration("rules.alert.resend-delay", flags.resendDelay, groups.resendDelay));
    NARTHEX_RETURN_IF_ERROR(readDuration("data.retention", flags.retention, manager.retention));
    NARTHEX_RETURN_IF_ERROR(readDuration("data.maintenance-interval", flags.maintenanceInterval,
                                         manager.maintenanceInterval));
    NARTHEX_RETURN_IF_ERROR(
        readDuration("alerts.gc-interval", flags.collectInterval, manager.collectInterval));
    NARTHEX_RETURN_IF_ERROR(
        readDuration("dispatch.start-delay", flags.startDelay, manager.startDelay));
    manager.store.perNameLimit = flags.perNameLimit;
    manager.silences = {.limit = flags.maxSilences,
                        .sizeLimitBytes = flags.maxSilenceBytes,
                        .retention = manager.retention};
    return options;
}

bool enableAlertingFeature(engine::AlertingOptions& options, std::string_view name)
{
    if (name == "concurrent-rule-eval") {
        options.rules.groups.concurrent = true;
        return true;
    }
    if (name == "alert-ack-series") {
        options.ackSeries = true;
        return true;
    }
    if (name == "classic-mode" || name == "utf8-strict-mode") {
        const alertmanager::MatcherMode mode = name == "classic-mode"
                                                   ? alertmanager::MatcherMode::Classic
                                                   : alertmanager::MatcherMode::Utf8Strict;
        options.alertmanagerLoad.mode = mode;
        options.alertmanager.store.mode = mode;
        options.alertmanager.silences.mode = mode;
        return true;
    }
    return false;
}

} // namespace narthex::ctl
