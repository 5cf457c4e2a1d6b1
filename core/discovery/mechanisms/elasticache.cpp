// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// elasticache_sd_configs: nodes of Amazon's cache clusters, and serverless caches.
// Source: spec/discovery.md, section 9.
#include "core/base/status.h"
#include "core/discovery/aws_api.h"
#include "core/discovery/aws_labels.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"

#include <absl/strings/str_split.h>

namespace narthex::discovery {
namespace {

constexpr char kVersion[] = "2015-02-02";

struct ElasticacheConfig final : MechanismOf<ElasticacheConfig>
{
    static constexpr std::string_view kMechanism = "elasticache";
    AwsKeys keys;

    void describe(yaml::Fields& fields) override { describeClusterKeys(fields, keys, false); }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return Refreshing{.refresher = makeElasticacheRefresher(environment, keys),
                          .interval = keys.refreshInterval};
    }
    friend bool operator==(const ElasticacheConfig&, const ElasticacheConfig&) = default;
};

constexpr XmlLabel kClusterLabels[] = {
    {"arn", "ARN"},
    {"at_rest_encryption_enabled", "AtRestEncryptionEnabled"},
    {"auth_token_enabled", "AuthTokenEnabled"},
    {"auth_token_last_modified", "AuthTokenLastModifiedDate", XmlLabel::Time},
    {"auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"cache_cluster_create_time", "CacheClusterCreateTime", XmlLabel::Time},
    {"cache_cluster_id", "CacheClusterId"},
    {"cache_cluster_status", "CacheClusterStatus"},
    {"cache_node_type", "CacheNodeType"},
    {"cache_parameter_group", "CacheParameterGroup/CacheParameterGroupName"},
    {"cache_subnet_group_name", "CacheSubnetGroupName"},
    {"client_download_landing_page", "ClientDownloadLandingPage"},
    {"configuration_endpoint_address", "ConfigurationEndpoint/Address"},
    {"configuration_endpoint_port", "ConfigurationEndpoint/Port"},
    {"engine", "Engine"},
    {"engine_version", "EngineVersion"},
    {"ip_discovery", "IpDiscovery"},
    {"network_type", "NetworkType"},
    {"notification_topic_arn", "NotificationConfiguration/TopicArn"},
    {"notification_topic_status", "NotificationConfiguration/TopicStatus"},
    {"num_cache_nodes", "NumCacheNodes"},
    {"pending_modified_values_auth_token_status", "PendingModifiedValues/AuthTokenStatus"},
    {"pending_modified_values_cache_node_type", "PendingModifiedValues/CacheNodeType"},
    {"pending_modified_values_engine_version", "PendingModifiedValues/EngineVersion"},
    {"pending_modified_values_num_cache_nodes", "PendingModifiedValues/NumCacheNodes"},
    {"pending_modified_values_transit_encryption_enabled",
     "PendingModifiedValues/TransitEncryptionEnabled"},
    {"pending_modified_values_transit_encryption_mode",
     "PendingModifiedValues/TransitEncryptionMode"},
    {"preferred_availability_zone", "PreferredAvailabilityZone"},
    {"preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"preferred_outpost_arn", "PreferredOutpostArn"},
    {"replication_group_id", "ReplicationGroupId"},
    {"replication_group_log_delivery_enabled", "ReplicationGroupLogDeliveryEnabled"},
    {"snapshot_retention_limit", "SnapshotRetentionLimit"},
    {"snapshot_window", "SnapshotWindow"},
    {"transit_encryption_enabled", "TransitEncryptionEnabled"},
    {"transit_encryption_mode", "TransitEncryptionMode"},
};

constexpr XmlLabel kLogDeliveryLabels[] = {
    {"log_delivery_configuration_delivery_stream",
     "DestinationDetails/KinesisFirehoseDetails/DeliveryStream"},
    {"log_delivery_configuration_destination_type", "DestinationType"},
    {"log_delivery_configuration_log_format", "LogFormat"},
    {"log_delivery_configuration_log_group", "DestinationDetails/CloudWatchLogsDetails/LogGroup"},
    {"log_delivery_configuration_log_type", "LogType"},
    {"log_delivery_configuration_message", "Message"},
    {"log_delivery_configuration_status", "Status"},
};

constexpr XmlLabel kSecurityGroupLabels[] = {
    {"security_group_membership_id", "SecurityGroupId"},
    {"security_group_membership_status", "Status"},
};

constexpr XmlLabel kNodeLabels[] = {
    {"node_availability_zone", "CustomerAvailabilityZone"},
    {"node_create_time", "CacheNodeCreateTime", XmlLabel::Time},
    {"node_customer_outpost_arn", "CustomerOutpostArn"},
    {"node_endpoint_address", "Endpoint/Address"},
    {"node_endpoint_port", "Endpoint/Port"},
    {"node_id", "CacheNodeId"},
    {"node_parameter_group_status", "ParameterGroupStatus"},
    {"node_source_cache_node_id", "SourceCacheNodeId"},
    {"node_status", "CacheNodeStatus"},
};

// The limits have no underscore before their last word.
constexpr XmlLabel kServerlessLabels[] = {
    {"arn", "ARN"},
    {"cache_usage_limit_data_storagemaximum", "CacheUsageLimits/DataStorage/Maximum"},
    {"cache_usage_limit_data_storageminimum", "CacheUsageLimits/DataStorage/Minimum"},
    {"cache_usage_limit_data_storageunit", "CacheUsageLimits/DataStorage/Unit"},
    {"cache_usage_limit_ecpu_per_secondmaximum", "CacheUsageLimits/ECPUPerSecond/Maximum"},
    {"cache_usage_limit_ecpu_per_secondminimum", "CacheUsageLimits/ECPUPerSecond/Minimum"},
    {"create_time", "CreateTime", XmlLabel::Time},
    {"daily_snapshot_time", "DailySnapshotTime"},
    {"description", "Description"},
    {"endpoint_address", "Endpoint/Address"},
    {"endpoint_port", "Endpoint/Port"},
    {"endpoint_reader_address", "ReaderEndpoint/Address"},
    {"endpoint_reader_port", "ReaderEndpoint/Port"},
    {"engine", "Engine"},
    {"full_engine_version", "FullEngineVersion"},
    {"kms_key_id", "KmsKeyId"},
    {"major_engine_version", "MajorEngineVersion"},
    {"name", "ServerlessCacheName"},
    {"snapshot_retention_limit", "SnapshotRetentionLimit"},
    {"status", "Status"},
    {"user_group_id", "UserGroupId"},
};

constexpr XmlLabel kSecurityGroupIds[] = {{"security_group_id", "."}};
constexpr XmlLabel kSubnetIds[] = {{"subnet_id", "."}};

/// The caches that are asked for by name; none: all.
struct Wanted
{
    std::vector<std::string> serverless;
    std::vector<std::string> clusters;
};

struct Found
{
    std::vector<AwsXml> pages;
    std::vector<pugi::xml_node> items;
};

constexpr char kPrefix[] = "elasticache_cache_cluster_";
constexpr char kServerlessPrefix[] = "elasticache_serverless_cache_";

std::string joinedChildren(const pugi::xml_node& list)
{
    std::string text;
    for (const pugi::xml_node& item : list.children()) {
        text += std::string(text.empty() ? "" : ",") + item.text().get();
    }
    return text;
}

class ElasticacheRefresher final : public AwsRefresher
{
public:
    ElasticacheRefresher(const ProviderEnvironment& environment, AwsKeys keys)
        : AwsRefresher(environment, std::move(keys), "elasticache")
    {}

private:
    absl::StatusOr<std::vector<model::Labels>> discover(const AwsApi& api) override
    {
        const Wanted wanted = wantedCaches();
        Found serverless;
        Found clusters;
        const bool all = keys_.clusters.empty();
        NARTHEX_RETURN_IF_ERROR(readServerless(api, all, wanted.serverless, serverless));
        NARTHEX_RETURN_IF_ERROR(readClusters(api, all, wanted.clusters, clusters));

        std::vector<pugi::xml_node> caches = serverless.items;
        caches.insert(caches.end(), clusters.items.begin(), clusters.items.end());
        std::vector<Found> tags(caches.size());
        NARTHEX_RETURN_IF_ERROR(
            inParallel(caches.size(), keys_.requestConcurrency, [&](std::size_t i) {
                return readTags(api, xmlText(caches[i], "ARN"), tags[i]);
            }));
        std::vector<model::Labels> targets;
        for (std::size_t i = 0; i < caches.size(); ++i) {
            const pugi::xml_node list =
                tags[i].items.empty() ? pugi::xml_node() : tags[i].items.front();
            if (i < serverless.items.size()) {
                addServerless(caches[i], list, targets);
            } else {
                addCluster(caches[i], list, targets);
            }
        }
        return targets;
    }

    /// arn:aws:elasticache:region:account:serverlesscache:name
    [[nodiscard]] Wanted wantedCaches() const
    {
        Wanted wanted;
        for (const std::string& arn : keys_.clusters) {
            const std::vector<std::string> parts = absl::StrSplit(arn, ':');
            if (parts.size() < 7) {
                environment_.log->warn("elasticache: skipping what is no ARN of a cache arn={}",
                                       arn);
            } else if (parts[5] == "serverlesscache") {
                wanted.serverless.push_back(parts[6]);
            } else if (parts[5] == "replicationgroup") {
                wanted.clusters.push_back(parts[6]);
            }
        }
        return wanted;
    }

    static absl::Status readServerless(const AwsApi& api, bool all,
                                       const std::vector<std::string>& names, Found& result)
    {
        const net::Parameters form{{"MaxResults", "50"}};
        const auto read = [&](const net::Parameters& parameters) {
            return readPages(api, "DescribeServerlessCaches", "ServerlessCaches", "NextToken",
                             parameters, result);
        };
        return readEach(all, names, "ServerlessCacheName", form, read);
    }

    static absl::Status readClusters(const AwsApi& api, bool all,
                                     const std::vector<std::string>& names, Found& result)
    {
        const net::Parameters form{{"MaxRecords", "100"}, {"ShowCacheNodeInfo", "true"}};
        const auto read = [&](const net::Parameters& parameters) {
            return readPages(api, "DescribeCacheClusters", "CacheClusters", "Marker", parameters,
                             result);
        };
        return readEach(all, names, "CacheClusterId", form, read);
    }

    static absl::Status readEach(bool all, const std::vector<std::string>& names,
                                 const char* parameter, const net::Parameters& form,
                                 absl::FunctionRef<absl::Status(const net::Parameters&)> read)
    {
        if (all) {
            return read(form);
        }
        for (const std::string& name : names) {
            net::Parameters own = form;
            own.emplace_back(parameter, name);
            NARTHEX_RETURN_IF_ERROR(read(own));
        }
        return absl::OkStatus();
    }

    static absl::Status readPages(const AwsApi& api, const std::string& action, const char* list,
                                  const char* tokenName, const net::Parameters& form, Found& result)
    {
        std::string token;
        PageCount count;
        do {
            NARTHEX_RETURN_IF_ERROR(count.next());
            net::Parameters all = form;
            if (!token.empty()) {
                all.emplace_back(tokenName, token);
            }
            auto page = api.query("elasticache", kVersion, action, std::move(all));
            if (!page.ok()) {
                return base::annotate(page.status(), action);
            }
            for (const pugi::xml_node& item : (*page)->child(list).children()) {
                result.items.push_back(item);
            }
            token = xmlText(**page, tokenName);
            result.pages.push_back(*std::move(page));
        } while (!token.empty());
        return absl::OkStatus();
    }

    static absl::Status readTags(const AwsApi& api, const std::string& arn, Found& result)
    {
        if (arn.empty()) {
            return absl::OkStatus();
        }
        auto page =
            api.query("elasticache", kVersion, "ListTagsForResource", {{"ResourceName", arn}});
        if (!page.ok()) {
            return base::annotate(page.status(), "failed to list tags for resource " + arn);
        }
        result.items.push_back((*page)->child("TagList"));
        result.pages.push_back(*std::move(page));
        return absl::OkStatus();
    }

    static void addServerless(const pugi::xml_node& cache, const pugi::xml_node& tags,
                              std::vector<model::Labels>& targets)
    {
        model::LabelsBuilder labels;
        meta(labels, "elasticache_deployment_option", "serverless");
        setXmlLabels(labels, kServerlessPrefix, cache, kServerlessLabels);
        setXmlListLabels(labels, kServerlessPrefix, cache.child("SecurityGroupIds"),
                         kSecurityGroupIds);
        setXmlListLabels(labels, kServerlessPrefix, cache.child("SubnetIds"), kSubnetIds);
        setXmlTags(labels, fmt::format("{}tag_", kServerlessPrefix), tags);
        addWithEndpoint(cache, labels, targets);
    }

    static void addCluster(const pugi::xml_node& cluster, const pugi::xml_node& tags,
                           std::vector<model::Labels>& targets)
    {
        model::LabelsBuilder common;
        meta(common, "elasticache_deployment_option", "node");
        setXmlLabels(common, kPrefix, cluster, kClusterLabels);
        setXmlListLabels(common, kPrefix, cluster.child("LogDeliveryConfigurations"),
                         kLogDeliveryLabels);
        setXmlListLabels(common, kPrefix, cluster.child("SecurityGroups"), kSecurityGroupLabels);
        meta(common, fmt::format("{}pending_modified_values_cache_node_ids_to_remove", kPrefix),
             joinedChildren(cluster.child("PendingModifiedValues").child("CacheNodeIdsToRemove")));
        setXmlTags(common, fmt::format("{}tag_", kPrefix), tags);
        for (const pugi::xml_node& node : cluster.child("CacheNodes").children()) {
            model::LabelsBuilder labels = common;
            setXmlLabels(labels, kPrefix, node, kNodeLabels);
            addWithEndpoint(node, labels, targets);
        }
    }

    /// What has no endpoint yet is not there for us.
    static void addWithEndpoint(const pugi::xml_node& node, model::LabelsBuilder& labels,
                                std::vector<model::Labels>& targets)
    {
        const std::string host = xmlText(node, "Endpoint/Address");
        const std::string port = xmlText(node, "Endpoint/Port");
        if (!host.empty() && !port.empty()) {
            labels.set(kAddressLabel, joinHostPort(host, port));
            targets.push_back(labels.build());
        }
    }
};

} // namespace

std::unique_ptr<Refresher> makeElasticacheRefresher(const ProviderEnvironment& environment,
                                                    AwsKeys keys)
{
    return std::make_unique<ElasticacheRefresher>(environment, std::move(keys));
}

std::unique_ptr<MechanismConfig> makeElasticacheConfig()
{
    return std::make_unique<ElasticacheConfig>();
}

} // namespace narthex::discovery
