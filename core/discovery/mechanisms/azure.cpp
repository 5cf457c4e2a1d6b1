// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// azure_sd_configs: virtual machines and machines of scale sets of a subscription.
// Source: spec/discovery.md, section 12.
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/base/worker_pool.h"
#include "core/discovery/azure_credentials.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <unordered_map>

namespace narthex::discovery {
namespace {

constexpr std::string_view kFailures = "prometheus_sd_azure_failures_total";
constexpr std::string_view kCacheHits = "prometheus_sd_azure_cache_hit_total";
constexpr const char* kComputeVersion = "2024-03-01";
constexpr const char* kNetworkVersion = "2023-05-01";
/// Interfaces below a scale set are an older part of the API.
constexpr const char* kScaleSetNetworkVersion = "2018-10-01";
/// Interfaces asked for at once; the caller's thread is one of them.
constexpr std::size_t kThreads = 8;

struct AzureConfig final : MechanismOf<AzureConfig>
{
    static constexpr std::string_view kMechanism = "azure";
    std::string environmentName = "AzurePublicCloud";
    std::uint64_t port = 80;
    std::string subscriptionId;
    std::string tenantId;
    std::string clientId;
    base::Secret clientSecret;
    base::Duration refreshInterval = 5_min;
    std::string authenticationMethod = "OAuth";
    std::string resourceGroup;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("environment", &environmentName);
        fields.field("port", &port, yaml::Printing::Always);
        fields.field("subscription_id", &subscriptionId, yaml::Printing::Always);
        fields.field("tenant_id", &tenantId);
        fields.field("client_id", &clientId);
        fields.field("client_secret", &clientSecret);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("authentication_method", &authenticationMethod);
        fields.field("resource_group", &resourceGroup);
        httpconfig::describe(fields, http);
        if (fields.reading()) {
            check(fields);
        }
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const AzureConfig&, const AzureConfig&) = default;

private:
    void check(yaml::Fields& fields) const
    {
        const auto require = [&](bool there, std::string_view name) {
            fields.check(there, fmt::format("azure SD configuration requires a {}", name));
        };
        require(!subscriptionId.empty(), "subscription_id");
        if (authenticationMethod == "OAuth") {
            require(!tenantId.empty(), "tenant_id");
            require(!clientId.empty(), "client_id");
            require(!clientSecret.empty(), "client_secret");
        }
        constexpr std::array<std::string_view, 4> kMethods = {"OAuth", "ManagedIdentity", "SDK",
                                                              "WorkloadIdentity"};
        if (std::find(kMethods.begin(), kMethods.end(), authenticationMethod) == kMethods.end()) {
            fields.failAt("authentication_method",
                          fmt::format("unknown authentication_type \"{}\". Supported types are "
                                      "\"OAuth\", \"ManagedIdentity\", \"SDK\" or "
                                      "\"WorkloadIdentity\"",
                                      authenticationMethod));
        }
    }
};

/// What discovery needs of a network interface.
struct Interface
{
    /// Without properties it is passed over; without `primary` among them its machine is
    /// deallocated.
    bool hasProperties = false;
    std::optional<bool> primary;
    bool hasAddresses = false;
    std::string privateIp;
    std::string publicIp;
};

Interface interfaceOf(const Json& answer)
{
    const Json properties = answer["properties"];
    const Json first = properties["ipConfigurations"].at(0);
    Interface result{
        .hasProperties = !properties.isNull(),
        .hasAddresses = !first.isNull(),
        .privateIp = first["properties"]["privateIPAddress"].text(),
        .publicIp = first["properties"]["publicIPAddress"]["properties"]["ipAddress"].text(),
    };
    if (!properties["primary"].isNull()) {
        result.primary = properties["primary"].boolean();
    }
    return result;
}

/// The interfaces used last, each for a limited time. Threads: any.
class InterfaceCache
{
public:
    static constexpr std::size_t kCapacity = 5000;

