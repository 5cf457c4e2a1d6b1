// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/aws_world.h"
#include "support/label_table.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char kClusterTable[] =
    "ARN arn\n"
    "AtRestEncryptionEnabled at_rest_encryption_enabled\n"
    "AuthTokenEnabled auth_token_enabled\n"
    "AuthTokenLastModifiedDate auth_token_last_modified\n"
    "AutoMinorVersionUpgrade auto_minor_version_upgrade\n"
    "CacheClusterCreateTime cache_cluster_create_time\n"
    "CacheClusterId cache_cluster_id\n"
    "CacheClusterStatus cache_cluster_status\n"
    "CacheNodeType cache_node_type\n"
    "CacheParameterGroup/CacheParameterGroupName cache_parameter_group\n"
    "CacheSubnetGroupName cache_subnet_group_name\n"
    "ClientDownloadLandingPage client_download_landing_page\n"
    "ConfigurationEndpoint/Address configuration_endpoint_address\n"
    "ConfigurationEndpoint/Port configuration_endpoint_port\n"
    "Engine engine\n"
    "EngineVersion engine_version\n"
    "IpDiscovery ip_discovery\n"
    "NetworkType network_type\n"
    "NotificationConfiguration/TopicArn notification_topic_arn\n"
    "NotificationConfiguration/TopicStatus notification_topic_status\n"
    "NumCacheNodes num_cache_nodes\n"
    "PendingModifiedValues/AuthTokenStatus pending_modified_values_auth_token_status\n"
    "PendingModifiedValues/CacheNodeType pending_modified_values_cache_node_type\n"
    "PendingModifiedValues/EngineVersion pending_modified_values_engine_version\n"
    "PendingModifiedValues/NumCacheNodes pending_modified_values_num_cache_nodes\n"
    "PendingModifiedValues/TransitEncryptionEnabled "
    "pending_modified_values_transit_encryption_enabled\n"
    "PendingModifiedValues/TransitEncryptionMode pending_modified_values_transit_encryption_mode\n"
    "PreferredAvailabilityZone preferred_availability_zone\n"
    "PreferredMaintenanceWindow preferred_maintenance_window\n"
    "PreferredOutpostArn preferred_outpost_arn\n"
    "ReplicationGroupId replication_group_id\n"
    "ReplicationGroupLogDeliveryEnabled replication_group_log_delivery_enabled\n"
    "SnapshotRetentionLimit snapshot_retention_limit\n"
    "SnapshotWindow snapshot_window\n"
    "TransitEncryptionEnabled transit_encryption_enabled\n"
    "TransitEncryptionMode transit_encryption_mode\n";

const char kLogTable[] =
    "DestinationDetails/KinesisFirehoseDetails/DeliveryStream "
    "log_delivery_configuration_delivery_stream\n"
    "DestinationType log_delivery_configuration_destination_type\n"
    "LogFormat log_delivery_configuration_log_format\n"
    "DestinationDetails/CloudWatchLogsDetails/LogGroup log_delivery_configuration_log_group\n"
    "LogType log_delivery_configuration_log_type\n"
    "Message log_delivery_configuration_message\n"
    "Status log_delivery_configuration_status\n";

const char kSecurityTable[] = "SecurityGroupId security_group_membership_id\n"
                              "Status security_group_membership_status\n";

const char kNodeTable[] = "CustomerAvailabilityZone node_availability_zone\n"
                          "CacheNodeCreateTime node_create_time\n"
                          "CustomerOutpostArn node_customer_outpost_arn\n"
                          "Endpoint/Address node_endpoint_address\n"
                          "Endpoint/Port node_endpoint_port\n"
                          "CacheNodeId node_id\n"
                          "ParameterGroupStatus node_parameter_group_status\n"
                          "SourceCacheNodeId node_source_cache_node_id\n"
                          "CacheNodeStatus node_status\n";

