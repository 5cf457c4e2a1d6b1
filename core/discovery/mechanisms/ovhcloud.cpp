// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// ovhcloud_sd_configs: virtual private servers or dedicated servers at OVHcloud.
// Source: spec/discovery.md, section 21.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"
#include "core/net/crypto.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <arpa/inet.h>
#include <array>

namespace narthex::discovery {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kEndpoints = {{
    {"ovh-eu", "https://eu.api.ovh.com/1.0"},
    {"ovh-ca", "https://ca.api.ovh.com/1.0"},
    {"ovh-us", "https://api.us.ovhcloud.com/1.0"},
    {"kimsufi-eu", "https://eu.api.kimsufi.com/1.0"},
    {"kimsufi-ca", "https://ca.api.kimsufi.com/1.0"},
    {"soyoustart-eu", "https://eu.api.soyoustart.com/1.0"},
    {"soyoustart-ca", "https://ca.api.soyoustart.com/1.0"},
}};

struct OvhCloudConfig final : MechanismOf<OvhCloudConfig>
{
    static constexpr std::string_view kMechanism = "ovhcloud";
    std::string endpoint = "ovh-eu";
    std::string applicationKey;
    base::Secret applicationSecret;
    base::Secret consumerKey;
    base::Duration refreshInterval = 60_s;
    std::string service;

