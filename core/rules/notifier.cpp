// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/notifier.h"

#include "core/base/status.h"
#include "core/discovery/target_group.h"
#include "core/exposition/text_writer.h"

#include <algorithm>

namespace narthex::rules {
namespace {

using model::MetricType;

constexpr std::string_view kSchemeLabel = "__scheme__";
constexpr std::string_view kPathLabel = "__alerts_path__";

std::string urlOf(const model::LabelsBuilder& labels)
{
    const std::string_view path = labels.get(kPathLabel);
    return fmt::format("{}://{}{}{}", labels.get(kSchemeLabel),
                       labels.get(discovery::kAddressLabel), path.starts_with('/') ? "" : "/",
                       path);
}

/// URLs of the Alertmanagers of a group, kept and dropped ones.
void addUrls(const AlertmanagersConfig& config, const discovery::TargetGroup& group,
             const base::Logger& log, std::vector<std::string>& kept,
             std::vector<std::string>& dropped)
{
    for (const model::Labels& entry : group.entries) {
        model::LabelsBuilder labels(group.labels);
        for (const model::LabelView label : entry) {
            labels.set(label.name, label.value);
        }
        labels.set(kSchemeLabel, config.scheme);
        labels.set(kPathLabel, config.pushPath());
        const std::string before = urlOf(labels);
        if (!relabel::apply(config.relabelRules, config.nameScheme, labels)) {
            dropped.push_back(before);
            continue;
        }
        const std::string_view address = labels.get(discovery::kAddressLabel);
        if (address.empty() || address.find('/') != std::string_view::npos) {
            log->error("notifier: {} is no address of an Alertmanager group={}",
                       model::quote(address), group.source);
            continue;
        }
        kept.push_back(urlOf(labels));
    }
}

/// The alert's labels with the external ones that it lacks.
model::LabelsBuilder withExternal(const model::Labels& alert, const model::Labels& external)
{
    model::LabelsBuilder labels(alert);
    for (const model::LabelView label : external) {
        if (labels.get(label.name).empty()) {
            labels.set(label.name, label.value);
        }
    }
    return labels;
}

std::vector<AlertText> textsFor(const model::Alerts& alerts,
                                const std::vector<model::LabelsBuilder>& labels,
                                const AlertmanagersConfig& config)
{
    std::vector<AlertText> texts;
    texts.reserve(alerts.size());
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        model::LabelsBuilder own = labels[i];
        if (relabel::apply(config.alertRelabelRules, config.nameScheme, own)) {
            texts.push_back(std::make_shared<const std::string>(alertJson(alerts[i], own.build())));
        }
    }
    return texts;
}

} // namespace

std::map<std::string, discovery::ServiceDiscovery> alertmanagerSets(const AlertingConfig& config)
{
    std::map<std::string, discovery::ServiceDiscovery> sets;
    for (std::size_t i = 0; i < config.alertmanagers.size(); ++i) {
        sets.emplace(fmt::format("config-{}", i), config.alertmanagers[i].discovery);
    }
    return sets;
}

Notifier::Notifier(NotifierOptions options, const SendEnvironment& environment)
    : options_(options), environment_(environment), global_(std::make_shared<const Global>())
{}

Notifier::~Notifier() { stop(); }

std::vector<Notifier::Queue> Notifier::sync(Set& set, const discovery::GroupList& groups) const
{
    std::vector<std::string> urls;
    set.dropped.clear();
    for (const auto& group : groups) {
        addUrls(*set.config, *group, environment_.log, urls, set.dropped);
    }
    std::map<std::string, Queue> next;
    for (const std::string& url : urls) {
        if (next.contains(url)) {
            continue;
        }
        const auto found = set.queues.find(url);
        next.emplace(
            url, found != set.queues.end()
                     ? found->second
                     : std::make_shared<SendQueue>(url, set.config, options_.queues, environment_));
    }
    std::vector<Queue> gone;
    for (const auto& [url, queue] : set.queues) {
        if (!next.contains(url)) {
            gone.push_back(queue);
        }
    }
    set.queues = std::move(next);
    return gone;
}