    std::optional<Interface> find(const std::string& id, base::Duration now)
    {
        const absl::MutexLock lock(&mutex_);
        const auto found = entries_.find(id);
        if (found == entries_.end() || now >= found->second->expiry) {
            return std::nullopt;
        }
        order_.splice(order_.begin(), order_, found->second);
        return found->second->value;
    }
    void add(const std::string& id, const Interface& value, base::Duration expiry)
    {
        const absl::MutexLock lock(&mutex_);
        if (const auto found = entries_.find(id); found != entries_.end()) {
            order_.erase(found->second);
            entries_.erase(found);
        }
        order_.push_front({.id = id, .value = value, .expiry = expiry});
        entries_[id] = order_.begin();
        if (order_.size() > kCapacity) {
            entries_.erase(order_.back().id);
            order_.pop_back();
        }
    }

private:
    struct Entry
    {
        std::string id;
        Interface value;
        base::Duration expiry;
    };
    absl::Mutex mutex_;
    /// Used last first.
    std::list<Entry> order_ ABSL_GUARDED_BY(mutex_);
    std::unordered_map<std::string, std::list<Entry>::iterator> entries_ ABSL_GUARDED_BY(mutex_);
};

/// The parts of "/subscriptions/s/resourceGroups/g/providers/…/name" that matter.
struct ResourceId
{
    std::string group;
    std::string name;
};

absl::StatusOr<ResourceId> parseResourceId(const std::string& id)
{
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < id.size();) {
        const std::size_t end = std::min(id.find('/', begin), id.size());
        if (end != begin) {
            parts.push_back(id.substr(begin, end - begin));
        }
        begin = end + 1;
    }
    if (parts.size() < 4 || lowerCase(parts[0]) != "subscriptions" ||
        lowerCase(parts[2]) != "resourcegroups") {
        return base::unavailable("invalid ID '{}'", id);
    }
    return ResourceId{.group = parts[3], .name = parts.back()};
}

struct Machine
{
    Json json;
    /// Empty: a machine of its own.
    std::string scaleSet;
};

class AzureRefresher final : public Refresher
{
public:
    AzureRefresher(const ProviderEnvironment& environment, const AzureConfig& config,
                   const AzureCloud& cloud)
        : client_(environment, withoutAuthorization(config.http), config.refreshInterval),
          credentials_(environment,
                       {.method = config.authenticationMethod,
                        .tenantId = config.tenantId,
                        .clientId = config.clientId,
                        .clientSecret = config.clientSecret},
                       cloud, withoutAuthorization(config.http), config.refreshInterval),
          clock_(environment.clock),
          metrics_(environment.metrics),
          log_(environment.log),
          base_(environment.apiBase.empty() ? cloud.resourceManager : environment.apiBase),
          config_(config)
    {
        metrics_.add(kFailures, {}, 0);
        metrics_.add(kCacheHits, {}, 0);
    }

    absl::StatusOr<TargetGroups> refresh(const std::stop_token& stop) override
    {
        auto entries = ask(stop);
        if (!entries.ok()) {
            metrics_.add(kFailures);
            credentials_.forget();
            return entries.status();
        }
        return oneGroup("azure", *std::move(entries));
    }

private:
    using Entries = std::vector<model::Labels>;

    /// The resource manager takes tokens only; other secrets are not its business.
    static net::HttpClientConfig withoutAuthorization(net::HttpClientConfig http)
    {
        http.basicAuth.reset();
        http.authorization.reset();
        http.oauth2.reset();
        return http;
    }

    absl::StatusOr<Entries> ask(const std::stop_token& stop)
    {
        NARTHEX_ASSIGN_OR_RETURN(token_, credentials_.token(stop));
        std::vector<Machine> machines;
        NARTHEX_RETURN_IF_ERROR(addMachines(machines, stop));
        NARTHEX_RETURN_IF_ERROR(addScaleSets(machines, stop));
        std::vector<absl::StatusOr<std::optional<model::Labels>>> results(machines.size());
        base::WorkerPool pool(std::min(kThreads - 1, std::max<std::size_t>(1, machines.size())));
        pool.parallelFor(machines.size(),
                         [&](std::size_t i) { results[i] = labelsOf(machines[i], stop); });
        Entries entries;
        for (const auto& labels : results) {
            if (!labels.ok()) {
                return base::annotate(labels.status(),
                                      "unable to complete Azure service discovery");
            }
            if (*labels) {
                entries.push_back(**labels);
            }
        }
        return entries;
    }

