// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/aws_world.h"
#include "support/label_table.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char kClusterTable[] =
    "ActivityStreamKinesisStreamName activity_stream_kinesis_stream_name\n"
    "ActivityStreamKmsKeyId activity_stream_kms_key_id\n"
    "ActivityStreamMode activity_stream_mode\n"
    "ActivityStreamStatus activity_stream_status\n"
    "AllocatedStorage allocated_storage\n"
    "DBClusterArn arn\n"
    "AutoMinorVersionUpgrade auto_minor_version_upgrade\n"
    "AutomaticRestartTime automatic_restart_time\n"
    "AwsBackupRecoveryPointArn aws_backup_recovery_point_arn\n"
    "BacktrackConsumedChangeRecords backtrack_consumed_change_records\n"
    "BacktrackWindow backtrack_window\n"
    "BackupRetentionPeriod backup_retention_period\n"
    "Capacity capacity\n"
    "CharacterSetName character_set_name\n"
    "CloneGroupId clone_group_id\n"
    "ClusterCreateTime cluster_create_time\n"
    "ClusterScalabilityType cluster_scalability_type\n"
    "CopyTagsToSnapshot copy_tags_to_snapshot\n"
    "CrossAccountClone cross_account_clone\n"
    "DatabaseInsightsMode database_insights_mode\n"
    "DatabaseName database_name\n"
    "DBSystemId db_system_id\n"
    "DeletionProtection deletion_protection\n"
    "EarliestBacktrackTime earliest_backtrack_time\n"
    "EarliestRestorableTime earliest_restorable_time\n"
    "Endpoint endpoint\n"
    "Engine engine\n"
    "EngineLifecycleSupport engine_lifecycle_support\n"
    "EngineMode engine_mode\n"
    "EngineVersion engine_version\n"
    "GlobalClusterIdentifier global_cluster_identifier\n"
    "GlobalWriteForwardingRequested global_write_forwarding_requested\n"
    "GlobalWriteForwardingStatus global_write_forwarding_status\n"
    "HostedZoneId hosted_zone_id\n"
    "HttpEndpointEnabled http_endpoint_enabled\n"
    "IAMDatabaseAuthenticationEnabled iam_database_authentication_enabled\n"
    "DBClusterIdentifier identifier\n"
    "DBClusterInstanceClass instance_class\n"
    "IOOptimizedNextAllowedModificationTime io_optimized_next_allowed_modification_time\n"
    "Iops iops\n"
    "KmsKeyId kms_key_id\n"
    "LatestRestorableTime latest_restorable_time\n"
    "LocalWriteForwardingStatus local_write_forwarding_status\n"
    "MasterUsername master_username\n"
    "MonitoringInterval monitoring_interval\n"
    "MonitoringRoleArn monitoring_role_arn\n"
    "MultiAZ multi_az\n"
    "NetworkType network_type\n"
    "DBClusterParameterGroup parameter_group\n"
    "PercentProgress percent_progress\n"
    "PerformanceInsightsEnabled performance_insights_enabled\n"
    "PerformanceInsightsKMSKeyId performance_insights_kms_key_id\n"
    "PerformanceInsightsRetentionPeriod performance_insights_retention_period\n"
    "Port port\n"
    "PreferredBackupWindow preferred_backup_window\n"
    "PreferredMaintenanceWindow preferred_maintenance_window\n"
    "PubliclyAccessible publicly_accessible\n"
    "ReaderEndpoint reader_endpoint\n"
    "ReplicationSourceIdentifier replication_source_identifier\n"
    "DbClusterResourceId resource_id\n"
    "ServerlessV2PlatformVersion serverless_v2_platform_version\n"
    "Status status\n"
    "StorageEncrypted storage_encrypted\n"
    "StorageEncryptionType storage_encryption_type\n"
    "StorageThroughput storage_throughput\n"
    "StorageType storage_type\n"
    "DBSubnetGroup subnet_group\n"
    "UpgradeRolloutOrder upgrade_rollout_order\n";

