// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/aws_world.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char kTasks[] = R"({"tasks":[
{"taskArn":"arn:task/1","group":"service:web","taskDefinitionArn":"arn:def:3",
 "availabilityZone":"eu-west-1a","launchType":"FARGATE","desiredStatus":"RUNNING",
 "lastStatus":"PENDING","healthStatus":"HEALTHY","platformFamily":"Linux",
 "platformVersion":"1.4.0","tags":[{"key":"t","value":"task tag"}],
 "attachments":[{"type":"Service Connect"},{"type":"ElasticNetworkInterface","details":[
  {"name":"subnetId","value":"subnet-1"},{"name":"networkInterfaceId","value":"eni-1"},
  {"name":"privateIPv4Address","value":"10.0.0.1"}]}]},
{"taskArn":"arn:task/2","group":"family:job","launchType":"EC2","healthStatus":"UNKNOWN",
 "containerInstanceArn":"arn:ci/1"},
{"taskArn":"arn:task/3","containerInstanceArn":"arn:ci/unknown"},
{"taskArn":"arn:task/4","group":"service:gone","containerInstanceArn":"arn:ci/1",
 "attachments":[{"type":"ElasticNetworkInterface","details":[
  {"name":"privateIPv4Address","value":"10.0.0.4"}]}]}]})";

const char kInstances[] =
    "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1"
    "</instanceId><privateIpAddress>10.1.0.1</privateIpAddress><ipAddress>203.0.113.1</ipAddress>"
    "<subnetId>subnet-9</subnetId><instanceType>m5.large</instanceType><tagSet><item><key>e-c"
    "</key><value>host tag</value></item></tagSet></item></instancesSet></item></reservationSet>"
    "</DescribeInstancesResponse>";

const char kInterfaces[] =
    "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-1"
    "</networkInterfaceId><association><publicIp>203.0.113.9</publicIp></association></item>"
    "</networkInterfaceSet></DescribeNetworkInterfacesResponse>";

const char kOwnNetwork[] = "__address__=10.0.0.1:80\n"
                           "__meta_ecs_availability_zone=eu-west-1a\n"
                           "__meta_ecs_cluster=one\n"
                           "__meta_ecs_cluster_arn=arn:cluster/one\n"
                           "__meta_ecs_desired_status=RUNNING\n"
                           "__meta_ecs_health_status=HEALTHY\n"
                           "__meta_ecs_ip_address=10.0.0.1\n"
                           "__meta_ecs_last_status=PENDING\n"
                           "__meta_ecs_launch_type=FARGATE\n"
                           "__meta_ecs_network_mode=awsvpc\n"
                           "__meta_ecs_platform_family=Linux\n"
                           "__meta_ecs_platform_version=1.4.0\n"
                           "__meta_ecs_public_ip=203.0.113.9\n"
                           "__meta_ecs_region=eu-west-1\n"
                           "__meta_ecs_service=web\n"
                           "__meta_ecs_service_arn=arn:service/web\n"
                           "__meta_ecs_service_status=ACTIVE\n"
                           "__meta_ecs_subnet_id=subnet-1\n"
                           "__meta_ecs_tag_cluster_c=cluster tag\n"
                           "__meta_ecs_tag_service_s=service tag\n"
                           "__meta_ecs_tag_task_t=task tag\n"
                           "__meta_ecs_task_arn=arn:task/1\n"
                           "__meta_ecs_task_definition=arn:def:3\n"
                           "__meta_ecs_task_group=service:web\n";