    absl::Status addMachines(std::vector<Machine>& machines, const std::stop_token& stop)
    {
        const auto list = all(computePath("virtualMachines"), stop);
        if (!list.ok()) {
            return base::annotate(list.status(), "could not get virtual machines");
        }
        for (const Json& machine : *list) {
            machines.push_back({.json = machine, .scaleSet = ""});
        }
        return absl::OkStatus();
    }

    absl::Status addScaleSets(std::vector<Machine>& machines, const std::stop_token& stop)
    {
        const auto scaleSets = all(computePath("virtualMachineScaleSets"), stop);
        if (!scaleSets.ok()) {
            return base::annotate(scaleSets.status(), "could not get virtual machine scale sets");
        }
        for (const Json& scaleSet : *scaleSets) {
            NARTHEX_ASSIGN_OR_RETURN(const ResourceId id, parseResourceId(scaleSet["id"].text()));
            const std::string name = scaleSet["name"].text();
            const auto list =
                all(groupPath(id.group) + "/providers/Microsoft.Compute/virtualMachineScaleSets/" +
                        net::percentEncode(name) + "/virtualMachines",
                    stop);
            if (!list.ok()) {
                return base::annotate(list.status(), "could not get virtual machine scale set vms");
            }
            for (const Json& machine : *list) {
                machines.push_back({.json = machine, .scaleSet = name});
            }
        }
        return absl::OkStatus();
    }

    [[nodiscard]] std::string groupPath(const std::string& group) const
    {
        return fmt::format("/subscriptions/{}/resourceGroups/{}",
                           net::percentEncode(config_.subscriptionId), net::percentEncode(group));
    }
    [[nodiscard]] std::string computePath(std::string_view what) const
    {
        return fmt::format("{}/providers/Microsoft.Compute/{}",
                           config_.resourceGroup.empty()
                               ? "/subscriptions/" + net::percentEncode(config_.subscriptionId)
                               : groupPath(config_.resourceGroup),
                           what);
    }

    /// All pages of a list.
    absl::StatusOr<std::vector<Json>> all(const std::string& path, const std::stop_token& stop)
    {
        std::vector<Json> result;
        PageCount pages;
        std::string url = joinUrl(base_, path, {{"api-version", kComputeVersion}});
        while (!url.empty()) {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            NARTHEX_ASSIGN_OR_RETURN(const Json answer, client_.getJson(url, stop, headers()));
            NARTHEX_ASSIGN_OR_RETURN(const auto items, listIn(answer, "value"));
            result.insert(result.end(), items.begin(), items.end());
            url = answer["nextLink"].text();
        }
        return result;
    }

