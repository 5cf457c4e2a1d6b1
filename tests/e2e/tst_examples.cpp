// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The example configurations, each run by the engine against what they speak of: a real name
// server and a real web server with TLS and passwords, recorded APIs of clouds. A test fills in
// what a user would: addresses, passwords.
#include "support/certificates.h"
#include "support/engine_run.h"
#include "support/kubernetes_api.h"
#include "support/name_server.h"
#include "support/network_peer.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

QString example(const QString& name)
{
    QFile file(QStringLiteral(NARTHEX_EXAMPLES_DIR "/") + name);
    if (!file.open(QIODevice::ReadOnly)) {
        throw std::runtime_error("no example " + name.toStdString());
    }
    return QString::fromUtf8(file.readAll());
}

const char kPage[] = "# TYPE kafka_up gauge\nkafka_up 1\n";

/// A node of a managed service: HTTPS on loopback addresses, a password, a page of metrics.
class SecureNode
{
public:
    SecureNode() : authority_("project CA"), port_(test::freePort()) {}

    bool start()
    {
        const CertificatePair pair =
            authority_.issue("node", "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2");
        peer_.write("node.crt", pair.certificate);
        peer_.write("node.key", pair.key);
        peer_.write("metrics", kPage);
        peer_.write("users", "prometheus-user:{PLAIN}prometheus-password\n");
        std::string servers;
        for (const char* const address : {"127.0.0.1", "127.0.0.2"}) {
            servers += fmt::format(
                "server {{ listen {}:{} ssl; ssl_certificate {}; ssl_certificate_key {};"
                " auth_basic closed; auth_basic_user_file {};"
                " location = /metrics {{ default_type \"text/plain; version=0.0.4\"; alias {}; }}"
                " location = /v1/targets {{ default_type application/json; alias {}; }} }}\n",
                address, port_, peer_.path("node.crt"), peer_.path("node.key"), peer_.path("users"),
                peer_.path("metrics"), peer_.path("targets.json"));
        }
        return peer_.startNginx(servers, port_);
    }
    void setTargets(const std::string& json) const { peer_.write("targets.json", json); }
    [[nodiscard]] QString port() const { return QString::number(port_); }
    [[nodiscard]] std::string caPem() const { return authority_.pem(); }
    QString output() { return peer_.output(); }

private:
    CertificateAuthority authority_;
    int port_;
    NetworkPeer peer_;
};

} // namespace

class TestExamples : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void everyExampleLoads();
    void aivenKafkaByDns();
    void aivenKafkaOverPrivateLink();
    void aivenByNameWithTheProjectsCa();
    void aivenServicesByToken();
    void confluentCloud();
    void ec2ByTags();
    void kubernetesPods();
    void consulServices();
    void filesOfTargets();

private:
    static bool needs(const char* program) { return !NetworkPeer::find(program).isEmpty(); }
};

void TestExamples::everyExampleLoads()
{
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(NARTHEX_EXAMPLES_DIR)) {
        if (entry.path().extension() == ".yml") {
            const auto config = config::load(entry.path());
            QVERIFY2(config.ok(), config.status().ToString().c_str());
            QVERIFY2(config->warnings.empty(), entry.path().c_str());
            ++count;
        }
    }
    QCOMPARE(count, 9);
}

void TestExamples::aivenKafkaByDns()
{
    if (!needs("nginx") || NameServer::program().isEmpty()) {
        QSKIP("nginx or named cannot be had");
    }
    SecureNode node;
    QVERIFY2(node.start(), qPrintable(node.output()));
    NameServer names(std::map<std::string, std::string>{{"aivencloud.com",
                                                         "my-kafka-my-project A 127.0.0.1\n"
                                                         "my-kafka-my-project A 127.0.0.2\n"}});
    QVERIFY2(names.start(), qPrintable(names.output()));
    EngineRun run;
    run.options.surroundings.resolverFile = names.resolverFile();
    run.options.surroundings.dnsPort = names.port();
    run.start(example("aiven-kafka-dns.yml").replace("port: 9273", "port: " + node.port()));
    QVERIFY2(run.scrapes(2), qPrintable(run.targets()));
    QVERIFY2(run.targets().contains("instance=\"127.0.0.2:" + node.port()),
             qPrintable(run.targets()));
    QVERIFY(run.targets().contains("job=\"aiven-kafka\""));
}

void TestExamples::aivenKafkaOverPrivateLink()
{
    if (!needs("nginx")) {
        QSKIP("nginx cannot be had");
    }
    SecureNode node;
    node.setTargets("[{\"targets\":[\"127.0.0.1:" + node.port().toStdString() +
                    "\"],\"labels\":{\"__meta_privatelink_connection_id\":\"1\"}},"
                    "{\"targets\":[\"127.0.0.2:" +
                    node.port().toStdString() +
                    "\"],\"labels\":{\"__meta_privatelink_connection_id\":\"2\"}}]");
    QVERIFY2(node.start(), qPrintable(node.output()));
    EngineRun run;
    run.start(example("aiven-kafka-privatelink.yml")
                  .replace("privatelink-1-my-kafka-my-project.aivencloud.com:10000",
                           "127.0.0.1:" + node.port()));
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
    QVERIFY2(run.targets().contains("instance=\"127.0.0.1:" + node.port()),
             qPrintable(run.targets()));
    QCOMPARE(run.dropped(), std::size_t{1});
}