const char kInstanceTable[] =
    "ActivityStreamEngineNativeAuditFieldsIncluded "
    "activity_stream_engine_native_audit_fields_included\n"
    "ActivityStreamKinesisStreamName activity_stream_kinesis_stream_name\n"
    "ActivityStreamKmsKeyId activity_stream_kms_key_id\n"
    "ActivityStreamMode activity_stream_mode\n"
    "ActivityStreamPolicyStatus activity_stream_policy_status\n"
    "ActivityStreamStatus activity_stream_status\n"
    "AllocatedStorage allocated_storage\n"
    "DBInstanceArn arn\n"
    "AutoMinorVersionUpgrade auto_minor_version_upgrade\n"
    "AutomaticRestartTime automatic_restart_time\n"
    "AutomationMode automation_mode\n"
    "AvailabilityZone availability_zone\n"
    "AwsBackupRecoveryPointArn aws_backup_recovery_point_arn\n"
    "BackupRetentionPeriod backup_retention_period\n"
    "BackupTarget backup_target\n"
    "CACertificateIdentifier ca_certificate_identifier\n"
    "CharacterSetName character_set_name\n"
    "DBInstanceClass class\n"
    "CopyTagsToSnapshot copy_tags_to_snapshot\n"
    "CustomIamInstanceProfile custom_iam_instance_profile\n"
    "CustomerOwnedIpEnabled customer_owned_ip_enabled\n"
    "DatabaseInsightsMode database_insights_mode\n"
    "DBClusterIdentifier db_cluster_identifier\n"
    "DBName db_name\n"
    "DBSystemId db_system_id\n"
    "DedicatedLogVolume dedicated_log_volume\n"
    "DeletionProtection deletion_protection\n"
    "Endpoint/Address endpoint_address\n"
    "Endpoint/HostedZoneId endpoint_hosted_zone_id\n"
    "Endpoint/Port endpoint_port\n"
    "Engine engine\n"
    "EngineLifecycleSupport engine_lifecycle_support\n"
    "EngineVersion engine_version\n"
    "EnhancedMonitoringResourceArn enhanced_monitoring_resource_arn\n"
    "IAMDatabaseAuthenticationEnabled iam_database_authentication_enabled\n"
    "DBInstanceIdentifier identifier\n"
    "InstanceCreateTime instance_create_time\n"
    "Iops iops\n"
    "IsStorageConfigUpgradeAvailable is_storage_config_upgrade_available\n"
    "KmsKeyId kms_key_id\n"
    "LatestRestorableTime latest_restorable_time\n"
    "LicenseModel license_model\n"
    "ListenerEndpoint/Address listener_endpoint_address\n"
    "ListenerEndpoint/HostedZoneId listener_endpoint_hosted_zone_id\n"
    "ListenerEndpoint/Port listener_endpoint_port\n"
    "MasterUsername master_username\n"
    "MaxAllocatedStorage max_allocated_storage\n"
    "MonitoringInterval monitoring_interval\n"
    "MonitoringRoleArn monitoring_role_arn\n"
    "MultiAZ multi_az\n"
    "MultiTenant multi_tenant\n"
    "NcharCharacterSetName nchar_character_set_name\n"
    "NetworkType network_type\n"
    "PercentProgress percent_progress\n"
    "PerformanceInsightsEnabled performance_insights_enabled\n"
    "PerformanceInsightsKMSKeyId performance_insights_kms_key_id\n"
    "PerformanceInsightsRetentionPeriod performance_insights_retention_period\n"
    "DbInstancePort port\n"
    "PreferredBackupWindow preferred_backup_window\n"
    "PreferredMaintenanceWindow preferred_maintenance_window\n"
    "PromotionTier promotion_tier\n"
    "PubliclyAccessible publicly_accessible\n"
    "ReadReplicaSourceDBClusterIdentifier read_replica_source_db_cluster_identifier\n"
    "ReadReplicaSourceDBInstanceIdentifier read_replica_source_db_instance_identifier\n"
    "ReplicaMode replica_mode\n"
    "DbiResourceId resource_id\n"
    "ResumeFullAutomationModeTime resume_full_automation_mode_time\n"
    "SecondaryAvailabilityZone secondary_availability_zone\n"
    "DBInstanceStatus status\n"
    "StorageEncrypted storage_encrypted\n"
    "StorageEncryptionType storage_encryption_type\n"
    "StorageThroughput storage_throughput\n"
    "StorageType storage_type\n"
    "StorageVolumeStatus storage_volume_status\n"
    "DBSubnetGroup/DBSubnetGroupName subnet_group\n"
    "TdeCredentialArn tde_credential_arn\n"
    "Timezone timezone\n"
    "UpgradeRolloutOrder upgrade_rollout_order\n";

/// One cluster with all elements, and another page if `marker`.
std::string clusters(const std::string& arn, const std::string& marker = "")
{
    pugi::xml_document document;
    pugi::xml_node result = document.append_child("DescribeDBClustersResponse")
                                .append_child("DescribeDBClustersResult");
    pugi::xml_node cluster = result.append_child("DBClusters").append_child("DBCluster");
    LabelTable(kClusterTable).fill(cluster);
    cluster.child("DBClusterArn").text().set(arn.c_str());
    appendTag(cluster.append_child("TagList"), "a.b", "cluster tag");
    pugi::xml_node member =
        cluster.append_child("DBClusterMembers").append_child("DBClusterMember");
    appendText(member, "DBInstanceIdentifier", "v DBInstanceIdentifier");
    appendText(member, "IsClusterWriter", "true");
    if (!marker.empty()) {
        appendText(result, "Marker", marker);
    }
    return xmlOf(document);
}

