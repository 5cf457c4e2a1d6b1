// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// msk_sd_configs: brokers and controllers of Amazon's managed Kafka.
// Source: spec/discovery.md, section 9.
#include "core/base/status.h"
#include "core/discovery/aws_api.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"

namespace narthex::discovery {
namespace {

struct MskConfig final : MechanismOf<MskConfig>
{
    static constexpr std::string_view kMechanism = "msk";
    AwsKeys keys;

    void describe(yaml::Fields& fields) override { describeClusterKeys(fields, keys, false); }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return Refreshing{.refresher = makeMskRefresher(environment, keys),
                          .interval = keys.refreshInterval};
    }
    friend bool operator==(const MskConfig&, const MskConfig&) = default;
};

constexpr char kProvisioned[] = "PROVISIONED";

/// The labels that all nodes of a cluster have.
model::LabelsBuilder clusterLabels(const Json& cluster)
{
    model::LabelsBuilder labels;
    const Json provisioned = cluster["provisioned"];
    const Json software = provisioned["currentBrokerSoftwareInfo"];
    meta(labels, "msk_cluster_name", cluster["clusterName"].text());
    meta(labels, "msk_cluster_arn", cluster["clusterArn"].text());
    meta(labels, "msk_cluster_state", cluster["state"].text());
    meta(labels, "msk_cluster_type", cluster["clusterType"].text());
    meta(labels, "msk_cluster_version", cluster["currentVersion"].text());
    meta(labels, "msk_cluster_kafka_version", software["kafkaVersion"].text());
    meta(labels, "msk_cluster_configuration_arn", software["configurationArn"].text());
    meta(labels, "msk_cluster_configuration_revision", software["configurationRevision"].text());
    const Json prometheus = provisioned["openMonitoring"]["prometheus"];
    if (const Json jmx = prometheus["jmxExporter"]; jmx.isObject()) {
        meta(labels, "msk_cluster_jmx_exporter_enabled",
             jmx["enabledInBroker"].boolean() ? "true" : "false");
    }
    for (const auto& [key, value] : cluster["tags"].members()) {
        meta(labels, "msk_cluster_tag_" + sanitizeLabelName(key), value.text());
    }
    return labels;
}

class MskRefresher final : public AwsRefresher
{
public:
    MskRefresher(const ProviderEnvironment& environment, AwsKeys keys)
        : AwsRefresher(environment, std::move(keys), "kafka")
    {}

private:
    absl::StatusOr<std::vector<model::Labels>> discover(const AwsApi& api) override
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::vector<Json> clusters, keys_.clusters.empty()
                                                                       ? listClusters(api)
                                                                       : describeClusters(api));
        std::vector<std::vector<Json>> nodes(clusters.size());
        NARTHEX_RETURN_IF_ERROR(
            inParallel(clusters.size(), keys_.requestConcurrency, [&](std::size_t i) {
                return listNodes(api, clusters[i]["clusterArn"].text(), nodes[i]);
            }));
        std::vector<model::Labels> targets;
        for (std::size_t i = 0; i < clusters.size(); ++i) {
            for (const Json& node : nodes[i]) {
                addNode(clusters[i], node, targets);
            }
        }
        return targets;
    }

    static absl::StatusOr<std::vector<Json>> listClusters(const AwsApi& api)
    {
        std::vector<Json> clusters;
        const absl::Status status =
            pages(api, "/api/v2/clusters", {{"clusterTypeFilter", kProvisioned}}, "clusterInfoList",
                  clusters);
        if (!status.ok()) {
            return base::annotate(status, "could not list clusters");
        }
        return clusters;
    }

    absl::StatusOr<std::vector<Json>> describeClusters(const AwsApi& api) const
    {
        std::vector<Json> found(keys_.clusters.size());
        NARTHEX_RETURN_IF_ERROR(
            inParallel(found.size(), keys_.requestConcurrency, [&](std::size_t i) -> absl::Status {
                const std::string& arn = keys_.clusters[i];
                const auto answer =
                    api.get("kafka", "/api/v2/clusters/" + net::percentEncode(arn), {});
                if (!answer.ok()) {
                    return base::annotate(answer.status(), "could not describe cluster " + arn);
                }
                found[i] = (*answer)["clusterInfo"];
                return absl::OkStatus();
            }));
        std::erase_if(found, [this](const Json& cluster) {
            const std::string type = cluster["clusterType"].text();
            if (type != kProvisioned) {
                environment_.log->warn("msk: skipping a cluster that is not provisioned "
                                       "cluster={} type={}",
                                       cluster["clusterArn"].text(), type);
            }
            return type != kProvisioned;
        });
        return found;
    }

    static absl::Status listNodes(const AwsApi& api, const std::string& arn,
                                  std::vector<Json>& nodes)
    {
        const absl::Status status = pages(api, "/v1/clusters/" + net::percentEncode(arn) + "/nodes",
                                          {}, "nodeInfoList", nodes);
        return status.ok() ? status
                           : base::annotate(status, "could not list nodes for cluster " + arn);
    }

    static absl::Status pages(const AwsApi& api, const std::string& path,
                              const net::Parameters& query, const char* list,
                              std::vector<Json>& items)
    {
        std::string nextToken;
        PageCount count;
        do {
            NARTHEX_RETURN_IF_ERROR(count.next());
            net::Parameters all = query;
            all.emplace_back("maxResults", "100");
            if (!nextToken.empty()) {
                all.emplace_back("nextToken", nextToken);
            }
            NARTHEX_ASSIGN_OR_RETURN(const Json page, api.get("kafka", path, all));
            for (Json& item : page[list].items()) {
                items.push_back(std::move(item));
            }
            nextToken = page["nextToken"].text();
        } while (!nextToken.empty());
        return absl::OkStatus();
    }

    void addNode(const Json& cluster, const Json& node, std::vector<model::Labels>& targets) const
    {
        const Json broker = node["brokerNodeInfo"];
        const Json controller = node["controllerNodeInfo"];
        if (!broker.isObject() && !controller.isObject()) {
            return;
        }
        model::LabelsBuilder labels = clusterLabels(cluster);
        meta(labels, "msk_node_arn", node["nodeARN"].text());
        meta(labels, "msk_node_added_time", node["addedToClusterTime"].text());
        meta(labels, "msk_node_instance_type", node["instanceType"].text());
        meta(labels, "msk_node_type", broker.isObject() ? "BROKER" : "CONTROLLER");
        if (broker.isObject()) {
            meta(labels, "msk_node_attached_eni", broker["attachedENIId"].text());
            meta(labels, "msk_broker_id", fmt::format("{:.0f}", broker["brokerId"].number()));
            meta(labels, "msk_broker_client_subnet", broker["clientSubnet"].text());
            meta(labels, "msk_broker_client_vpc_ip", broker["clientVpcIpAddress"].text());
            const Json exporter =
                cluster["provisioned"]["openMonitoring"]["prometheus"]["nodeExporter"];
            if (exporter.isObject()) {
                meta(labels, "msk_broker_node_exporter_enabled",
                     exporter["enabledInBroker"].boolean() ? "true" : "false");
            }
        }
        const std::string_view index =
            broker.isObject() ? "msk_broker_endpoint_index" : "msk_controller_endpoint_index";
        const std::vector<std::string> endpoints =
            (broker.isObject() ? broker : controller)["endpoints"].texts();
        for (std::size_t i = 0; i < endpoints.size(); ++i) {
            meta(labels, index, std::to_string(i));
            labels.set(kAddressLabel, joinHostPort(endpoints[i], keys_.port));
            targets.push_back(labels.build());
        }
    }
};

} // namespace

std::unique_ptr<Refresher> makeMskRefresher(const ProviderEnvironment& environment, AwsKeys keys)
{
    return std::make_unique<MskRefresher>(environment, std::move(keys));
}

std::unique_ptr<MechanismConfig> makeMskConfig() { return std::make_unique<MskConfig>(); }

} // namespace narthex::discovery
