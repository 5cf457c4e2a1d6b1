// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The settings of one discovery mechanism, as a value behind an interface: read from the
// configuration, printed, compared, and made into a provider. A mechanism is one file
// (`mechanisms/<name>.cpp`) with a struct derived from MechanismOf and a maker that the registry
// lists. Threads: values; shared read-only once loaded. Source: spec/discovery.md.
#pragma once

#include "core/discovery/provider.h"
#include "core/httpconfig/http_client_keys.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <span>

namespace narthex::discovery {

using namespace base::literals;

class MechanismConfig
{
public:
    virtual ~MechanismConfig() = default;
    /// "ec2": the key in a job is `<name>_sd_configs`.
    [[nodiscard]] virtual std::string_view mechanism() const = 0;
    virtual void describe(yaml::Fields& fields) = 0;
    [[nodiscard]] virtual std::unique_ptr<MechanismConfig> clone() const = 0;
    [[nodiscard]] virtual bool equals(const MechanismConfig& other) const = 0;
    /// Errors: what stands in the way of starting at all (an unreadable CA file); it is logged and
    /// counted, other mechanisms run.
    [[nodiscard]] virtual absl::StatusOr<Provider>
    makeProvider(const ProviderEnvironment& environment) const = 0;
};

/// clone() and equals() by the copy constructor and `operator==` of T, which has a
/// `static constexpr std::string_view kMechanism`.
template <typename T>
class MechanismOf : public MechanismConfig
{
public:
    [[nodiscard]] std::string_view mechanism() const final { return T::kMechanism; }
    [[nodiscard]] std::unique_ptr<MechanismConfig> clone() const final
    {
        return std::make_unique<T>(static_cast<const T&>(*this));
    }
    [[nodiscard]] bool equals(const MechanismConfig& other) const final
    {
        const auto* same = dynamic_cast<const T*>(&other);
        return same != nullptr && *same == static_cast<const T&>(*this);
    }
    friend bool operator==(const MechanismOf&, const MechanismOf&) { return true; }
};

/// All mechanisms but static_configs, by name.
struct Mechanism
{
    std::string_view name;
    std::unique_ptr<MechanismConfig> (*make)();
};
std::span<const Mechanism> mechanisms();

/// The discovery part of a job or of an alertmanagers entry: static groups and mechanisms.
struct ServiceDiscovery
{
    TargetGroups staticGroups;
    std::vector<std::shared_ptr<const MechanismConfig>> configs;

    /// Reads or prints static_configs and all `<mechanism>_sd_configs`. Static addresses with a '/'
    /// are refused when `checkAddresses`.
    void describe(yaml::Fields& fields, bool checkAddresses);
    friend bool operator==(const ServiceDiscovery& a, const ServiceDiscovery& b);
};

} // namespace narthex::discovery