void Notifier::apply(const AlertingConfig& config, const model::Labels& externalLabels,
                     const discovery::TargetSets& sets)
{
    const absl::MutexLock applying(&applyMutex_);
    std::vector<Queue> gone;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return;
        }
        global_ = std::make_shared<const Global>(Global{.externalLabels = externalLabels,
                                                        .rules = config.alertRelabelRules,
                                                        .scheme = config.nameScheme});
        std::vector<Set> old = std::exchange(sets_, {});
        for (std::size_t i = 0; i < config.alertmanagers.size(); ++i) {
            const AlertmanagersConfig& each = config.alertmanagers[i];
            const auto same = std::find_if(old.begin(), old.end(),
                                           [&each](const Set& set) { return *set.config == each; });
            Set set{.config = nullptr, .queues = {}, .dropped = {}};
            if (same != old.end()) {
                set = std::move(*same);
                old.erase(same);
            } else {
                set.config = std::make_shared<const AlertmanagersConfig>(each);
            }
            discovery::GroupList groups;
            if (const auto found = sets.find(fmt::format("config-{}", i)); found != sets.end()) {
                groups = found->second;
            } else {
                for (const discovery::TargetGroup& group : each.discovery.staticGroups) {
                    groups.push_back(std::make_shared<const discovery::TargetGroup>(group));
                }
            }
            const std::vector<Queue> left = sync(set, groups);
            gone.insert(gone.end(), left.begin(), left.end());
            sets_.push_back(std::move(set));
        }
        for (const Set& set : old) {
            for (const auto& [url, queue] : set.queues) {
                gone.push_back(queue);
            }
        }
    }
    dismiss(gone);
}

void Notifier::dismiss(const std::vector<Queue>& gone)
{
    std::erase_if(leaving_, [](const auto& queue) { return queue.expired(); });
    for (const Queue& queue : gone) {
        queue->close(false);
        leaving_.push_back(queue);
    }
}

void Notifier::update(const discovery::TargetSets& sets)
{
    const absl::MutexLock applying(&applyMutex_);
    std::vector<Queue> gone;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return;
        }
        for (std::size_t i = 0; i < sets_.size(); ++i) {
            if (const auto found = sets.find(fmt::format("config-{}", i)); found != sets.end()) {
                const std::vector<Queue> left = sync(sets_[i], found->second);
                gone.insert(gone.end(), left.begin(), left.end());
            }
        }
    }
    dismiss(gone);
}

void Notifier::send(const model::Alerts& alerts)
{
    std::shared_ptr<const Global> global;
    std::vector<std::pair<std::shared_ptr<const AlertmanagersConfig>, std::vector<Queue>>> targets;
    {
        const absl::MutexLock lock(&mutex_);
        if (stopped_) {
            return;
        }
        global = global_;
        for (const Set& set : sets_) {
            std::vector<Queue> queues;
            for (const auto& [url, queue] : set.queues) {
                queues.push_back(queue);
            }
            targets.emplace_back(set.config, std::move(queues));
        }
    }
    model::Alerts kept;
    std::vector<model::LabelsBuilder> labels;
    for (const model::Alert& alert : alerts) {
        model::LabelsBuilder own = withExternal(alert.labels, global->externalLabels);
        if (relabel::apply(global->rules, global->scheme, own)) {
            kept.push_back(alert);
            labels.push_back(std::move(own));
        }
    }
    if (kept.empty()) {
        return;
    }
    for (const auto& [config, queues] : targets) {
        if (queues.empty()) {
            continue;
        }
        const std::vector<AlertText> texts = textsFor(kept, labels, *config);
        for (const Queue& queue : queues) {
            queue->push(texts);
        }
    }
}

