// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the Alertmanager counts of itself, for /metrics. Owner: the Alertmanager. Threads: any.
// Source: spec/alertmanager.md, 15; spec/acknowledge.md, 9.
#pragma once

#include "core/base/time.h"
#include "core/exposition/instruments.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::alertmanager {

enum class Suppression : std::uint8_t
{
    Silence,
    Inhibition,
    MuteTimeInterval,
    ActiveTimeInterval
};

/// Of one kind of integration.
struct IntegrationCounters
{
    std::uint64_t notifications = 0;
    std::map<std::string, std::uint64_t, std::less<>> failed; // by reason
    std::uint64_t requests = 0;
    std::uint64_t requestsFailed = 0;
    std::uint64_t heldBackByAck = 0;
    std::unique_ptr<exposition::FixedHistogram> latency;
};

/// Of what is asked often and looked through now and then: silences, the log of notifications.
struct StoreCounters
{
    exposition::FixedHistogram query{
        std::vector<double>{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}};
    exposition::RecentSummary collected;
    /// Until the database had taken what maintenance removed.
    exposition::RecentSummary written;
    std::atomic<std::uint64_t> maintenances{0};
    std::atomic<std::uint64_t> maintenanceErrors{0};
    std::atomic<std::uint64_t> sizeBytes{0};
};

class Metrics
{
public:
    /// Makes the series of a kind appear with 0.
    void addKind(std::string_view kind);
    void sent(std::string_view kind);
    void failed(std::string_view kind, std::string_view reason);
    void request(std::string_view kind, bool ok, base::Duration took);
    void heldBackByAck(std::string_view kind);
    void suppressed(Suppression why, std::size_t count);

    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> receivedResolved{0};
    std::atomic<std::uint64_t> invalid{0};
    std::atomic<std::uint64_t> limited{0};
    std::atomic<std::uint64_t> subscriberWrites{0};
    std::atomic<std::uint64_t> exportExtensions{0};
    std::atomic<std::uint64_t> exportErrors{0};
    std::atomic<std::uint64_t> gaps{0};
    exposition::FixedHistogram processing{exposition::FixedHistogram::exponential(0.0001, 4, 8)};

    StoreCounters silences;
    StoreCounters log;

    /// `mono`: of the clock that the summaries were given.
    void write(exposition::TextWriter& out, base::Duration mono) const;

private:
    IntegrationCounters& kindLocked(std::string_view kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    mutable absl::Mutex mutex_;
    std::map<std::string, IntegrationCounters, std::less<>> kinds_ ABSL_GUARDED_BY(mutex_);
    std::array<std::uint64_t, 4> suppressed_ ABSL_GUARDED_BY(mutex_){};
};

} // namespace narthex::alertmanager
