// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/zookeeper_tree.h"

#include "core/base/status.h"
#include "core/discovery/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::discovery {
namespace {

constexpr std::string_view kFailures = "prometheus_treecache_zookeeper_failures_total";

std::string below(const std::string& path)
{
    return path.ends_with('/') ? path : fmt::format("{}/", path);
}

bool isBelow(const std::string& path, const std::string& root)
{
    return path == root || path.starts_with(below(root));
}

} // namespace

ZooKeeperTrees::ZooKeeperTrees(const ProviderEnvironment& environment, ZooKeeperSession& session,
                               const std::vector<std::string>& paths, Tell tell, Flush flush,
                               base::Duration resync)
    : environment_(environment),
      session_(session),
      resync_(resync),
      tell_(std::move(tell)),
      flush_(std::move(flush))
{
    environment_.metrics.add(kFailures, {}, 0);
    for (const std::string& path : paths) {
        roots_.push_back({.path = path});
    }
}

void ZooKeeperTrees::run(const std::stop_token& stop)
{
    for (Root& root : roots_) {
        resync(root, stop);
    }
    while (!stop.stop_requested()) {
        base::Duration wait = resync_;
        for (const Root& root : roots_) {
            if (root.retryAt) {
                wait = std::min(wait, *root.retryAt - environment_.clock.monotonic());
            }
        }
        if (const auto event = session_.next(wait, stop)) {
            handle(*event, stop);
        }
        for (Root& root : roots_) {
            if (root.retryAt && *root.retryAt <= environment_.clock.monotonic()) {
                resync(root, stop);
            }
        }
    }
}

void ZooKeeperTrees::handle(const ZooKeeperSession::Event& event, const std::stop_token& stop)
{
    for (Root& root : roots_) {
        if (root.retryAt) {
            continue; // all of it will be read
        }
        if (event.path.empty()) {
            fail(root, absl::UnavailableError("the session expired"));
        } else if (isBelow(event.path, root.path) && root.nodes.contains(event.path)) {
            const absl::Status status = update(root, event.path, stop);
            if (!status.ok()) {
                fail(root, status);
            }
        }
    }
    flush_();
}

void ZooKeeperTrees::resync(Root& root, const std::stop_token& stop)
{
    Nodes before = std::exchange(root.nodes, {});
    const absl::Status status = update(root, root.path, stop);
    if (!status.ok()) {
        root.nodes = std::move(before);
        fail(root, status);
    } else {
        if (std::exchange(root.retryAt, std::nullopt)) {
            reportPart(environment_, root.path, absl::OkStatus());
        }
        for (const auto& [path, children] : before) {
            if (!root.nodes.contains(path)) {
                forget(path);
            }
        }
    }
    flush_();
}

absl::Status ZooKeeperTrees::update(Root& root, const std::string& path,
                                    const std::stop_token& stop)
{
    std::vector<std::string> work{path};
    while (!work.empty() && !stop.stop_requested()) {
        const std::string next = std::move(work.back());
        work.pop_back();
        NARTHEX_RETURN_IF_ERROR(readOne(root, next, work, stop));
    }
    return absl::OkStatus();
}

absl::Status ZooKeeperTrees::readOne(Root& root, const std::string& path,
                                     std::vector<std::string>& work, const std::stop_token& stop)
{
    auto data = session_.data(path, stop);
    auto names = data.ok() ? session_.children(path, stop)
                           : absl::StatusOr<std::vector<std::string>>(data.status());
    if (absl::IsNotFound(names.status())) {
        if (path == root.path) {
            return base::unavailable("path {} does not exist", path);
        }
        erase(root, path);
        return absl::OkStatus();
    }
    NARTHEX_RETURN_IF_ERROR(names.status());
    set(path, *std::move(data));
    const std::set<std::string> now(names->begin(), names->end());
    std::set<std::string>& known = root.nodes[path];
    const std::set<std::string> before = std::exchange(known, now);
    for (const std::string& name : before) {
        if (!now.contains(name)) {
            erase(root, below(path) + name);
        }
    }
    for (const std::string& name : now) {
        if (std::string child = below(path) + name; !root.nodes.contains(child)) {
            work.push_back(std::move(child));
        }
    }
    return absl::OkStatus();
}

void ZooKeeperTrees::erase(Root& root, const std::string& path)
{
    if (root.nodes.erase(path) != 0) {
        forget(path);
    }
    const std::string prefix = below(path);
    auto at = root.nodes.lower_bound(prefix);
    while (at != root.nodes.end() && at->first.starts_with(prefix)) {
        forget(at->first);
        at = root.nodes.erase(at);
    }
}

void ZooKeeperTrees::set(const std::string& path, std::string data)
{
    const auto [at, isNew] = told_.try_emplace(path, data);
    if (isNew || at->second != data) {
        at->second = std::move(data);
        tell_(path, at->second);
    }
}

void ZooKeeperTrees::forget(const std::string& path)
{
    if (told_.erase(path) != 0) {
        tell_(path, std::nullopt);
    }
}

void ZooKeeperTrees::fail(Root& root, const absl::Status& status)
{
    root.retryAt = environment_.clock.monotonic() + resync_;
    if (absl::IsCancelled(status)) {
        return;
    }
    reportPart(environment_, root.path, base::annotate(status, fmt::format("path {}", root.path)));
    environment_.metrics.add(kFailures);
    environment_.log->error("discovery: zookeeper: reading again in {} path={} err=\"{}\"",
                            base::formatDuration(resync_), root.path, base::messageOf(status));
}

} // namespace narthex::discovery
