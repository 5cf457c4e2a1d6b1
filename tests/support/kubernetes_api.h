// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stands in for a Kubernetes API server, which no package of the test machine offers: lists with
// pages, watches with bookmarks and a history that can be forgotten, failures on request.
// Owner: the test. Threads: any.
#pragma once

#include "support/streaming_server.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <atomic>
#include <deque>

namespace narthex::tests {

class KubernetesApi
{
public:
    KubernetesApi()
        : server_([this](const StreamingServer::Request& request, StreamingServer::Answer& answer) {
              serve(request, answer);
          })
    {}
    ~KubernetesApi()
    {
        stopping_ = true;
        server_.stop();
    }

    [[nodiscard]] std::string url() const { return server_.url(); }

    /// Adds or replaces an object. `resource`: "/api/v1/pods".
    void put(const std::string& resource, const std::string& json)
    {
        const absl::MutexLock lock(&mutex_);
        QJsonParseError error{};
        QJsonObject object =
            QJsonDocument::fromJson(QByteArray::fromStdString(json), &error).object();
        if (error.error != QJsonParseError::NoError) {
            throw std::runtime_error(error.errorString().toStdString() + ": " + json);
        }
        QJsonObject metadata = object["metadata"].toObject();
        metadata["resourceVersion"] = QString::number(++version_);
        object["metadata"] = metadata;
        auto& objects = objects_[resource];
        const std::string key = keyOf(object);
        events_.push_back(
            {version_, resource, objects.contains(key) ? "MODIFIED" : "ADDED", object});
        objects[key] = object;
    }
    /// `key`: "namespace/name", or a name.
    void remove(const std::string& resource, const std::string& key)
    {
        const absl::MutexLock lock(&mutex_);
        QJsonObject object = objects_[resource].at(key);
        QJsonObject metadata = object["metadata"].toObject();
        metadata["resourceVersion"] = QString::number(++version_);
        object["metadata"] = metadata;
        events_.push_back({version_, resource, "DELETED", object});
        objects_[resource].erase(key);
    }
    /// A sign of life for the watches of that resource.
    void bookmark(const std::string& resource)
    {
        const absl::MutexLock lock(&mutex_);
        const QJsonObject object{
            {"metadata", QJsonObject{{"resourceVersion", QString::number(++version_)}}}};
        events_.push_back({version_, resource, "BOOKMARK", object});
    }
    /// Watches that ask for anything before this moment are told 410.
    void forgetHistory()
    {
        const absl::MutexLock lock(&mutex_);
        events_.clear();
        forgotten_ = version_;
    }
    /// All watches get an ERROR event.
    void sendError(int code)
    {
        const absl::MutexLock lock(&mutex_);
        const QJsonObject object{
            {"kind", "Status"}, {"code", code}, {"message", "too old resource version"}};
        events_.push_back({++version_, "", "ERROR", object});
    }
    /// Cuts the connections of all watches, or lets them end in order.
    void endWatches(bool cut)
    {
        const absl::MutexLock lock(&mutex_);
        ++generation_;
        cut_ = cut;
    }
    /// The next requests whose path holds this are answered with that status.
    void failNext(const std::string& path, int status, int count = 1)
    {
        const absl::MutexLock lock(&mutex_);
        failures_[path] = {status, count};
    }
    void setPageSize(std::size_t size)
    {
        const absl::MutexLock lock(&mutex_);
        pageSize_ = size;
    }
    /// The next continue token is no longer known.
    void expireContinue()
    {
        const absl::MutexLock lock(&mutex_);
        expireContinue_ = true;
    }
    /// The watch that is open last began here.
    [[nodiscard]] std::int64_t version() const
    {
        const absl::MutexLock lock(&mutex_);
        return version_;
    }

    [[nodiscard]] std::vector<StreamingServer::Request> requests() const
    {
        const absl::MutexLock lock(&mutex_);
        return requests_;
    }
    /// Lists (or watches) of that path so far.
    [[nodiscard]] std::vector<StreamingServer::Request> asked(const std::string& path,
                                                              bool watch) const
    {
        std::vector<StreamingServer::Request> result;
        for (const auto& request : requests()) {
            if (request.path == path && request.query.contains("watch") == watch) {
                result.push_back(request);
            }
        }
        return result;
    }

private:
    struct Event
    {
        std::int64_t version;
        std::string resource;
        std::string type;
        QJsonObject object;
    };

    static std::string keyOf(const QJsonObject& object)
    {
        const QJsonObject metadata = object["metadata"].toObject();
        const QString space = metadata["namespace"].toString();
        return ((space.isEmpty() ? QString() : space + "/") + metadata["name"].toString())
            .toStdString();
    }
    static std::string text(const QJsonObject& object)
    {
        return QJsonDocument(object).toJson(QJsonDocument::Compact).toStdString();
    }

