// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/push_counters.h"

#include "narthex_version.h"

#include "core/base/text.h"

namespace narthex::api {

using model::MetricType;

void PushCounters::count(std::string_view method, int code, std::size_t bytes, base::Duration took,
                         base::Duration now)
{
    if (method == "PUT" || method == "POST") {
        Method& kind = method == "PUT" ? put_ : post_;
        kind.seconds.observe(now, took.seconds());
        kind.bytes.observe(now, static_cast<double>(bytes));
    }
    const absl::MutexLock lock(&mutex_);
    ++requests_[{base::lowered(method), code}];
}

void PushCounters::writeMetrics(exposition::TextWriter& out, base::Duration now) const
{
    out.family("pushgateway_build_info", MetricType::Gauge,
               "A metric with a constant '1' value labeled by version.")
        .sample({{"version", NARTHEX_VERSION}}, 1);
    {
        const absl::MutexLock lock(&mutex_);
        out.family("pushgateway_http_requests_total", MetricType::Counter,
                   "Requests for pushes and deletes that were answered.");
        for (const auto& [key, number] : requests_) {
            const std::string code = std::to_string(key.second);
            out.sample({{"code", code},
                        {"handler", key.first == "delete" ? "delete" : "push"},
                        {"method", key.first}},
                       static_cast<double>(number));
        }
    }
    const auto summaries = [&](std::string_view name, std::string_view help,
                               const exposition::RecentSummary& put,
                               const exposition::RecentSummary& post) {
        out.family(name, MetricType::Summary, help);
        put.writeSamples(out, name, {{"method", "put"}}, now);
        post.writeSamples(out, name, {{"method", "post"}}, now);
    };
    summaries("pushgateway_http_push_duration_seconds", "Length of pushes.", put_.seconds,
              post_.seconds);
    summaries("pushgateway_http_push_size_bytes", "Size of pushes as they came.", put_.bytes,
              post_.bytes);
}

} // namespace narthex::api
