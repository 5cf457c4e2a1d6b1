// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/push/push_store.h"

#include "core/base/status.h"
#include "core/push/series_identity.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <utility>

namespace narthex::push {
namespace {

using exposition::FamilyMetric;

constexpr std::string_view kPushTime = "push_time_seconds";
constexpr std::string_view kFailureTime = "push_failure_time_seconds";

bool isTimeFamily(std::string_view name) { return name == kPushTime || name == kFailureTime; }

/// Every label of the group stands on every metric, and an instance, be it an empty one, so that a
/// scrape does not fill in the gateway's.
void addGroupLabels(FamilyMetric& metric, const GroupingKey& key)
{
    std::erase_if(metric.labels, [&key](const auto& label) { return key.contains(label.first); });
    metric.labels.insert(metric.labels.end(), key.begin(), key.end());
    const bool hasInstance =
        std::any_of(metric.labels.begin(), metric.labels.end(),
                    [](const auto& label) { return label.first == "instance"; });
    if (!hasInstance) {
        metric.labels.emplace_back("instance", "");
    }
    std::sort(metric.labels.begin(), metric.labels.end());
}

bool hasTimestamps(const std::vector<MetricFamily>& families)
{
    return std::any_of(families.begin(), families.end(), [](const MetricFamily& family) {
        return std::any_of(family.metrics.begin(), family.metrics.end(),
                           [](const FamilyMetric& metric) { return metric.timestampMs; });
    });
}

/// Two of the same name become one; of the last one's type.
void prepare(PushRequest& request)
{
    std::erase_if(request.families, [](const MetricFamily& f) { return isTimeFamily(f.name); });
    for (MetricFamily& family : request.families) {
        for (FamilyMetric& metric : family.metrics) {
            addGroupLabels(metric, request.key);
        }
    }
}

} // namespace

std::vector<MetricFamily> timeFamilies(const PushGroup& group)
{
    const auto gauge = [&](std::string_view name, std::string_view help,
                           const std::optional<base::Timestamp>& time) {
        MetricFamily family{.name = std::string(name),
                            .help = std::string(help),
                            .type = model::MetricType::Gauge,
                            .metrics = {{.value = time ? time->seconds() : 0}}};
        addGroupLabels(family.metrics[0], group.key);
        return family;
    };
    return {
        gauge(kFailureTime, "Unix time of the last push to this group that was refused.",
              group.failed),
        gauge(kPushTime, "Unix time of the last push to this group that succeeded.", group.pushed)};
}

PushStore::PushStore(PushOptions options, Environment environment)
    : options_(options), environment_(std::move(environment)), writer_(environment_.database)
{}

PushStore::~PushStore() { stop(); }

void PushStore::stop()
{
    {
        absl::MutexLock lock(&queueMutex_);
        if (std::exchange(stopped_, true)) {
            return;
        }
        queueMutex_.Await(absl::Condition(
            +[](bool* running) { return !*running; }, &running_));
    }
    if (const absl::Status status = writer_.flush(); !status.ok()) {
        environment_.log->error("push: groups could not be written err=\"{}\"",
                                base::messageOf(status));
    }
}

void PushStore::submit(PushRequest request, Done done)
{
    {
        absl::MutexLock lock(&queueMutex_);
        if (!stopped_ && queue_.size() < options_.queuePlaces) {
            queue_.push_back({std::move(request), std::move(done)});
            if (!std::exchange(running_, true)) {
                environment_.pool.submit([this] { run(); });
            }
            return;
        }
    }
    done(base::unavailable("{} pushes wait already, or the server stops: try again later",
                           options_.queuePlaces));
}

bool PushStore::healthy() const
{
    absl::MutexLock lock(&queueMutex_);
    return queue_.size() < options_.queuePlaces;
}

void PushStore::run()
{
    while (true) {
        std::optional<Job> job;
        {
            absl::MutexLock lock(&queueMutex_);
            if (queue_.empty()) {
                running_ = false;
                return;
            }
            job.emplace(std::move(queue_.front()));
            queue_.pop_front();
        }
        job->done(apply(job->request));
    }
}

absl::Status PushStore::apply(PushRequest& request)
{
    if (request.kind == PushKind::Wipe || request.kind == PushKind::Delete) {
        absl::MutexLock lock(&mutex_);
        if (request.kind == PushKind::Delete) {
            erase(request.key);
            return absl::OkStatus();
        }
        while (!groups_.empty()) {
            erase(GroupingKey(groups_.begin()->first));
        }
        return absl::OkStatus();
    }
    const bool timestamps = hasTimestamps(request.families);
    prepare(request);
    const std::vector<MetricFamily> own = options_.check && environment_.ownFamilies
                                              ? environment_.ownFamilies()
                                              : std::vector<MetricFamily>();
    bool isFirst = false;
    absl::Status status;
    {
        absl::MutexLock lock(&mutex_);
        isFirst = groups_.empty();
        status = checkLimits(request);
        if (!status.ok()) {
            return status; // nothing is kept, not even that it failed
        }
        status = timestamps ? base::invalidArgument("pushed metrics must not have timestamps")
                            : absl::OkStatus();
        if (status.ok() && options_.check) {
            status = check(request, own);
        }
        if (status.ok()) {
            store(request);
        } else {
            refuse(request, status);
        }
    }
    if (isFirst && environment_.onFirstGroup) {
        environment_.onFirstGroup();
    }
    return status;
}

void PushStore::refuse(const PushRequest& request, const absl::Status& why)
{
    environment_.log->warn("push: refused group=\"{}\" err=\"{}\"", pushPath(request.key),
                           base::messageOf(why));
    PushGroup& group = groups_[request.key];
    group.key = request.key;
    group.failed = environment_.clock.now();
    group.error = base::messageOf(why);
    saveGroup(group, false);
}

void PushStore::store(PushRequest& request)
{
    PushGroup& group = groups_[request.key];
    group.key = request.key;
    group.pushed = environment_.clock.now();
    const bool replace = request.kind == PushKind::Replace;
    if (replace) {
        for (const auto& [name, stored] : group.families) {
            removeFromIndex(group, stored.family);
        }
        group.families.clear();
    }
    saveGroup(group, replace);
    for (MetricFamily& family : request.families) {
        const auto old = group.families.find(family.name);
        if (old != group.families.end()) {
            removeFromIndex(group, old->second.family);
        }
        addToIndex(group, family);
        const std::string name = family.name;
        StoredFamily& stored = group.families[name];
        stored = {std::move(family), *group.pushed};
        saveFamily(group.key, stored);
    }
}

void PushStore::addToIndex(const PushGroup& group, const MetricFamily& family)
{
    Name& name = names_[family.name];
    name.type = name.groups == 0 ? family.type : name.type;
    ++name.groups;
    for (const FamilyMetric& metric : family.metrics) {
        owners_.try_emplace(seriesHash(family.name, metric), &group);
    }
}

void PushStore::removeFromIndex(const PushGroup& group, const MetricFamily& family)
{
    const auto name = names_.find(family.name);
    if (name != names_.end() && --name->second.groups == 0) {
        names_.erase(name);
    }
    for (const FamilyMetric& metric : family.metrics) {
        const auto owner = owners_.find(seriesHash(family.name, metric));
        if (owner != owners_.end() && owner->second == &group) {
            owners_.erase(owner);
        }
    }
}

bool PushStore::empty() const
{
    absl::MutexLock lock(&mutex_);
    return groups_.empty();
}

std::vector<PushGroup> PushStore::groups() const
{
    absl::MutexLock lock(&mutex_);
    std::vector<PushGroup> result;
    result.reserve(groups_.size());
    for (const auto& [key, group] : groups_) {
        result.push_back(group);
    }
    return result;
}

std::vector<MetricFamily> PushStore::families() const
{
    std::map<std::string, MetricFamily> byName;
    absl::flat_hash_set<std::uint64_t> seen;
    const auto add = [&](const MetricFamily& family) {
        const auto [at, isNew] = byName.try_emplace(family.name, MetricFamily{.name = family.name,
                                                                              .help = family.help,
                                                                              .unit = family.unit,
                                                                              .type = family.type});
        if (!isNew && at->second.type != family.type) {
            leftOut_.fetch_add(1);
            return;
        }
        if (at->second.help.empty()) {
            at->second.help = family.help;
        }
        for (const FamilyMetric& metric : family.metrics) {
            // Without the check, a series may stand twice: the first one counts.
            if (options_.check || seen.insert(seriesHash(family.name, metric)).second) {
                at->second.metrics.push_back(metric);
            } else {
                leftOut_.fetch_add(1);
            }
        }
    };
    {
        absl::MutexLock lock(&mutex_);
        for (const auto& [key, group] : groups_) {
            for (const auto& [name, stored] : group.families) {
                add(stored.family);
            }
            for (const MetricFamily& family : timeFamilies(group)) {
                add(family);
            }
        }
    }
    std::vector<MetricFamily> result;
    for (auto& [name, family] : byName) {
        std::sort(family.metrics.begin(), family.metrics.end(),
                  [](const FamilyMetric& a, const FamilyMetric& b) { return a.labels < b.labels; });
        if (!family.metrics.empty()) {
            result.push_back(std::move(family));
        }
    }
    return result;
}

} // namespace narthex::push
