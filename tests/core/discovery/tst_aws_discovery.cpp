// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/aws_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char kLightsail[] = R"({"instances":[
{"name":"web","supportCode":"1/i-1","location":{"availabilityZone":"eu-west-1a"},
 "tags":[{"key":"a-b","value":"c"}],"blueprintId":"debian_12","bundleId":"nano_3_0",
 "privateIpAddress":"10.0.0.4","publicIpAddress":"203.0.113.4",
 "ipv6Addresses":["2001:db8::1","2001:db8::2"],"state":{"code":16,"name":"running"}},
{"name":"no address"}],"nextPageToken":"ignored"})";

const char kLightsailLabels[] = "__address__=10.0.0.4:81\n"
                                "__meta_lightsail_availability_zone=eu-west-1a\n"
                                "__meta_lightsail_blueprint_id=debian_12\n"
                                "__meta_lightsail_bundle_id=nano_3_0\n"
                                "__meta_lightsail_instance_name=web\n"
                                "__meta_lightsail_instance_state=running\n"
                                "__meta_lightsail_instance_support_code=1/i-1\n"
                                "__meta_lightsail_ipv6_addresses=,2001:db8::1,2001:db8::2,\n"
                                "__meta_lightsail_private_ip=10.0.0.4\n"
                                "__meta_lightsail_public_ip=203.0.113.4\n"
                                "__meta_lightsail_region=eu-west-1\n"
                                "__meta_lightsail_tag_a_b=c\n";

const char kMskCluster[] = R"({"clusterArn":"arn:c/1","clusterName":"k","clusterType":"PROVISIONED",
"currentVersion":"K1","state":"ACTIVE","tags":{"team":"x"},"provisioned":{
"currentBrokerSoftwareInfo":{"kafkaVersion":"3.6.0","configurationArn":"arn:conf",
"configurationRevision":3},"openMonitoring":{"prometheus":{"jmxExporter":{"enabledInBroker":true},
"nodeExporter":{"enabledInBroker":false}}}}})";

const char kMskNodes[] = R"({"nodeInfoList":[
{"nodeARN":"arn:n1","addedToClusterTime":"2024-01-01T00:00:00Z","instanceType":"kafka.m5.large",
 "brokerNodeInfo":{"attachedENIId":"eni-1","brokerId":1.0,"clientSubnet":"subnet-1",
 "clientVpcIpAddress":"10.0.0.9","endpoints":["b-1.example.org","b-1b.example.org"]}},
{"nodeARN":"arn:n2","controllerNodeInfo":{"endpoints":["c-1.example.org"]}},
{"nodeARN":"arn:zookeeper"}]})";

const char kMskLabels[] = "__address__=b-1b.example.org:80\n"
                          "__meta_msk_broker_client_subnet=subnet-1\n"
                          "__meta_msk_broker_client_vpc_ip=10.0.0.9\n"
                          "__meta_msk_broker_endpoint_index=1\n"
                          "__meta_msk_broker_id=1\n"
                          "__meta_msk_broker_node_exporter_enabled=false\n"
                          "__meta_msk_cluster_arn=arn:c/1\n"
                          "__meta_msk_cluster_configuration_arn=arn:conf\n"
                          "__meta_msk_cluster_configuration_revision=3\n"
                          "__meta_msk_cluster_jmx_exporter_enabled=true\n"
                          "__meta_msk_cluster_kafka_version=3.6.0\n"
                          "__meta_msk_cluster_name=k\n"
                          "__meta_msk_cluster_state=ACTIVE\n"
                          "__meta_msk_cluster_tag_team=x\n"
                          "__meta_msk_cluster_type=PROVISIONED\n"
                          "__meta_msk_cluster_version=K1\n"
                          "__meta_msk_node_added_time=2024-01-01T00:00:00Z\n"
                          "__meta_msk_node_arn=arn:n1\n"
                          "__meta_msk_node_attached_eni=eni-1\n"
                          "__meta_msk_node_instance_type=kafka.m5.large\n"
                          "__meta_msk_node_type=BROKER\n";

} // namespace

/// lightsail, msk, and the mechanism that chooses by a role.
class TestAwsDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init() { aws_ = std::make_unique<AwsWorld>(); }
    void labelsLightsailInstances();
    void labelsKafkaNodes();
    void asksForNamedKafkaClusters();
    void choosesByRole_data();
    void choosesByRole();
    void refusesUnknownRoles();
    void takesTheDefaultsOfTheRole();
    void failsOnErrorsOfTheApi_data();
    void failsOnErrorsOfTheApi();

private:
    std::unique_ptr<AwsWorld> aws_;
};

