// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Follows the objects of one namespace (or all) for one role, and sends the groups they make: one
// an object. Owner: the provider's run(). Threads: a thread of its own for each kind of object; the
// groups are made on the caller's. Source: spec/discovery.md, section 10.
#pragma once

#include "core/discovery/kubernetes/reflector.h"
#include "core/discovery/kubernetes/roles.h"

namespace narthex::discovery::kubernetes {

class Follower
{
public:
    Follower(const ProviderEnvironment& environment, Client& client, const Config& config,
             std::string nameSpace);
    /// Until `stop` is requested. Nothing is sent before everything that is needed was listed.
    void run(const std::stop_token& stop, const Watcher::Send& send);

private:
    std::optional<TargetGroup> make(const std::string& key);
    [[nodiscard]] Selector selectorOf(Kind kind) const;
    void noteWork(std::size_t items, base::Duration took);

    const ProviderEnvironment environment_;
    Client& client_;
    const RoleInfo& role_;
    const Attach attach_;
    const std::vector<Selector> selectors_;
    const std::string nameSpace_;
    const std::set<Kind> kinds_;
    ObjectCache cache_;
    // Touched by run() only: what was sent last, as hashes, so that what is equal is not sent.
    std::map<std::string, std::size_t> sent_;
};

} // namespace narthex::discovery::kubernetes
