// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/aws_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

std::string page(const std::string& instances, const std::string& token = "")
{
    return "<?xml version=\"1.0\"?><DescribeInstancesResponse xmlns=\"http://ec2\"><reservationSet>"
           "<item><ownerId>1234</ownerId><instancesSet>" +
           instances + "</instancesSet></item></reservationSet><nextToken>" + token +
           "</nextToken></DescribeInstancesResponse>";
}

std::string instance(const std::string& id, const std::string& rest)
{
    return "<item><instanceId>" + id +
           "</instanceId><imageId>ami-1</imageId><instanceState><name>running</name>"
           "</instanceState><instanceType>t3.nano</instanceType><placement><availabilityZone>"
           "eu-west-1a</availabilityZone></placement>" +
           rest + "</item>";
}

const char kFull[] =
    "<privateIpAddress>10.0.0.5</privateIpAddress><privateDnsName>ip.internal</privateDnsName>"
    "<platform>windows</platform><instanceLifecycle>spot</instanceLifecycle>"
    "<architecture>arm64</architecture><vpcId>vpc-1</vpcId><subnetId>subnet-1</subnetId>"
    "<ipAddress>203.0.113.7</ipAddress><dnsName>ec2.example.org</dnsName>"
    "<tagSet><item><key>Name</key><value>x y</value></item>"
    "<item><key>aws:a/b</key><value>2</value></item></tagSet>"
    "<networkInterfaceSet>"
    "<item><subnetId>subnet-1</subnetId><attachment><deviceIndex>0</deviceIndex></attachment>"
    "<ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address>"
    "<isPrimaryIpv6>false</isPrimaryIpv6></item></ipv6AddressesSet></item>"
    "<item><subnetId>subnet-2</subnetId><attachment><deviceIndex>2</deviceIndex></attachment>"
    "<ipv6AddressesSet><item><ipv6Address>2001:db8::2</ipv6Address>"
    "<isPrimaryIpv6>true</isPrimaryIpv6></item></ipv6AddressesSet></item>"
    "<item><subnetId>subnet-1</subnetId></item></networkInterfaceSet>";

const char kZones[] =
    "<DescribeAvailabilityZonesResponse><availabilityZoneInfo><item><zoneName>eu-west-1a</zoneName>"
    "<zoneId>euw1-az3</zoneId></item></availabilityZoneInfo></DescribeAvailabilityZonesResponse>";

const char kRefused[] = "<Response><Errors><Error><Code>AuthFailure</Code>"
                        "<Message>not you</Message></Error></Errors></Response>";

} // namespace

class TestEc2Discovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesFiltersWithoutValues();
    void labelsWhatIsKnown();
    void scrapesIpv6WhereThereIsNoOther();
    void readsAllPagesWithFilters();
    void goesOnWithoutZones();
    void asksForCredentialsAgainWhenRefused();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();
    void printsWithoutSecrets();

private:
    std::unique_ptr<AwsWorld> aws_;
};

void TestEc2Discovery::init()
{
    aws_ = std::make_unique<AwsWorld>();
    aws_->answer("DescribeAvailabilityZones", kZones);
}

void TestEc2Discovery::refusesFiltersWithoutValues()
{
    const std::string error = DiscoveryWorld::readError("ec2", "filters: [{name: a, values: []}]");
    QVERIFY2(error.find("EC2 SD configuration filter values cannot be empty") != std::string::npos,
             error.c_str());
    QCOMPARE(DiscoveryWorld::readError("ec2", "filters: [{name: a, values: [b]}]"), std::string());
}