void TestAwsDiscovery::labelsLightsailInstances()
{
    aws_->answer("GetInstances", kLightsail);
    const auto groups =
        aws_->world.refresh(*aws_->world.refresher("lightsail", AwsWorld::keys() + "port: 81\n"));
    QCOMPARE(groups[0].source, std::string("eu-west-1"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(QString::fromStdString(linesOf(groups[0])), QString(kLightsailLabels));
    const auto request = aws_->asked("GetInstances").at(0);
    QCOMPARE(std::string(request.header("X-Amz-Target")),
             std::string("Lightsail_20161128.GetInstances"));
    QCOMPARE(std::string(request.header("Content-Type")),
             std::string("application/x-amz-json-1.1"));
    QVERIFY(request.header("Authorization").find("/lightsail/aws4_request") !=
            std::string_view::npos);
}

void TestAwsDiscovery::labelsKafkaNodes()
{
    aws_->server.sequence(
        "GET /api/v2/clusters",
        {{.body = std::string(R"({"clusterInfoList":[)") + kMskCluster + R"(],"nextToken":"t 1"})"},
         {.body = R"({"clusterInfoList":[]})"}});
    aws_->server.answerWith("GET /v1/clusters/arn:c/1/nodes", {.body = kMskNodes});
    const auto groups = aws_->world.refresh(*aws_->world.refresher("msk", AwsWorld::keys()));
    QCOMPARE(groups[0].entries.size(), std::size_t{3});
    QCOMPARE(QString::fromStdString(linesOf(groups[0], 1)), QString(kMskLabels));
    auto controller = labelsOf(groups[0], 2);
    QCOMPARE(controller["__address__"], std::string("c-1.example.org:80"));
    QCOMPARE(controller["__meta_msk_node_type"], std::string("CONTROLLER"));
    QCOMPARE(controller["__meta_msk_controller_endpoint_index"], std::string("0"));
    QVERIFY(!controller.contains("__meta_msk_broker_id"));
    const auto requests = aws_->server.requests();
    QCOMPARE(std::string(*requests[1].parameter("nextToken")), std::string("t 1"));
    QCOMPARE(std::string(*requests[1].parameter("clusterTypeFilter")), std::string("PROVISIONED"));
    QVERIFY(requests[2].header("Authorization").find("/kafka/aws4_request") !=
            std::string_view::npos);
}

void TestAwsDiscovery::asksForNamedKafkaClusters()
{
    aws_->server.answerWith("GET /api/v2/clusters/arn:c/1",
                            {.body = std::string(R"({"clusterInfo":)") + kMskCluster + "}"});
    aws_->server.answerWith(
        "GET /api/v2/clusters/arn:c/2",
        {.body = R"({"clusterInfo":{"clusterArn":"arn:c/2","clusterType":"SERVERLESS"}})"});
    aws_->server.answerWith("GET /v1/clusters/arn:c/1/nodes", {.body = kMskNodes});
    const auto refresher =
        aws_->world.refresher("msk", AwsWorld::keys() + "clusters: ['arn:c/1', 'arn:c/2']\n");
    QCOMPARE(aws_->world.refresh(*refresher)[0].entries.size(), std::size_t{3});
    QCOMPARE(aws_->server.count("GET /v1/clusters/arn:c/2/nodes"), std::size_t{0});
}

void TestAwsDiscovery::choosesByRole_data()
{
    QTest::addColumn<QString>("role");
    QTest::addColumn<QString>("first");
    QTest::newRow("ec2") << "ec2"
                         << "DescribeAvailabilityZones";
    QTest::newRow("ecs") << "ecs"
                         << "ListClusters";
    QTest::newRow("elasticache") << "elasticache"
                                 << "DescribeServerlessCaches";
    QTest::newRow("lightsail") << "lightsail"
                               << "GetInstances";
    QTest::newRow("msk") << "msk"
                         << "GET /api/v2/clusters";
    QTest::newRow("rds") << "rds"
                         << "DescribeDBClusters";
}

void TestAwsDiscovery::choosesByRole()
{
    QFETCH(QString, role);
    QFETCH(QString, first);
    const auto refresher =
        aws_->world.refresher("aws", AwsWorld::keys() + "role: " + role.toStdString() + "\n");
    QVERIFY(!aws_->world.refreshError(*refresher).empty()); // nothing is recorded
    QCOMPARE(aws_->actions().at(0), first.toStdString());
}

void TestAwsDiscovery::refusesUnknownRoles()
{
    const std::string error = DiscoveryWorld::readError("aws", "role: foo\n");
    QVERIFY2(error.find("unknown AWS SD role \"foo\"") != std::string::npos, error.c_str());
    QVERIFY(DiscoveryWorld::readError("aws", "region: x\n").find("unknown AWS SD role \"\"") !=
            std::string::npos);
}

void TestAwsDiscovery::takesTheDefaultsOfTheRole()
{
    aws_->answer("GetInstances", kLightsail);
    const auto groups = aws_->world.refresh(*aws_->world.refresher(
        "aws", AwsWorld::keys() + "role: lightsail\nport: 0\nrefresh_interval: 0s\n"));
    QCOMPARE(labelsOf(groups[0])["__address__"], std::string("10.0.0.4:80"));
}

void TestAwsDiscovery::failsOnErrorsOfTheApi_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::newRow("denied") << 400
                            << R"({"__type":"com.amazon#AccessDeniedException","message":"no"})"
                            << "could not get instances: api error AccessDeniedException: no";
    QTest::newRow("broken") << 500 << "oops"
                            << "could not get instances: server returned HTTP status 500 Internal "
                               "Server Error";
    QTest::newRow("no JSON") << 200 << "<html>"
                             << "could not get instances: invalid JSON";
}

void TestAwsDiscovery::failsOnErrorsOfTheApi()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    QFETCH(QString, message);
    aws_->answer("GetInstances", body.toStdString(), status);
    const auto error = QString::fromStdString(
        aws_->world.refreshError(*aws_->world.refresher("lightsail", AwsWorld::keys())));
    QVERIFY2(error.startsWith(message), qPrintable(error));
    QVERIFY(!error.contains("hunter2"));
}

QTEST_GUILESS_MAIN(TestAwsDiscovery)
#include "tst_aws_discovery.moc"