const char kBridged[] = "__address__=10.1.0.1:80\n"
                        "__meta_ecs_cluster=one\n"
                        "__meta_ecs_cluster_arn=arn:cluster/one\n"
                        "__meta_ecs_container_instance_arn=arn:ci/1\n"
                        "__meta_ecs_ec2_instance_id=i-1\n"
                        "__meta_ecs_ec2_instance_private_ip=10.1.0.1\n"
                        "__meta_ecs_ec2_instance_public_ip=203.0.113.1\n"
                        "__meta_ecs_ec2_instance_type=m5.large\n"
                        "__meta_ecs_health_status=UNKNOWN\n"
                        "__meta_ecs_ip_address=10.1.0.1\n"
                        "__meta_ecs_launch_type=EC2\n"
                        "__meta_ecs_network_mode=bridge\n"
                        "__meta_ecs_public_ip=203.0.113.1\n"
                        "__meta_ecs_region=eu-west-1\n"
                        "__meta_ecs_subnet_id=subnet-9\n"
                        "__meta_ecs_tag_cluster_c=cluster tag\n"
                        "__meta_ecs_tag_ec2_e_c=host tag\n"
                        "__meta_ecs_task_arn=arn:task/2\n"
                        "__meta_ecs_task_group=family:job\n";

QJsonObject bodyOf(const net::ServerRequest& request)
{
    return QJsonDocument::fromJson(QByteArray::fromStdString(request.body)).object();
}

std::string arnList(const std::string& member, int from, int to)
{
    std::string body = "{\"" + member + "\":[";
    for (int i = from; i < to; ++i) {
        body += (i == from ? "\"arn:" : ",\"arn:") + std::to_string(i) + "\"";
    }
    return body + "]}";
}

} // namespace

class TestEcsDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void labelsTasks();
    void asksInBatchesAndPages();
    void asksForNamedClusters();
    void anAccountWithoutClustersHasNoTargets();
    void failsWhenAClusterFails();
    void asksEc2AtItsOwnAddress();

private:
    std::unique_ptr<AwsWorld> aws_;
};

void TestEcsDiscovery::init()
{
    aws_ = std::make_unique<AwsWorld>();
    aws_->answer("ListClusters", R"({"clusterArns":["arn:cluster/one"]})");
    aws_->answer("DescribeClusters",
                 R"({"clusters":[{"clusterArn":"arn:cluster/one","clusterName":"one",)"
                 R"("tags":[{"key":"c","value":"cluster tag"}]}]})");
    aws_->answer("ListServices", R"({"serviceArns":["arn:service/web"]})");
    aws_->answer("DescribeServices",
                 R"({"services":[{"serviceArn":"arn:service/web","serviceName":"web",)"
                 R"("status":"ACTIVE","tags":[{"key":"s","value":"service tag"}]}]})");
    aws_->answer("ListTasks", R"({"taskArns":["arn:task/1"]})");
    aws_->answer("DescribeTasks", kTasks);
    aws_->answer("DescribeContainerInstances",
                 R"({"containerInstances":[{"containerInstanceArn":"arn:ci/1",)"
                 R"("ec2InstanceId":"i-1"}]})");
    aws_->answer("DescribeInstances", kInstances);
    aws_->answer("DescribeNetworkInterfaces", kInterfaces);
}

void TestEcsDiscovery::labelsTasks()
{
    const auto groups = aws_->world.refresh(*aws_->world.refresher("ecs", AwsWorld::keys()));
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("eu-west-1"));
    QCOMPARE(groups[0].entries.size(), std::size_t{3});
    QCOMPARE(QString::fromStdString(linesOf(groups[0], 0)), QString(kOwnNetwork));
    QCOMPARE(QString::fromStdString(linesOf(groups[0], 1)), QString(kBridged));
    auto mixed = labelsOf(groups[0], 2);
    QCOMPARE(mixed["__address__"], std::string("10.0.0.4:80"));
    QCOMPARE(mixed["__meta_ecs_network_mode"], std::string("awsvpc"));
    QCOMPARE(mixed["__meta_ecs_ec2_instance_private_ip"], std::string("10.1.0.1"));
    QVERIFY(!mixed.contains("__meta_ecs_service"));
    const auto request = aws_->asked("DescribeTasks").at(0);
    QCOMPARE(std::string(request.header("X-Amz-Target")),
             std::string("AmazonEC2ContainerServiceV20141113.DescribeTasks"));
    QCOMPARE(request.body, std::string(R"({"cluster":"arn:cluster/one","tasks":["arn:task/1"],)"
                                       R"("include":["TAGS"]})"));
    QVERIFY(request.header("Authorization").find("/ecs/aws4_request") != std::string_view::npos);
    QVERIFY(aws_->asked("DescribeInstances").at(0).header("Authorization").find("/ec2/aws4") !=
            std::string_view::npos);
    QCOMPARE(aws_->asked("DescribeNetworkInterfaces").at(0).body,
             std::string("Action=DescribeNetworkInterfaces&Version=2016-11-15"
                         "&NetworkInterfaceId.1=eni-1"));
}

