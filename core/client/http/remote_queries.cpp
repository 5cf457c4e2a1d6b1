// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/remote_queries.h"

#include "core/base/status.h"
#include "core/client/http/api_answer.h"
#include "core/client/numbers.h"
#include "core/net/http_server.h"

#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/notification.h>

#include <algorithm>
#include <utility>

namespace narthex::client {
namespace {

/// Prometheus refuses more than 11,000 points a series.
constexpr std::int64_t kPointsAtOnce = 10'000;

std::string withoutSlash(std::string url)
{
    while (url.ends_with('/')) {
        url.pop_back();
    }
    return url;
}

} // namespace

RemoteQueries::RemoteQueries(net::IoLoop& loop, std::string url, net::HttpClientConfig config,
                             base::Duration timeout)
    : url_(withoutSlash(std::move(url)) + "/api/v1/query_range"),
      config_(std::make_shared<const net::HttpClientConfig>(std::move(config))),
      timeout_(timeout),
      client_(loop, "narthexctl")
{}

absl::StatusOr<promql::Matrix> RemoteQueries::range(std::string_view expression,
                                                    base::Timestamp from, base::Timestamp to,
                                                    base::Duration step)
{
    promql::Matrix matrix;
    absl::flat_hash_map<std::string, std::size_t> positions; // by packed labels
    const std::int64_t stride = step.ms() * kPointsAtOnce;
    for (std::int64_t start = from.ms; start <= to.ms; start += stride) {
        const std::int64_t end = std::min(to.ms, start + stride - step.ms());
        NARTHEX_ASSIGN_OR_RETURN(promql::Matrix part, piece(expression, {start}, {end}, step));
        for (promql::MatrixSeries& series : part) {
            const auto [place, isNew] = positions.try_emplace(series.labels.bytes(), matrix.size());
            if (isNew) {
                matrix.push_back(std::move(series));
                continue;
            }
            auto& points = matrix[place->second].points;
            points.insert(points.end(), series.points.begin(), series.points.end());
        }
    }
    return matrix;
}

absl::StatusOr<promql::Matrix> RemoteQueries::piece(std::string_view expression,
                                                    base::Timestamp from, base::Timestamp to,
                                                    base::Duration step)
{
    net::HttpRequest request{.method = "POST", .url = url_, .timeout = timeout_};
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = fmt::format("query={}&start={}&end={}&step={}", net::percentEncode(expression),
                               secondsText(from.ms), secondsText(to.ms), secondsText(step.ms()));
    absl::Notification done;
    absl::StatusOr<net::HttpResponse> answer;
    client_.send(std::move(request), config_, [&](absl::StatusOr<net::HttpResponse> response) {
        answer = std::move(response);
        done.Notify();
    });
    done.WaitForNotification();
    if (!answer.ok()) {
        return base::annotate(answer.status(), url_);
    }
    auto matrix = parseMatrixAnswer(answer->body);
    if (!matrix.ok() && answer->status != 200 &&
        matrix.status().code() == absl::StatusCode::kUnavailable) {
        return base::unavailable("{}: HTTP status {} {}", url_, answer->status, answer->reason);
    }
    return matrix.ok() ? std::move(matrix) : base::annotate(matrix.status(), url_);
}

} // namespace narthex::client