void TestExamples::aivenByNameWithTheProjectsCa()
{
    if (!needs("nginx")) {
        QSKIP("nginx cannot be had");
    }
    SecureNode node;
    QVERIFY2(node.start(), qPrintable(node.output()));
    EngineRun run;
    run.write("ca.pem", node.caPem());
    run.start(example("aiven-static-ca.yml")
                  .replace("my-pg-my-project.aivencloud.com:9273", "localhost:" + node.port()));
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
    QVERIFY(run.targets().contains("service=\"my-pg\""));
}

void TestExamples::aivenServicesByToken()
{
    if (!needs("nginx")) {
        QSKIP("nginx cannot be had");
    }
    SecureNode node;
    QVERIFY2(node.start(), qPrintable(node.output()));
    ScriptedServer api;
    api.json("GET /v1/project/my-project/service",
             "{\"services\":[{\"service_name\":\"shop\",\"service_type\":\"pg\",\"state\":"
             "\"RUNNING\",\"components\":[{\"component\":\"prometheus\",\"host\":\"localhost\","
             "\"port\":" +
                 node.port().toStdString() +
                 ",\"route\":\"dynamic\",\"usage\":\"primary\"}]},"
                 "{\"service_name\":\"off\",\"service_type\":\"pg\",\"state\":\"POWEROFF\","
                 "\"components\":[]}]}");
    EngineRun run;
    run.options.surroundings.apiBase = api.url();
    run.write("ca.pem", node.caPem());
    run.write("aiven-token", "secret-token\n");
    run.start(example("aiven-services.yml")
                  .replace("- project: my-project", "- project: my-project\n        api_url: " +
                                                        QString::fromStdString(api.url())));
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
    QVERIFY2(run.targets().contains("service=\"shop\", service_type=\"pg\""),
             qPrintable(run.targets()));
    QCOMPARE(std::string(api.last("GET /v1/project/my-project/service").header("Authorization")),
             std::string("aivenv1 secret-token"));
}