const char kServerlessTable[] =
    "ARN arn\n"
    "CacheUsageLimits/DataStorage/Maximum cache_usage_limit_data_storagemaximum\n"
    "CacheUsageLimits/DataStorage/Minimum cache_usage_limit_data_storageminimum\n"
    "CacheUsageLimits/DataStorage/Unit cache_usage_limit_data_storageunit\n"
    "CacheUsageLimits/ECPUPerSecond/Maximum cache_usage_limit_ecpu_per_secondmaximum\n"
    "CacheUsageLimits/ECPUPerSecond/Minimum cache_usage_limit_ecpu_per_secondminimum\n"
    "CreateTime create_time\n"
    "DailySnapshotTime daily_snapshot_time\n"
    "Description description\n"
    "Endpoint/Address endpoint_address\n"
    "Endpoint/Port endpoint_port\n"
    "ReaderEndpoint/Address endpoint_reader_address\n"
    "ReaderEndpoint/Port endpoint_reader_port\n"
    "Engine engine\n"
    "FullEngineVersion full_engine_version\n"
    "KmsKeyId kms_key_id\n"
    "MajorEngineVersion major_engine_version\n"
    "ServerlessCacheName name\n"
    "SnapshotRetentionLimit snapshot_retention_limit\n"
    "Status status\n"
    "UserGroupId user_group_id\n";

constexpr char kClusterArn[] = "arn:aws:elasticache:eu-west-1:1:cluster:c1";
constexpr char kServerlessArn[] = "arn:aws:elasticache:eu-west-1:1:serverlesscache:s1";

void setEndpoint(pugi::xml_node node, const std::string& host, const std::string& port)
{
    node.child("Endpoint").child("Address").text().set(host.c_str());
    node.child("Endpoint").child("Port").text().set(port.c_str());
}

std::string clusters()
{
    pugi::xml_document document;
    pugi::xml_node cluster = document.append_child("DescribeCacheClustersResponse")
                                 .append_child("DescribeCacheClustersResult")
                                 .append_child("CacheClusters")
                                 .append_child("CacheCluster");
    LabelTable(kClusterTable).fill(cluster);
    cluster.child("ARN").text().set(kClusterArn);
    LabelTable(kLogTable).fill(
        cluster.append_child("LogDeliveryConfigurations").append_child("LogDeliveryConfiguration"));
    pugi::xml_node groups = cluster.append_child("SecurityGroups");
    groups.append_child("member");
    LabelTable(kSecurityTable).fill(groups.append_child("member"));
    pugi::xml_node removed =
        cluster.child("PendingModifiedValues").append_child("CacheNodeIdsToRemove");
    appendText(removed, "CacheNodeId", "0001");
    appendText(removed, "CacheNodeId", "0002");
    pugi::xml_node nodes = cluster.append_child("CacheNodes");
    pugi::xml_node node = nodes.append_child("CacheNode");
    LabelTable(kNodeTable).fill(node);
    setEndpoint(node, "node.example.org", "6379");
    appendText(nodes.append_child("CacheNode"), "CacheNodeId", "being made");
    return xmlOf(document);
}

std::string serverless(const std::string& token = "")
{
    pugi::xml_document document;
    pugi::xml_node result = document.append_child("DescribeServerlessCachesResponse")
                                .append_child("DescribeServerlessCachesResult");
    pugi::xml_node cache = result.append_child("ServerlessCaches").append_child("member");
    LabelTable(kServerlessTable).fill(cache);
    cache.child("ARN").text().set(kServerlessArn);
    setEndpoint(cache, "serverless.example.org", "6380");
    pugi::xml_node groups = cache.append_child("SecurityGroupIds");
    appendText(groups, "SecurityGroupId", "sg-1");
    appendText(groups, "SecurityGroupId", "sg-2");
    appendText(cache.append_child("SubnetIds"), "SubnetId", "subnet-1");
    if (!token.empty()) {
        appendText(result, "NextToken", token);
    }
    return xmlOf(document);
}

std::string tags()
{
    pugi::xml_document document;
    pugi::xml_node list = document.append_child("ListTagsForResourceResponse")
                              .append_child("ListTagsForResourceResult")
                              .append_child("TagList");
    appendTag(list, "a b", "c");
    return xmlOf(document);
}

void compare(const std::map<std::string, std::string>& labels,
             const std::map<std::string, std::string>& expected)
{
    for (const auto& [name, value] : expected) {
        const auto found = labels.find(name);
        QVERIFY2(found != labels.end(), name.c_str());
        QCOMPARE(found->second, value);
    }
    QCOMPARE(labels.size(), expected.size());
}

} // namespace

class TestElasticacheDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void labelsNodes();
    void labelsServerlessCaches();
    void asksForNamedCaches();
    void failsAsAWhole();

private:
    std::unique_ptr<AwsWorld> aws_;
};

void TestElasticacheDiscovery::init()
{
    aws_ = std::make_unique<AwsWorld>();
    aws_->answer("DescribeServerlessCaches", {{.body = serverless("t")}, {.body = serverless()}});
    aws_->answer("DescribeCacheClusters", clusters());
    aws_->answer("ListTagsForResource", tags());
}

