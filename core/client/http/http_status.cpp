// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a server is, put together from several small questions, and news of it by asking again.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/client/gather.h"
#include "core/client/http/answer_error.h"
#include "core/client/http/http_client.h"
#include "core/client/http/part_answers.h"

#include <algorithm>
#include <memory>

namespace narthex::client {
namespace {

enum Question : std::size_t
{
    kRuntime,
    kStore,
    kReplay,
    kUp,
    kDown,
    kQuestionCount
};

using Answers = std::vector<absl::StatusOr<net::HttpResponse>>;

Json dataOf(const absl::StatusOr<net::HttpResponse>& answer)
{
    if (!answer.ok() || answer->status != 200) {
        return {};
    }
    const auto json = Json::parse(answer->body);
    return json.ok() && (*json)["status"].text() == "success" ? (*json)["data"] : Json();
}

/// The value of an instant query with one element.
std::uint32_t numberOf(const Json& data)
{
    const auto value = base::parseFloat(data["result"].at(0)["value"].at(1).text());
    return value && *value > 0 && *value < 4e9 ? static_cast<std::uint32_t>(*value) : 0;
}

absl::StatusOr<ServerStatus> statusOf(const std::string& url, const Answers& answers)
{
    const absl::StatusOr<net::HttpResponse>& first = answers[kUp];
    NARTHEX_RETURN_IF_ERROR(first.status());
    ServerStatus status{.state = EngineState::Collecting, .listenAddress = url};
    if (first->status < 200 || first->status > 299) {
        // A server that starts answers only this.
        const Json replay = dataOf(answers[kReplay]);
        const double segments = replay["max"].number() - replay["min"].number() + 1;
        if (first->status != 503 || replay.isNull()) {
            return answerProblem(*first, url);
        }
        status.state = EngineState::Replaying;
        const double done = replay["current"].number() - replay["min"].number();
        status.replayProgress = std::clamp(done / std::max(segments, 1.0), 0.0, 1.0);
        return status;
    }
    const RuntimeInfo runtime = runtimeInfoFrom(dataOf(answers[kRuntime]));
    const StoreStatus store = storeStatusFrom(dataOf(answers[kStore]));
    status.startedAt = runtime.startedAt;
    status.dataDirectory = runtime.workingDirectory;
    status.headSeries = store.series;
    status.newestSample = store.newest;
    status.targetsUp = numberOf(dataOf(first));
    status.targetsDown = numberOf(dataOf(answers[kDown]));
    if (!runtime.lastReloadSucceeded) {
        status.problems.push_back(
            {.id = "configuration.load",
             .severity = ProblemSeverity::Error,
             .source = "configuration",
             .message =
                 fmt::format("{} could not read its configuration again: its log says why", url),
             .since = runtime.lastReload.value_or(base::Timestamp{})});
    }
    return status;
}

/// What was seen last, so that only news are told.
struct Seen
{
    std::optional<bool> answered;
    std::optional<base::Timestamp> lastReload;
};

} // namespace

void HttpClient::status(std::stop_token stop, Reply<ServerStatus> reply)
{
    auto slots = Gather<net::HttpResponse>::slots(
        kQuestionCount, [this, reply = std::move(reply)](Answers answers) mutable {
            reply(statusOf(link_.url(), answers));
        });
    link_.send({.path = "/api/v1/status/runtimeinfo"}, stop, std::move(slots[kRuntime]));
    link_.send({.path = "/api/v1/status/tsdb", .parameters = {{"limit", "1"}, {"topN", "1"}}}, stop,
               std::move(slots[kStore]));
    link_.send({.path = "/api/v1/status/walreplay"}, stop, std::move(slots[kReplay]));
    link_.send({.path = "/api/v1/query", .parameters = {{"query", "count(up == 1)"}}}, stop,
               std::move(slots[kUp]));
    link_.send({.path = "/api/v1/query", .parameters = {{"query", "count(up == 0)"}}}, stop,
               std::move(slots[kDown]));
}

Subscription HttpClient::subscribe(std::function<void(Event)> onEvent)
{
    // One poll at a time: nobody else looks at it.
    auto seen = std::make_shared<Seen>();
    auto reload = std::make_shared<std::optional<base::Timestamp>>();
    return poll(
        timers_, settings_.polling,
        [this, reload](std::stop_token stop, Reply<bool> answered) {
            runtimeInfo(stop, [reload, answered = std::move(answered)](
                                  absl::StatusOr<RuntimeInfo> info) mutable {
                const bool isThere = info.ok() || absl::IsUnimplemented(info.status());
                *reload = info.ok() ? info->lastReload : std::nullopt;
                answered(isThere ? absl::StatusOr<bool>(true) : info.status());
            });
        },
        [seen, reload, onEvent = std::move(onEvent)](const absl::Status& status) {
            if (seen->answered != status.ok()) {
                onEvent(Event::Status);
            }
            seen->answered = status.ok();
            if (!status.ok()) {
                return;
            }
            if (seen->lastReload && *reload != seen->lastReload) {
                onEvent(Event::Configuration);
            }
            seen->lastReload = *reload;
            for (const Event each : {Event::Targets, Event::Samples, Event::Alerts}) {
                onEvent(each);
            }
        });
}

} // namespace narthex::client
