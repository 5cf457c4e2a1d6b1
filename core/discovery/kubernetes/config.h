// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The keys of kubernetes_sd_configs. Threads: values.
// Source: spec/discovery.md, section 10.
#pragma once

#include "core/discovery/mechanism.h"

namespace narthex::discovery::kubernetes {

struct Selector
{
    std::string role;
    std::string label;
    std::string field;
    void describe(yaml::Fields& fields);
    friend bool operator==(const Selector&, const Selector&) = default;
};

struct Namespaces
{
    bool own = false;
    std::vector<std::string> names;
    void describe(yaml::Fields& fields);
    friend bool operator==(const Namespaces&, const Namespaces&) = default;
};

/// What else is followed to give more labels.
struct Attach
{
    bool node = false;
    bool nameSpace = false;
    bool deployment = false;
    bool job = false;
    bool cronJob = false;
    void describe(yaml::Fields& fields);
    friend bool operator==(const Attach&, const Attach&) = default;
};

struct Config final : MechanismOf<Config>
{
    static constexpr std::string_view kMechanism = "kubernetes";
    std::string apiServer;
    /// A name that findRole() knows.
    std::string role;
    std::string kubeconfigFile;
    net::HttpClientConfig http;
    Namespaces namespaces;
    std::vector<Selector> selectors;
    Attach attach;

    void describe(yaml::Fields& fields) override;
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const Config&, const Config&) = default;

private:
    void check(yaml::Fields& fields) const;
    void checkSelectors(yaml::Fields& fields) const;
};

/// InvalidArgument `invalid selector: '<x>'; can't understand '<part>'`. Fields know =, == and !=;
/// labels also in, notin, <, > and bare names.
absl::Status checkFieldSelector(std::string_view text);
absl::Status checkLabelSelector(std::string_view text);

} // namespace narthex::discovery::kubernetes
