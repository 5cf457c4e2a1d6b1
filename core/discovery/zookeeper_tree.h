// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Follows trees of ZooKeeper nodes: tells what each node holds, when that changes and when the node
// is gone. After a failure the last state stands until everything could be read again; then the
// differences are told. Owner: a mechanism. Threads: one.
// Source: spec/discovery.md, section 15; prometheus/prometheus util/treecache.
#pragma once

#include "core/discovery/provider.h"
#include "core/discovery/zookeeper_session.h"

#include <functional>
#include <map>
#include <set>

namespace narthex::discovery {

class ZooKeeperTrees
{
public:
    /// The data of a node; absent: it is gone.
    using Tell =
        std::function<void(const std::string& path, const std::optional<std::string>& data)>;
    /// To be called when what was told belongs together.
    using Flush = std::function<void()>;

    ZooKeeperTrees(const ProviderEnvironment& environment, ZooKeeperSession& session,
                   const std::vector<std::string>& paths, Tell tell, Flush flush,
                   base::Duration resync = base::Duration::fromMs(10'000));
    /// Until `stop` is requested.
    void run(const std::stop_token& stop);

private:
    /// The children of each node that is known.
    using Nodes = std::map<std::string, std::set<std::string>>;
    struct Root
    {
        std::string path;
        Nodes nodes;
        /// When everything is read anew; absent: events are followed.
        std::optional<base::Duration> retryAt;
    };

    void handle(const ZooKeeperSession::Event& event, const std::stop_token& stop);
    void resync(Root& root, const std::stop_token& stop);
    /// Reads a node and, below it, those that are new.
    absl::Status update(Root& root, const std::string& path, const std::stop_token& stop);
    absl::Status readOne(Root& root, const std::string& path, std::vector<std::string>& work,
                         const std::stop_token& stop);
    void erase(Root& root, const std::string& path);
    void set(const std::string& path, std::string data);
    void forget(const std::string& path);
    void fail(Root& root, const absl::Status& status);

    const ProviderEnvironment environment_;
    ZooKeeperSession& session_;
    const base::Duration resync_; // after a failure
    const Tell tell_;
    const Flush flush_;
    std::vector<Root> roots_;
    std::map<std::string, std::string> told_; // data by path
};

} // namespace narthex::discovery