    void describe(yaml::Fields& fields) override
    {
        fields.field("endpoint", &endpoint, yaml::Printing::Always);
        fields.field("application_key", &applicationKey, yaml::Printing::Always);
        fields.field("application_secret", &applicationSecret);
        fields.field("consumer_key", &consumerKey);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("service", &service, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        fields.check(!endpoint.empty(), "endpoint can not be empty");
        fields.check(!applicationKey.empty(), "application key can not be empty");
        fields.check(!applicationSecret.empty(), "application secret can not be empty");
        fields.check(!consumerKey.empty(), "consumer key can not be empty");
        if (service != "dedicated_server" && service != "vps") {
            fields.failAt("service", fmt::format("unknown service: {}", service));
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const OvhCloudConfig&, const OvhCloudConfig&) = default;
};

std::string sha1(std::string_view bytes)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr);
    return {digest.begin(), digest.begin() + size};
}

struct Addresses
{
    std::string v4;
    std::string v6;
};

/// The last address of each family. Networks ("192.0.2.0/24") are no addresses of the server.
absl::StatusOr<Addresses> addressesOf(const std::vector<std::string>& list)
{
    const absl::Status none = absl::UnavailableError("could not parse IP addresses from list");
    Addresses result;
    for (const std::string& each : list) {
        const std::size_t slash = each.find('/');
        const std::string ip = each.substr(0, slash);
        std::array<unsigned char, 16> bytes{};
        const bool v4 = inet_pton(AF_INET, ip.c_str(), bytes.data()) == 1;
        if (!v4 && inet_pton(AF_INET6, ip.c_str(), bytes.data()) != 1) {
            return none;
        }
        const bool single = slash == std::string::npos || each.substr(slash + 1) == "32";
        const bool unspecified = bytes == std::array<unsigned char, 16>{};
        if (single && !unspecified) {
            (v4 ? result.v4 : result.v6) = ip;
        }
    }
    if (result.v4.empty() && result.v6.empty()) {
        return none;
    }
    return result;
}

class OvhCloudRefresher final : public Refresher
{
public:
    OvhCloudRefresher(const ProviderEnvironment& environment, const OvhCloudConfig& config,
                      std::string base)
        : client_(environment, {}, config.refreshInterval),
          log_(environment.log),
          base_(std::move(base)),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        const std::string path = config_.service == "vps" ? "/vps" : "/dedicated/server";
        NARTHEX_RETURN_IF_ERROR(askTime(stop));
        NARTHEX_ASSIGN_OR_RETURN(const Json names, get(path, stop));
        if (!names.isArray()) {
            return base::unavailable("unexpected answer: a list of servers is needed");
        }
        std::vector<model::Labels> entries;
        for (const std::string& name : names.texts()) {
            if (stop.stop_requested()) {
                return base::cancelled("stopped");
            }
            // A server that is just being removed must not hide the others.
            auto labels = serverLabels(path, name, stop);
            if (labels.ok()) {
                entries.push_back(*std::move(labels));
            } else {
                log_->warn("ovhcloud: details cannot be had server={} error=\"{}\"", name,
                           base::messageOf(labels.status()));
            }
        }
        return oneGroup("ovhcloud_" + config_.service, std::move(entries));
    }

private:
    /// The server's clock is the one that signatures are checked against.
    absl::Status askTime(const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.get(joinUrl(base_, "/auth/time"), stop));
        const auto time = base::parseInt(response.body);
        if (!time) {
            return base::unavailable("unexpected answer: /auth/time gives no number");
        }
        time_ = *time;
        return absl::OkStatus();
    }

    absl::StatusOr<Json> get(const std::string& path, const std::stop_token& stop)
    {
        const std::string url = joinUrl(base_, path);
        const std::string signedText =
            fmt::format("{}+{}+GET+{}++{}", config_.applicationSecret.reveal(),
                        config_.consumerKey.reveal(), url, time_);
        return client_.getJson(url, stop,
                               {{"X-Ovh-Application", config_.applicationKey},
                                {"X-Ovh-Consumer", config_.consumerKey.reveal()},
                                {"X-Ovh-Timestamp", std::to_string(time_)},
                                {"X-Ovh-Signature", "$1$" + net::hex(sha1(signedText))}});
    }

    absl::StatusOr<model::Labels> serverLabels(const std::string& path, const std::string& name,
                                               const std::stop_token& stop)
    {
        const std::string own = fmt::format("{}/{}", path, net::percentEncode(name));
        NARTHEX_ASSIGN_OR_RETURN(const Json server, get(own, stop));
        NARTHEX_ASSIGN_OR_RETURN(const Json ips, get(own + "/ips", stop));
        NARTHEX_ASSIGN_OR_RETURN(const Addresses addresses, addressesOf(ips.texts()));
        TargetLabels labels("ovhcloud_" + config_.service);
        if (config_.service == "vps") {
            setVps(labels, server);
        } else {
            setDedicated(labels, server);
        }
        return labels.set("name", server["name"])
            .set("state", server["state"])
            .set("ipv4", addresses.v4)
            .set("ipv6", addresses.v6)
            .plain("instance", server["name"].text())
            .plain(kAddressLabel, addresses.v4.empty() ? addresses.v6 : addresses.v4)
            .build();
    }

    static std::string number(const Json& value) { return std::to_string(value.integer()); }

    static void setVps(TargetLabels& labels, const Json& server)
    {
        const Json model = server["model"];
        labels.set("offer", model["offer"])
            .set("datacenter", fmt::format("[{}]", fmt::join(model["datacenter"].texts(), " ")))
            .set("model_vcore", number(model["vcore"]))
            .set("maximum_additional_ip", number(model["maximumAdditionnalIp"]))
            .set("version", model["version"])
            .set("model_name", model["name"])
            .set("disk", number(model["disk"]))
            .set("memory", number(model["memory"]))
            .set("zone", server["zone"])
            .set("display_name", server["displayName"])
            .set("cluster", server["cluster"])
            .set("netboot_mode", server["netbootMode"])
            .set("memory_limit", number(server["memoryLimit"]))
            .set("offer_type", server["offerType"])
            .set("vcore", number(server["vcore"]));
    }

    static void setDedicated(TargetLabels& labels, const Json& server)
    {
        labels.set("commercial_range", server["commercialRange"])
            .set("link_speed", number(server["linkSpeed"]))
            .set("rack", server["rack"])
            .set("no_intervention", server["noIntervention"].boolean())
            .set("os", server["os"])
            .set("support_level", server["supportLevel"])
            .set("server_id", number(server["serverId"]))
            .set("reverse", server["reverse"])
            .set("datacenter", server["datacenter"]);
    }

    ApiClient client_;
    const base::Logger log_;
    const std::string base_;
    const OvhCloudConfig config_;
    /// Seconds since the Unix epoch, of the refresh that runs.
    std::int64_t time_ = 0;
};

absl::StatusOr<Provider> OvhCloudConfig::makeProvider(const ProviderEnvironment& environment) const
{
    std::string base = environment.apiBase;
    for (const auto& [name, url] : kEndpoints) {
        if (base.empty() && name == endpoint) {
            base = url;
        }
    }
    if (base.empty() && endpoint.find("://") != std::string::npos) {
        base = endpoint;
    }
    if (base.empty()) {
        return base::invalidArgument("unknown endpoint \"{}\": ovh-eu, ovh-ca, ovh-us, kimsufi-eu, "
                                     "kimsufi-ca, soyoustart-eu, soyoustart-ca or a URL is needed",
                                     endpoint);
    }
    return Refreshing{.refresher = std::make_unique<OvhCloudRefresher>(environment, *this, base),
                      .interval = refreshInterval};
}

} // namespace

std::unique_ptr<MechanismConfig> makeOvhCloudConfig() { return std::make_unique<OvhCloudConfig>(); }

} // namespace narthex::discovery
