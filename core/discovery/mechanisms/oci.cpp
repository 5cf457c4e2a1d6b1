// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// oci_sd_configs: compute instances of a tenancy at Oracle's cloud.
// Source: spec/discovery.md, section 21.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/discovery/oci_credentials.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

namespace narthex::discovery {
namespace {

struct OciConfig final : MechanismOf<OciConfig>
{
    static constexpr std::string_view kMechanism = "oci";
    std::string auth = "api_key";
    std::string tenancy;
    std::string user;
    std::string fingerprint;
    std::string keyFile;
    base::Secret keyPassphrase;
    std::string keyPassphraseFile;
    std::string region;
    std::vector<std::string> compartments;
    std::uint64_t port = 80;
    base::Duration refreshInterval = 60_s;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("auth", &auth);
        fields.field("tenancy", &tenancy);
        fields.field("user", &user);
        fields.field("fingerprint", &fingerprint);
        fields.path("key_file", keyFile);
        fields.field("key_passphrase", &keyPassphrase);
        fields.path("key_passphrase_file", keyPassphraseFile);
        fields.field("region", &region, yaml::Printing::Always);
        fields.field("compartments", &compartments);
        httpconfig::describe(fields, http);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        if (fields.reading()) {
            check(fields);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const OciConfig&, const OciConfig&) = default;

private:
    void check(yaml::Fields& fields) const
    {
        fields.check(!region.empty(), "oci_sd: region is required");
        if (auth == "api_key") {
            fields.check(!tenancy.empty(), "oci_sd: api_key auth requires tenancy");
            fields.check(!user.empty(), "oci_sd: api_key auth requires user");
            fields.check(!fingerprint.empty(), "oci_sd: api_key auth requires fingerprint");
            fields.check(!keyFile.empty(), "oci_sd: api_key auth requires key_file");
            fields.check(keyPassphrase.empty() || keyPassphraseFile.empty(),
                         "oci_sd: at most one of key_passphrase and key_passphrase_file must be "
                         "configured");
        } else if (auth == "instance_principal") {
            fields.check(tenancy.empty() && user.empty() && fingerprint.empty() &&
                             keyFile.empty() && keyPassphrase.empty() && keyPassphraseFile.empty(),
                         "oci_sd: instance_principal auth must not have tenancy, user, "
                         "fingerprint, key_file, key_passphrase, or key_passphrase_file set");
        } else {
            fields.failAt("auth", fmt::format("oci_sd: unknown auth method \"{}\", expected "
                                              "\"api_key\" or \"instance_principal\"",
                                              auth));
        }
        for (std::size_t i = 0; i < compartments.size(); ++i) {
            if (compartments[i].empty()) {
                fields.failAt("compartments",
                              fmt::format("oci_sd: compartments[{}] must not be empty", i));
            }
        }
        if (refreshInterval <= base::Duration{}) {
            fields.failAt("refresh_interval",
                          fmt::format("oci_sd: refresh_interval must be positive, got {}",
                                      base::formatDuration(refreshInterval)));
        }
    }
};

/// Requests carry signatures; other authorization would stand in their place.
net::HttpClientConfig withoutAuthorization(net::HttpClientConfig http)
{
    http.basicAuth.reset();
    http.authorization.reset();
    http.oauth2.reset();
    return http;
}

/// Ten calls a second, after a burst of fifty: the cloud throttles tenancies that ask more.
class CallRate
{
public:
    explicit CallRate(const base::Clock& clock) : clock_(clock), last_(clock.monotonic()) {}

    absl::Status wait(const std::stop_token& stop)
    {
        const base::Duration now = clock_.monotonic();
        calls_ = std::min(kBurst, calls_ + (now - last_).seconds() * kPerSecond);
        last_ = now;
        if (calls_ < 1) {
            const auto ms = static_cast<std::int64_t>((1 - calls_) / kPerSecond * 1000) + 1;
            if (!waitFor(base::Duration::fromMs(ms), stop)) {
                return base::cancelled("stopped");
            }
            calls_ = 1;
            last_ = clock_.monotonic();
        }
        calls_ -= 1;
        return absl::OkStatus();
    }

private:
    static constexpr double kPerSecond = 10;
    static constexpr double kBurst = 50;
    const base::Clock& clock_;
    double calls_ = kBurst;
    base::Duration last_;
};

/// The network card that an instance is reached at.
struct PrimaryVnic
{
    std::string id;
    std::string privateIp;
    std::string publicIp;
    std::vector<std::string> ipv6Addresses;
    std::string hostnameLabel;