    /// Absent: the machine has no address to be scraped at.
    absl::StatusOr<std::optional<model::Labels>> labelsOf(const Machine& machine,
                                                          const std::stop_token& stop)
    {
        const Json properties = machine.json["properties"];
        const std::string name = machine.json["name"].text();
        for (const Json& reference : properties["networkProfile"]["networkInterfaces"].items()) {
            NARTHEX_ASSIGN_OR_RETURN(const std::optional<Interface> interface,
                                     interfaceById(reference["id"].text(), machine, stop));
            if (!interface) {
                return std::nullopt;
            }
            if (!interface->hasProperties) {
                continue;
            }
            if (!interface->primary) {
                log_->debug("azure: a deallocated machine is skipped machine={}", name);
                return std::nullopt;
            }
            if (*interface->primary && interface->hasAddresses) {
                if (interface->privateIp.empty()) {
                    return base::unavailable("unable to find a private IP for VM {}", name);
                }
                return targetLabels(machine, *interface);
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] absl::StatusOr<std::optional<model::Labels>>
    targetLabels(const Machine& machine, const Interface& interface) const
    {
        const Json properties = machine.json["properties"];
        NARTHEX_ASSIGN_OR_RETURN(const ResourceId id, parseResourceId(machine.json["id"].text()));
        TargetLabels labels("azure");
        labels.set("subscription_id", config_.subscriptionId)
            .set("tenant_id", config_.tenantId)
            .set("machine_id", machine.json["id"])
            .set("machine_resource_group", id.group)
            .set("machine_name", machine.json["name"])
            .set("machine_computer_name", properties["osProfile"]["computerName"])
            .set("machine_os_type", properties["storageProfile"]["osDisk"]["osType"])
            .set("machine_location", machine.json["location"])
            .set("machine_size", properties["hardwareProfile"]["vmSize"])
            .set("machine_scale_set", machine.scaleSet)
            .set("machine_private_ip", interface.privateIp)
            .set("machine_public_ip", interface.publicIp)
            .members("machine_tag", machine.json["tags"])
            .address(interface.privateIp, config_.port);
        return labels.build();
    }

    /// From the cache or the API. Absent: there is none of that name (any more).
    absl::StatusOr<std::optional<Interface>>
    interfaceById(const std::string& id, const Machine& machine, const std::stop_token& stop)
    {
        const base::Duration now = clock_.monotonic();
        if (const auto kept = cache_.find(id, now)) {
            metrics_.add(kCacheHits);
            return kept;
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string url, interfaceUrl(id, machine));
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 client_.send({.url = url, .headers = headers()}, stop));
        if (response.status == 404) {
            log_->warn("azure: a network interface does not exist name={}", id);
            return std::nullopt;
        }
        if (response.status != 200) {
            return base::annotate(statusError(response),
                                  fmt::format("failed to retrieve Interface {}", id));
        }
        NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
        if (!answer.isObject()) {
            return base::unavailable("unexpected answer about Interface {}", id);
        }
        const Interface interface = interfaceOf(answer);
        cache_.add(id, interface, now + lifetime(id));
        return interface;
    }

    /// Ten to thirteen intervals, different for each, so that they do not all expire together.
    [[nodiscard]] base::Duration lifetime(const std::string& id) const
    {
        const std::int64_t spread = std::max<std::int64_t>(1, config_.refreshInterval.ms() * 3);
        const auto part = static_cast<std::int64_t>(base::hash64(id) >> 1U) % spread;
        return config_.refreshInterval * 10 + base::Duration::fromMs(part);
    }

    [[nodiscard]] absl::StatusOr<std::string> interfaceUrl(const std::string& id,
                                                           const Machine& machine) const
    {
        NARTHEX_ASSIGN_OR_RETURN(const ResourceId resource, parseResourceId(id));
        const std::string name = net::percentEncode(resource.name);
        const bool own = machine.scaleSet.empty();
        const std::string path =
            own ? "/providers/Microsoft.Network/networkInterfaces/" + name
                : fmt::format("/providers/Microsoft.Compute/virtualMachineScaleSets/{}/"
                              "virtualMachines/{}/networkInterfaces/{}",
                              net::percentEncode(machine.scaleSet),
                              net::percentEncode(machine.json["instanceId"].text()), name);
        return joinUrl(base_, groupPath(resource.group) + path,
                       {{"$expand", "IPConfigurations/PublicIPAddress"},
                        {"api-version", own ? kNetworkVersion : kScaleSetNetworkVersion}});
    }

    [[nodiscard]] net::Parameters headers() const
    {
        return {{"Authorization", "Bearer " + token_}};
    }

    ApiClient client_;
    AzureCredentials credentials_;
    const base::Clock& clock_;
    Metrics& metrics_;
    const base::Logger log_;
    const std::string base_;
    const AzureConfig config_;
    /// Of the refresh that runs; read by its workers.
    std::string token_;
    InterfaceCache cache_;
};

absl::StatusOr<Provider> AzureConfig::makeProvider(const ProviderEnvironment& environment) const
{
    const auto cloud = azureCloud(environmentName);
    if (!cloud) {
        return base::invalidArgument("there is no cloud configuration matching the name \"{}\"",
                                     environmentName);
    }
    return Refreshing{.refresher = std::make_unique<AzureRefresher>(environment, *this, *cloud),
                      .interval = refreshInterval};
}

} // namespace

std::unique_ptr<MechanismConfig> makeAzureConfig() { return std::make_unique<AzureConfig>(); }

} // namespace narthex::discovery
