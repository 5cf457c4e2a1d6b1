// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// dns_sd_configs: records of the domain name system. Source: spec/discovery.md, section 6.
#include "core/net/dns.h"

#include "core/base/status.h"
#include "core/discovery/api_client.h"
#include "core/discovery/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace narthex::discovery {
namespace {

constexpr std::string_view kLookups = "prometheus_sd_dns_lookups_total";
constexpr std::string_view kFailures = "prometheus_sd_dns_lookup_failures_total";

// Names are asked side by side; more threads than this gain little over a few servers.
constexpr std::size_t kAtOnce = 16;

std::optional<net::DnsType> typeOf(std::string_view text)
{
    constexpr std::pair<std::string_view, net::DnsType> kTypes[] = {
        {"SRV", net::DnsType::SRV}, {"A", net::DnsType::A},   {"AAAA", net::DnsType::AAAA},
        {"MX", net::DnsType::MX},   {"NS", net::DnsType::NS},
    };
    std::string upper(text);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    for (const auto& [name, type] : kTypes) {
        if (name == upper) {
            return type;
        }
    }
    return std::nullopt;
}

struct DnsConfig final : MechanismOf<DnsConfig>
{
    static constexpr std::string_view kMechanism = "dns";
    std::vector<std::string> names;
    base::Duration refreshInterval = 30_s;
    std::string type = "SRV";
    std::int64_t port = 0;

    void describe(yaml::Fields& fields) override
    {
        fields.field("names", &names);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("type", &type, yaml::Printing::Always);
        fields.field("port", &port);
        if (!fields.reading()) {
            return;
        }
        fields.check(!names.empty(), "DNS-SD config must contain at least one SRV record name");
        const auto known = typeOf(type);
        if (!known) {
            fields.failAt("type", fmt::format("invalid DNS-SD records type {} (SRV, A, AAAA, MX "
                                              "and NS are known)",
                                              type));
        } else if (*known != net::DnsType::SRV && port == 0) {
            fields.fail("a port is required in DNS-SD configs for all record types except SRV");
        }
        if (port < 0 || port > 65535) {
            fields.failAt("port", fmt::format("{} is no port (1 to 65535)", port));
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const DnsConfig&, const DnsConfig&) = default;
};

std::string withoutFinalDots(std::string_view name)
{
    return std::string(name.substr(0, name.find_last_not_of('.') + 1));
}

class DnsRefresher final : public Refresher
{
public:
    DnsRefresher(const ProviderEnvironment& environment, const DnsConfig& config)
        : resolver_(environment.resolverFile, environment.dnsPort),
          metrics_(environment.metrics),
          log_(environment.log),
          names_(config.names),
          type_(typeOf(config.type).value_or(net::DnsType::SRV)),
          port_(static_cast<std::uint16_t>(config.port))
    {
        metrics_.add(kLookups, {}, 0);
        metrics_.add(kFailures, {}, 0);
    }

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        std::vector<absl::StatusOr<TargetGroup>> results(names_.size(), absl::UnknownError(""));
        std::atomic<std::size_t> next{0};
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < std::min(names_.size(), kAtOnce); ++i) {
                threads.emplace_back([&] {
                    for (std::size_t at = next++; at < names_.size(); at = next++) {
                        results[at] = lookup(names_[at], stop);
                    }
                });
            }
        }
        TargetGroups groups;
        for (auto& result : results) {
            if (result.ok()) {
                groups.push_back(*std::move(result));
            }
        }
        return groups;
    }

private:
    // Failures concern one name: its targets stay, the others are refreshed.
    absl::StatusOr<TargetGroup> lookup(const std::string& name, const std::stop_token& stop)
    {
        metrics_.add(kLookups);
        auto records = resolver_.lookup(name, type_, stop);
        if (!records.ok()) {
            metrics_.add(kFailures);
            if (!stop.stop_requested()) {
                log_->error("discovery: Error refreshing DNS targets name={} err=\"{}\"", name,
                            base::messageOf(records.status()));
            }
            return records.status();
        }
        TargetGroup group{.source = name};
        for (const net::DnsRecord& record : *records) {
            addEntry(group, record);
        }
        return group;
    }

    void addEntry(TargetGroup& group, const net::DnsRecord& record)
    {
        model::LabelsBuilder labels;
        std::uint64_t port = port_;
        switch (record.type) {
        case net::DnsType::SRV:
            port = record.port;
            meta(labels, "dns_srv_record_target", record.target);
            meta(labels, "dns_srv_record_port", std::to_string(record.port));
            break;
        case net::DnsType::MX:
            meta(labels, "dns_mx_record_target", record.target);
            break;
        case net::DnsType::NS:
            meta(labels, "dns_ns_record_target", record.target);
            break;
        case net::DnsType::A:
        case net::DnsType::AAAA:
            break;
        case net::DnsType::CNAME:
            return; // what it leads to is in the answer, too
        default:
            log_->warn("discovery: a DNS record of another type is skipped name={} type={}",
                       group.source, fmt::underlying(record.type));
            return;
        }
        meta(labels, "dns_name", group.source);
        labels.set(kAddressLabel, joinHostPort(withoutFinalDots(record.target), port));
        group.entries.push_back(labels.build());
    }

    const net::DnsResolver resolver_;
    Metrics& metrics_;
    const base::Logger log_;
    const std::vector<std::string> names_;
    const net::DnsType type_;
    const std::uint16_t port_;
};

absl::StatusOr<Provider> DnsConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return Refreshing{.refresher = std::make_unique<DnsRefresher>(environment, *this),
                      .interval = refreshInterval};
}

} // namespace

std::unique_ptr<MechanismConfig> makeDnsConfig() { return std::make_unique<DnsConfig>(); }

} // namespace narthex::discovery