    /// Empty: none.
    [[nodiscard]] std::string address() const
    {
        if (!privateIp.empty()) {
            return privateIp;
        }
        return publicIp.empty() && !ipv6Addresses.empty() ? ipv6Addresses.front() : publicIp;
    }
};

class OciRefresher final : public Refresher
{
public:
    OciRefresher(const ProviderEnvironment& environment, const OciConfig& config)
        : client_(environment, withoutAuthorization(config.http), config.refreshInterval),
          credentials_(environment, apiKeyOf(config), config.region,
                       withoutAuthorization(config.http), config.refreshInterval),
          clock_(environment.clock),
          log_(environment.log),
          rate_(environment.clock),
          identityBase_(environment.apiBase.empty()
                            ? "https://identity." + config.region + ".oci.oraclecloud.com"
                            : environment.apiBase),
          coreBase_(environment.apiBase.empty()
                        ? "https://iaas." + config.region + ".oraclecloud.com"
                        : environment.apiBase),
          config_(config)
    {}

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        if (const absl::Status status = credentials_.renew(stop); !status.ok()) {
            return base::annotate(status, "oci_sd: failed to get credentials");
        }
        auto entries = ask(stop);
        if (!entries.ok()) {
            credentials_.forget();
            return entries.status();
        }
        return oneGroup("OCI", *std::move(entries));
    }

private:
    static std::optional<OciApiKey> apiKeyOf(const OciConfig& config)
    {
        if (config.auth != "api_key") {
            return std::nullopt;
        }
        return OciApiKey{.tenancy = config.tenancy,
                         .user = config.user,
                         .fingerprint = config.fingerprint,
                         .keyFile = config.keyFile,
                         .passphrase = config.keyPassphrase,
                         .passphraseFile = config.keyPassphraseFile};
    }

    absl::StatusOr<std::vector<model::Labels>> ask(const std::stop_token& stop)
    {
        std::vector<std::string> compartments = config_.compartments;
        if (compartments.empty()) {
            compartments = allCompartments(stop);
        }
        std::vector<model::Labels> entries;
        for (const std::string& compartment : compartments) {
            auto instances = list(coreBase_, "instances", {{"compartmentId", compartment}}, stop);
            if (!instances.ok()) {
                return base::annotate(
                    instances.status(),
                    fmt::format("listing OCI instances in compartment {}", compartment));
            }
            for (const Json& instance : *instances) {
                if (stop.stop_requested()) {
                    return base::cancelled("stopped");
                }
                addTarget(instance, stop, entries);
            }
        }
        return entries;
    }

    /// The tenancy and all active compartments below it. One whose children cannot be listed is
    /// there itself.
    std::vector<std::string> allCompartments(const std::stop_token& stop)
    {
        std::vector<std::string> result;
        std::set<std::string> seen = {credentials_.tenancy()};
        std::deque<std::string> left = {credentials_.tenancy()};
        while (!left.empty() && !stop.stop_requested()) {
            const std::string parent = left.front();
            left.pop_front();
            result.push_back(parent);
            const auto children = list(identityBase_, "compartments",
                                       {{"compartmentId", parent},
                                        {"accessLevel", "ACCESSIBLE"},
                                        {"compartmentIdInSubtree", "false"}},
                                       stop);
            if (!children.ok()) {
                log_->warn("oci: children of a compartment cannot be listed compartment={} "
                           "error=\"{}\"",
                           parent, base::messageOf(children.status()));
                continue;
            }
            for (const Json& child : *children) {
                const std::string id = child["id"].text();
                if (!id.empty() && child["lifecycleState"].text() == "ACTIVE" &&
                    seen.insert(id).second) {
                    left.push_back(id);
                }
            }
        }
        return result;
    }

    void addTarget(const Json& instance, const std::stop_token& stop,
                   std::vector<model::Labels>& entries)
    {
        const std::string id = instance["id"].text();
        if (id.empty() || instance["compartmentId"].text().empty()) {
            log_->warn("oci: an instance without id is skipped");
            return;
        }
        const auto vnic = primaryVnic(instance, stop);
        if (!vnic.ok()) {
            log_->warn("oci: addresses of an instance cannot be had instance={} error=\"{}\"", id,
                       base::messageOf(vnic.status()));
            return;
        }
        if (!vnic->address().empty()) {
            entries.push_back(labelsOf(instance, *vnic));
        }
    }