void TestEcsDiscovery::asksInBatchesAndPages()
{
    std::string first = arnList("taskArns", 0, 100);
    first.insert(1, "\"nextToken\":\"more\",");
    aws_->answer("ListTasks", {{.body = first}, {.body = arnList("taskArns", 100, 150)}});
    aws_->answer("ListServices", arnList("serviceArns", 0, 21));
    aws_->world.refresh(*aws_->world.refresher("ecs", AwsWorld::keys()));
    QCOMPARE(bodyOf(aws_->asked("ListTasks").at(1))["nextToken"].toString(), QString("more"));
    QCOMPARE(bodyOf(aws_->asked("ListTasks").at(1))["maxResults"].toInt(), 100);
    QCOMPARE(aws_->asked("DescribeTasks").size(), std::size_t{2});
    QCOMPARE(aws_->asked("DescribeServices").size(), std::size_t{3});
}

void TestEcsDiscovery::asksForNamedClusters()
{
    aws_->world.refresh(*aws_->world.refresher(
        "ecs", AwsWorld::keys() + "clusters: ['arn:cluster/one', 'arn:cluster/two']\n"));
    QCOMPARE(aws_->asked("ListClusters").size(), std::size_t{0});
    QCOMPARE(aws_->asked("ListTasks").size(), std::size_t{2});
}

void TestEcsDiscovery::anAccountWithoutClustersHasNoTargets()
{
    aws_->answer("ListClusters", R"({"clusterArns":[]})");
    const auto groups = aws_->world.refresh(*aws_->world.refresher("ecs", AwsWorld::keys()));
    QCOMPARE(groups.size(), std::size_t{1});
    QVERIFY(groups[0].entries.empty());
    QCOMPARE(groups[0].source, std::string("eu-west-1"));
}

void TestEcsDiscovery::failsWhenAClusterFails()
{
    aws_->answer("DescribeTasks", R"({"__type":"ServerException","message":"busy"})", 500);
    QCOMPARE(aws_->world.refreshError(*aws_->world.refresher("ecs", AwsWorld::keys())),
             std::string("DescribeTasks: api error ServerException: busy"));
}

void TestEcsDiscovery::asksEc2AtItsOwnAddress()
{
    ScriptedServer ecs; // only this service has an address of its own
    ecs.json("POST /", R"({"clusterArns":["a"],"clusters":[],"serviceArns":[],"taskArns":["t"],
        "tasks":[{"taskArn":"t","containerInstanceArn":"c"}],
        "containerInstances":[{"containerInstanceArn":"c","ec2InstanceId":"i-1"}]})");
    const auto groups = aws_->world.refresh(
        *aws_->world.refresher("ecs", AwsWorld::keys() + "endpoint: " + ecs.url() + "\n"));
    QCOMPARE(labelsOf(groups[0])["__address__"], std::string("10.1.0.1:80"));
    QCOMPARE(aws_->actions(), std::vector<std::string>{"DescribeInstances"});
}

QTEST_GUILESS_MAIN(TestEcsDiscovery)
#include "tst_ecs_discovery.moc"
