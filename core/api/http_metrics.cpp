// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/http_metrics.h"

#include "core/exposition/text_writer.h"

#include <fmt/format.h>

namespace narthex::api {

HttpMetrics::HttpMetrics(std::span<const std::string_view> routes)
{
    for (const std::string_view route : routes) {
        auto& added = routes_[route];
        added = std::make_unique<Route>();
        added->byStatus[200] = 0;
    }
}

void HttpMetrics::observe(std::string_view route, int status, base::Duration took,
                          std::size_t bytes)
{
    const auto found = routes_.find(route);
    if (found == routes_.end()) {
        return;
    }
    found->second->seconds.observe(static_cast<double>(took.ns) / 1e9);
    found->second->bytes.observe(static_cast<double>(bytes));
    const absl::MutexLock lock(&mutex_);
    ++found->second->byStatus[status];
}

void HttpMetrics::countConnections(std::function<net::ConnectionCounts()> source)
{
    const absl::MutexLock lock(&sourceMutex_);
    connections_ = std::move(source);
}

void HttpMetrics::writeConnections(exposition::TextWriter& out) const
{
    net::ConnectionCounts counts;
    {
        // Held over the call: who takes the source away knows that it is in use no more.
        const absl::MutexLock lock(&sourceMutex_);
        if (connections_) {
            counts = connections_();
        }
    }
    out.family("net_conntrack_listener_conn_accepted_total", model::MetricType::Counter,
               "Total number of connections opened to the listener of a given name.")
        .sample({{"listener_name", "http"}}, static_cast<double>(counts.accepted));
    out.family("net_conntrack_listener_conn_closed_total", model::MetricType::Counter,
               "Total number of connections closed that were made to the listener of a given name.")
        .sample({{"listener_name", "http"}}, static_cast<double>(counts.closed));
}

void HttpMetrics::writeMetricsHandler(exposition::TextWriter& out) const
{
    const auto own = routes_.find("/metrics");
    if (own == routes_.end()) {
        return;
    }
    out.family("promhttp_metric_handler_requests_total", model::MetricType::Counter,
               "Total number of scrapes by HTTP status code.");
    const absl::MutexLock lock(&mutex_);
    std::map<int, std::uint64_t> byStatus{{200, 0}, {500, 0}, {503, 0}};
    for (const auto& [status, count] : own->second->byStatus) {
        byStatus[status] = count;
    }
    for (const auto& [status, count] : byStatus) {
        out.sample({{"code", fmt::format("{}", status)}}, static_cast<double>(count));
    }
}

void HttpMetrics::write(exposition::TextWriter& out) const
{
    writeConnections(out);
    writeMetricsHandler(out);
    out.family("prometheus_http_requests_total", model::MetricType::Counter,
               "Counter of HTTP requests.");
    {
        const absl::MutexLock lock(&mutex_);
        for (const auto& [name, route] : routes_) {
            for (const auto& [status, count] : route->byStatus) {
                out.sample({{"code", fmt::format("{}", status)}, {"handler", name}},
                           static_cast<double>(count));
            }
        }
    }
    out.family("prometheus_http_request_duration_seconds", model::MetricType::Histogram,
               "Histogram of latencies for HTTP requests.");
    for (const auto& [name, route] : routes_) {
        route->seconds.writeSamples(out, "prometheus_http_request_duration_seconds",
                                    {{"handler", name}});
    }
    out.family("prometheus_http_response_size_bytes", model::MetricType::Histogram,
               "Histogram of response size for HTTP requests.");
    for (const auto& [name, route] : routes_) {
        route->bytes.writeSamples(out, "prometheus_http_response_size_bytes", {{"handler", name}});
    }
}

} // namespace narthex::api
