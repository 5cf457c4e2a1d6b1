// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// ecs_sd_configs: tasks of Amazon's container service, with the virtual machines below them.
// Source: spec/discovery.md, section 9.
#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/discovery/aws_api.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"

#include <map>
#include <set>

namespace narthex::discovery {
namespace {

struct EcsConfig final : MechanismOf<EcsConfig>
{
    static constexpr std::string_view kMechanism = "ecs";
    /// What the API bears in the long run.
    AwsKeys keys{.requestConcurrency = 20};

    void describe(yaml::Fields& fields) override { describeClusterKeys(fields, keys, false); }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return Refreshing{.refresher = makeEcsRefresher(environment, keys),
                          .interval = keys.refreshInterval};
    }
    friend bool operator==(const EcsConfig&, const EcsConfig&) = default;
};

using Texts = std::vector<std::string>;
using ByName = std::map<std::string, Json>;

constexpr std::size_t kBatch = 100;
constexpr std::size_t kServiceBatch = 10;
constexpr char kEc2Version[] = "2016-11-15";

struct Ec2Host
{
    std::string privateIp;
    std::string publicIp;
    std::string subnet;
    std::string type;
    std::map<std::string, std::string> tags;
};

/// What is known of one cluster.
struct Cluster
{
    Json cluster;
    ByName services;
    std::vector<Json> tasks;
    /// EC2 instance by container instance.
    std::map<std::string, std::string> instances;
    std::map<std::string, Ec2Host> hosts;
    /// Public address by network interface.
    std::map<std::string, std::string> publicIps;
};

/// {"cluster":…,"<list>":[…],"include":["TAGS"]}
std::string describeBody(const std::string& cluster, const char* list, const Texts& items,
                         bool withTags)
{
    std::string body;
    base::JsonWriter writer(body);
    writer.beginObject();
    if (!cluster.empty()) {
        writer.member("cluster", cluster);
    }
    writer.key(list).beginArray();
    for (const std::string& item : items) {
        writer.string(item);
    }
    writer.endArray();
    if (withTags) {
        writer.key("include").beginArray().string("TAGS").endArray();
    }
    writer.endObject();
    return body;
}

Json interfaceOf(const Json& task)
{
    for (Json& attachment : task["attachments"].items()) {
        if (attachment["type"].text() == "ElasticNetworkInterface") {
            return attachment;
        }
    }
    return {};
}

std::string detailOf(const Json& attachment, std::string_view name)
{
    for (const Json& detail : attachment["details"].items()) {
        if (detail["name"].text() == name) {
            return detail["value"].text();
        }
    }
    return {};
}

void setTags(model::LabelsBuilder& labels, std::string_view prefix, const Json& tags)
{
    for (const Json& tag : tags.items()) {
        meta(labels, fmt::format("ecs_tag_{}_{}", prefix, sanitizeLabelName(tag["key"].text())),
             tag["value"].text());
    }
}

class EcsRefresher final : public AwsRefresher
{
public:
    EcsRefresher(const ProviderEnvironment& environment, AwsKeys keys)
        : AwsRefresher(environment, std::move(keys), "ecs")
    {}

private:
    absl::StatusOr<std::vector<model::Labels>> discover(const AwsApi& api) override
    {
        Texts arns = keys_.clusters;
        if (arns.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(arns, list(api, "ListClusters", "", "clusterArns"));
        }
        if (arns.empty()) {
            return std::vector<model::Labels>();
        }
        NARTHEX_ASSIGN_OR_RETURN(
            const ByName clusters,
            describe(api, "DescribeClusters", "", "clusters", arns, kBatch, "clusterArn", true));
        std::vector<Cluster> details(arns.size());
        NARTHEX_RETURN_IF_ERROR(
            inParallel(arns.size(), keys_.requestConcurrency, [&](std::size_t i) {
                const auto found = clusters.find(arns[i]);
                details[i].cluster = found == clusters.end() ? Json() : found->second;
                return readCluster(api, arns[i], details[i]);
            }));
        std::vector<model::Labels> targets;
        for (const Cluster& each : details) {
            for (const Json& task : each.tasks) {
                addTask(each, task, api.region(), targets);
            }
        }
        return targets;
    }

    static absl::StatusOr<Json> call(const AwsApi& api, const std::string& action, std::string body)
    {
        auto answer =
            api.json("ecs", "AmazonEC2ContainerServiceV20141113." + action, std::move(body));
        return answer.ok() ? answer : base::annotate(answer.status(), action);
    }

    /// All pages of a list of ARNs.
    static absl::StatusOr<Texts> list(const AwsApi& api, const std::string& action,
                                      const std::string& cluster, const char* member)
    {
        Texts arns;
        std::string nextToken;
        PageCount pages;
        do {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            std::string body;
            base::JsonWriter writer(body);
            writer.beginObject();
            if (!cluster.empty()) {
                writer.member("cluster", cluster);
            }
            writer.key("maxResults").integer(static_cast<std::int64_t>(kBatch));
            if (!nextToken.empty()) {
                writer.member("nextToken", nextToken);
            }
            writer.endObject();
            NARTHEX_ASSIGN_OR_RETURN(const Json page, call(api, action, std::move(body)));
            for (std::string& arn : page[member].texts()) {
                arns.push_back(std::move(arn));
            }
            nextToken = page["nextToken"].text();
        } while (!nextToken.empty());
        return arns;
    }

