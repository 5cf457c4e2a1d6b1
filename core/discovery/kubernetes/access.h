// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How to reach a Kubernetes API server: where it is and with which credentials, from the
// configuration, a kubeconfig file, or the service account of the pod we run in.
// Owner: a provider. Threads: settings() and refused() from any. Errors: InvalidArgument (a file
// that cannot be used, with the place), those of the program that gives credentials.
// Source: spec/discovery.md, section 10, Access.
#pragma once

#include "core/discovery/kubernetes/config.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

namespace narthex::discovery::kubernetes {

/// A program of a kubeconfig that prints credentials.
struct ExecPlugin
{
    std::string apiVersion;
    std::vector<std::string> arguments; // the program first
    std::vector<std::pair<std::string, std::string>> environment;
    bool wantsClusterInfo = false;
};

class Access
{
public:
    static absl::StatusOr<std::shared_ptr<Access>> create(const Config& config,
                                                          const ProviderEnvironment& environment);

    /// "https://host:port", without a slash at the end.
    [[nodiscard]] const std::string& server() const { return server_; }
    /// Of the service account; empty unless asked for.
    [[nodiscard]] const std::string& ownNamespace() const { return ownNamespace_; }
    /// For the next request. May run a program.
    absl::StatusOr<std::shared_ptr<const net::HttpClientConfig>>
    settings(const std::stop_token& stop);
    /// The server said 401: credentials of a program are fetched anew.
    void refused();

private:
    Access() = default;
    absl::Status useServiceAccount(const ProviderEnvironment& environment, bool ownNamespace);
    absl::Status useKubeconfig(const std::string& path);
    absl::Status useCluster(const YAML::Node& cluster, const std::string& folder);
    absl::Status useUser(const YAML::Node& user, const std::string& folder);
    absl::Status runPlugin(const std::stop_token& stop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    // Fixed after create().
    std::string server_;
    std::string ownNamespace_;
    net::HttpClientConfig http_;
    std::optional<ExecPlugin> plugin_;
    const base::Clock* clock_ = nullptr;

    absl::Mutex mutex_;
    std::shared_ptr<const net::HttpClientConfig> settings_ ABSL_GUARDED_BY(mutex_);
    base::Timestamp expires_ ABSL_GUARDED_BY(mutex_) = base::Timestamp::max();
};

} // namespace narthex::discovery::kubernetes
