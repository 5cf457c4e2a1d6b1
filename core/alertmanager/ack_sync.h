// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Carries the acknowledgements of this Alertmanager to those external ones that show the same
// alerts: an export on one member of each cluster while an acknowledgement is in force, none when
// it has ended. Many that were made at once share a silence, which is made anew when one of them
// goes its own way. What is to be is compared with what is, now and then and after each change, so
// that servers that were away catch up. Owner: the engine. Threads: any; the work is done on a
// thread of its own. Errors: logged when they change, tried anew the next time. Source:
// spec/acknowledge.md, 3.2 and 5.
#pragma once

#include "core/alertmanager/ack_export.h"

#include <absl/container/flat_hash_set.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace narthex::alertmanager {

/// An Alertmanager that gets the alerts.
struct AlertServer
{
    /// Its base address.
    std::string target;
    AckExporter::Access access;
    /// Those of the asked alert as it knows them; absent: it never gets it.
    std::optional<model::Labels> labels;
};

class AckSync
{
public:
    struct Environment
    {
        AckExporter& exporter;
        base::Timers& timers;
        base::Duration interval;
        /// All records, ended ones included.
        std::function<std::vector<Acknowledgement>()> acknowledgements;
        /// The servers, and what becomes of an alert's labels there.
        std::function<std::vector<AlertServer>(const model::Labels&)> servers;
        base::Logger log;
    };

    explicit AckSync(Environment environment);
    ~AckSync();
    AckSync(const AckSync&) = delete;
    AckSync& operator=(const AckSync&) = delete;

    /// From now on looks every interval, and at once.
    void start();
    /// An acknowledgement was made, changed, or ended: looks soon.
    void changed();
    /// Waits until nothing is under way.
    void settle() const { lane_.settle(); }

private:
    /// What a server said in this turn.
    struct Seen
    {
        absl::Status status;
        /// Equal for all members of a cluster.
        std::string cluster;
        /// By alertname.
        std::map<std::string, absl::flat_hash_set<model::Labels>, std::less<>> alerts;
    };
    using Turn = std::map<std::string, Seen, std::less<>>; // by target
    /// Acknowledgements that one request made.
    using Batch = std::vector<const Acknowledgement*>;
    /// Targets that have an acknowledgement, by its id.
    using Having = std::map<std::string, std::set<std::string>, std::less<>>;
    /// What a server is to be asked for.
    struct Order
    {
        std::vector<model::Labels> alerts;
        std::vector<std::string> ackIds;
    };

    void schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    void look(const std::stop_token& stop);
    void watchServers();
    /// Ends and changes what belongs to one acknowledgement; shared silences that do not fit any
    /// more are returned.
    std::vector<AckExport> tidy(const std::vector<Acknowledgement>& acks,
                                const std::stop_token& stop);
    Having havingBut(const std::vector<AckExport>& outdated) const;
    void carry(const Batch& batch, Having& having, Turn& turn, const std::stop_token& stop);
    void order(const Acknowledgement& ack, const Having& having,
               const std::set<std::string>& failed, Turn& turn,
               std::map<std::string, Order>& orders, const std::stop_token& stop);
    Seen& seen(const std::string& target, Turn& turn, const std::stop_token& stop);
    bool shows(Seen& server, const AlertServer& asked, const std::stop_token& stop);
    void note(const std::string& target, const absl::Status& status);

    // Fixed after construction.
    const Environment environment_;

    // Touched by the lane's thread only.
    std::set<std::string> watched_;
    /// The last known cluster of a server, for when it is away.
    std::map<std::string, std::string> clusters_;
    std::map<std::string, std::string> errors_;

    absl::Mutex mutex_;
    std::optional<base::TimerId> timer_ ABSL_GUARDED_BY(mutex_);
    bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

    // Last: its work uses all of the above.
    Lane lane_{1};
};

} // namespace narthex::alertmanager