    /// The objects of these ARNs, by a member of theirs.
    static absl::StatusOr<ByName> describe(const AwsApi& api, const std::string& action,
                                           const std::string& cluster, const char* list,
                                           const Texts& arns, std::size_t batch, const char* name,
                                           bool withTags)
    {
        ByName found;
        for (std::size_t i = 0; i < arns.size(); i += batch) {
            const auto begin = arns.begin() + static_cast<std::ptrdiff_t>(i);
            const auto end =
                arns.begin() + static_cast<std::ptrdiff_t>(std::min(i + batch, arns.size()));
            NARTHEX_ASSIGN_OR_RETURN(
                const Json answer,
                call(api, action, describeBody(cluster, list, Texts(begin, end), withTags)));
            for (Json& item : answer[list].items()) {
                std::string key = item[name].text();
                found.emplace(std::move(key), std::move(item));
            }
        }
        return found;
    }

    static absl::Status readCluster(const AwsApi& api, const std::string& arn, Cluster& result)
    {
        NARTHEX_ASSIGN_OR_RETURN(const Texts services,
                                 list(api, "ListServices", arn, "serviceArns"));
        NARTHEX_ASSIGN_OR_RETURN(const Texts tasks, list(api, "ListTasks", arn, "taskArns"));
        if (tasks.empty()) {
            return absl::OkStatus();
        }
        NARTHEX_ASSIGN_OR_RETURN(result.services,
                                 describe(api, "DescribeServices", arn, "services", services,
                                          kServiceBatch, "serviceName", true));
        NARTHEX_ASSIGN_OR_RETURN(
            const ByName described,
            describe(api, "DescribeTasks", arn, "tasks", tasks, kBatch, "taskArn", true));
        std::set<std::string> containers;
        std::set<std::string> interfaces;
        for (const auto& [name, task] : described) {
            result.tasks.push_back(task);
            containers.insert(task["containerInstanceArn"].text());
            interfaces.insert(detailOf(interfaceOf(task), "networkInterfaceId"));
        }
        containers.erase("");
        interfaces.erase("");
        NARTHEX_RETURN_IF_ERROR(
            readHosts(api, arn, {containers.begin(), containers.end()}, result));
        return readInterfaces(api, {interfaces.begin(), interfaces.end()}, result);
    }

    static absl::Status readHosts(const AwsApi& api, const std::string& arn,
                                  const Texts& containers, Cluster& result)
    {
        NARTHEX_ASSIGN_OR_RETURN(const ByName described,
                                 describe(api, "DescribeContainerInstances", arn,
                                          "containerInstances", containers, kBatch,
                                          "containerInstanceArn", false));
        std::set<std::string> ids;
        for (const auto& [name, instance] : described) {
            if (const std::string id = instance["ec2InstanceId"].text(); !id.empty()) {
                result.instances.emplace(name, id);
                ids.insert(id);
            }
        }
        return ec2Pages(api, "DescribeInstances", "InstanceId", {ids.begin(), ids.end()},
                        [&result](const pugi::xml_node& page) {
                            for (const auto& reservation :
                                 page.child("reservationSet").children("item")) {
                                for (const auto& instance :
                                     reservation.child("instancesSet").children("item")) {
                                    addHost(instance, result.hosts);
                                }
                            }
                        });
    }

    static void addHost(const pugi::xml_node& instance, std::map<std::string, Ec2Host>& hosts)
    {
        Ec2Host host{.privateIp = xmlText(instance, "privateIpAddress"),
                     .publicIp = xmlText(instance, "ipAddress"),
                     .subnet = xmlText(instance, "subnetId"),
                     .type = xmlText(instance, "instanceType")};
        for (const pugi::xml_node& tag : instance.child("tagSet").children("item")) {
            host.tags.emplace(xmlText(tag, "key"), xmlText(tag, "value"));
        }
        if (!host.privateIp.empty()) {
            hosts.emplace(xmlText(instance, "instanceId"), std::move(host));
        }
    }

    static absl::Status readInterfaces(const AwsApi& api, const Texts& interfaces, Cluster& result)
    {
        return ec2Pages(api, "DescribeNetworkInterfaces", "NetworkInterfaceId", interfaces,
                        [&result](const pugi::xml_node& page) {
                            for (const auto& each :
                                 page.child("networkInterfaceSet").children("item")) {
                                result.publicIps.emplace(xmlText(each, "networkInterfaceId"),
                                                         xmlText(each, "association/publicIp"));
                            }
                        });
    }

