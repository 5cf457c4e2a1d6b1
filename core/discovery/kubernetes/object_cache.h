// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The objects of a cluster that one role needs, kept as compact JSON, and which of the role's
// objects have to be looked at again: those that changed, and those whose last look touched
// something that changed. Owner: a follower of one namespace. Threads: any.
#pragma once

#include "core/base/time.h"
#include "core/discovery/json.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace narthex::discovery::kubernetes {

enum class Kind : std::uint8_t
{
    Nodes,
    Pods,
    Services,
    Endpoints,
    EndpointSlices,
    Ingresses,
    Namespaces,
    ReplicaSets,
    Jobs
};
inline constexpr std::size_t kKinds = 9;

/// Where a kind is found below the API server, and how events of it are counted.
struct KindInfo
{
    /// "/api/v1"
    std::string_view root;
    /// "pods"
    std::string_view resource;
    bool namespaced;
    /// The role of prometheus_sd_kubernetes_events_total; empty: not counted.
    std::string_view role;
};
const KindInfo& infoOf(Kind kind);

/// "namespace/name", or the name of an object without namespace.
std::string keyOf(const Json& object);
std::string keyOf(std::string_view nameSpace, std::string_view name);

/// One thing that happened to an object; no text: it is gone.
struct Change
{
    std::string key;
    std::optional<std::string> text;
};

class ObjectCache
{
public:
    /// `main`: what groups are made of. `followed` must all be filled before anything is dirty.
    ObjectCache(Kind main, std::set<Kind> followed);

    void apply(Kind kind, std::vector<Change> changes);
    /// The first list of that kind is complete.
    void setFilled(Kind kind);
    /// Null: there is none.
    [[nodiscard]] Json find(Kind kind, const std::string& key) const;

    /// Waits until everything is filled and there are dirty objects; takes their keys. Empty:
    /// stopped.
    [[nodiscard]] std::set<std::string> takeDirty(const std::stop_token& stop);
    /// What making the group of `key` looked at, found or not. What changed of that since
    /// takeDirty() makes it dirty again.
    void setReferences(const std::string& key, std::set<std::pair<Kind, std::string>> references);

private:
    using Reference = std::pair<Kind, std::string>;
    [[nodiscard]] bool isReadyLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    const Kind main_;
    mutable absl::Mutex mutex_;
    absl::CondVar changed_;
    std::set<Kind> missing_ ABSL_GUARDED_BY(mutex_); // not filled yet
    std::array<std::map<std::string, std::shared_ptr<const std::string>>, kKinds>
        objects_ ABSL_GUARDED_BY(mutex_);
    std::set<std::string> dirty_ ABSL_GUARDED_BY(mutex_);
    std::set<Reference> sinceTaken_ ABSL_GUARDED_BY(mutex_); // changed while groups are made
    std::map<Reference, std::set<std::string>> users_ ABSL_GUARDED_BY(mutex_);
    std::map<std::string, std::set<Reference>> references_ ABSL_GUARDED_BY(mutex_);
};

/// Finds objects for the group that is being made, and remembers what was asked.
class Lookup
{
public:
    explicit Lookup(const ObjectCache& cache) : cache_(cache) {}
    Json find(Kind kind, const std::string& key)
    {
        asked_.emplace(kind, key);
        return cache_.find(kind, key);
    }
    [[nodiscard]] std::set<std::pair<Kind, std::string>> take() { return std::move(asked_); }

private:
    const ObjectCache& cache_;
    std::set<std::pair<Kind, std::string>> asked_;
};

} // namespace narthex::discovery::kubernetes
