// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/server_kind.h"

#include "core/client/gather.h"
#include "core/client/http/answer_error.h"
#include "core/discovery/json.h"

#include <iterator>

namespace narthex::client {
namespace {

using discovery::Json;

struct Question
{
    /// Absent: it only helps to tell which server it is.
    std::optional<Part> part;
    const char* path;
    /// Make the answer small.
    const char* parameters;
};

constexpr std::size_t kBuildInfo = 0;
constexpr std::size_t kStores = 1;
constexpr std::size_t kFlags = 2;
constexpr Question kQuestions[] = {
    {std::nullopt, "/api/v1/status/buildinfo", ""},
    {std::nullopt, "/api/v1/stores", ""}, // of Thanos alone
    {Part::Flags, "/api/v1/status/flags", ""},
    {Part::Metadata, "/api/v1/metadata", "limit=1"},
    {Part::Exemplars, "/api/v1/query_exemplars", "query=up&start=0&end=1"},
    {Part::Targets, "/api/v1/targets", "state=none"},
    {Part::Rules, "/api/v1/rules", "type=record&rule_name[]=-"},
    {Part::Alertmanagers, "/api/v1/alertmanagers", ""},
    {Part::Blocks, "/api/v1/status/tsdb/blocks", ""},
    {Part::RuntimeInfo, "/api/v1/status/runtimeinfo", ""},
    {Part::Configuration, "/api/v1/status/config", ""},
};

/// What was answered to a question, if it is what Prometheus would answer.
Json dataOf(const absl::StatusOr<net::HttpResponse>& answer)
{
    if (!answer.ok() || answer->status != 200) {
        return {};
    }
    const auto json = Json::parse(answer->body);
    return json.ok() && (*json)["status"].text() == "success" ? (*json)["data"] : Json();
}

bool contains(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

ServerKind kindOf(const absl::StatusOr<net::HttpResponse>& buildInfo, const Json& build,
                  bool hasStores)
{
    const std::string application = build["application"].text();
    constexpr std::pair<std::string_view, ServerKind> kNames[] = {
        {"Narthex", ServerKind::Narthex},
        {"Mimir", ServerKind::Mimir},
        {"Cortex", ServerKind::Cortex},
        {"Thanos", ServerKind::Thanos},
        {"VictoriaMetrics", ServerKind::VictoriaMetrics},
        {"Prometheus", ServerKind::Prometheus},
    };
    for (const auto& [name, kind] : kNames) {
        if (contains(application, name)) {
            return kind;
        }
    }
    if (buildInfo.ok() && !buildInfo->header("X-Server-Hostname").empty()) {
        return ServerKind::VictoriaMetrics;
    }
    if (hasStores) {
        return ServerKind::Thanos;
    }
    // Only Prometheus itself says which Go it was built with.
    return build["goVersion"].text().empty() ? ServerKind::Compatible : ServerKind::Prometheus;
}

/// What cannot be asked for without doing it.
void removeByKind(Offers& offers, const Json& flags)
{
    offers.remove(Part::ScrapeNow, "a server elsewhere scrapes on its own schedule");
    constexpr std::string_view kAdmin = "start it with --web.enable-admin-api";
    constexpr std::string_view kLifecycle = "start it with --web.enable-lifecycle";
    switch (offers.kind) {
    case ServerKind::Narthex:
    case ServerKind::Prometheus:
        if (flags["web.enable-admin-api"].text() == "false") {
            offers.remove(Part::DeleteSeries, std::string(kAdmin));
            offers.remove(Part::Snapshot, std::string(kAdmin));
        }
        if (flags["web.enable-lifecycle"].text() == "false") {
            offers.remove(Part::Reload, std::string(kLifecycle));
        }
        break;
    case ServerKind::VictoriaMetrics:
        offers.remove(Part::Snapshot);
        break;
    case ServerKind::Thanos:
    case ServerKind::Mimir:
    case ServerKind::Cortex:
        for (const Part part :
             {Part::StoreStatus, Part::DeleteSeries, Part::Snapshot, Part::Reload}) {
            offers.remove(part);
        }
        break;
    case ServerKind::Compatible:
        break;
    }
}

using Answers = std::vector<absl::StatusOr<net::HttpResponse>>;

absl::StatusOr<Offers> offersOf(const std::string& url, const Answers& answers)
{
    // No server, or none for us: nothing can be said about its parts.
    const absl::StatusOr<net::HttpResponse>& first = answers[kBuildInfo];
    NARTHEX_RETURN_IF_ERROR(first.status());
    if (first->status == 401 || first->status == 403 || first->status >= 500) {
        return answerProblem(*first, url + kQuestions[kBuildInfo].path);
    }
    const Json build = dataOf(first);
    Offers offers;
    offers.kind = kindOf(first, build, !dataOf(answers[kStores]).isNull());
    offers.version = build["applicationVersion"].text();
    if (offers.version.empty()) {
        offers.version = build["version"].text();
    }
    bool any = !build.isNull();
    for (std::size_t i = 0; i < std::size(kQuestions); ++i) {
        const bool has = !dataOf(answers[i]).isNull() ||
                         // No exemplars are no content.
                         (answers[i].ok() && answers[i]->status == 204);
        any = any || has;
        if (kQuestions[i].part && !has) {
            offers.remove(*kQuestions[i].part);
        }
    }
    if (!any && first->status == 200) {
        return notJson(*first, url + kQuestions[kBuildInfo].path, "it is something else");
    }
    removeByKind(offers, dataOf(answers[kFlags]));
    return offers;
}

} // namespace

void findOffers(ServerLink& link, const std::stop_token& stop, Reply<Offers> reply)
{
    auto slots = Gather<net::HttpResponse>::slots(
        std::size(kQuestions), [&link, reply = std::move(reply)](Answers answers) mutable {
            reply(offersOf(link.url(), answers));
        });
    for (std::size_t i = 0; i < std::size(kQuestions); ++i) {
        link.send(
            {.path = kQuestions[i].path, .parameters = net::parseQuery(kQuestions[i].parameters)},
            stop, std::move(slots[i]));
    }
}

} // namespace narthex::client