    absl::StatusOr<PrimaryVnic> primaryVnic(const Json& instance, const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const auto attachments,
                                 list(coreBase_, "vnicAttachments",
                                      {{"compartmentId", instance["compartmentId"].text()},
                                       {"instanceId", instance["id"].text()}},
                                      stop));
        for (const Json& attachment : attachments) {
            const std::string id = attachment["vnicId"].text();
            if (id.empty() || attachment["lifecycleState"].text() != "ATTACHED") {
                continue;
            }
            NARTHEX_ASSIGN_OR_RETURN(
                const net::HttpResponse response,
                get(joinUrl(coreBase_, "/20160918/vnics/" + net::percentEncode(id)), stop));
            NARTHEX_ASSIGN_OR_RETURN(const Json vnic, Json::parse(response.body));
            if (vnic["isPrimary"].boolean()) {
                PrimaryVnic result{.id = vnic["id"].text(),
                                   .privateIp = vnic["privateIp"].text(),
                                   .publicIp = vnic["publicIp"].text(),
                                   .ipv6Addresses = vnic["ipv6Addresses"].texts(),
                                   .hostnameLabel = vnic["hostnameLabel"].text()};
                std::sort(result.ipv6Addresses.begin(), result.ipv6Addresses.end());
                return result;
            }
        }
        return PrimaryVnic{};
    }

    [[nodiscard]] model::Labels labelsOf(const Json& instance, const PrimaryVnic& vnic) const
    {
        TargetLabels labels("oci");
        labels.set("instance_id", instance["id"])
            .set("instance_name", instance["displayName"])
            .set("instance_state", instance["lifecycleState"])
            .set("instance_shape", instance["shape"])
            .set("availability_domain", instance["availabilityDomain"])
            .set("fault_domain", instance["faultDomain"])
            .set("region", instance["region"])
            .set("tenancy_id", credentials_.tenancy())
            .set("compartment_id", instance["compartmentId"])
            .set("image_id", instance["imageId"])
            .set("vnic_id", vnic.id)
            .set("private_ip", vnic.privateIp)
            .set("public_ip", vnic.publicIp)
            .set("hostname_label", vnic.hostnameLabel)
            .list("ipv6_addresses", vnic.ipv6Addresses)
            .members("tag", instance["freeformTags"])
            .address(vnic.address(), config_.port);
        const auto spaces = instance["definedTags"].members();
        for (const auto& [space, tags] : spaces) {
            const auto members = tags.members();
            for (const auto& [key, value] : members) {
                labels.keyed("defined_tag_" + sanitizeLabelName(space), key,
                             value.isNumber() ? base::formatFloatPlain(value.number())
                                              : value.text());
            }
        }
        return labels.build();
    }

    /// A signed GET; the status must be 200.
    absl::StatusOr<net::HttpResponse> get(const std::string& url, const std::stop_token& stop)
    {
        NARTHEX_RETURN_IF_ERROR(rate_.wait(stop));
        net::HttpRequest request{.url = url, .headers = {{"Accept", "application/json"}}};
        NARTHEX_RETURN_IF_ERROR(credentials_.signer().sign(request, clock_.now()));
        NARTHEX_ASSIGN_OR_RETURN(net::HttpResponse response,
                                 client_.send(std::move(request), stop));
        if (response.status != 200) {
            return statusError(response);
        }
        return response;
    }

    /// All pages of a list.
    absl::StatusOr<std::vector<Json>> list(const std::string& base, const std::string& what,
                                           const net::Parameters& filter,
                                           const std::stop_token& stop)
    {
        std::vector<Json> result;
        PageCount pages;
        std::string page;
        do {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            net::Parameters query = filter;
            query.emplace_back("limit", "100");
            if (!page.empty()) {
                query.emplace_back("page", page);
            }
            NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                     get(joinUrl(base, "/20160918/" + what, query), stop));
            NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
            NARTHEX_ASSIGN_OR_RETURN(const auto items, listIn(answer));
            result.insert(result.end(), items.begin(), items.end());
            page = std::string(response.header("opc-next-page"));
        } while (!page.empty());
        return result;
    }

    ApiClient client_;
    OciCredentials credentials_;
    const base::Clock& clock_;
    const base::Logger log_;
    CallRate rate_;
    const std::string identityBase_;
    const std::string coreBase_;
    const OciConfig config_;
};

absl::StatusOr<Provider> OciConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<OciRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeOciConfig() { return std::make_unique<OciConfig>(); }

} // namespace narthex::discovery
