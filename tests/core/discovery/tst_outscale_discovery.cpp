// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/sigv4.h"
#include "support/recorded_api.h"

#include <QDateTime>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kReadVms = "POST /api/v1/ReadVms";

const char* firstPage()
{
    return R"({"NextPageToken":"p2","Vms":[
      {"VmId":"i-1","State":"running","PrivateIp":"10.0.0.5","PublicIp":"203.0.113.5",
       "Placement":{"SubregionName":"eu-west-2a"},
       "Tags":[{"Key":"Name","Value":"my-vm"},{"Key":"env.a","Value":"prod"},
               {"Key":"","Value":"x"},{"Key":"empty","Value":""}]},
      {"VmId":"i-2","State":"stopped"}]})";
}

const char* secondPage() { return R"({"Vms":[{"VmId":"i-3","PublicIp":"203.0.113.10"}]})"; }

} // namespace

class TestOutscaleDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void knowsTheEndpointOfItsRegion();
    void listsMachinesOfAllPages();
    void signsRequests();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml() const
    {
        return "endpoint: " + server_.url() + "/api/v1\naccess_key: AK\nsecret_key: s3cret\n";
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestOutscaleDiscovery::init()
{
    server_.forget();
    server_.handle(kReadVms, [](const net::ServerRequest& request) {
        const bool second = request.body == R"({"NextPageToken":"p2"})";
        return net::ServerResponse{.contentType = "application/json",
                                   .body = second ? secondPage() : firstPage()};
    });
}

void TestOutscaleDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("region") << "region: ''\naccess_key: a\nsecret_key: s"
                            << "outscale SD configuration requires a region";
    QTest::newRow("access key") << "secret_key: s"
                                << "outscale SD configuration requires access_key";
    QTest::newRow("no secret") << "access_key: a"
                               << "one of secret_key & secret_key_file must be configured";
    QTest::newRow("two secrets")
        << "access_key: a\nsecret_key: s\nsecret_key_file: f"
        << "at most one of secret_key & secret_key_file must be configured";
}

void TestOutscaleDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("outscale", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestOutscaleDiscovery::knowsTheEndpointOfItsRegion()
{
    const auto config =
        DiscoveryWorld::read("outscale", "region: us-east-2\naccess_key: a\nsecret_key: hidden\n");
    QVERIFY(config.ok());
    yaml::FieldPrinter printer;
    (*config)->describe(printer);
    const auto text = QString::fromStdString(yaml::toText(printer.node()));
    QVERIFY2(text.contains("https://api.us-east-2.outscale.com/api/v1"), qPrintable(text));
    QVERIFY2(!text.contains("hidden"), qPrintable(text));
}

void TestOutscaleDiscovery::listsMachinesOfAllPages()
{
    const auto refresher = world_.refresher("outscale", yaml());
    const auto groups = world_.refresh(*refresher);
    const auto requests = server_.requests();
    QCOMPARE(requests.size(), std::size_t{2});
    QCOMPARE(requests[0].body, std::string("{}"));
    QCOMPARE(groups[0].source, std::string("eu-west-2"));
    QCOMPARE(addressesOf(groups[0]), QString("10.0.0.5:80 203.0.113.10:80"));
    QCOMPARE(shown(groups[0], "outscale_vm"),
             lines({"__address__=10.0.0.5:80", "instance_id=i-1", "private_ip=10.0.0.5",
                    "public_ip=203.0.113.5", "region=eu-west-2", "state=running",
                    "subregion=eu-west-2a", "tag_Name=my-vm", "tag_env_a=prod"}));
}

void TestOutscaleDiscovery::signsRequests()
{
    const auto refresher = world_.refresher("outscale", yaml());
    world_.refresh(*refresher);
    const auto request = server_.last(kReadVms);
    // The signature is the one that the request's own date gives.
    const std::string date(request.header("X-Amz-Date"));
    const QDateTime time =
        QDateTime::fromString(QString::fromStdString(date.substr(0, 15)), "yyyyMMdd'T'HHmmss");
    net::HttpRequest again{
        .method = "POST",
        .url = server_.url() + "/api/v1/ReadVms",
        .headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}},
        .body = request.body};
    const qint64 seconds = QDateTime(time.date(), time.time(), Qt::UTC).toSecsSinceEpoch();
    QVERIFY(net::signSigV4(again, {.accessKey = "AK", .secretKey = base::Secret("s3cret")},
                           {.region = "eu-west-2", .service = "oapi"}, {seconds * 1000})
                .ok());
    QCOMPARE(std::string(request.header("Authorization")), again.headers.back().second);
    QVERIFY(QString::fromStdString(again.headers.back().second)
                .contains("/eu-west-2/oapi/aws4_request"));
}

void TestOutscaleDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "outscale", yaml(), kReadVms), QString());
}

QTEST_GUILESS_MAIN(TestOutscaleDiscovery)
#include "tst_outscale_discovery.moc"
