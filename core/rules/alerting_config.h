// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section `alerting`: where alerts are sent. Threads: values. Source: spec/config.md, 3.5.
#pragma once

#include "core/discovery/mechanism.h"
#include "core/httpconfig/cloud_auth.h"
#include "core/relabel/relabel.h"

#include <optional>
#include <string>
#include <vector>

namespace narthex::rules {

using namespace base::literals;

/// One entry of `alertmanagers`: a set of discovered Alertmanagers.
struct AlertmanagersConfig
{
    std::string scheme = "http";
    std::string pathPrefix;
    /// Of one push.
    base::Duration timeout = 10_s;
    std::string apiVersion = "v2";
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    /// On discovered Alertmanagers.
    std::vector<relabel::Rule> relabelRules;
    /// On alerts, after the rules of the section.
    std::vector<relabel::Rule> alertRelabelRules;
    std::optional<httpconfig::Sigv4Config> sigv4;
    net::HttpClientConfig http;
    discovery::ServiceDiscovery discovery;

    void describe(yaml::Fields& fields);
    /// `/` joined with the prefix and `/api/v2/alerts`, without double slashes.
    [[nodiscard]] std::string pushPath() const;
    friend bool operator==(const AlertmanagersConfig&, const AlertmanagersConfig&) = default;
};

struct AlertingConfig
{
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    std::vector<relabel::Rule> alertRelabelRules;
    std::vector<AlertmanagersConfig> alertmanagers;

    void describe(yaml::Fields& fields);
    friend bool operator==(const AlertingConfig&, const AlertingConfig&) = default;
};

} // namespace narthex::rules