    static absl::Status ec2Pages(const AwsApi& api, const std::string& action,
                                 std::string_view idName, const Texts& ids,
                                 absl::FunctionRef<void(const pugi::xml_node&)> take)
    {
        std::string nextToken;
        PageCount pages;
        while (!ids.empty()) {
            NARTHEX_RETURN_IF_ERROR(pages.next());
            net::Parameters form;
            for (std::size_t i = 0; i < ids.size(); ++i) {
                form.emplace_back(fmt::format("{}.{}", idName, i + 1), ids[i]);
            }
            if (!nextToken.empty()) {
                form.emplace_back("NextToken", nextToken);
            }
            const auto page = api.query("ec2", kEc2Version, action, std::move(form));
            if (!page.ok()) {
                return base::annotate(page.status(), action);
            }
            take(**page);
            nextToken = xmlText(**page, "nextToken");
            if (nextToken.empty()) {
                break;
            }
        }
        return absl::OkStatus();
    }

    void addTask(const Cluster& cluster, const Json& task, const std::string& region,
                 std::vector<model::Labels>& targets) const
    {
        const Json interface = interfaceOf(task);
        const std::string container = task["containerInstanceArn"].text();
        const auto instance = cluster.instances.find(container);
        const std::string ec2 = instance == cluster.instances.end() ? "" : instance->second;
        const auto host = cluster.hosts.find(ec2);
        const Ec2Host* const machine = host == cluster.hosts.end() ? nullptr : &host->second;
        const bool own = interface.isObject();
        const std::string address = own                  ? detailOf(interface, "privateIPv4Address")
                                    : machine == nullptr ? ""
                                                         : machine->privateIp;
        if (address.empty()) {
            return;
        }
        model::LabelsBuilder labels;
        labels.set(kAddressLabel, joinHostPort(address, keys_.port));
        meta(labels, "ecs_ip_address", address);
        meta(labels, "ecs_region", region);
        meta(labels, "ecs_network_mode", own ? "awsvpc" : "bridge");
        meta(labels, "ecs_container_instance_arn", container);
        meta(labels, "ecs_ec2_instance_id", ec2);
        if (own) {
            const auto found = cluster.publicIps.find(detailOf(interface, "networkInterfaceId"));
            meta(labels, "ecs_public_ip", found == cluster.publicIps.end() ? "" : found->second);
            meta(labels, "ecs_subnet_id", detailOf(interface, "subnetId"));
        } else {
            meta(labels, "ecs_public_ip", machine->publicIp);
            meta(labels, "ecs_subnet_id", machine->subnet);
        }
        if (machine != nullptr) {
            meta(labels, "ecs_ec2_instance_type", machine->type);
            meta(labels, "ecs_ec2_instance_private_ip", machine->privateIp);
            meta(labels, "ecs_ec2_instance_public_ip", machine->publicIp);
            for (const auto& [key, value] : machine->tags) {
                meta(labels, "ecs_tag_ec2_" + sanitizeLabelName(key), value);
            }
        }
        setTaskLabels(labels, task);
        setOwnerLabels(labels, cluster, task);
        targets.push_back(labels.build());
    }

    static void setTaskLabels(model::LabelsBuilder& labels, const Json& task)
    {
        constexpr std::pair<std::string_view, const char*> kLabels[] = {
            {"ecs_task_group", "group"},
            {"ecs_task_arn", "taskArn"},
            {"ecs_task_definition", "taskDefinitionArn"},
            {"ecs_availability_zone", "availabilityZone"},
            {"ecs_launch_type", "launchType"},
            {"ecs_desired_status", "desiredStatus"},
            {"ecs_last_status", "lastStatus"},
            {"ecs_health_status", "healthStatus"},
            {"ecs_platform_family", "platformFamily"},
            {"ecs_platform_version", "platformVersion"}};
        for (const auto& [label, member] : kLabels) {
            meta(labels, label, task[member].text());
        }
        setTags(labels, "task", task["tags"]);
    }

    static void setOwnerLabels(model::LabelsBuilder& labels, const Cluster& cluster,
                               const Json& task)
    {
        meta(labels, "ecs_cluster", cluster.cluster["clusterName"].text());
        meta(labels, "ecs_cluster_arn", cluster.cluster["clusterArn"].text());
        setTags(labels, "cluster", cluster.cluster["tags"]);
        constexpr std::string_view kOfService = "service:";
        const std::string group = task["group"].text();
        const auto found = group.starts_with(kOfService)
                               ? cluster.services.find(group.substr(kOfService.size()))
                               : cluster.services.end();
        if (found != cluster.services.end()) {
            meta(labels, "ecs_service", found->second["serviceName"].text());
            meta(labels, "ecs_service_arn", found->second["serviceArn"].text());
            meta(labels, "ecs_service_status", found->second["status"].text());
            setTags(labels, "service", found->second["tags"]);
        }
    }
};

} // namespace

std::unique_ptr<Refresher> makeEcsRefresher(const ProviderEnvironment& environment, AwsKeys keys)
{
    return std::make_unique<EcsRefresher>(environment, std::move(keys));
}

std::unique_ptr<MechanismConfig> makeEcsConfig() { return std::make_unique<EcsConfig>(); }

} // namespace narthex::discovery
