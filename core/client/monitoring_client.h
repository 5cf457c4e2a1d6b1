// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a user interface can ask of a monitoring server, near or far. Two implementations: the
// engine in this process, and a remote Prometheus-compatible server. The interface is small enough
// to fake in a test. Owner: app; pages keep a reference. Threads: every function from any thread,
// none blocks. Replies and events arrive on threads of the implementation: the receiver hands over
// to its own. Errors in replies: InvalidArgument (the user's text, with Position), Cancelled (the
// stop token), DeadlineExceeded, Unavailable (the server), Unauthenticated and PermissionDenied
// (who asks), Unimplemented (this server does not offer it; a sentence for the view).
#pragma once

#include "core/base/status.h"
#include "core/base/time.h"
#include "core/client/server_parts.h"
#include "core/model/labels.h"
#include "core/model/sample.h"
#include "core/promql/value.h"

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace narthex::client {

/// Called exactly once, also after a stop (then with Cancelled, or with a result that was ready).
template <typename T>
using Reply = absl::AnyInvocable<void(absl::StatusOr<T>)>;

struct InstantQuery
{
    std::string query;
    /// Absent: the server's now.
    std::optional<base::Timestamp> time;
    std::optional<base::Duration> timeout;
};

struct RangeQuery
{
    std::string query;
    base::Timestamp from;
    base::Timestamp to;
    base::Duration step;
    std::optional<base::Duration> timeout;
};

/// Shared, for results are large and several views show them.
using QueryResult = std::shared_ptr<const promql::Result>;

/// Narrows series and label questions. No `selectors`: everything. Each is a selector text such as
/// `up{job="a"}`; series that match any of them count.
struct SeriesFilter
{
    std::vector<std::string> selectors;
    std::optional<base::Timestamp> from;
    std::optional<base::Timestamp> to;
    /// 0: no limit.
    std::size_t limit = 0;
};

struct MetricMetadata
{
    std::string metric;
    /// Usually one; several when targets disagree.
    std::vector<model::Metadata> entries;
};

enum class Health : std::uint8_t
{
    Unknown,
    Up,
    Down
};

/// Why a scrape failed, so that a view can offer a remedy.
enum class ScrapeErrorClass : std::uint8_t
{
    None,
    NameResolution,
    ConnectionRefused,
    Timeout,
    Tls,
    Unauthorized,
    NotFound,
    HttpStatus,
    Parse,
    LimitExceeded,
    Storage,
    Other
};

/// One past scrape, for the health lane.
struct ScrapeOutcome
{
    base::Timestamp time;
    base::Duration duration;
    Health health = Health::Unknown;
};

struct TargetInfo
{
    std::string job;
    /// Stable over refreshes, unique in a reply.
    std::string id;
    std::string url;
    /// Final labels, as they stand on series.
    model::Labels labels;
    /// Labels before relabeling.
    model::Labels discoveredLabels;
    Health health = Health::Unknown;
    /// In full; empty when the last scrape succeeded.
    std::string lastError;
    ScrapeErrorClass errorClass = ScrapeErrorClass::None;
    std::optional<base::Timestamp> lastScrape;
    base::Duration lastDuration;
    base::Duration interval;
    base::Duration timeout;
    std::uint64_t samplesScraped = 0;
    std::uint64_t samplesAfterRelabeling = 0;
    std::uint64_t seriesAdded = 0;
    std::uint64_t bodyBytes = 0;
    /// Oldest first; bounded.
    std::vector<ScrapeOutcome> history;
};

struct DroppedTarget
{
    std::string job;
    model::Labels discoveredLabels;
};

struct Targets
{
    std::vector<TargetInfo> active;
    std::vector<DroppedTarget> dropped;
};

struct BuildInfo
{
    std::string application; // "Narthex", "Prometheus"
    std::string version;
    std::string revision;
};

enum class EngineState : std::uint8_t
{
    Off,
    Starting,
    Replaying,
    Collecting,
    Paused,
    Stopping,
    Failed
};

enum class ProblemSeverity : std::uint8_t
{
    Warning,
    Error
};

/// Something that a user should know and can act on. Gone from the list when it is over.
struct Problem
{
    /// Stable while the problem lasts.
    std::string id;
    ProblemSeverity severity = ProblemSeverity::Warning;
    /// "configuration", "storage", "listener", "targets"
    std::string source;
    /// One sentence in English that names the thing.
    std::string message;
    std::optional<base::Position> position;
    base::Timestamp since;
};

struct ServerStatus
{
    EngineState state = EngineState::Off;
    /// 0 to 1 while Replaying.
    double replayProgress = 0;
    double samplesPerSecond = 0;
    std::uint64_t headSeries = 0;
    std::uint64_t headBytes = 0;
    std::uint64_t diskBytes = 0;
    std::optional<base::Timestamp> newestSample;
    std::optional<base::Timestamp> startedAt;
    std::uint32_t targetsUp = 0;
    std::uint32_t targetsDown = 0;
    std::uint32_t targetsUnknown = 0;
    /// Where the HTTP API listens, "127.0.0.1:9090"; empty when it does not.
    std::string listenAddress;
    std::string dataDirectory;
    std::string configurationFile;
    std::vector<Problem> problems;
};

/// What has changed; coalesced to at most four a second of each.
enum class Event : std::uint8_t
{
    Status,
    Targets,
    Samples,
    Configuration,
    Alerts
};

/// Ends the subscription when it dies; its callback does not run after that.
class Subscription
{
public:
    Subscription() = default;
    explicit Subscription(absl::AnyInvocable<void()> end) : end_(std::move(end)) {}
    Subscription(Subscription&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
    Subscription& operator=(Subscription&& other) noexcept
    {
        if (this != &other) {
            reset();
            end_ = std::exchange(other.end_, nullptr);
        }
        return *this;
    }
    ~Subscription() { reset(); }
    void reset()
    {
        if (end_) {
            std::exchange(end_, nullptr)();
        }
    }

private:
    absl::AnyInvocable<void()> end_;
};

class MonitoringClient
{
public:
    virtual ~MonitoringClient() = default;

    virtual void query(InstantQuery query, std::stop_token stop, Reply<QueryResult> reply) = 0;
    virtual void queryRange(RangeQuery query, std::stop_token stop, Reply<QueryResult> reply) = 0;
    virtual void series(SeriesFilter filter, std::stop_token stop,
                        Reply<std::vector<model::Labels>> reply) = 0;
    virtual void labelNames(SeriesFilter filter, std::stop_token stop,
                            Reply<std::vector<std::string>> reply) = 0;
    virtual void labelValues(std::string label, SeriesFilter filter, std::stop_token stop,
                             Reply<std::vector<std::string>> reply) = 0;
    /// All metrics, or one when `metric` is not empty.
    virtual void metadata(std::string metric, std::stop_token stop,
                          Reply<std::vector<MetricMetadata>> reply) = 0;
    virtual void targets(std::stop_token stop, Reply<Targets> reply) = 0;
    virtual void buildInfo(std::stop_token stop, Reply<BuildInfo> reply) = 0;
    virtual void status(std::stop_token stop, Reply<ServerStatus> reply) = 0;

    /// Scrapes the target now, besides its schedule. Errors: NotFound (no such id), Unimplemented
    /// (remote).
    virtual void scrapeNow(std::string targetId, std::stop_token stop, Reply<bool> reply) = 0;
    /// Reads the configuration file again. Errors: InvalidArgument with the place; what ran before
    /// runs on.
    virtual void reloadConfiguration(std::stop_token stop, Reply<bool> reply) = 0;

    // What not every server has. An implementation without one of them answers Unimplemented.

    /// Which parts this server has, so that views can say so before they ask.
    virtual void offers(std::stop_token stop, Reply<Offers> reply);
    virtual void exemplars(ExemplarQuery query, std::stop_token stop,
                           Reply<std::vector<ExemplarSeries>> reply);
    /// In order of file, then name.
    virtual void rules(std::stop_token stop, Reply<std::vector<RuleGroupInfo>> reply);
    virtual void alertmanagers(std::stop_token stop, Reply<AlertmanagerTargets> reply);
    /// `limit`: entries of each list.
    virtual void storeStatus(std::size_t limit, std::stop_token stop, Reply<StoreStatus> reply);
    virtual void blocks(std::stop_token stop, Reply<BlockList> reply);
    virtual void runtimeInfo(std::stop_token stop, Reply<RuntimeInfo> reply);
    /// As YAML, secrets hidden.
    virtual void configurationText(std::stop_token stop, Reply<std::string> reply);
    virtual void flags(std::stop_token stop, Reply<Flags> reply);
    /// Hides the samples of what `filter` selects; at least one selector. Errors: InvalidArgument.
    virtual void deleteSeries(SeriesFilter filter, std::stop_token stop, Reply<bool> reply);
    /// Frees the space of what was deleted.
    virtual void cleanTombstones(std::stop_token stop, Reply<bool> reply);
    /// The name of the new directory below `snapshots` of the data directory.
    virtual void snapshot(bool skipHead, std::stop_token stop, Reply<std::string> reply);

    /// `onEvent` is called on a thread of the implementation until the subscription dies.
    virtual Subscription subscribe(std::function<void(Event)> onEvent) = 0;
};

} // namespace narthex::client
