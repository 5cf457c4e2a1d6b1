// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// From expressions to people: the rules, the notifier for external Alertmanagers with their
// discovery, and the Alertmanager of this process. Owner: Engine. Threads: prepare(), apply(),
// start() and stop() one at a time, everything else from any thread. Errors: what a configuration
// has wrong is found by prepare(), before anything changes.
#pragma once

#include "core/alertmanager/ack_sync.h"
#include "core/alertmanager/alertmanager.h"
#include "core/alertmanager/config.h"
#include "core/alertmanager/receivers/desktop.h"
#include "core/config/config.h"
#include "core/discovery/manager.h"
#include "core/rules/manager.h"
#include "core/rules/notifier.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace narthex::engine {

struct AlertingOptions
{
    rules::ManagerOptions rules;
    rules::NotifierOptions notifier;
    alertmanager::AlertmanagerOptions alertmanager;
    alertmanager::LoadOptions alertmanagerLoad;
    /// Of the Alertmanager of this process; empty: it groups and remembers, and tells the desktop
    /// if there is one, else nobody.
    std::filesystem::path alertmanagerConfig;
    /// Further ways of its receivers to tell people; empty: none.
    std::filesystem::path ownReceivers;
    /// Whether they may run programs, asked at each load; null: no.
    std::function<bool()> allowCommands;
    /// Outlives the object; null: there is no desktop.
    alertmanager::DesktopNotifier* desktop = nullptr;
    /// Whether the series NARTHEX_ALERT_ACK is written.
    bool ackSeries = false;
    /// "http://host:9090", in links to graphs; empty: unknown.
    std::string externalUrl;
};

class Alerting
{
public:
    /// All of it outlives the object.
    struct Environment
    {
        const promql::Engine& queries;
        const storage::Queryable& reading;
        storage::Appendable& writing;
        base::Timers& timers;
        base::WorkerPool& pool;
        net::IoLoop& loop;
        net::HttpClient& client;
        discovery::ProviderEnvironment discovery;
        const base::LogSetup& log;
        /// Alerts or rules may look different now.
        std::function<void()> onChange;
    };
    /// What a configuration and its files ask for, read and checked.
    struct Plan
    {
        std::vector<rules::RuleFile> files;
        rules::GroupDefaults defaults;
        rules::AlertingConfig alerting;
        model::Labels externalLabels;
        alertmanager::Config alertmanager;
    };

    Alerting(AlertingOptions options, const Environment& environment);
    /// stop().
    ~Alerting();
    Alerting(const Alerting&) = delete;
    Alerting& operator=(const Alerting&) = delete;

    /// Reads the rule files and the Alertmanager's configuration. Errors: InvalidArgument with all
    /// findings, NotFound.
    absl::StatusOr<Plan> prepare(const config::Config& config) const;
    /// Errors: of the Alertmanager (a template or certificate that cannot be read), which then goes
    /// on with what it had; the rest is in force.
    absl::Status apply(Plan plan);
    /// The store is open: rules run from now on, alerts come back from the database. Null: what the
    /// Alertmanager knows does not survive.
    absl::Status start(state::Database* database);
    /// Ends rules, hands over what waits, saves.
    void stop();

    [[nodiscard]] const rules::RuleManager& rules() const { return rules_; }
    [[nodiscard]] const rules::Notifier& notifier() const { return notifier_; }
    /// Null until start().
    [[nodiscard]] std::shared_ptr<alertmanager::Alertmanager> alertmanager() const;
    /// Null until start(), and when acknowledgements are not carried to external Alertmanagers.
    [[nodiscard]] std::shared_ptr<const alertmanager::AckExporter> ackExporter() const;
    [[nodiscard]] const discovery::Manager& discovery() const { return discovery_; }
    void writeMetrics(exposition::TextWriter& out) const;

private:
    /// What carries acknowledgements outward; it goes before the Alertmanager that it reads.
    struct AckExports;

    [[nodiscard]] absl::StatusOr<alertmanager::Config> loadAlertmanager() const;
    void send(const model::Alerts& alerts);
    [[nodiscard]] std::vector<alertmanager::AlertServer>
    alertServers(const model::Labels& alert) const;
    absl::StatusOr<std::shared_ptr<AckExports>>
    startExports(std::shared_ptr<alertmanager::Alertmanager> manager, state::Database* database);
    void onAcknowledgements();

    const AlertingOptions options_;
    const Environment environment_;
    /// Rules never wait behind scrapes or requests.
    base::WorkerPool pool_;
    rules::Notifier notifier_;
    rules::RuleManager rules_;
    discovery::Manager discovery_;

    mutable absl::Mutex mutex_;
    std::shared_ptr<alertmanager::Alertmanager> alertmanager_ ABSL_GUARDED_BY(mutex_);
    std::shared_ptr<AckExports> exports_ ABSL_GUARDED_BY(mutex_);
    /// In force, or to be put in force by start().
    std::optional<alertmanager::Config> alertmanagerConfig_ ABSL_GUARDED_BY(mutex_);
    bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

} // namespace narthex::engine