void TestExamples::confluentCloud()
{
    ScriptedServer cloud;
    const auto now = std::to_string(QDateTime::currentMSecsSinceEpoch() - 60'000);
    cloud.answerWith(
        "GET /v2/metrics/cloud/export",
        {.contentType = "text/plain; version=0.0.4",
         .body = "confluent_kafka_server_received_bytes{kafka_id=\"lkc-1\"} 10 " + now + "\n"});
    EngineRun run;
    run.start(example("confluent-cloud.yml")
                  .replace("- api.telemetry.confluent.cloud",
                           "- " + QString::fromStdString(cloud.address()))
                  .replace("scheme: https", "scheme: http"));
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
    QVERIFY(run.targets().contains("job=\"Confluent Cloud\""));
    const auto request = cloud.last("GET /v2/metrics/cloud/export");
    QVERIFY((request.parameterValues("resource.kafka.id") ==
             std::vector<std::string>{"lkc-1", "lkc-2"}));
    QCOMPARE(std::string(request.header("Authorization")),
             "Basic " + QByteArray("API-KEY:API-SECRET").toBase64().toStdString());
    QCOMPARE(std::string(request.header("X-Prometheus-Scrape-Timeout-Seconds")), std::string("60"));
}

void TestExamples::ec2ByTags()
{
    ScriptedServer node;
    node.answerWith("GET /metrics", {.contentType = "text/plain", .body = kPage});
    ScriptedServer api;
    api.handle("POST /", [](const net::ServerRequest& request) {
        const bool zones = request.parameter("Action") == "DescribeAvailabilityZones";
        return net::ServerResponse{
            .contentType = "text/xml",
            .body = zones ? "<DescribeAvailabilityZonesResponse><availabilityZoneInfo/>"
                            "</DescribeAvailabilityZonesResponse>"
                          : "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>"
                            "<instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState>"
                            "<name>running</name></instanceState><instanceType>t3</instanceType>"
                            "<placement><availabilityZone>eu-west-1a</availabilityZone></placement>"
                            "<privateIpAddress>127.0.0.1</privateIpAddress><tagSet><item><key>Name"
                            "</key><value>web 1</value></item><item><key>team:owner</key><value>a"
                            "</value></item></tagSet></item></instancesSet></item></reservationSet>"
                            "</DescribeInstancesResponse>"};
    });
    EngineRun run;
    run.options.surroundings.apiBase = api.url();
    run.options.surroundings.variables = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                          {"AWS_SECRET_ACCESS_KEY", "secret"}};
    const QString address = QString::fromStdString(node.address());
    run.start(example("ec2-tags.yml").replace("port: 9100", "port: " + address.section(':', 1)));
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
    QVERIFY2(run.targets().contains("instance=\"web 1\", job=\"ec2\", team_owner=\"a\", "
                                    "zone=\"eu-west-1a\""),
             qPrintable(run.targets()));
    const auto all = api.requests();
    const auto request = *std::find_if(all.begin(), all.end(), [](const net::ServerRequest& each) {
        return each.parameter("Action") == "DescribeInstances";
    });
    QCOMPARE(request.parameter("Filter.1.Name").value_or(""), std::string_view("tag:monitoring"));
    QVERIFY(request.header("Authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
}

void TestExamples::kubernetesPods()
{
    ScriptedServer node;
    node.answerWith("GET /stats", {.contentType = "text/plain", .body = kPage});
    const std::string port = node.address().substr(node.address().find(':') + 1);
    KubernetesApi api;
    const auto pod = [&port](const std::string& name, const std::string& annotations) {
        return "{\"metadata\":{\"name\":\"" + name +
               "\",\"namespace\":\"shop\",\"labels\":{\"app\":\"web\"},\"annotations\":{" +
               annotations +
               "}},\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"ports\":"
               "[{\"containerPort\":80}]}]},\"status\":{\"podIP\":\"127.0.0.1\",\"phase\":"
               "\"Running\"}}";
    };
    api.put("/api/v1/pods", pod("a", "\"prometheus.io/scrape\":\"true\",\"prometheus.io/port\":\"" +
                                         port + "\",\"prometheus.io/path\":\"/stats\""));
    api.put("/api/v1/pods", pod("b", ""));
    EngineRun run;
    run.options.surroundings.apiBase = api.url();
    run.options.surroundings.variables = {{"KUBERNETES_SERVICE_HOST", "127.0.0.1"},
                                          {"KUBERNETES_SERVICE_PORT", "443"}};
    base::TemporaryDirectory root;
    const auto account = root.path() / "var/run/secrets/kubernetes.io/serviceaccount";
    std::filesystem::create_directories(account);
    QVERIFY(base::writeFileAtomically(account / "token", "the-token").ok());
    QVERIFY(base::writeFileAtomically(account / "namespace", "shop").ok());
    QVERIFY(base::writeFileAtomically(account / "ca.crt", CertificateAuthority("k8s").pem()).ok());
    run.options.surroundings.rootDirectory = root.path().string();
    run.start(example("kubernetes-in-cluster.yml"));
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
    QVERIFY2(run.targets().contains("app=\"web\"") &&
                 run.targets().contains("namespace=\"shop\", pod=\"a\""),
             qPrintable(run.targets()));
    QCOMPARE(run.dropped(), std::size_t{1});
    // A pod that goes takes its target with it.
    api.remove("/api/v1/pods", "shop/a");
    QVERIFY2(run.scrapes(0), qPrintable(run.targets()));
}

void TestExamples::consulServices()
{
    ScriptedServer node;
    node.answerWith("GET /metrics", {.contentType = "text/plain", .body = kPage});
    const std::string port = node.address().substr(node.address().find(':') + 1);
    ScriptedServer consul;
    const auto answer = [&consul](const std::string& path, const std::string& body) {
        consul.answerWith("GET " + path, {.contentType = "application/json",
                                          .body = body,
                                          .headers = {{"X-Consul-Index", "7"}}});
    };
    answer("/v1/agent/self", "{\"Config\":{\"Datacenter\":\"dc1\"}}");
    answer("/v1/catalog/services", "{\"web\":[\"metrics\"],\"other\":[]}");
    answer("/v1/health/service/web",
           "[{\"Node\":{\"Node\":\"n1\",\"Address\":\"127.0.0.1\"},\"Service\":{\"ID\":\"web1\","
           "\"Service\":\"web\",\"Tags\":[\"metrics\"],\"Address\":\"\",\"Port\":" +
               port + "},\"Checks\":[{\"Status\":\"passing\"}]}]");
    EngineRun run;
    run.start(
        example("consul.yml").replace("localhost:8500", QString::fromStdString(consul.address())));
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
    QVERIFY2(run.targets().contains("node=\"n1\", service=\"web\""), qPrintable(run.targets()));
    QCOMPARE(consul.last("GET /v1/health/service/web").parameter("tag").value_or(""),
             std::string_view("metrics"));
}

void TestExamples::filesOfTargets()
{
    ScriptedServer node;
    node.answerWith("GET /metrics", {.contentType = "text/plain", .body = kPage});
    const QString address = QString::fromStdString(node.address());
    EngineRun run;
    run.write("targets/databases.json",
              example("targets/databases.json").replace("localhost:9187", address).toStdString());
    run.write("targets/web.yml",
              example("targets/web.yml").replace("localhost:9113", address).toStdString());
    run.start(example("file-targets.yml"));
    QVERIFY2(run.scrapes(2), qPrintable(run.targets()));
    QVERIFY2(run.targets().contains("role=\"database\"") && run.targets().contains("role=\"web\""),
             qPrintable(run.targets()));
    run.write("targets/web.yml", "[]");
    QVERIFY2(run.scrapes(1), qPrintable(run.targets()));
}

QTEST_GUILESS_MAIN(TestExamples)
#include "tst_examples.moc"
