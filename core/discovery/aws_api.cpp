// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/aws_api.h"

#include "core/base/status.h"

#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <thread>

namespace narthex::discovery {

void AwsFilter::describe(yaml::Fields& fields)
{
    fields.field("name", &name);
    fields.field("values", &values);
}

std::string AwsApi::endpoint(const std::string& service) const
{
    if (!access_.endpoint.empty() && service == ownService_) {
        return access_.endpoint.find("://") == std::string::npos ? "https://" + access_.endpoint
                                                                 : access_.endpoint;
    }
    return environment_.apiBase.empty() ? awsEndpoint(service, region_) : environment_.apiBase;
}

absl::StatusOr<net::HttpResponse> AwsApi::send(const std::string& service,
                                               net::HttpRequest request) const
{
    NARTHEX_RETURN_IF_ERROR(
        net::signSigV4(request, credentials_, {region_, service}, environment_.clock.now()));
    return client_.send(std::move(request), stop_);
}

absl::StatusOr<AwsXml> AwsApi::query(const std::string& service, const std::string& version,
                                     const std::string& action, net::Parameters form) const
{
    form.insert(form.begin(), {{"Action", action}, {"Version", version}});
    NARTHEX_ASSIGN_OR_RETURN(
        const net::HttpResponse answer,
        send(service, {.method = "POST",
                       .url = joinUrl(endpoint(service), "/"),
                       .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                       .body = net::formEncode(form)}));
    return parseAwsXml(answer, action);
}

absl::StatusOr<Json> AwsApi::json(const std::string& service, const std::string& target,
                                  std::string body) const
{
    NARTHEX_ASSIGN_OR_RETURN(
        const net::HttpResponse answer,
        send(service,
             {.method = "POST",
              .url = joinUrl(endpoint(service), "/"),
              .headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", target}},
              .body = std::move(body)}));
    return answer.status == 200 ? Json::parse(answer.body) : awsError(answer);
}

absl::StatusOr<Json> AwsApi::get(const std::string& service, const std::string& path,
                                 const net::Parameters& query) const
{
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse answer,
                             send(service, {.url = joinUrl(endpoint(service), path, query)}));
    return answer.status == 200 ? Json::parse(answer.body) : awsError(answer);
}

AwsRefresher::AwsRefresher(const ProviderEnvironment& environment, AwsKeys keys,
                           std::string service)
    : environment_(environment),
      keys_(std::move(keys)),
      service_(std::move(service)),
      client_(environment_, keys_.access.http, keys_.refreshInterval),
      chain_(environment_, keys_.access, keys_.refreshInterval)
{}

absl::StatusOr<TargetGroups> AwsRefresher::refresh(const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string region, chain_.region(stop));
    NARTHEX_ASSIGN_OR_RETURN(net::SigV4Credentials credentials, chain_.credentials(region, stop));
    const AwsApi api(environment_, keys_.access, service_, client_, region, std::move(credentials),
                     stop);
    auto targets = discover(api);
    if (!targets.ok()) {
        if (isAwsAuthFailure(targets.status())) {
            chain_.forget();
        }
        return targets.status();
    }
    return TargetGroups{{.source = region, .entries = *std::move(targets)}};
}

absl::Status inParallel(std::size_t count, std::uint64_t limit,
                        absl::FunctionRef<absl::Status(std::size_t)> task)
{
    absl::Mutex mutex;
    absl::Status first;
    std::size_t next = 0;
    const auto work = [&] {
        while (true) {
            std::size_t mine = 0;
            {
                const absl::MutexLock lock(&mutex);
                if (next == count || !first.ok()) {
                    return;
                }
                mine = next++;
            }
            const absl::Status status = task(mine);
            const absl::MutexLock lock(&mutex);
            first.Update(status);
        }
    };
    std::vector<std::jthread> others;
    const std::size_t threads = std::min<std::size_t>(count, std::max<std::uint64_t>(limit, 1));
    for (std::size_t i = 1; i < threads; ++i) {
        others.emplace_back(work);
    }
    work();
    others.clear();
    return first;
}

void describeClusterKeys(yaml::Fields& fields, AwsKeys& keys, bool withFilters)
{
    keys.access.describe(fields, false, yaml::Printing::Always);
    fields.field("clusters", &keys.clusters);
    fields.field("port", &keys.port, yaml::Printing::Always);
    fields.field("refresh_interval", &keys.refreshInterval, yaml::Printing::Always);
    if (withFilters) {
        fields.list("filters", keys.filters);
    }
    fields.field("request_concurrency", &keys.requestConcurrency);
    httpconfig::describe(fields, keys.access.http);
}

} // namespace narthex::discovery