void TestEc2Discovery::labelsWhatIsKnown()
{
    aws_->answer("DescribeInstances", page(instance("i-1", kFull)));
    const auto refresher = aws_->world.refresher("ec2", AwsWorld::keys() + "port: 9100\n");
    const auto groups = aws_->world.refresh(*refresher);
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("eu-west-1"));
    const char* const expected = "__address__=10.0.0.5:9100\n"
                                 "__meta_ec2_ami=ami-1\n"
                                 "__meta_ec2_architecture=arm64\n"
                                 "__meta_ec2_availability_zone=eu-west-1a\n"
                                 "__meta_ec2_availability_zone_id=euw1-az3\n"
                                 "__meta_ec2_default_ipv6_address=2001:db8::2\n"
                                 "__meta_ec2_instance_id=i-1\n"
                                 "__meta_ec2_instance_lifecycle=spot\n"
                                 "__meta_ec2_instance_state=running\n"
                                 "__meta_ec2_instance_type=t3.nano\n"
                                 "__meta_ec2_ipv6_addresses=,2001:db8::1,2001:db8::2,\n"
                                 "__meta_ec2_owner_id=1234\n"
                                 "__meta_ec2_platform=windows\n"
                                 "__meta_ec2_primary_ipv6_addresses=,,,2001:db8::2,\n"
                                 "__meta_ec2_primary_subnet_id=subnet-1\n"
                                 "__meta_ec2_private_dns_name=ip.internal\n"
                                 "__meta_ec2_private_ip=10.0.0.5\n"
                                 "__meta_ec2_public_dns_name=ec2.example.org\n"
                                 "__meta_ec2_public_ip=203.0.113.7\n"
                                 "__meta_ec2_region=eu-west-1\n"
                                 "__meta_ec2_subnet_id=,subnet-1,subnet-2,\n"
                                 "__meta_ec2_tag_Name=x y\n"
                                 "__meta_ec2_tag_aws_a_b=2\n"
                                 "__meta_ec2_vpc_id=vpc-1\n";
    QCOMPARE(QString::fromStdString(linesOf(groups[0])), QString(expected));
    const auto request = aws_->asked("DescribeInstances").at(0);
    QCOMPARE(request.body, std::string("Action=DescribeInstances&Version=2016-11-15"));
    QVERIFY(request.header("Authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
    QVERIFY(request.header("Authorization").find("/eu-west-1/ec2/aws4_request") !=
            std::string_view::npos);
    // Zones are asked for once.
    aws_->world.refresh(*refresher);
    QCOMPARE(aws_->asked("DescribeAvailabilityZones").size(), std::size_t{1});
}

void TestEc2Discovery::scrapesIpv6WhereThereIsNoOther()
{
    const std::string interface =
        "<vpcId>v</vpcId><subnetId>s</subnetId><networkInterfaceSet><item><subnetId>s</subnetId>"
        "<ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item></ipv6AddressesSet>"
        "</item></networkInterfaceSet>";
    aws_->answer("DescribeInstances", page(instance("i-1", interface) + instance("i-2", "")));
    const auto groups = aws_->world.refresh(*aws_->world.refresher("ec2", AwsWorld::keys()));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    auto labels = labelsOf(groups[0]);
    QCOMPARE(labels["__address__"], std::string("[2001:db8::1]:80"));
    QVERIFY(!labels.contains("__meta_ec2_private_ip"));
    QVERIFY(!labels.contains("__meta_ec2_primary_ipv6_addresses"));
}

void TestEc2Discovery::readsAllPagesWithFilters()
{
    const std::string ip = "<privateIpAddress>10.0.0.1</privateIpAddress>";
    aws_->answer("DescribeInstances",
                 {{.body = page(instance("i-1", ip), "t&1")}, {.body = page(instance("i-2", ip))}});
    const auto groups = aws_->world.refresh(*aws_->world.refresher(
        "ec2", AwsWorld::keys() + "filters:\n- {name: tag:a, values: [x, 'y z']}\n"
                                  "- {name: instance-state-name, values: [running]}\n"));
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    const auto asked = aws_->asked("DescribeInstances");
    QCOMPARE(asked.size(), std::size_t{2});
    QCOMPARE(asked[1].body,
             std::string("Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aa"
                         "&Filter.1.Value.1=x&Filter.1.Value.2=y%20z"
                         "&Filter.2.Name=instance-state-name&Filter.2.Value.1=running"
                         "&NextToken=t%261"));
}

void TestEc2Discovery::goesOnWithoutZones()
{
    aws_->answer("DescribeAvailabilityZones", kRefused, 401);
    aws_->answer("DescribeInstances",
                 page(instance("i-1", "<privateIpAddress>10.0.0.1</privateIpAddress>")));
    const auto refresher = aws_->world.refresher("ec2", AwsWorld::keys());
    QVERIFY(
        !labelsOf(aws_->world.refresh(*refresher)[0]).contains("__meta_ec2_availability_zone_id"));
    aws_->answer("DescribeAvailabilityZones", kZones);
    QCOMPARE(labelsOf(aws_->world.refresh(*refresher)[0])["__meta_ec2_availability_zone_id"],
             std::string("euw1-az3"));
}

void TestEc2Discovery::asksForCredentialsAgainWhenRefused()
{
    aws_->server.answerWith("PUT /latest/api/token", {.body = "imds-token"});
    const std::string path = "GET /latest/meta-data/iam/security-credentials/";
    aws_->server.answerWith(path, {.body = "my-role"});
    aws_->server.answerWith(path + "my-role", {.body = R"({"Code":"Success","AccessKeyId":"A1",)"
                                                       R"("SecretAccessKey":"S","Token":"T"})"});
    aws_->answer("DescribeInstances",
                 {{.body = page("")}, {.status = 401, .body = kRefused}, {.body = page("")}});
    const auto refresher = aws_->world.refresher("ec2", "region: r");
    QCOMPARE(aws_->world.refreshError(*refresher), std::string());
    QCOMPARE(aws_->world.refreshError(*refresher),
             std::string("could not describe instances: api error AuthFailure: not you"));
    QCOMPARE(aws_->server.count(path + "my-role"), std::size_t{1});
    QCOMPARE(aws_->world.refreshError(*refresher), std::string());
    QCOMPARE(aws_->server.count(path + "my-role"), std::size_t{2});
    const auto request = aws_->asked("DescribeInstances").back();
    QCOMPARE(std::string(request.header("X-Amz-Security-Token")), std::string("T"));
}

void TestEc2Discovery::failsOnBadAnswers_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::newRow("status") << 503 << ""
                            << "server returned HTTP status 503 Service Unavailable";
    QTest::newRow("no XML") << 200 << "{}"
                            << "invalid XML at byte 2";
    QTest::newRow("cut off") << 200 << "<DescribeInstancesResponse><a>"
                             << "invalid XML at byte";
    QTest::newRow("something else") << 200 << "<html/>"
                                    << "unexpected answer <html>";
    QTest::newRow("throttled") << 503
                               << "<Response><Errors><Error><Code>RequestLimitExceeded</Code>"
                                  "<Message>slow down</Message></Error></Errors></Response>"
                               << "api error RequestLimitExceeded: slow down";
}

void TestEc2Discovery::failsOnBadAnswers()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    QFETCH(QString, message);
    aws_->answer("DescribeInstances", body.toStdString(), status);
    const auto error = QString::fromStdString(
        aws_->world.refreshError(*aws_->world.refresher("ec2", AwsWorld::keys())));
    QVERIFY2(error.startsWith("could not describe instances: " + message), qPrintable(error));
}

void TestEc2Discovery::printsWithoutSecrets()
{
    const auto config = DiscoveryWorld::read("ec2", AwsWorld::keys());
    yaml::FieldPrinter printer;
    (*config)->describe(printer);
    QCOMPARE(QString::fromStdString(yaml::toText(printer.node())),
             QString("endpoint: \"\"\nregion: eu-west-1\naccess_key: AKID\nsecret_key: <secret>\n"
                     "refresh_interval: 1m\nport: 80\nfollow_redirects: true\n"
                     "enable_http2: true\n"));
}

QTEST_GUILESS_MAIN(TestEc2Discovery)
#include "tst_ec2_discovery.moc"