    /// "/api/v1/namespaces/x/pods" is "/api/v1/pods" of namespace x.
    static std::pair<std::string, std::string> split(const std::string& path)
    {
        const std::string mark = "/namespaces/";
        const std::size_t at = path.find(mark);
        const std::size_t slash = at == std::string::npos ? at : path.find('/', at + mark.size());
        if (slash == std::string::npos) {
            return {path, ""};
        }
        return {path.substr(0, at) + path.substr(slash),
                path.substr(at + mark.size(), slash - at - mark.size())};
    }
    static bool belongs(const QJsonObject& object, const std::string& space)
    {
        return space.empty() ||
               object["metadata"].toObject()["namespace"].toString().toStdString() == space;
    }

    void serve(const StreamingServer::Request& request, StreamingServer::Answer& answer)
    {
        int status = 0;
        {
            const absl::MutexLock lock(&mutex_);
            requests_.push_back(request);
            for (auto& [path, failure] : failures_) {
                if (request.path.find(path) != std::string::npos && failure.second > 0) {
                    --failure.second;
                    status = failure.first;
                }
            }
        }
        if (status != 0) {
            answer.whole(status, "{\"kind\":\"Status\",\"message\":\"as the test wants it\"}");
        } else if (request.query.contains("watch")) {
            watch(request, answer);
        } else {
            list(request, answer);
        }
    }

    void list(const StreamingServer::Request& request, StreamingServer::Answer& answer)
    {
        const auto [resource, space] = split(request.path);
        const absl::MutexLock lock(&mutex_);
        const auto next = request.query.find("continue");
        if (next != request.query.end() && expireContinue_) {
            expireContinue_ = false;
            answer.whole(410, "{\"kind\":\"Status\",\"code\":410}");
            return;
        }
        std::size_t begin = next == request.query.end() ? 0 : std::stoul(next->second);
        const std::size_t limit = request.query.contains("limit") ? pageSize_ : SIZE_MAX;
        QJsonArray items;
        std::size_t at = 0;
        bool more = false;
        for (const auto& [key, object] : objects_[resource]) {
            if (!belongs(object, space) || at++ < begin) {
                continue;
            }
            if (static_cast<std::size_t>(items.size()) >= limit) {
                more = true;
                break;
            }
            items.append(object);
        }
        QJsonObject metadata{{"resourceVersion", QString::number(version_)}};
        if (more) {
            metadata["continue"] = QString::number(begin + limit);
        }
        answer.whole(200, text({{"kind", "List"}, {"metadata", metadata}, {"items", items}}));
    }

    void watch(const StreamingServer::Request& request, StreamingServer::Answer& answer)
    {
        const auto [resource, space] = split(request.path);
        std::int64_t seen = std::stoll(request.query.at("resourceVersion"));
        int generation = 0;
        {
            const absl::MutexLock lock(&mutex_);
            generation = generation_;
            if (seen < forgotten_) {
                answer.whole(410, "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}");
                return;
            }
        }
        answer.begin();
        while (!stopping_ && !answer.isGone()) {
            std::string lines;
            {
                const absl::MutexLock lock(&mutex_);
                for (const Event& event : events_) {
                    const bool wanted =
                        event.resource.empty() ||
                        (event.resource == resource &&
                         (event.type == "BOOKMARK" || belongs(event.object, space)));
                    if (event.version > seen && wanted) {
                        lines += text({{"type", QString::fromStdString(event.type)},
                                       {"object", event.object}}) +
                                 "\n";
                    }
                }
                seen = std::max(seen, version_);
                if (lines.empty() && generation != generation_) {
                    cut_ ? answer.cut() : answer.end();
                    return;
                }
            }
            if (lines.empty()) {
                usleep(2000);
            } else { // in two pieces: lines do not come whole
                answer.chunk(lines.substr(0, lines.size() / 2));
                answer.chunk(lines.substr(lines.size() / 2));
            }
        }
    }

    mutable absl::Mutex mutex_;
    std::map<std::string, std::map<std::string, QJsonObject>> objects_ ABSL_GUARDED_BY(mutex_);
    std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
    std::map<std::string, std::pair<int, int>> failures_ ABSL_GUARDED_BY(mutex_);
    std::vector<StreamingServer::Request> requests_ ABSL_GUARDED_BY(mutex_);
    std::int64_t version_ ABSL_GUARDED_BY(mutex_) = 100;
    std::int64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;
    std::size_t pageSize_ ABSL_GUARDED_BY(mutex_) = 500;
    int generation_ ABSL_GUARDED_BY(mutex_) = 0;
    bool cut_ ABSL_GUARDED_BY(mutex_) = false;
    bool expireContinue_ ABSL_GUARDED_BY(mutex_) = false;
    std::atomic<bool> stopping_ = false;
    StreamingServer server_;
};

} // namespace narthex::tests
