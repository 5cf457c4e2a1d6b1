// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/http_client.h"

#include "core/base/status.h"
#include "core/client/gather.h"
#include "core/client/http/answer_error.h"
#include "core/client/http/api_answer.h"
#include "core/client/http/part_answers.h"
#include "core/client/http/server_kind.h"
#include "core/client/numbers.h"

namespace narthex::client {
namespace {

void addTime(net::Parameters& parameters, const char* name,
             const std::optional<base::Timestamp>& time)
{
    if (time && *time != base::Timestamp::min() && *time != base::Timestamp::max()) {
        parameters.emplace_back(name, secondsText(time->ms));
    }
}

void addTimeout(LinkRequest& request, const std::optional<base::Duration>& timeout)
{
    if (timeout) {
        constexpr base::Duration kForTheWay = 5_s; // the server is to answer that it took too long
        request.parameters.emplace_back("timeout", secondsText(timeout->ms()));
        request.timeout = *timeout + kForTheWay;
    }
}

net::Parameters parametersOf(const SeriesFilter& filter)
{
    net::Parameters result;
    for (const std::string& selector : filter.selectors) {
        result.emplace_back("match[]", selector);
    }
    addTime(result, "start", filter.from);
    addTime(result, "end", filter.to);
    if (filter.limit > 0) {
        result.emplace_back("limit", std::to_string(filter.limit));
    }
    return result;
}

/// Servers without `limit` send everything.
template <typename List>
List limited(List list, std::size_t limit)
{
    if (limit > 0 && list.size() > limit) {
        list.resize(limit);
    }
    return list;
}

bool isSuccess(const net::HttpResponse& response)
{
    return response.status >= 200 && response.status < 300;
}

/// An error of decoding as one of the address, unless it is the server's own words.
absl::Status decodeProblem(const absl::Status& status, const net::HttpResponse& response,
                           const std::string& url)
{
    return absl::IsUnavailable(status) ? notJson(response, url, base::messageOf(status)) : status;
}

absl::StatusOr<Json> dataOf(const net::HttpResponse& response)
{
    if (response.status == 204) {
        return Json();
    }
    auto json = Json::parse(response.body);
    if (!json.ok()) {
        return base::unavailable("it breaks off or is no JSON");
    }
    const std::string status = (*json)["status"].text();
    if (status == "error") {
        return apiProblem((*json)["errorType"].text(), (*json)["error"].text(), response.status,
                          {});
    }
    if (status != "success") {
        return base::unavailable("no status");
    }
    return (*json)["data"];
}

} // namespace

HttpClient::HttpClient(HttpClientSettings settings, Environment environment)
    : settings_(std::move(settings)),
      timers_(environment.timers),
      link_(settings_.url, settings_.link, {.loop = environment.loop, .pool = environment.pool})
{}

HttpClient::~HttpClient() { link_.close(); }

template <typename T>
void HttpClient::replyMissing(Part part, const std::stop_token& stop, absl::Status problem,
                              Reply<T> reply)
{
    offers(stop, [part, problem = std::move(problem),
                  reply = std::move(reply)](absl::StatusOr<Offers> offers) mutable {
        if (!offers.ok()) {
            reply(absl::IsCancelled(offers.status()) ? offers.status() : problem);
            return;
        }
        reply(offers->has(part) ? absl::UnimplementedError(fmt::format(
                                      "{} ({})", offers->sentence(part), base::messageOf(problem)))
                                : offers->notOffered(part));
    });
}

template <typename T, typename Decode>
void HttpClient::ask(Part part, LinkRequest request, std::string query, const std::stop_token& stop,
                     Reply<T> reply, Decode decode)
{
    LinkRequest again = request;
    link_.send(std::move(request), stop,
               [this, part, again = std::move(again), query = std::move(query), stop,
                reply = std::move(reply),
                decode = std::move(decode)](absl::StatusOr<net::HttpResponse> response) mutable {
                   if (!response.ok()) {
                       reply(response.status());
                       return;
                   }
                   const bool isSearch = part == Part::Queries || part == Part::Series;
                   if (response->status == 405 && again.method == "POST" && isSearch) {
                       again.method = "GET"; // a proxy in between takes nothing else
                       ask<T>(part, std::move(again), std::move(query), stop, std::move(reply),
                              std::move(decode));
                       return;
                   }
                   const std::string url = link_.url() + again.path;
                   if (!isSuccess(*response)) {
                       absl::Status problem = answerProblem(*response, url, query);
                       if (absl::IsUnimplemented(problem)) {
                           replyMissing(part, stop, std::move(problem), std::move(reply));
                       } else {
                           reply(std::move(problem));
                       }
                       return;
                   }
                   absl::StatusOr<T> result = decode(*response);
                   reply(result.ok()
                             ? std::move(result)
                             : absl::StatusOr<T>(decodeProblem(result.status(), *response, url)));
               });
}

template <typename T, typename Decode>
void HttpClient::askData(Part part, LinkRequest request, const std::stop_token& stop,
                         Reply<T> reply, Decode decode)
{
    ask<T>(part, std::move(request), {}, stop, std::move(reply),
           [decode = std::move(decode)](const net::HttpResponse& response) -> absl::StatusOr<T> {
               NARTHEX_ASSIGN_OR_RETURN(const Json data, dataOf(response));
               return decode(data);
           });
}

void HttpClient::askQuery(LinkRequest request, std::string query, const std::stop_token& stop,
                          Reply<QueryResult> reply)
{
    request.parameters.emplace_back("query", query);
    request.parameters.emplace_back("stats", "true");
    ask<QueryResult>(Part::Queries, std::move(request), query, stop, std::move(reply),
                     [query](net::HttpResponse& response) -> absl::StatusOr<QueryResult> {
                         NARTHEX_ASSIGN_OR_RETURN(promql::Result result,
                                                  parseQueryAnswer(response.body, query));
                         return std::make_shared<const promql::Result>(std::move(result));
                     });
}

void HttpClient::query(InstantQuery query, std::stop_token stop, Reply<QueryResult> reply)
{
    LinkRequest request{.method = "POST", .path = "/api/v1/query"};
    addTime(request.parameters, "time", query.time);
    addTimeout(request, query.timeout);
    askQuery(std::move(request), std::move(query.query), stop, std::move(reply));
}

void HttpClient::queryRange(RangeQuery query, std::stop_token stop, Reply<QueryResult> reply)
{
    LinkRequest request{.method = "POST",
                        .path = "/api/v1/query_range",
                        .parameters = {{"start", secondsText(query.from.ms)},
                                       {"end", secondsText(query.to.ms)},
                                       {"step", secondsText(query.step.ms())}}};
    addTimeout(request, query.timeout);
    askQuery(std::move(request), std::move(query.query), stop, std::move(reply));
}

void HttpClient::series(SeriesFilter filter, std::stop_token stop,
                        Reply<std::vector<model::Labels>> reply)
{
    if (filter.selectors.empty()) {
        filter.selectors.emplace_back("{__name__=~\".+\"}");
    }
    using List = std::vector<model::Labels>;
    ask<List>(Part::Series,
              {.method = "POST", .path = "/api/v1/series", .parameters = parametersOf(filter)},
              filter.selectors.front(), stop, std::move(reply),
              [limit = filter.limit](net::HttpResponse& response) -> absl::StatusOr<List> {
                  NARTHEX_ASSIGN_OR_RETURN(List list, parseSeriesAnswer(response.body));
                  return limited(std::move(list), limit);
              });
}

void HttpClient::labelNames(SeriesFilter filter, std::stop_token stop,
                            Reply<std::vector<std::string>> reply)
{
    askData<std::vector<std::string>>(
        Part::Series,
        {.method = "POST", .path = "/api/v1/labels", .parameters = parametersOf(filter)}, stop,
        std::move(reply),
        [limit = filter.limit](const Json& data) { return limited(namesFrom(data), limit); });
}

void HttpClient::labelValues(std::string label, SeriesFilter filter, std::stop_token stop,
                             Reply<std::vector<std::string>> reply)
{
    askData<std::vector<std::string>>(
        Part::Series,
        {.path = fmt::format("/api/v1/label/{}/values", net::percentEncode(label)),
         .parameters = parametersOf(filter)},
        stop, std::move(reply),
        [limit = filter.limit](const Json& data) { return limited(namesFrom(data), limit); });
}

void HttpClient::metadata(std::string metric, std::stop_token stop,
                          Reply<std::vector<MetricMetadata>> reply)
{
    LinkRequest request{.path = "/api/v1/metadata"};
    if (!metric.empty()) {
        request.parameters.emplace_back("metric", std::move(metric));
    }
    askData<std::vector<MetricMetadata>>(Part::Metadata, std::move(request), stop, std::move(reply),
                                         metadataFrom);
}

void HttpClient::targets(std::stop_token stop, Reply<Targets> reply)
{
    askData<Targets>(Part::Targets, {.path = "/api/v1/targets"}, stop, std::move(reply),
                     targetsFrom);
}

void HttpClient::buildInfo(std::stop_token stop, Reply<BuildInfo> reply)
{
    offers(stop, [reply = std::move(reply)](absl::StatusOr<Offers> offers) mutable {
        if (!offers.ok()) {
            reply(offers.status());
            return;
        }
        reply(BuildInfo{.application = std::string(serverKindText(offers->kind)),
                        .version = offers->version});
    });
}

void HttpClient::scrapeNow(std::string /*targetId*/, std::stop_token stop, Reply<bool> reply)
{
    replyMissing(Part::ScrapeNow, stop, Offers().notOffered(Part::ScrapeNow), std::move(reply));
}

void HttpClient::reloadConfiguration(std::stop_token stop, Reply<bool> reply)
{
    ask<bool>(Part::Reload, {.method = "POST", .path = "/-/reload"}, {}, stop, std::move(reply),
              [](const net::HttpResponse&) -> absl::StatusOr<bool> { return true; });
}

void HttpClient::offers(std::stop_token stop, Reply<Offers> reply)
{
    std::optional<Offers> known;
    {
        absl::MutexLock lock(&mutex_);
        known = offers_;
    }
    if (known) {
        reply(*std::move(known));
        return;
    }
    findOffers(link_, stop,
               [this, reply = std::move(reply)](absl::StatusOr<Offers> offers) mutable {
                   if (offers.ok()) {
                       absl::MutexLock lock(&mutex_);
                       offers_ = *offers;
                   }
                   reply(std::move(offers));
               });
}

void HttpClient::exemplars(ExemplarQuery query, std::stop_token stop,
                           Reply<std::vector<ExemplarSeries>> reply)
{
    LinkRequest request{.path = "/api/v1/query_exemplars",
                        .parameters = {{"query", std::move(query.query)}}};
    addTime(request.parameters, "start", query.from);
    addTime(request.parameters, "end", query.to);
    askData<std::vector<ExemplarSeries>>(Part::Exemplars, std::move(request), stop,
                                         std::move(reply), exemplarsFrom);
}

void HttpClient::rules(std::stop_token stop, Reply<std::vector<RuleGroupInfo>> reply)
{
    askData<std::vector<RuleGroupInfo>>(Part::Rules, {.path = "/api/v1/rules"}, stop,
                                        std::move(reply), rulesFrom);
}

void HttpClient::alertmanagers(std::stop_token stop, Reply<AlertmanagerTargets> reply)
{
    askData<AlertmanagerTargets>(Part::Alertmanagers, {.path = "/api/v1/alertmanagers"}, stop,
                                 std::move(reply), alertmanagersFrom);
}

void HttpClient::storeStatus(std::size_t limit, std::stop_token stop, Reply<StoreStatus> reply)
{
    LinkRequest request{.path = "/api/v1/status/tsdb"};
    if (limit > 0) {
        request.parameters = {{"limit", std::to_string(limit)},
                              {"topN", std::to_string(limit)}}; // VictoriaMetrics' word
    }
    askData<StoreStatus>(Part::StoreStatus, std::move(request), stop, std::move(reply),
                         storeStatusFrom);
}

void HttpClient::blocks(std::stop_token stop, Reply<BlockList> reply)
{
    askData<BlockList>(Part::Blocks, {.path = "/api/v1/status/tsdb/blocks"}, stop, std::move(reply),
                       blocksFrom);
}

void HttpClient::runtimeInfo(std::stop_token stop, Reply<RuntimeInfo> reply)
{
    askData<RuntimeInfo>(Part::RuntimeInfo, {.path = "/api/v1/status/runtimeinfo"}, stop,
                         std::move(reply), runtimeInfoFrom);
}

void HttpClient::configurationText(std::stop_token stop, Reply<std::string> reply)
{
    askData<std::string>(Part::Configuration, {.path = "/api/v1/status/config"}, stop,
                         std::move(reply), [](const Json& data) { return data["yaml"].text(); });
}

void HttpClient::flags(std::stop_token stop, Reply<Flags> reply)
{
    askData<Flags>(Part::Flags, {.path = "/api/v1/status/flags"}, stop, std::move(reply),
                   flagsFrom);
}

void HttpClient::deleteSeries(SeriesFilter filter, std::stop_token stop, Reply<bool> reply)
{
    if (filter.selectors.empty()) {
        reply(base::invalidArgument("no selector says which series to delete: give at least one, "
                                    "such as up{{job=\"a\"}}"));
        return;
    }
    ask<bool>(Part::DeleteSeries,
              {.method = "POST",
               .path = "/api/v1/admin/tsdb/delete_series",
               .parameters = parametersOf(filter)},
              filter.selectors.front(), stop, std::move(reply),
              [](const net::HttpResponse&) -> absl::StatusOr<bool> { return true; });
}

void HttpClient::cleanTombstones(std::stop_token stop, Reply<bool> reply)
{
    ask<bool>(Part::DeleteSeries, {.method = "POST", .path = "/api/v1/admin/tsdb/clean_tombstones"},
              {}, stop, std::move(reply),
              [](const net::HttpResponse&) -> absl::StatusOr<bool> { return true; });
}

void HttpClient::snapshot(bool skipHead, std::stop_token stop, Reply<std::string> reply)
{
    askData<std::string>(Part::Snapshot,
                         {.method = "POST",
                          .path = "/api/v1/admin/tsdb/snapshot",
                          .parameters = {{"skip_head", skipHead ? "true" : "false"}}},
                         stop, std::move(reply),
                         [](const Json& data) { return data["name"].text(); });
}

} // namespace narthex::client
