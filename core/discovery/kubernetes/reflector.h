// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keeps the objects of one kind and namespace in a cache: lists them page by page, then watches
// from there on. A watch that ends is taken up where it was; when the server has forgotten that
// place (410), everything is listed again and compared. Owner: a follower. Threads: run() has one.
// Source: spec/discovery.md, section 10, Access.
#pragma once

#include "core/discovery/kubernetes/client.h"
#include "core/discovery/kubernetes/object_cache.h"

#include <random>

namespace narthex::discovery::kubernetes {

struct ReflectorTask
{
    Kind kind = Kind::Pods;
    /// Empty: all, or a kind without namespaces.
    std::string nameSpace;
    Selector selector;
};

class Reflector
{
public:
    Reflector(const ProviderEnvironment& environment, Client& client, ObjectCache& cache,
              ReflectorTask task);
    /// Until `stop` is requested.
    void run(const std::stop_token& stop);

private:
    absl::Status list(const std::stop_token& stop);
    absl::StatusOr<Json> page(const std::string& next, bool paged, const std::stop_token& stop);
    absl::Status watch(const std::stop_token& stop);
    absl::Status handle(const Json& event);
    void replaceAll(std::map<std::string, Change> found,
                    const std::map<std::string, std::string>& versions);
    void count(std::string_view event);
    [[nodiscard]] net::Parameters selectors() const;
    void note(const absl::Status& status, const std::stop_token& stop);

    const ProviderEnvironment environment_;
    Client& client_;
    ObjectCache& cache_;
    const ReflectorTask task_;
    const std::string path_;
    // Touched by run() only.
    std::minstd_rand random_{std::random_device{}()};
    std::string version_;                         // where the next watch begins; empty: list first
    bool consistent_ = false;                     // the next list must be the newest there is
    bool failing_ = false;                        // as it was reported last
    bool heard_ = false;                          // the watch said something
    std::map<std::string, std::string> versions_; // of the objects in the cache, by key
};

} // namespace narthex::discovery::kubernetes
