// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Acknowledgements of alerts that an external Alertmanager has: short silences there, kept alive as
// long as their alerts fire. Should this program end, they end by themselves and people are told
// again. Owner: the engine. Threads: every function from any thread; acknowledge() and withdraw()
// block until the server answered. Errors: Unavailable with the server's words.
// Source: spec/acknowledge.md, 5.
#pragma once

#include "core/alertmanager/acknowledgements.h"
#include "core/alertmanager/lane.h"
#include "core/alertmanager/metrics.h"
#include "core/alertmanager/schema.h"
#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/discovery/api_client.h"
#include "core/model/matcher.h"
#include "core/net/http_client.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::alertmanager {

/// Tells programs of this kind apart: made once for a database, and kept in it. Errors: those of
/// the database.
absl::StatusOr<std::string> instanceId(state::Database* database);

/// One silence of ours on a server.
struct AckExport
{
    /// Ids of the acknowledgements that it stands for, at least one.
    std::vector<std::string> ackIds;
    /// Base address of the server.
    std::string target;
    std::string silenceId;
    model::Matchers matchers;
    std::string author;
    std::string comment;
    /// As the server reported it; sent back unchanged.
    std::string startsAt;
    base::Timestamp endsAt;
    std::optional<base::Timestamp> expiresAt;
    std::optional<base::Timestamp> lastExtendedAt;
    std::string lastError;
    /// Polls in which its alerts were gone.
    int missed = 0;

    [[nodiscard]] bool standsFor(std::string_view ackId) const;
};

/// Somebody else's silence that says it is an acknowledgement.
struct ForeignAck
{
    std::string target;
    std::string silenceId;
    std::string author;
    std::string comment;
    base::Timestamp since;
    base::Timestamp endsAt;
};

class AckExporter
{
public:
    struct Environment
    {
        net::HttpClient& http;
        base::Timers& timers;
        /// With the tables of migrations(); null: nothing survives a restart.
        state::Database* database = nullptr;
        base::Logger log;
        Metrics& metrics;
    };
    /// How to reach a server.
    using Access = std::shared_ptr<const net::HttpClientConfig>;

    /// `instance` tells programs of this kind apart.
    AckExporter(AckSettings settings, std::string instance, Environment environment);
    /// Stops; silences stay until they end by themselves.
    ~AckExporter();
    AckExporter(const AckExporter&) = delete;
    AckExporter& operator=(const AckExporter&) = delete;

    /// Reads what is in the database.
    absl::Status start();
    /// How servers are reached that earlier runs used; unknown ones without authentication.
    void setAccess(const std::string& target, Access access);

    /// Acknowledges alerts of the server `target`; the exports that stand for it. `ackIds`: one for
    /// each alert, or one for all. Many alerts share a silence. Errors: also InvalidArgument, they
    /// differ in too much for that.
    absl::StatusOr<std::vector<AckExport>> acknowledge(const std::string& target,
                                                       std::span<const model::Labels> alerts,
                                                       const std::vector<std::string>& ackIds,
                                                       const AckRequest& request,
                                                       const std::stop_token& stop = {});
    /// Gives a silence another comment and end, now. Errors: also NotFound, it is no export.
    absl::Status change(const AckExport& exported, const std::string& comment,
                        std::optional<base::Timestamp> expiresAt, const std::stop_token& stop = {});
    /// Ends one silence. It is no export afterwards even if that failed: nobody extends it then, so
    /// it ends by itself.
    absl::Status end(const AckExport& exported, const std::stop_token& stop = {});
    /// Ends the silences of an acknowledgement, shared ones, too. Errors: the first one; the others
    /// are tried, too.
    absl::Status withdraw(std::string_view ackId, const std::stop_token& stop = {});
    /// Reads something from a server. Errors: Unavailable.
    absl::StatusOr<discovery::Json> ask(const std::string& target, std::string_view path,
                                        const net::Parameters& query,
                                        const std::stop_token& stop) const;
    /// Looks after all exports now, in the background.
    void poll();
    /// Waits until nothing is under way.
    void settle() const;

    [[nodiscard]] std::vector<AckExport> exports() const;
    /// As of the last poll of the servers that exports() or watch() name.
    [[nodiscard]] std::vector<ForeignAck> foreign() const;
    /// Looks for acknowledgements of others on this server, too.
    void watch(const std::string& target, Access access);
    void unwatch(const std::string& target);

    /// Polls without its alerts after which a silence is ended.
    static constexpr int kMissedPolls = 2;

private:
    using Key = std::pair<std::string, std::string>; // target, silence id

    void schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void pollServer(const std::string& target, const std::stop_token& stop);
    void lookAfter(const AckExport& exported, bool firing, const std::stop_token& stop);
    void noteForeign(const std::string& target, const discovery::Json& silences);
    absl::StatusOr<std::string> postSilence(AckExport& exported, bool annotations,
                                            const std::stop_token& stop);
    absl::Status deleteSilence(const AckExport& exported, const std::stop_token& stop);
    absl::StatusOr<bool> supportsAnnotations(const std::string& target,
                                             const std::stop_token& stop);
    [[nodiscard]] discovery::ApiClient client(const std::string& target) const;
    void remember(const AckExport& exported) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void drop(const AckExport& exported) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void noteError(const AckExport& exported, const absl::Status& status);

    // Fixed after construction.
    const AckSettings settings_;
    const std::string instance_;
    const Environment environment_;

    // Safe by themselves.
    mutable discovery::Metrics requestMetrics_{"Requests."};
    state::StateWriter writer_;

    mutable absl::Mutex mutex_;
    std::map<Key, AckExport> exports_ ABSL_GUARDED_BY(mutex_);
    std::map<std::string, Access> access_ ABSL_GUARDED_BY(mutex_);
    std::map<std::string, bool> annotations_ ABSL_GUARDED_BY(mutex_); // by target
    std::map<std::string, std::vector<ForeignAck>> foreign_ ABSL_GUARDED_BY(mutex_);
    std::optional<base::TimerId> timer_ ABSL_GUARDED_BY(mutex_);
    std::size_t polls_ ABSL_GUARDED_BY(mutex_) = 0;
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

    Lane lane_{1};
};

} // namespace narthex::alertmanager
