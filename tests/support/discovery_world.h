// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What tests of discovery mechanisms share: reading a mechanism's YAML, making its provider against
// a ScriptedServer, and showing groups as text. Owner: the test. Threads: the test's.
#pragma once

#include "support/scripted_server.h"

#include "core/base/status.h"
#include "core/discovery/mechanism.h"
#include "core/discovery/metrics.h"

#include <map>

namespace narthex::tests {

struct DiscoveryWorld
{
    net::IoLoop loop;
    net::HttpClient http{loop, "Narthex/test"};
    base::SystemClock clock;
    base::LogSetup log = base::LogSetup::create("error").value();
    discovery::Metrics metrics;
    std::map<std::string, std::string> variables;
    std::string apiBase;
    std::string rootDirectory;
    std::string resolverFile = "/etc/resolv.conf";
    std::uint16_t dnsPort = 53;
    std::stop_source stop;

    [[nodiscard]] discovery::ProviderEnvironment environment()
    {
        return {.http = http,
                .clock = clock,
                .log = log.logger("discovery"),
                .metrics = metrics,
                .resolverFile = resolverFile,
                .dnsPort = dnsPort,
                .apiBase = apiBase,
                .variable =
                    [this](const std::string& name) {
                        const auto found = variables.find(name);
                        return found == variables.end() ? std::string() : found->second;
                    },
                .rootDirectory = rootDirectory};
    }

    /// The configuration of one mechanism from the YAML of one list element. Errors: the reader's.
    static absl::StatusOr<std::shared_ptr<discovery::MechanismConfig>>
    read(std::string_view mechanism, const std::string& yamlText)
    {
        for (const discovery::Mechanism& each : discovery::mechanisms()) {
            if (each.name != mechanism) {
                continue;
            }
            auto document = yaml::Document::parse("test.yml", yamlText);
            if (!document.ok()) {
                return document.status();
            }
            std::shared_ptr<discovery::MechanismConfig> config = each.make();
            yaml::FieldReader reader((*document)->root(), "SDConfig", "/etc/narthex");
            config->describe(reader);
            reader.finish();
            if (absl::Status status = (*document)->status(); !status.ok()) {
                return status;
            }
            return config;
        }
        return absl::NotFoundError("no such mechanism");
    }

    /// The message of the error that reading gives; empty: it reads fine.
    static std::string readError(std::string_view mechanism, const std::string& yamlText)
    {
        const auto config = read(mechanism, yamlText);
        return config.ok() ? std::string() : std::string(base::messageOf(config.status()));
    }

    /// A refresher of that YAML; throws when it does not read or is none.
    std::unique_ptr<discovery::Refresher> refresher(std::string_view mechanism,
                                                    const std::string& yamlText)
    {
        const auto config = read(mechanism, yamlText);
        if (!config.ok()) {
            throw std::runtime_error(config.status().ToString());
        }
        auto provider = (*config)->makeProvider(environment());
        if (!provider.ok()) {
            throw std::runtime_error(provider.status().ToString());
        }
        return std::move(std::get<discovery::Refreshing>(*provider).refresher);
    }

    /// One refresh; throws on an error.
    discovery::TargetGroups refresh(discovery::Refresher& refresher)
    {
        auto groups = refresher.refresh(stop.get_token());
        if (!groups.ok()) {
            throw std::runtime_error(groups.status().ToString());
        }
        return *std::move(groups);
    }
    /// The message of the error of one refresh; empty: it was fine.
    std::string refreshError(discovery::Refresher& refresher)
    {
        const auto groups = refresher.refresh(stop.get_token());
        return groups.ok() ? std::string() : std::string(base::messageOf(groups.status()));
    }
};

/// Labels of entry `i` with those of its group, as the scrape sees them (own ones win).
inline std::map<std::string, std::string> labelsOf(const discovery::TargetGroup& group,
                                                   std::size_t i = 0)
{
    std::map<std::string, std::string> result;
    for (const model::Labels* labels : {&group.labels, &group.entries.at(i)}) {
        for (const model::LabelView label : *labels) {
            result[std::string(label.name)] = std::string(label.value);
        }
    }
    return result;
}

} // namespace narthex::tests
