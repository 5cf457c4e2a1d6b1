// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// outscale_sd_configs: virtual machines of a region at 3DS Outscale.
// Source: spec/discovery.md, section 21.
#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"
#include "core/net/sigv4.h"

namespace narthex::discovery {
namespace {

struct OutscaleConfig final : MechanismOf<OutscaleConfig>
{
    static constexpr std::string_view kMechanism = "outscale";
    std::string endpoint;
    std::string region = "eu-west-2";
    std::string accessKey;
    base::Secret secretKey;
    std::string secretKeyFile;
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("endpoint", &endpoint);
        fields.field("region", &region, yaml::Printing::Always);
        fields.field("access_key", &accessKey, yaml::Printing::Always);
        fields.field("secret_key", &secretKey);
        fields.path("secret_key_file", secretKeyFile);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        httpconfig::describe(fields, http);
        if (!fields.reading()) {
            return;
        }
        fields.check(!region.empty(), "outscale SD configuration requires a region");
        fields.check(!accessKey.empty(), "outscale SD configuration requires access_key");
        if (secretKey.empty() && secretKeyFile.empty()) {
            fields.fail("one of secret_key & secret_key_file must be configured");
        } else if (!secretKey.empty() && !secretKeyFile.empty()) {
            fields.fail("at most one of secret_key & secret_key_file must be configured");
        }
        if (endpoint.empty()) {
            endpoint = "https://api." + region + ".outscale.com/api/v1";
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const OutscaleConfig&, const OutscaleConfig&) = default;
};

class OutscaleRefresher final : public Refresher
{
public:
    OutscaleRefresher(const ProviderEnvironment& environment, const OutscaleConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          clock_(environment.clock),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        NARTHEX_ASSIGN_OR_RETURN(
            const std::string secret,
            secretOf(config_.secretKey, config_.secretKeyFile, "outscale secret key file"));
        std::vector<model::Labels> entries;
        PageCount pages;
        std::string page;
        do {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            const auto answer = readVms(secret, page, stop);
            if (!answer.ok()) {
                return base::annotate(answer.status(), "outscale ReadVms");
            }
            NARTHEX_ASSIGN_OR_RETURN(const auto vms, listIn(*answer, "Vms"));
            for (const Json& vm : vms) {
                addTarget(vm, entries);
            }
            page = (*answer)["NextPageToken"].text();
        } while (!page.empty());
        return oneGroup(config_.region, std::move(entries));
    }

private:
    absl::StatusOr<Json> readVms(const std::string& secret, const std::string& page,
                                 const std::stop_token& stop)
    {
        std::string body;
        base::JsonWriter json(body);
        json.beginObject();
        if (!page.empty()) {
            json.member("NextPageToken", page);
        }
        json.endObject();
        net::HttpRequest request{
            .method = "POST",
            .url = joinUrl(config_.endpoint, "/ReadVms"),
            .headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}},
            .body = std::move(body),
        };
        NARTHEX_RETURN_IF_ERROR(net::signSigV4(
            request, {.accessKey = config_.accessKey, .secretKey = base::Secret(secret)},
            {.region = config_.region, .service = "oapi"}, clock_.now()));
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send(std::move(request), stop));
        if (response.status != 200) {
            return statusError(response);
        }
        return Json::parse(response.body);
    }

    void addTarget(const Json& vm, std::vector<model::Labels>& entries) const
    {
        const std::string inner = vm["PrivateIp"].text();
        const std::string outer = vm["PublicIp"].text();
        if (inner.empty() && outer.empty()) {
            return;
        }
        TargetLabels labels("outscale_vm");
        labels.set("instance_id", vm["VmId"])
            .set("region", config_.region)
            .set("subregion", vm["Placement"]["SubregionName"])
            .set("state", vm["State"])
            .set("private_ip", inner)
            .set("public_ip", outer)
            .address(inner.empty() ? outer : inner, config_.port);
        for (const Json& tag : vm["Tags"].items()) {
            if (!tag["Key"].text().empty()) {
                labels.keyed("tag", tag["Key"].text(), tag["Value"].text());
            }
        }
        entries.push_back(labels.build());
    }

    ApiClient client_;
    const base::Clock& clock_;
    const OutscaleConfig config_;
};

absl::StatusOr<Provider> OutscaleConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<OutscaleRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeOutscaleConfig() { return std::make_unique<OutscaleConfig>(); }

} // namespace narthex::discovery
