// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/reflector.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::discovery::kubernetes {
namespace {

constexpr std::string_view kFailures = "prometheus_sd_kubernetes_failures_total";
constexpr std::string_view kEvents = "prometheus_sd_kubernetes_events_total";

constexpr base::Duration kFirstBackoff = base::Duration::fromMs(800);
constexpr base::Duration kLongestBackoff = base::Duration::fromMs(30'000);
constexpr int kPageSize = 500;
// The server ends watches after a random time, so that they do not all come back at once.
constexpr int kShortestWatchSeconds = 300;
constexpr int kLongestWatchSeconds = 600;
// A connection that died silently is noticed this long after the server should have ended it.
constexpr int kWatchGraceSeconds = 60;

/// Without the history of the object's fields: it is long, and no label comes from it.
std::string compact(const Json& object)
{
    std::string text;
    base::JsonWriter writer(text);
    writer.beginObject();
    for (const auto& [name, value] : object.members()) {
        writer.key(name);
        if (name != "metadata") {
            writer.raw(value.json());
            continue;
        }
        writer.beginObject();
        for (const auto& [key, each] : value.members()) {
            if (key != "managedFields") {
                writer.key(key).raw(each.json());
            }
        }
        writer.endObject();
    }
    writer.endObject();
    return text;
}

std::string pathOf(const ReflectorTask& task)
{
    const KindInfo& info = infoOf(task.kind);
    return info.namespaced && !task.nameSpace.empty()
               ? fmt::format("{}/namespaces/{}/{}", info.root, task.nameSpace, info.resource)
               : fmt::format("{}/{}", info.root, info.resource);
}

} // namespace

Reflector::Reflector(const ProviderEnvironment& environment, Client& client, ObjectCache& cache,
                     ReflectorTask task)
    : environment_(environment),
      client_(client),
      cache_(cache),
      task_(std::move(task)),
      path_(pathOf(task_))
{}

void Reflector::run(const std::stop_token& stop)
{
    base::Duration backoff = kFirstBackoff;
    std::uniform_real_distribution<double> jitter(1, 2);
    while (!stop.stop_requested()) {
        heard_ = false;
        const base::Duration begin = environment_.clock.monotonic();
        const bool wasList = version_.empty();
        const absl::Status status = wasList ? list(stop) : watch(stop);
        const bool gone = absl::IsOutOfRange(status) && !wasList;
        if (gone) {
            environment_.log->info("discovery: kubernetes: listing anew path={} reason=\"{}\"",
                                   path_, base::messageOf(status));
            version_.clear();
            consistent_ = true;
        } else {
            note(status, stop);
        }
        // A watch that ends at once without a word is no better than an error.
        const bool lasted = environment_.clock.monotonic() - begin > kFirstBackoff;
        if ((status.ok() || gone) && (wasList || heard_ || lasted)) {
            backoff = kFirstBackoff;
            continue;
        }
        waitFor({static_cast<std::int64_t>(static_cast<double>(backoff.ns) * jitter(random_))},
                stop);
        backoff = std::min(backoff * 2, kLongestBackoff);
    }
}

void Reflector::note(const absl::Status& status, const std::stop_token& stop)
{
    if (stop.stop_requested()) {
        return;
    }
    if (!status.ok() || failing_) {
        reportPart(environment_, path_,
                   status.ok() ? status : base::annotate(status, fmt::format("GET {}", path_)));
    }
    failing_ = !status.ok();
    if (status.ok()) {
        return;
    }
    environment_.metrics.add(kFailures);
    environment_.log->error("discovery: kubernetes: request failed path={} err=\"{}\"", path_,
                            base::messageOf(status));
}

net::Parameters Reflector::selectors() const
{
    net::Parameters parameters;
    if (!task_.selector.label.empty()) {
        parameters.emplace_back("labelSelector", task_.selector.label);
    }
    if (!task_.selector.field.empty()) {
        parameters.emplace_back("fieldSelector", task_.selector.field);
    }
    return parameters;
}

absl::StatusOr<Json> Reflector::page(const std::string& next, bool paged,
                                     const std::stop_token& stop)
{
    net::Parameters query = selectors();
    if (paged) {
        query.emplace_back("limit", std::to_string(kPageSize));
    }
    if (!next.empty()) {
        query.emplace_back("continue", next);
    } else if (!consistent_) {
        query.emplace_back("resourceVersion", "0"); // what the server has at hand
    }
    return client_.get(path_, query, stop);
}

absl::Status Reflector::list(const std::stop_token& stop)
{
    std::map<std::string, Change> found;
    std::map<std::string, std::string> versions;
    std::string next;
    std::string version;
    bool paged = true;
    do {
        auto answer = page(next, paged, stop);
        if (absl::IsOutOfRange(answer.status()) && !next.empty()) {
            // The place to go on from is forgotten: all at once then.
            found.clear();
            versions.clear();
            next.clear();
            paged = false;
            consistent_ = true;
            answer = page(next, paged, stop);
        }
        NARTHEX_RETURN_IF_ERROR(answer.status());
        const Json metadata = (*answer)["metadata"];
        version = metadata["resourceVersion"].text();
        next = metadata["continue"].text();
        if (!(*answer)["items"].isArray() && !(*answer)["items"].isNull()) {
            return base::unavailable("the answer is no list");
        }
        for (const Json& item : (*answer)["items"].items()) {
            const std::string key = keyOf(item);
            versions[key] = item["metadata"]["resourceVersion"].text();
            found[key] = {.key = key, .text = compact(item)};
        }
    } while (!next.empty() && !stop.stop_requested());
    if (stop.stop_requested()) {
        return absl::OkStatus();
    }
    if (version.empty()) {
        return base::unavailable("the list has no resourceVersion");
    }
    replaceAll(std::move(found), versions);
    version_ = version;
    consistent_ = false;
    return absl::OkStatus();
}

void Reflector::replaceAll(std::map<std::string, Change> found,
                           const std::map<std::string, std::string>& versions)
{
    std::vector<Change> changes;
    for (const auto& [key, version] : versions_) {
        if (!versions.contains(key)) {
            changes.push_back({.key = key});
            count("delete");
        }
    }
    for (auto& [key, change] : found) {
        const auto before = versions_.find(key);
        const std::string& version = versions.at(key);
        if (before == versions_.end() || version.empty() || before->second != version) {
            count(before == versions_.end() ? "add" : "update");
            changes.push_back(std::move(change));
        }
    }
    versions_ = versions;
    cache_.apply(task_.kind, std::move(changes));
    cache_.setFilled(task_.kind);
}

absl::Status Reflector::watch(const std::stop_token& stop)
{
    std::uniform_int_distribution<int> seconds(kShortestWatchSeconds, kLongestWatchSeconds);
    const int atMost = seconds(random_);
    net::Parameters query = selectors();
    query.emplace_back("watch", "1");
    query.emplace_back("resourceVersion", version_);
    query.emplace_back("allowWatchBookmarks", "true");
    query.emplace_back("timeoutSeconds", std::to_string(atMost));
    NARTHEX_ASSIGN_OR_RETURN(
        const auto stream,
        client_.watch(path_, query, base::Duration::fromMs((atMost + kWatchGraceSeconds) * 1000),
                      stop));
    while (true) {
        auto line = stream->next(stop);
        if (!line.ok()) {
            const absl::Status status = client_.judgeWatch(path_, line.status());
            // A connection that is cut while it works is nothing special.
            return heard_ ? absl::OkStatus() : status;
        }
        if (!*line) {
            return client_.judgeWatch(path_, stream->response());
        }
        NARTHEX_ASSIGN_OR_RETURN(const Json event, Json::parse(**line));
        NARTHEX_RETURN_IF_ERROR(handle(event));
        heard_ = true;
    }
}

absl::Status Reflector::handle(const Json& event)
{
    const std::string type = event["type"].text();
    const Json object = event["object"];
    if (type == "ERROR") {
        return statusOf(object);
    }
    const std::string version = object["metadata"]["resourceVersion"].text();
    if (type == "ADDED" || type == "MODIFIED") {
        const std::string key = keyOf(object);
        count(versions_.contains(key) ? "update" : "add");
        versions_[key] = version;
        cache_.apply(task_.kind, {{.key = key, .text = compact(object)}});
    } else if (type == "DELETED") {
        const std::string key = keyOf(object);
        versions_.erase(key);
        count("delete");
        cache_.apply(task_.kind, {{.key = key}});
    } else if (type != "BOOKMARK") {
        return base::unavailable("a watch event of unknown type \"{}\"", type);
    }
    if (!version.empty()) {
        version_ = version;
    }
    return absl::OkStatus();
}

void Reflector::count(std::string_view event)
{
    if (const std::string_view role = infoOf(task_.kind).role; !role.empty()) {
        environment_.metrics.add(kEvents, model::Labels{{"event", event}, {"role", role}});
    }
}

} // namespace narthex::discovery::kubernetes
