// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// linode_sd_configs: instances of an account; between full reads only its events are asked for.
// Source: spec/discovery.md, section 18.
#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <map>

namespace narthex::discovery {
namespace {

constexpr std::string_view kFailures = "prometheus_sd_linode_failures_total";
/// Changes that the API does not know of (a shutdown at the console) are seen by then.
constexpr int kPollsBetweenReads = 10;

struct LinodeConfig final : MechanismOf<LinodeConfig>
{
    static constexpr std::string_view kMechanism = "linode";
    base::Duration refreshInterval = 60_s;
    std::uint64_t port = 80;
    std::string tagSeparator = ",";
    std::string region;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        httpconfig::describe(fields, http);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("tag_separator", &tagSeparator);
        fields.field("region", &region);
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const LinodeConfig&, const LinodeConfig&) = default;
};

/// `{"region": "eu-west"}`
std::string filterOf(std::string_view key, std::string_view value)
{
    std::string text = "{";
    base::appendJsonString(text, key);
    text += ": ";
    base::appendJsonString(text, value);
    return text + "}";
}

/// An address of the account as /networking/ips knows it.
struct Address
{
    bool isPublic = false;
    std::string reverseName;
};
using Addresses = std::map<std::string, Address>;

/// Addresses of one instance, sorted by their use.
struct InstanceAddresses
{
    std::string privateV4;
    std::string publicV4;
    std::string publicV6;
    std::vector<std::string> extra;
    std::vector<std::string> v6Ranges;
};

InstanceAddresses addressesOf(const Json& instance, const Addresses& known,
                              const std::vector<Json>& v6Ranges)
{
    InstanceAddresses result;
    for (const std::string& ip : instance["ipv4"].texts()) {
        const auto found = known.find(ip);
        if (found == known.end()) {
            continue;
        }
        std::string& first = found->second.isPublic ? result.publicV4 : result.privateV4;
        if (first.empty()) {
            first = ip;
        } else {
            result.extra.push_back(ip);
        }
    }
    const std::string v6 = instance["ipv6"].text();
    if (v6.empty()) {
        return result;
    }
    const std::string automatic = v6.substr(0, v6.find('/'));
    if (known.contains(automatic)) {
        result.publicV6 = automatic;
    }
    for (const Json& range : v6Ranges) {
        if (range["route_target"].text() == automatic) {
            result.v6Ranges.push_back(
                fmt::format("{}/{}", range["range"].text(), range["prefix"].integer()));
        }
    }
    return result;
}

class LinodeRefresher final : public Refresher
{
public:
    LinodeRefresher(const ProviderEnvironment& environment, const LinodeConfig& config)
        : client_(environment, config.http, config.refreshInterval),
          clock_(environment.clock),
          metrics_(environment.metrics),
          base_(environment.apiBase.empty() ? "https://api.linode.com" : environment.apiBase),
          config_(config),
          lastRefresh_(environment.clock.now())
    {
        metrics_.add(kFailures, {}, 0);
    }

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        const base::Timestamp now = clock_.now();
        bool changed = true;
        if (lastResult_ && asksEvents_) {
            NARTHEX_ASSIGN_OR_RETURN(changed, mayHaveChanged(stop));
        }
        if (changed) {
            auto groups = readAll(stop);
            if (!groups.ok()) {
                metrics_.add(kFailures);
                return groups;
            }
            polls_ = 0;
            lastResult_ = *std::move(groups);
        }
        lastRefresh_ = now;
        return *lastResult_;
    }

private:
    /// Whether there were events since the last refresh, or it is time for a full read.
    absl::StatusOr<bool> mayHaveChanged(const std::stop_token& stop)
    {
        const std::string since =
            fmt::format(R"({{"created": {}}})",
                        filterOf("+gte", base::formatTimestamp(lastRefresh_).substr(0, 19)));
        NARTHEX_ASSIGN_OR_RETURN(
            const net::HttpResponse response,
            client_.send(
                {.url = joinUrl(base_, "/v4/account/events", {{"page", "1"}, {"page_size", "25"}}),
                 .headers = {{"Accept", "application/json"}, {"X-Filter", since}}},
                stop));
        if (response.status == 401) {
            // The token may not read events.
            asksEvents_ = false;
            return true;
        }
        if (response.status != 200) {
            return statusError(response);
        }
        NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
        NARTHEX_ASSIGN_OR_RETURN(const auto events, listIn(answer, "data"));
        ++polls_;
        return !events.empty() || polls_ >= kPollsBetweenReads;
    }

