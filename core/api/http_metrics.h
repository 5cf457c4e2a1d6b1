// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the HTTP interface counts, by route: requests with their status, time and size of the
// answer. Owner: the front. Threads: any. Source: spec/http-api.md, 13.
#pragma once

#include "core/exposition/instruments.h"
#include "core/net/http_server.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace narthex::api {

class HttpMetrics
{
public:
    /// Every route has a series of 0 with code 200 from the start. The names outlive the metrics.
    explicit HttpMetrics(std::span<const std::string_view> routes);

    /// A request to a route that was not named at the start is not counted.
    void observe(std::string_view route, int status, base::Duration took, std::size_t bytes);
    /// Null: none any more.
    void countConnections(std::function<net::ConnectionCounts()> source);
    void write(exposition::TextWriter& out) const;

private:
    void writeConnections(exposition::TextWriter& out) const;
    void writeMetricsHandler(exposition::TextWriter& out) const;

    struct Route
    {
        exposition::FixedHistogram seconds{{.1, .2, .4, 1, 3, 8, 20, 60, 120}};
        exposition::FixedHistogram bytes{exposition::FixedHistogram::exponential(100, 10, 8)};
        std::map<int, std::uint64_t> byStatus; // guarded by the owner's mutex
    };
    std::map<std::string_view, std::unique_ptr<Route>> routes_; // the set is fixed
    mutable absl::Mutex mutex_;
    mutable absl::Mutex sourceMutex_;
    std::function<net::ConnectionCounts()> connections_ ABSL_GUARDED_BY(sourceMutex_);
};

} // namespace narthex::api