void Notifier::stop()
{
    const absl::MutexLock applying(&applyMutex_);
    {
        const absl::MutexLock lock(&mutex_);
        stopped_ = true;
    }
    const std::vector<Queue> all = queues();
    for (const Queue& queue : all) {
        queue->close(options_.drainOnShutdown);
    }
    const base::Duration begin = environment_.clock.monotonic();
    for (const Queue& queue : all) {
        const base::Duration left = options_.drainLimit - (environment_.clock.monotonic() - begin);
        queue->finish(options_.drainOnShutdown ? std::max(left, base::Duration{}) : 0_s);
    }
    for (const auto& weak : leaving_) {
        if (const Queue queue = weak.lock()) {
            queue->finish(0_s);
        }
    }
}

std::vector<Notifier::Queue> Notifier::queues() const
{
    const absl::MutexLock lock(&mutex_);
    std::vector<Queue> result;
    for (const Set& set : sets_) {
        for (const auto& [url, queue] : set.queues) {
            result.push_back(queue);
        }
    }
    return result;
}

NotifierStatus Notifier::status() const
{
    NotifierStatus status;
    for (const Queue& queue : queues()) {
        status.active.push_back(queue->status());
    }
    const absl::MutexLock lock(&mutex_);
    for (const Set& set : sets_) {
        status.dropped.insert(status.dropped.end(), set.dropped.begin(), set.dropped.end());
    }
    return status;
}

std::vector<Recipient> Notifier::recipients(const model::Labels& alert) const
{
    const absl::MutexLock lock(&mutex_);
    model::LabelsBuilder labels = withExternal(alert, global_->externalLabels);
    const bool kept = relabel::apply(global_->rules, global_->scheme, labels);
    std::vector<Recipient> result;
    for (const Set& set : sets_) {
        model::LabelsBuilder own = labels;
        const bool sent =
            kept && relabel::apply(set.config->alertRelabelRules, set.config->nameScheme, own);
        for (const auto& [url, queue] : set.queues) {
            result.push_back({.url = url,
                              .access = {set.config, &set.config->http},
                              .labels = sent ? std::optional(own.build()) : std::nullopt});
        }
    }
    return result;
}

void Notifier::writeMetrics(exposition::TextWriter& out) const
{
    const base::Duration now = environment_.clock.monotonic();
    const std::vector<Queue> all = queues();
    std::vector<QueueStatus> states;
    for (const Queue& queue : all) {
        states.push_back(queue->status());
    }
    constexpr std::string_view kSummary = "prometheus_notifications_latency_seconds";
    out.family(kSummary, MetricType::Summary, "Time to send a batch of alerts.");
    for (const Queue& queue : all) {
        queue->latencySummary().writeSamples(out, kSummary, {{"alertmanager", queue->url()}}, now);
    }
    constexpr std::string_view kHistogram = "prometheus_notifications_latency_histogram_seconds";
    out.family(kHistogram, MetricType::Histogram, "Time to send a batch of alerts.");
    for (const Queue& queue : all) {
        queue->latencyHistogram().writeSamples(out, kHistogram, {{"alertmanager", queue->url()}});
    }
    const auto family = [&](std::string_view name, MetricType type, std::string_view help,
                            std::uint64_t (*value)(const QueueStatus&)) {
        out.family(name, type, help);
        for (const QueueStatus& state : states) {
            out.sample({{"alertmanager", state.url}}, static_cast<double>(value(state)));
        }
    };
    family("prometheus_notifications_errors_total", MetricType::Counter,
           "Alerts whose sending failed.", [](const QueueStatus& s) { return s.errors; });
    family("prometheus_notifications_sent_total", MetricType::Counter, "Alerts that were sent.",
           [](const QueueStatus& s) { return s.sent; });
    family("prometheus_notifications_dropped_total", MetricType::Counter,
           "Alerts that were dropped: the queue was full, or sending failed.",
           [](const QueueStatus& s) { return s.dropped; });
    family("prometheus_notifications_queue_length", MetricType::Gauge, "Alerts that wait.",
           [](const QueueStatus& s) { return static_cast<std::uint64_t>(s.waiting); });
    out.gauge("prometheus_notifications_queue_capacity", "Alerts that may wait.",
              static_cast<double>(options_.queues.capacity));
    out.gauge("prometheus_notifications_alertmanagers_discovered", "Alertmanagers in use.",
              static_cast<double>(all.size()));
}

} // namespace narthex::rules