void TestElasticacheDiscovery::labelsNodes()
{
    const auto groups =
        aws_->world.refresh(*aws_->world.refresher("elasticache", AwsWorld::keys()));
    QCOMPARE(groups[0].source, std::string("eu-west-1"));
    QCOMPARE(groups[0].entries.size(), std::size_t{3});
    const std::string prefix = "elasticache_cache_cluster_";
    std::map<std::string, std::string> expected{
        {"__address__", "node.example.org:6379"},
        {"__meta_elasticache_deployment_option", "node"},
        {"__meta_" + prefix + "pending_modified_values_cache_node_ids_to_remove", "0001,0002"},
        {"__meta_" + prefix + "tag_a_b", "c"}};
    LabelTable(kClusterTable).expect(prefix, "", expected);
    LabelTable(kLogTable).expect(prefix, "_0", expected);
    LabelTable(kSecurityTable).expect(prefix, "_1", expected);
    LabelTable(kNodeTable).expect(prefix, "", expected);
    expected["__meta_" + prefix + "arn"] = kClusterArn;
    expected["__meta_" + prefix + "node_endpoint_address"] = "node.example.org";
    expected["__meta_" + prefix + "node_endpoint_port"] = "6379";
    compare(labelsOf(groups[0], 2), expected);
    QCOMPARE(aws_->asked("DescribeCacheClusters").at(0).body,
             std::string("Action=DescribeCacheClusters&Version=2015-02-02&MaxRecords=100"
                         "&ShowCacheNodeInfo=true"));
    QCOMPARE(std::string(*aws_->asked("ListTagsForResource").back().parameter("Version")),
             std::string("2015-02-02"));
}

void TestElasticacheDiscovery::labelsServerlessCaches()
{
    const auto groups =
        aws_->world.refresh(*aws_->world.refresher("elasticache", AwsWorld::keys()));
    const std::string prefix = "elasticache_serverless_cache_";
    std::map<std::string, std::string> expected{
        {"__address__", "serverless.example.org:6380"},
        {"__meta_elasticache_deployment_option", "serverless"},
        {"__meta_" + prefix + "security_group_id_0", "sg-1"},
        {"__meta_" + prefix + "security_group_id_1", "sg-2"},
        {"__meta_" + prefix + "subnet_id_0", "subnet-1"},
        {"__meta_" + prefix + "tag_a_b", "c"}};
    LabelTable(kServerlessTable).expect(prefix, "", expected);
    expected["__meta_" + prefix + "arn"] = kServerlessArn;
    expected["__meta_" + prefix + "endpoint_address"] = "serverless.example.org";
    expected["__meta_" + prefix + "endpoint_port"] = "6380";
    compare(labelsOf(groups[0], 0), expected);
    QCOMPARE(std::string(*aws_->asked("DescribeServerlessCaches").at(1).parameter("NextToken")),
             std::string("t"));
}

void TestElasticacheDiscovery::asksForNamedCaches()
{
    aws_->answer("DescribeServerlessCaches", serverless());
    const auto groups = aws_->world.refresh(*aws_->world.refresher(
        "elasticache",
        AwsWorld::keys() + "clusters: ['arn:aws:elasticache:r:1:serverlesscache:s1', nonsense]\n"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(std::string(
                 *aws_->asked("DescribeServerlessCaches").at(0).parameter("ServerlessCacheName")),
             std::string("s1"));
    // Nobody named a cluster of nodes.
    QCOMPARE(aws_->asked("DescribeCacheClusters").size(), std::size_t{0});
    aws_->world.refresh(*aws_->world.refresher(
        "elasticache",
        AwsWorld::keys() + "clusters: ['arn:aws:elasticache:r:1:replicationgroup:g1']\n"));
    QCOMPARE(std::string(*aws_->asked("DescribeCacheClusters").at(0).parameter("CacheClusterId")),
             std::string("g1"));
}

void TestElasticacheDiscovery::failsAsAWhole()
{
    aws_->answer("ListTagsForResource",
                 "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                 "</ErrorResponse>",
                 403);
    const std::string error = aws_->world.refreshError(
        *aws_->world.refresher("elasticache", AwsWorld::keys() + "request_concurrency: 1\n"));
    QCOMPARE(error, std::string("failed to list tags for resource ") + kServerlessArn +
                        ": api error AccessDenied: no");
}

QTEST_GUILESS_MAIN(TestElasticacheDiscovery)
#include "tst_elasticache_discovery.moc"
