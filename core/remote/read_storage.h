// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The local store and the servers of remote_read as one: what they have is merged, and a server
// that fails becomes a warning of the query. Owner: core/engine. Threads: queriers and
// writeMetrics() from any; apply() one after another. Errors: the local store's.
// Source: spec/remote.md, 5.
#pragma once

#include "core/remote/read_client.h"
#include "core/storage/storage.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::remote {

class ReadStorage final : public storage::Queryable
{
public:
    /// `local` outlives this. `localStart`: the oldest time that the local store has, if it has
    /// any; what is older is all that servers without `read_recent` are asked for.
    ReadStorage(const storage::Queryable& local, const ReaderEnvironment& environment,
                std::function<std::optional<base::Timestamp>()> localStart);

    void apply(const std::vector<RemoteReadConfig>& configs, const model::Labels& externalLabels);

    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override;
    void writeMetrics(exposition::TextWriter& out) const;

private:
    struct Remotes
    {
        std::vector<std::shared_ptr<ReadClient>> clients;
        model::Labels externalLabels;
    };
    [[nodiscard]] std::shared_ptr<const Remotes> remotes() const;

    const storage::Queryable& local_;
    const ReaderEnvironment environment_;
    const std::function<std::optional<base::Timestamp>()> localStart_;
    mutable absl::Mutex mutex_;
    std::shared_ptr<const Remotes> remotes_ ABSL_GUARDED_BY(mutex_);
};

/// Whether the configuration lets this selection go to the server.
bool asksFor(const RemoteReadConfig& config, const model::Matchers& matchers);
/// Adds external labels that the selection does not name; `added` gets their names.
model::Matchers withExternalLabels(const model::Matchers& matchers,
                                   const model::Labels& externalLabels,
                                   std::vector<std::string>& added);

} // namespace narthex::remote
