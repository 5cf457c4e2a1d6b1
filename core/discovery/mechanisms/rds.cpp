// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// rds_sd_configs: instances of Amazon's managed database clusters.
// Source: spec/discovery.md, section 9.
#include "core/base/status.h"
#include "core/discovery/aws_api.h"
#include "core/discovery/aws_labels.h"
#include "core/discovery/refreshing.h"
#include "core/discovery/registry.h"

#include <map>

namespace narthex::discovery {
namespace {

constexpr char kVersion[] = "2014-10-31";

struct RdsConfig final : MechanismOf<RdsConfig>
{
    static constexpr std::string_view kMechanism = "rds";
    AwsKeys keys;

    void describe(yaml::Fields& fields) override { describeClusterKeys(fields, keys, true); }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return Refreshing{.refresher = makeRdsRefresher(environment, keys),
                          .interval = keys.refreshInterval};
    }
    friend bool operator==(const RdsConfig&, const RdsConfig&) = default;
};

constexpr XmlLabel kClusterLabels[] = {
    {"activity_stream_kinesis_stream_name", "ActivityStreamKinesisStreamName"},
    {"activity_stream_kms_key_id", "ActivityStreamKmsKeyId"},
    {"activity_stream_mode", "ActivityStreamMode"},
    {"activity_stream_status", "ActivityStreamStatus"},
    {"allocated_storage", "AllocatedStorage"},
    {"arn", "DBClusterArn"},
    {"auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"automatic_restart_time", "AutomaticRestartTime", XmlLabel::Time},
    {"aws_backup_recovery_point_arn", "AwsBackupRecoveryPointArn"},
    {"backtrack_consumed_change_records", "BacktrackConsumedChangeRecords"},
    {"backtrack_window", "BacktrackWindow"},
    {"backup_retention_period", "BackupRetentionPeriod"},
    {"capacity", "Capacity"},
    {"character_set_name", "CharacterSetName"},
    {"clone_group_id", "CloneGroupId"},
    {"cluster_create_time", "ClusterCreateTime", XmlLabel::Time},
    {"cluster_scalability_type", "ClusterScalabilityType"},
    {"copy_tags_to_snapshot", "CopyTagsToSnapshot"},
    {"cross_account_clone", "CrossAccountClone"},
    {"database_insights_mode", "DatabaseInsightsMode"},
    {"database_name", "DatabaseName"},
    {"db_system_id", "DBSystemId"},
    {"deletion_protection", "DeletionProtection"},
    {"earliest_backtrack_time", "EarliestBacktrackTime", XmlLabel::Time},
    {"earliest_restorable_time", "EarliestRestorableTime", XmlLabel::Time},
    {"endpoint", "Endpoint"},
    {"engine", "Engine"},
    {"engine_lifecycle_support", "EngineLifecycleSupport"},
    {"engine_mode", "EngineMode"},
    {"engine_version", "EngineVersion"},
    {"global_cluster_identifier", "GlobalClusterIdentifier"},
    {"global_write_forwarding_requested", "GlobalWriteForwardingRequested"},
    {"global_write_forwarding_status", "GlobalWriteForwardingStatus"},
    {"hosted_zone_id", "HostedZoneId"},
    {"http_endpoint_enabled", "HttpEndpointEnabled"},
    {"iam_database_authentication_enabled", "IAMDatabaseAuthenticationEnabled"},
    {"identifier", "DBClusterIdentifier"},
    {"instance_class", "DBClusterInstanceClass"},
    {"io_optimized_next_allowed_modification_time", "IOOptimizedNextAllowedModificationTime",
     XmlLabel::Time},
    {"iops", "Iops"},
    {"kms_key_id", "KmsKeyId"},
    {"latest_restorable_time", "LatestRestorableTime", XmlLabel::Time},
    {"local_write_forwarding_status", "LocalWriteForwardingStatus"},
    {"master_username", "MasterUsername"},
    {"monitoring_interval", "MonitoringInterval"},
    {"monitoring_role_arn", "MonitoringRoleArn"},
    {"multi_az", "MultiAZ"},
    {"network_type", "NetworkType"},
    {"parameter_group", "DBClusterParameterGroup"},
    {"percent_progress", "PercentProgress"},
    {"performance_insights_enabled", "PerformanceInsightsEnabled"},
    {"performance_insights_kms_key_id", "PerformanceInsightsKMSKeyId"},
    {"performance_insights_retention_period", "PerformanceInsightsRetentionPeriod"},
    {"port", "Port"},
    {"preferred_backup_window", "PreferredBackupWindow"},
    {"preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"publicly_accessible", "PubliclyAccessible"},
    {"reader_endpoint", "ReaderEndpoint"},
    {"replication_source_identifier", "ReplicationSourceIdentifier"},
    {"resource_id", "DbClusterResourceId"},
    {"serverless_v2_platform_version", "ServerlessV2PlatformVersion"},
    {"status", "Status"},
    {"storage_encrypted", "StorageEncrypted"},
    {"storage_encryption_type", "StorageEncryptionType"},
    {"storage_throughput", "StorageThroughput"},
    {"storage_type", "StorageType"},
    {"subnet_group", "DBSubnetGroup"},
    {"upgrade_rollout_order", "UpgradeRolloutOrder"},
};

constexpr XmlLabel kInstanceLabels[] = {
    {"activity_stream_engine_native_audit_fields_included",
     "ActivityStreamEngineNativeAuditFieldsIncluded"},
    {"activity_stream_kinesis_stream_name", "ActivityStreamKinesisStreamName"},
    {"activity_stream_kms_key_id", "ActivityStreamKmsKeyId"},
    {"activity_stream_mode", "ActivityStreamMode"},
    {"activity_stream_policy_status", "ActivityStreamPolicyStatus"},
    {"activity_stream_status", "ActivityStreamStatus"},
    {"allocated_storage", "AllocatedStorage"},
    {"arn", "DBInstanceArn"},
    {"auto_minor_version_upgrade", "AutoMinorVersionUpgrade"},
    {"automatic_restart_time", "AutomaticRestartTime", XmlLabel::Time},
    {"automation_mode", "AutomationMode"},
    {"availability_zone", "AvailabilityZone"},
    {"aws_backup_recovery_point_arn", "AwsBackupRecoveryPointArn"},
    {"backup_retention_period", "BackupRetentionPeriod"},
    {"backup_target", "BackupTarget"},
    {"ca_certificate_identifier", "CACertificateIdentifier"},
    {"character_set_name", "CharacterSetName"},
    {"class", "DBInstanceClass"},
    {"copy_tags_to_snapshot", "CopyTagsToSnapshot"},
    {"custom_iam_instance_profile", "CustomIamInstanceProfile"},
    {"customer_owned_ip_enabled", "CustomerOwnedIpEnabled"},
    {"database_insights_mode", "DatabaseInsightsMode"},
    {"db_cluster_identifier", "DBClusterIdentifier"},
    {"db_name", "DBName"},
    {"db_system_id", "DBSystemId"},
    {"dedicated_log_volume", "DedicatedLogVolume"},
    {"deletion_protection", "DeletionProtection"},
    {"endpoint_address", "Endpoint/Address"},
    {"endpoint_hosted_zone_id", "Endpoint/HostedZoneId"},
    {"endpoint_port", "Endpoint/Port"},
    {"engine", "Engine"},
    {"engine_lifecycle_support", "EngineLifecycleSupport"},
    {"engine_version", "EngineVersion"},
    {"enhanced_monitoring_resource_arn", "EnhancedMonitoringResourceArn"},
    {"iam_database_authentication_enabled", "IAMDatabaseAuthenticationEnabled"},
    {"identifier", "DBInstanceIdentifier"},
    {"instance_create_time", "InstanceCreateTime", XmlLabel::Time},
    {"iops", "Iops"},
    {"is_storage_config_upgrade_available", "IsStorageConfigUpgradeAvailable"},
    {"kms_key_id", "KmsKeyId"},
    {"latest_restorable_time", "LatestRestorableTime", XmlLabel::Time},
    {"license_model", "LicenseModel"},
    {"listener_endpoint_address", "ListenerEndpoint/Address"},
    {"listener_endpoint_hosted_zone_id", "ListenerEndpoint/HostedZoneId"},
    {"listener_endpoint_port", "ListenerEndpoint/Port"},
    {"master_username", "MasterUsername"},
    {"max_allocated_storage", "MaxAllocatedStorage"},
    {"monitoring_interval", "MonitoringInterval"},
    {"monitoring_role_arn", "MonitoringRoleArn"},
    {"multi_az", "MultiAZ"},
    {"multi_tenant", "MultiTenant"},
    {"nchar_character_set_name", "NcharCharacterSetName"},
    {"network_type", "NetworkType"},
    {"percent_progress", "PercentProgress"},
    {"performance_insights_enabled", "PerformanceInsightsEnabled"},
    {"performance_insights_kms_key_id", "PerformanceInsightsKMSKeyId"},
    {"performance_insights_retention_period", "PerformanceInsightsRetentionPeriod"},
    {"port", "DbInstancePort"},
    {"preferred_backup_window", "PreferredBackupWindow"},
    {"preferred_maintenance_window", "PreferredMaintenanceWindow"},
    {"promotion_tier", "PromotionTier"},
    {"publicly_accessible", "PubliclyAccessible"},
    {"read_replica_source_db_cluster_identifier", "ReadReplicaSourceDBClusterIdentifier"},
    {"read_replica_source_db_instance_identifier", "ReadReplicaSourceDBInstanceIdentifier"},
    {"replica_mode", "ReplicaMode"},
    {"resource_id", "DbiResourceId"},
    {"resume_full_automation_mode_time", "ResumeFullAutomationModeTime", XmlLabel::Time},
    {"secondary_availability_zone", "SecondaryAvailabilityZone"},
    {"status", "DBInstanceStatus"},
    {"storage_encrypted", "StorageEncrypted"},
    {"storage_encryption_type", "StorageEncryptionType"},
    {"storage_throughput", "StorageThroughput"},
    {"storage_type", "StorageType"},
    {"storage_volume_status", "StorageVolumeStatus"},
    {"subnet_group", "DBSubnetGroup/DBSubnetGroupName"},
    {"tde_credential_arn", "TdeCredentialArn"},
    {"timezone", "Timezone"},
    {"upgrade_rollout_order", "UpgradeRolloutOrder"},
};

/// The page and the nodes in it: the nodes live as long as it.
struct Found
{
    std::vector<AwsXml> pages;
    std::vector<pugi::xml_node> items;
};

class RdsRefresher final : public AwsRefresher
{
public:
    RdsRefresher(const ProviderEnvironment& environment, AwsKeys keys)
        : AwsRefresher(environment, std::move(keys), "rds")
    {}

private:
    absl::StatusOr<std::vector<model::Labels>> discover(const AwsApi& api) override
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::vector<Found> answers, clusters(api));
        std::vector<pugi::xml_node> all;
        for (const Found& each : answers) {
            all.insert(all.end(), each.items.begin(), each.items.end());
        }
        std::vector<Found> instances(all.size());
        NARTHEX_RETURN_IF_ERROR(
            inParallel(all.size(), keys_.requestConcurrency, [&](std::size_t i) {
                return readInstances(api, xmlText(all[i], "DBClusterArn"), instances[i]);
            }));
        std::vector<model::Labels> targets;
        for (std::size_t i = 0; i < all.size(); ++i) {
            for (const pugi::xml_node& instance : instances[i].items) {
                addTarget(all[i], instance, targets);
            }
        }
        return targets;
    }

    absl::StatusOr<std::vector<Found>> clusters(const AwsApi& api) const
    {
        std::vector<Found> found(std::max<std::size_t>(1, keys_.clusters.size()));
        if (keys_.clusters.empty()) {
            const absl::Status status =
                readPages(api, "DescribeDBClusters", "DBClusters", {}, found[0]);
            return status.ok() ? absl::StatusOr<std::vector<Found>>(std::move(found))
                               : base::annotate(status, "error describing all DB clusters");
        }
        NARTHEX_RETURN_IF_ERROR(
            inParallel(found.size(), keys_.requestConcurrency, [&](std::size_t i) -> absl::Status {
                const std::string& arn = keys_.clusters[i];
                const absl::Status status = readPages(api, "DescribeDBClusters", "DBClusters",
                                                      {{"DBClusterIdentifier", arn}}, found[i]);
                if (!status.ok()) {
                    return base::annotate(status, "failed to describe DB cluster " + arn);
                }
                return found[i].items.empty()
                           ? base::notFound("no DB cluster found for ARN {}", arn)
                           : absl::OkStatus();
            }));
        return found;
    }

    absl::Status readInstances(const AwsApi& api, const std::string& arn, Found& result) const
    {
        net::Parameters form{{"Filters.Filter.1.Name", "db-cluster-id"},
                             {"Filters.Filter.1.Values.Value.1", arn}};
        for (std::size_t i = 0; i < keys_.filters.size(); ++i) {
            const AwsFilter& filter = keys_.filters[i];
            form.emplace_back(fmt::format("Filters.Filter.{}.Name", i + 2), filter.name);
            for (std::size_t j = 0; j < filter.values.size(); ++j) {
                form.emplace_back(fmt::format("Filters.Filter.{}.Values.Value.{}", i + 2, j + 1),
                                  filter.values[j]);
            }
        }
        const absl::Status status =
            readPages(api, "DescribeDBInstances", "DBInstances", form, result);
        return status.ok()
                   ? status
                   : base::annotate(status, "error describing DB instances of cluster " + arn);
    }

    static absl::Status readPages(const AwsApi& api, const std::string& action, const char* list,
                                  const net::Parameters& form, Found& result)
    {
        std::string marker;
        PageCount count;
        do {
            NARTHEX_RETURN_IF_ERROR(count.next());
            net::Parameters all = form;
            all.emplace_back("MaxRecords", "100");
            if (!marker.empty()) {
                all.emplace_back("Marker", marker);
            }
            NARTHEX_ASSIGN_OR_RETURN(AwsXml page,
                                     api.query("rds", kVersion, action, std::move(all)));
            for (const pugi::xml_node& item : page->child(list).children()) {
                result.items.push_back(item);
            }
            marker = xmlText(*page, "Marker");
            result.pages.push_back(std::move(page));
        } while (!marker.empty());
        return absl::OkStatus();
    }

    void addTarget(const pugi::xml_node& cluster, const pugi::xml_node& instance,
                   std::vector<model::Labels>& targets) const
    {
        const std::string host = xmlText(instance, "Endpoint/Address");
        if (host.empty() || xmlText(instance, "Endpoint/Port").empty()) {
            return; // it is being made, or taken away
        }
        model::LabelsBuilder labels;
        labels.set(kAddressLabel, joinHostPort(host, keys_.port));
        setXmlLabels(labels, "rds_cluster_", cluster, kClusterLabels);
        setXmlTags(labels, "rds_cluster_tag_", cluster.child("TagList"));
        setXmlLabels(labels, "rds_instance_", instance, kInstanceLabels);
        setXmlTags(labels, "rds_instance_tag_", instance.child("TagList"));
        const std::string name = xmlText(instance, "DBInstanceIdentifier");
        for (const pugi::xml_node& member : cluster.child("DBClusterMembers").children()) {
            if (xmlText(member, "DBInstanceIdentifier") == name) {
                meta(labels, "rds_instance_is_cluster_writer", xmlText(member, "IsClusterWriter"));
            }
        }
        targets.push_back(labels.build());
    }
};

} // namespace

std::unique_ptr<Refresher> makeRdsRefresher(const ProviderEnvironment& environment, AwsKeys keys)
{
    return std::make_unique<RdsRefresher>(environment, std::move(keys));
}

std::unique_ptr<MechanismConfig> makeRdsConfig() { return std::make_unique<RdsConfig>(); }

} // namespace narthex::discovery
