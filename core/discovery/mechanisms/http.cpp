// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// http_sd_configs: a web server answers with a JSON list of target groups.
// Source: spec/discovery.md, section 5.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/discovery/api_client.h"
#include "core/discovery/group_file.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

struct HttpConfig final : MechanismOf<HttpConfig>
{
    static constexpr std::string_view kMechanism = "http";
    std::string url;
    base::Duration refreshInterval = 60_s;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("url", &url);
        httpconfig::describe(fields, http);
        if (fields.reading()) {
            checkUrl(fields, url);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const HttpConfig&, const HttpConfig&) = default;
};

class HttpRefresher final : public Refresher
{
public:
    HttpRefresher(const ProviderEnvironment& environment, const HttpConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          metrics_(environment.metrics),
          url_(config.url),
          interval_(config.refreshInterval)
    {
        metrics_.add("prometheus_sd_http_failures_total", {}, 0);
    }

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        auto groups = ask(stop);
        if (!groups.ok()) {
            metrics_.add("prometheus_sd_http_failures_total");
            return groups;
        }
        const std::size_t count = groups->size();
        for (std::size_t i = 0; i < count; ++i) {
            (*groups)[i].source = fmt::format("{}:{}", url_, i);
            model::LabelsBuilder labels((*groups)[i].labels);
            meta(labels, "url", url_);
            (*groups)[i].labels = labels.build();
        }
        for (std::size_t i = count; i < lastCount_; ++i) {
            groups->push_back({.source = fmt::format("{}:{}", url_, i)});
        }
        lastCount_ = count;
        return groups;
    }

private:
    absl::StatusOr<TargetGroups> ask(const std::stop_token& stop)
    {
        const double seconds = static_cast<double>(interval_.ns) / 1e9;
        NARTHEX_ASSIGN_OR_RETURN(
            const net::HttpResponse response,
            client_.get(url_, stop,
                        {{"Accept", "application/json"},
                         {"X-Prometheus-Refresh-Interval-Seconds", base::formatFloat(seconds)}}));
        if (!isJsonType(response.header("Content-Type"))) {
            return absl::UnavailableError(
                fmt::format("unsupported content type \"{}\"", response.header("Content-Type")));
        }
        return parseGroups(response.body, GroupFormat::Json, url_);
    }

    ApiClient client_;
    Metrics& metrics_;
    const std::string url_;
    const base::Duration interval_;
    std::size_t lastCount_ = 0;
};

absl::StatusOr<Provider> HttpConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return Refreshing{.refresher = std::make_unique<HttpRefresher>(environment, *this),
                      .interval = refreshInterval};
}

} // namespace

std::unique_ptr<MechanismConfig> makeHttpConfig() { return std::make_unique<HttpConfig>(); }

} // namespace narthex::discovery
