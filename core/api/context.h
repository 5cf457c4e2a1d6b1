// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What handlers get and give: the engine, parameters with Prometheus' error texts, the JSON
// envelope. Threads: a handler runs on a worker; the context is shared and immutable.
#pragma once

#include "core/api/api.h"
#include "core/base/json_writer.h"
#include "core/model/matcher.h"
#include "core/promql/value.h"

#include <absl/status/statusor.h>

#include <iterator>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::api {

class NotificationHub;
class PushCounters;

struct Context
{
    engine::Engine& engine;
    const ApiOptions& options;
    NotificationHub& notices;
    Ingest& ingest;
    PushCounters& pushes;
};

/// Prometheus' words for what went wrong; each has its HTTP status.
enum class ErrorType : std::uint8_t
{
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
    Unavailable,
    NotFound
};

net::ServerResponse errorResponse(ErrorType type, std::string_view message);
/// An error of evaluation or storage; InvalidArgument counts as `invalid`.
net::ServerResponse errorResponse(const absl::Status& status,
                                  ErrorType invalid = ErrorType::Execution);

/// `{"status":"success","data":<data>,"warnings":…,"infos":…}`
net::ServerResponse success(std::string_view dataJson,
                            const std::vector<std::string>& warnings = {},
                            const std::vector<std::string>& infos = {});

/// The same in two steps, around data that are written where they belong.
void beginSuccess(base::JsonWriter& json);
void endSuccess(base::JsonWriter& json, const std::vector<std::string>& warnings = {},
                const std::vector<std::string>& infos = {});

/// A time parameter; absent if it was not given. Errors: InvalidArgument `invalid parameter
/// "start": …`.
absl::StatusOr<std::optional<base::Timestamp>> timeParameter(const net::ServerRequest& request,
                                                             std::string_view name);
/// Seconds as float, or duration text.
absl::StatusOr<std::optional<base::Duration>> durationParameter(const net::ServerRequest& request,
                                                                std::string_view name);
/// 0: no limit.
absl::StatusOr<std::size_t> limitParameter(const net::ServerRequest& request);

/// As Go reads them: 1, t, true … False if it was not given or is empty. Errors: InvalidArgument.
absl::StatusOr<bool> booleanParameter(const net::ServerRequest& request, std::string_view name);

/// The matchers of every `match[]`. Errors: InvalidArgument.
absl::StatusOr<std::vector<model::Matchers>> selectors(const net::ServerRequest& request);

/// Calls `ask` for each selector (once with no matchers when there is none) and unites the answers.
template <typename Ask>
absl::StatusOr<std::set<std::string>> unite(const std::vector<model::Matchers>& sets,
                                            const Ask& ask)
{
    std::set<std::string> all;
    const std::vector<model::Matchers> everything(1);
    for (const model::Matchers& matchers : sets.empty() ? everything : sets) {
        NARTHEX_ASSIGN_OR_RETURN(auto values, ask(matchers));
        all.insert(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
    }
    return all;
}

/// An object: the version whose API this is, and our own.
void writeBuildInfo(base::JsonWriter& json);
void writeLabels(base::JsonWriter& json, const model::Labels& labels);
/// One series of a matrix.
void writeSeries(base::JsonWriter& json, const promql::MatrixSeries& series);
void writeValue(base::JsonWriter& json, const promql::Value& value);

// Handlers, one a path.
net::ServerResponse instantQuery(const Context& context, const net::ServerRequest& request);
net::ServerResponse rangeQuery(const Context& context, const net::ServerRequest& request);
net::ServerResponse formatQuery(const Context& context, const net::ServerRequest& request);
net::ServerResponse parseQuery(const Context& context, const net::ServerRequest& request);
net::ServerResponse series(const Context& context, const net::ServerRequest& request);
net::ServerResponse labelNames(const Context& context, const net::ServerRequest& request);
net::ServerResponse labelValues(const Context& context, const net::ServerRequest& request,
                                std::string_view label);
net::ServerResponse metadata(const Context& context, const net::ServerRequest& request);
net::ServerResponse scrapePools(const Context& context, const net::ServerRequest& request);
net::ServerResponse scrapePoolConfiguration(const Context& context,
                                            const net::ServerRequest& request);
net::ServerResponse targets(const Context& context, const net::ServerRequest& request);
net::ServerResponse relabelSteps(const Context& context, const net::ServerRequest& request);
net::ServerResponse targetMetadata(const Context& context, const net::ServerRequest& request);
net::ServerResponse flags(const Context& context, const net::ServerRequest& request);
net::ServerResponse features(const Context& context, const net::ServerRequest& request);
net::ServerResponse notifications(const Context& context, const net::ServerRequest& request);
net::ServerResponse liveNotifications(const Context& context, const net::ServerRequest& request);
net::ServerResponse selfMetricFamilies(const Context& context, const net::ServerRequest& request);
net::ServerResponse openApi(const Context& context, const net::ServerRequest& request);
net::ServerResponse searchMetricNames(const Context& context, const net::ServerRequest& request);
net::ServerResponse searchLabelNames(const Context& context, const net::ServerRequest& request);
net::ServerResponse searchLabelValues(const Context& context, const net::ServerRequest& request);
net::ServerResponse buildInfo(const Context& context, const net::ServerRequest& request);
net::ServerResponse configuration(const Context& context, const net::ServerRequest& request);
net::ServerResponse runtimeInfo(const Context& context, const net::ServerRequest& request);
net::ServerResponse queryExemplars(const Context& context, const net::ServerRequest& request);
net::ServerResponse storeStatus(const Context& context, const net::ServerRequest& request);
net::ServerResponse storeBlocks(const Context& context, const net::ServerRequest& request);
net::ServerResponse walReplay(const Context& context, const net::ServerRequest& request);
net::ServerResponse deleteSeries(const Context& context, const net::ServerRequest& request);
net::ServerResponse cleanTombstones(const Context& context, const net::ServerRequest& request);
net::ServerResponse snapshot(const Context& context, const net::ServerRequest& request);
net::ServerResponse listRules(const Context& context, const net::ServerRequest& request);
net::ServerResponse listAlerts(const Context& context, const net::ServerRequest& request);
net::ServerResponse listAlertmanagers(const Context& context, const net::ServerRequest& request);
net::ServerResponse explainRules(const Context& context, const net::ServerRequest& request);
net::ServerResponse backtestRules(const Context& context, const net::ServerRequest& request);
/// Everything below /api/v2 and /api/narthex/v1.
net::ServerResponse alertmanagerApi(const Context& context, const net::ServerRequest& request);
/// The page /metrics in the text format.
std::string selfMetricsPage(const Context& context);
// Before them stands no check: they say themselves who may come in.
net::ServerResponse remoteWrite(const Context& context, const net::ServerRequest& request);
net::ServerResponse remoteRead(const Context& context, const net::ServerRequest& request);
net::ServerResponse otlpMetrics(const Context& context, const net::ServerRequest& request);
/// Whether the path is one of pushes, and what is done with it.
bool isPush(std::string_view path);
void push(const Context& context, const net::ServerRequest& request, net::Responder respond);
net::ServerResponse pushedPage(const Context& context, const net::ServerRequest& request);
net::ServerResponse pushedGroups(const Context& context, const net::ServerRequest& request);
net::ServerResponse pushStatus(const Context& context, const net::ServerRequest& request);
net::ServerResponse wipe(const Context& context, const net::ServerRequest& request);
net::ServerResponse federate(const Context& context, const net::ServerRequest& request);
net::ServerResponse selfMetrics(const Context& context, const net::ServerRequest& request);

} // namespace narthex::api