    absl::StatusOr<TargetGroups> readAll(const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(const auto instances, list("/v4/linode/instances", stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto ips, list("/v4/networking/ips", stop));
        NARTHEX_ASSIGN_OR_RETURN(const auto ranges, list("/v4/networking/ipv6/ranges", stop));
        Addresses addresses;
        for (const Json& ip : ips) {
            const std::string name = ip["rdns"].text();
            addresses[ip["address"].text()] = {.isPublic = ip["public"].boolean(),
                                               .reverseName = name == "null" ? "" : name};
        }
        std::vector<model::Labels> entries;
        for (const Json& instance : instances) {
            if (!instance["ipv4"].items().empty()) {
                entries.push_back(labelsOf(instance, addresses, ranges));
            }
        }
        return oneGroup("Linode", std::move(entries));
    }

    absl::StatusOr<std::vector<Json>> list(const std::string& path, const std::stop_token& stop)
    {
        net::Parameters headers;
        if (!config_.region.empty()) {
            headers.emplace_back("X-Filter", filterOf("region", config_.region));
        }
        std::vector<Json> result;
        PageCount pages;
        for (std::int64_t page = 1, count = 1; page <= count; ++page) {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            NARTHEX_ASSIGN_OR_RETURN(
                const Json answer,
                client_.getJson(
                    joinUrl(base_, path, {{"page", std::to_string(page)}, {"page_size", "500"}}),
                    stop, headers));
            NARTHEX_ASSIGN_OR_RETURN(const auto items, listIn(answer, "data"));
            result.insert(result.end(), items.begin(), items.end());
            count = answer["pages"].integer();
        }
        return result;
    }

    [[nodiscard]] model::Labels labelsOf(const Json& instance, const Addresses& known,
                                         const std::vector<Json>& ranges) const
    {
        const InstanceAddresses own = addressesOf(instance, known, ranges);
        const auto reverseName = [&](const std::string& ip) {
            const auto found = known.find(ip);
            return found == known.end() ? std::string() : found->second.reverseName;
        };
        const Json specs = instance["specs"];
        const auto bytes = [&](const char* name) {
            return std::to_string(static_cast<std::uint64_t>(specs[name].integer()) << 20U);
        };
        TargetLabels labels("linode");
        labels.set("instance_id", instance["id"])
            .set("instance_label", instance["label"])
            .set("image", instance["image"])
            .set("private_ipv4", own.privateV4)
            .set("public_ipv4", own.publicV4)
            .set("public_ipv6", own.publicV6)
            .set("private_ipv4_rdns", reverseName(own.privateV4))
            .set("public_ipv4_rdns", reverseName(own.publicV4))
            .set("public_ipv6_rdns", reverseName(own.publicV6))
            .set("region", instance["region"])
            .set("type", instance["type"])
            .set("status", instance["status"])
            .set("group", instance["group"])
            .set("gpus", std::to_string(specs["gpus"].integer()))
            .set("hypervisor", instance["hypervisor"])
            .set("backups", instance["backups"]["enabled"].boolean() ? "enabled" : "disabled")
            .set("specs_disk_bytes", bytes("disk"))
            .set("specs_memory_bytes", bytes("memory"))
            .set("specs_vcpus", std::to_string(specs["vcpus"].integer()))
            .set("specs_transfer_bytes", bytes("transfer"))
            .list("tags", instance["tags"].texts(), config_.tagSeparator)
            .list("extra_ips", own.extra, config_.tagSeparator)
            .list("ipv6_ranges", own.v6Ranges, config_.tagSeparator)
            .address(own.publicV4, config_.port);
        return labels.build();
    }

    ApiClient client_;
    const base::Clock& clock_;
    Metrics& metrics_;
    const std::string base_;
    const LinodeConfig config_;
    bool asksEvents_ = true;
    int polls_ = 0;
    base::Timestamp lastRefresh_;
    std::optional<TargetGroups> lastResult_;
};

absl::StatusOr<Provider> LinodeConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return refreshing<LinodeRefresher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeLinodeConfig() { return std::make_unique<LinodeConfig>(); }

} // namespace narthex::discovery
