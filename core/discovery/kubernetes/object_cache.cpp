// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/object_cache.h"

#include <fmt/format.h>

namespace narthex::discovery::kubernetes {
namespace {

// In the order of Kind.
constexpr KindInfo kInfos[kKinds] = {
    {"/api/v1", "nodes", false, "node"},
    {"/api/v1", "pods", true, "pod"},
    {"/api/v1", "services", true, "service"},
    {"/api/v1", "endpoints", true, "endpoints"},
    {"/apis/discovery.k8s.io/v1", "endpointslices", true, "endpointslice"},
    {"/apis/networking.k8s.io/v1", "ingresses", true, "ingress"},
    {"/api/v1", "namespaces", false, ""},
    {"/apis/apps/v1", "replicasets", true, ""},
    {"/apis/batch/v1", "jobs", true, ""},
};

std::size_t indexOf(Kind kind) { return static_cast<std::size_t>(kind); }

} // namespace

const KindInfo& infoOf(Kind kind) { return kInfos[indexOf(kind)]; }

std::string keyOf(std::string_view nameSpace, std::string_view name)
{
    return nameSpace.empty() ? std::string(name) : fmt::format("{}/{}", nameSpace, name);
}

std::string keyOf(const Json& object)
{
    const Json metadata = object["metadata"];
    return keyOf(metadata["namespace"].text(), metadata["name"].text());
}

ObjectCache::ObjectCache(Kind main, std::set<Kind> followed)
    : main_(main), missing_(std::move(followed))
{}

void ObjectCache::apply(Kind kind, std::vector<Change> changes)
{
    const absl::MutexLock lock(&mutex_);
    auto& objects = objects_[indexOf(kind)];
    for (Change& change : changes) {
        if (change.text) {
            objects[change.key] = std::make_shared<const std::string>(*std::move(change.text));
        } else {
            objects.erase(change.key);
        }
        if (kind == main_) {
            dirty_.insert(change.key);
        }
        sinceTaken_.emplace(kind, change.key);
        if (const auto users = users_.find({kind, change.key}); users != users_.end()) {
            dirty_.insert(users->second.begin(), users->second.end());
        }
    }
    changed_.SignalAll();
}

void ObjectCache::setFilled(Kind kind)
{
    const absl::MutexLock lock(&mutex_);
    missing_.erase(kind);
    changed_.SignalAll();
}

Json ObjectCache::find(Kind kind, const std::string& key) const
{
    std::shared_ptr<const std::string> text;
    {
        const absl::MutexLock lock(&mutex_);
        const auto& objects = objects_[indexOf(kind)];
        const auto found = objects.find(key);
        if (found == objects.end()) {
            return {};
        }
        text = found->second;
    }
    auto json = Json::parse(*text);
    return json.ok() ? *std::move(json) : Json();
}

bool ObjectCache::isReadyLocked() const { return missing_.empty() && !dirty_.empty(); }

std::set<std::string> ObjectCache::takeDirty(const std::stop_token& stop)
{
    const std::stop_callback onStop(stop, [this] {
        const absl::MutexLock lock(&mutex_);
        changed_.SignalAll();
    });
    const absl::MutexLock lock(&mutex_);
    while (!stop.stop_requested() && !isReadyLocked()) {
        changed_.Wait(&mutex_);
    }
    if (stop.stop_requested()) {
        return {};
    }
    sinceTaken_.clear();
    return std::exchange(dirty_, {});
}

void ObjectCache::setReferences(const std::string& key, std::set<Reference> references)
{
    const absl::MutexLock lock(&mutex_);
    if (const auto old = references_.find(key); old != references_.end()) {
        for (const Reference& reference : old->second) {
            const auto users = users_.find(reference);
            if (users != users_.end() && users->second.erase(key) != 0 && users->second.empty()) {
                users_.erase(users);
            }
        }
    }
    if (references.empty()) {
        references_.erase(key);
        return;
    }
    for (const Reference& reference : references) {
        users_[reference].insert(key);
        if (sinceTaken_.contains(reference)) {
            dirty_.insert(key);
            changed_.SignalAll();
        }
    }
    references_[key] = std::move(references);
}

} // namespace narthex::discovery::kubernetes