std::string instances()
{
    pugi::xml_document document;
    pugi::xml_node list = document.append_child("DescribeDBInstancesResponse")
                              .append_child("DescribeDBInstancesResult")
                              .append_child("DBInstances");
    pugi::xml_node instance = list.append_child("DBInstance");
    LabelTable(kInstanceTable).fill(instance);
    instance.child("Endpoint").child("Address").text().set("db.example.org");
    appendTag(instance.append_child("TagList"), "c", "instance tag");
    appendText(list.append_child("DBInstance"), "DBInstanceIdentifier", "being made");
    return xmlOf(document);
}

} // namespace

class TestRdsDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init() { aws_ = std::make_unique<AwsWorld>(); }
    void labelsClustersAndInstances();
    void readsPagesAndFilters();
    void asksForNamedClusters();
    void failsAsAWhole();

private:
    std::unique_ptr<AwsWorld> aws_;
};

void TestRdsDiscovery::labelsClustersAndInstances()
{
    aws_->answer("DescribeDBClusters", clusters("v DBClusterArn"));
    aws_->answer("DescribeDBInstances", instances());
    const auto groups =
        aws_->world.refresh(*aws_->world.refresher("rds", AwsWorld::keys() + "port: 9187\n"));
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("eu-west-1"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    std::map<std::string, std::string> expected{{"__address__", "db.example.org:9187"},
                                                {"__meta_rds_cluster_tag_a_b", "cluster tag"},
                                                {"__meta_rds_instance_tag_c", "instance tag"},
                                                {"__meta_rds_instance_is_cluster_writer", "true"}};
    LabelTable(kClusterTable).expect("rds_cluster_", "", expected);
    LabelTable(kInstanceTable).expect("rds_instance_", "", expected);
    expected["__meta_rds_instance_endpoint_address"] = "db.example.org";
    const auto labels = labelsOf(groups[0]);
    for (const auto& [name, value] : expected) {
        const auto found = labels.find(name);
        QVERIFY2(found != labels.end(), name.c_str());
        QCOMPARE(found->second, value);
    }
    QCOMPARE(labels.size(), expected.size());
}

void TestRdsDiscovery::readsPagesAndFilters()
{
    aws_->answer("DescribeDBClusters",
                 {{.body = clusters("arn:1", "m 1")}, {.body = clusters("arn:2")}});
    aws_->answer("DescribeDBInstances", instances());
    const auto groups = aws_->world.refresh(*aws_->world.refresher(
        "rds", AwsWorld::keys() + "request_concurrency: 1\nfilters:\n- {name: engine, values: "
                                  "[mysql, postgres]}\n"));
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    QCOMPARE(aws_->asked("DescribeDBClusters").at(1).body,
             std::string("Action=DescribeDBClusters&Version=2014-10-31&MaxRecords=100"
                         "&Marker=m%201"));
    QCOMPARE(aws_->asked("DescribeDBInstances").at(1).body,
             std::string("Action=DescribeDBInstances&Version=2014-10-31"
                         "&Filters.Filter.1.Name=db-cluster-id"
                         "&Filters.Filter.1.Values.Value.1=arn%3A2&Filters.Filter.2.Name=engine"
                         "&Filters.Filter.2.Values.Value.1=mysql"
                         "&Filters.Filter.2.Values.Value.2=postgres&MaxRecords=100"));
}

void TestRdsDiscovery::asksForNamedClusters()
{
    aws_->answer("DescribeDBClusters", clusters("arn:1"));
    aws_->answer("DescribeDBInstances", instances());
    const auto refresher = aws_->world.refresher("rds", AwsWorld::keys() + "clusters: ['arn:1']\n");
    QCOMPARE(aws_->world.refresh(*refresher)[0].entries.size(), std::size_t{1});
    QCOMPARE(std::string(*aws_->asked("DescribeDBClusters").at(0).parameter("DBClusterIdentifier")),
             std::string("arn:1"));
    aws_->answer("DescribeDBClusters", "<DescribeDBClustersResponse><DescribeDBClustersResult/>"
                                       "</DescribeDBClustersResponse>");
    QCOMPARE(aws_->world.refreshError(*refresher),
             std::string("no DB cluster found for ARN arn:1"));
}

void TestRdsDiscovery::failsAsAWhole()
{
    aws_->answer("DescribeDBClusters", clusters("arn:1"));
    aws_->answer("DescribeDBInstances",
                 "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message>"
                 "</Error></ErrorResponse>",
                 400);
    QCOMPARE(aws_->world.refreshError(*aws_->world.refresher("rds", AwsWorld::keys())),
             std::string("error describing DB instances of cluster arn:1: api error Throttling: "
                         "Rate exceeded"));
}

QTEST_GUILESS_MAIN(TestRdsDiscovery)
#include "tst_rds_discovery.moc"
