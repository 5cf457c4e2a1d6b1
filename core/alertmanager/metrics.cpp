// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/metrics.h"

#include "core/alertmanager/receivers/notification.h"
#include "core/exposition/text_writer.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

using exposition::TextWriter;
using model::MetricType;

double number(std::uint64_t value) { return static_cast<double>(value); }

void writeStore(TextWriter& out, std::string_view part, const StoreCounters& store,
                base::Duration mono)
{
    const auto name = [part](std::string_view what) {
        return fmt::format("alertmanager_{}_{}", part, what);
    };
    store.query.write(out, name("query_duration_seconds"), "Time of a question.");
    store.collected.write(out, name("gc_duration_seconds"), "Time of removing what is old.", mono);
    store.written.write(out, name("snapshot_duration_seconds"),
                        "Time until the database had written that.", mono);
    out.gauge(name("snapshot_size_bytes"), "What is kept, as of the last maintenance.",
              number(store.sizeBytes));
    out.counter(name("maintenance_total"), "Times that what is old was removed.",
                number(store.maintenances));
    out.counter(name("maintenance_errors_total"), "Times that this could not be written.",
                number(store.maintenanceErrors));
}

} // namespace

IntegrationCounters& Metrics::kindLocked(std::string_view kind)
{
    auto found = kinds_.find(kind);
    if (found == kinds_.end()) {
        found = kinds_.emplace(kind, IntegrationCounters{}).first;
        for (int i = 0; i <= static_cast<int>(FailureReason::RateLimited); ++i) {
            found->second.failed[std::string(text(static_cast<FailureReason>(i)))] = 0;
        }
        found->second.latency =
            std::make_unique<exposition::FixedHistogram>(std::vector<double>{1, 5, 10, 15, 20});
    }
    return found->second;
}

void Metrics::addKind(std::string_view kind)
{
    const absl::MutexLock lock(&mutex_);
    kindLocked(kind);
}

void Metrics::sent(std::string_view kind)
{
    const absl::MutexLock lock(&mutex_);
    ++kindLocked(kind).notifications;
}

void Metrics::failed(std::string_view kind, std::string_view reason)
{
    const absl::MutexLock lock(&mutex_);
    IntegrationCounters& counters = kindLocked(kind);
    ++counters.notifications;
    ++counters.failed[std::string(reason)];
}

void Metrics::request(std::string_view kind, bool ok, base::Duration took)
{
    const absl::MutexLock lock(&mutex_);
    IntegrationCounters& counters = kindLocked(kind);
    ++counters.requests;
    counters.requestsFailed += ok ? 0 : 1;
    counters.latency->observe(took.seconds());
}

void Metrics::heldBackByAck(std::string_view kind)
{
    const absl::MutexLock lock(&mutex_);
    ++kindLocked(kind).heldBackByAck;
}

void Metrics::suppressed(Suppression why, std::size_t count)
{
    const absl::MutexLock lock(&mutex_);
    suppressed_.at(static_cast<std::size_t>(why)) += count;
}

void Metrics::write(TextWriter& out, base::Duration mono) const
{
    writeStore(out, "silences", silences, mono);
    writeStore(out, "nflog", log, mono);
    out.family("alertmanager_alerts_received_total", MetricType::Counter,
               "Alerts that came in, by status and version of the API.")
        .sample({{"status", "firing"}, {"version", "v2"}}, number(received - receivedResolved))
        .sample({{"status", "resolved"}, {"version", "v2"}}, number(receivedResolved));
    out.family("alertmanager_alerts_invalid_total", MetricType::Counter,
               "Alerts that were refused.")
        .sample({{"version", "v2"}}, number(invalid));
    out.counter("alertmanager_alerts_limited_total",
                "Alerts refused by the limit for each alertname.", number(limited));
    out.counter("alertmanager_alerts_subscriber_channel_writes_total",
                "Alerts handed to the dispatcher.", number(subscriberWrites));
    out.counter("narthex_ack_export_extensions_total",
                "Silences on external Alertmanagers that were given a later end.",
                number(exportExtensions));
    out.counter("narthex_ack_export_errors_total", "Requests about such silences that failed.",
                number(exportErrors));
    out.counter("narthex_alertmanager_clock_gaps_total",
                "Times that the clock jumped ahead (sleep of the machine).", number(gaps));
    processing.write(out, "alertmanager_dispatcher_alert_processing_duration_seconds",
                     "Time for routing a batch of alerts.");
    const absl::MutexLock lock(&mutex_);
    constexpr std::array<std::string_view, 4> kWhy = {"silence", "inhibition", "mute_time_interval",
                                                      "active_time_interval"};
    out.family("alertmanager_notifications_suppressed_total", MetricType::Counter,
               "Alerts held back, by reason.");
    for (std::size_t i = 0; i < kWhy.size(); ++i) {
        out.sample({{"reason", kWhy[i]}}, number(suppressed_[i]));
    }
    const auto family = [&](std::string_view name, std::string_view help, auto value)
                            ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                out.family(name, MetricType::Counter, help);
                                for (const auto& [kind, counters] : kinds_) {
                                    out.sample({{"integration", kind}}, number(value(counters)));
                                }
                            };
    using C = const IntegrationCounters&;
    family("alertmanager_notifications_total", "Messages that were to be sent.",
           [](C c) { return c.notifications; });
    out.family("alertmanager_notifications_failed_total", MetricType::Counter,
               "Messages that could not be sent, by reason.");
    for (const auto& [kind, counters] : kinds_) {
        for (const auto& [reason, count] : counters.failed) {
            out.sample({{"integration", kind}, {"reason", reason}}, number(count));
        }
    }
    family("alertmanager_notification_requests_total", "Attempts to send.",
           [](C c) { return c.requests; });
    family("alertmanager_notification_requests_failed_total", "Attempts that failed.",
           [](C c) { return c.requestsFailed; });
    family("narthex_acknowledged_alerts_suppressed_total",
           "Repeats not sent because all is acknowledged.", [](C c) { return c.heldBackByAck; });
    out.family("alertmanager_notification_latency_seconds", MetricType::Histogram,
               "Time of an attempt to send.");
    for (const auto& [kind, counters] : kinds_) {
        counters.latency->writeSamples(out, "alertmanager_notification_latency_seconds",
                                       {{"integration", kind}});
    }
}

} // namespace narthex::alertmanager
