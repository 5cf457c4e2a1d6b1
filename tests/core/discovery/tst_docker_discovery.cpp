// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QLocalServer>
#include <QLocalSocket>
#include <QTemporaryDir>
#include <QtTest>

#include <thread>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kContainers = "GET /v1.41/containers/json";
const char* const kNetworks = "GET /v1.41/networks";

/// A web container with a published port, an internal one and a UDP one, in two networks.
std::string webContainer()
{
    return R"({"Id":"c1","Names":["/web"],"Image":"nginx:1","ImageID":"sha256:1",
        "Labels":{"com.docker.compose.project":"shop"},"HostConfig":{"NetworkMode":"shop_net"},
        "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                 {"PrivatePort":443,"Type":"tcp"},{"PrivatePort":53,"Type":"udp"}],
        "NetworkSettings":{"Networks":{
            "zz":{"IPAddress":"10.2.0.2","NetworkID":"n2"},
            "shop_net":{"IPAddress":"10.1.0.2","NetworkID":"n1"}}}})";
}

std::string container(const char* id, const char* mode, const char* ports, const char* networks)
{
    return std::string(R"({"Id":")") + id + R"(","Names":["/)" + id +
           R"("],"HostConfig":{"NetworkMode":")" + mode + R"("},"Ports":)" + ports +
           R"(,"NetworkSettings":{"Networks":)" + networks + "}}";
}

const char* networks()
{
    return R"([{"Id":"n1","Name":"shop_net","Scope":"local","Internal":false,"Ingress":false,
                "Labels":{"a.b":"c"}},
               {"Id":"n2","Name":"zz","Scope":"swarm","Internal":true,"Ingress":true}])";
}

/// One connection after the other gets the daemon's answers over a Unix socket.
class SocketDaemon
{
public:
    explicit SocketDaemon(const QString& path)
    {
        started_ = server_.listen(path);
        QObject::connect(&server_, &QLocalServer::newConnection, &server_, [this] { greet(); });
    }
    [[nodiscard]] bool started() const { return started_; }
    QStringList asked;

private:
    void greet()
    {
        QLocalSocket* const socket = server_.nextPendingConnection();
        QObject::connect(socket, &QLocalSocket::readyRead, socket, [this, socket] {
            buffer_ += socket->readAll();
            qsizetype end = 0;
            while ((end = buffer_.indexOf("\r\n\r\n")) >= 0) {
                const QString path = QString::fromUtf8(buffer_).section(' ', 1, 1);
                buffer_.remove(0, end + 4);
                asked += path;
                const QByteArray body = path == "/_ping" ? "OK" : "[]";
                socket->write("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: " +
                              QByteArray::number(body.size()) + "\r\n\r\n" + body);
            }
        });
    }

    QLocalServer server_;
    QByteArray buffer_;
    bool started_ = false;
};

} // namespace

class TestDockerDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesConfigurationsWithoutHost();
    void refusesUnknownKindsOfHosts();
    void agreesOnAVersionAndListsPorts();
    void takesEveryNetworkWhenAsked();
    void addressesContainersWithoutTcpPorts_data();
    void addressesContainersWithoutTcpPorts();
    void followsSharedNetworks();
    void sendsFilters();
    void asksOldDaemonsWithTheirVersion();
    void talksOverAUnixSocket();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& more = {}) const
    {
        return "host: tcp://" + server_.address() + "\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestDockerDiscovery::init()
{
    server_.forget();
    server_.answerWith("GET /_ping", {.body = "OK", .headers = {{"Api-Version", "1.41"}}});
    server_.json(kNetworks, networks());
}

void TestDockerDiscovery::refusesConfigurationsWithoutHost()
{
    QVERIFY(problemOf("docker", "port: 80").contains("host missing"));
}

void TestDockerDiscovery::refusesUnknownKindsOfHosts()
{
    for (const char* host : {"npipe:////./pipe/docker", "/var/run/docker.sock", "unix://"}) {
        const auto config = DiscoveryWorld::read("docker", std::string("host: ") + host);
        QVERIFY(config.ok());
        QVERIFY(!(*config)->makeProvider(world_.environment()).ok());
    }
}

void TestDockerDiscovery::agreesOnAVersionAndListsPorts()
{
    server_.json(kContainers, "[" + webContainer() + R"(,{"Id":"x","Names":[]}])");
    const auto refresher = world_.refresher("docker", yaml());
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_),
             lines({"GET /_ping", "GET /v1.41/containers/json", "GET /v1.41/networks"}));
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("Docker"));
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    QCOMPARE(
        shown(groups[0], "docker"),
        lines({"__address__=10.1.0.2:80", "container_id=c1", "container_image=nginx:1",
               "container_image_id=sha256:1", "container_label_com_docker_compose_project=shop",
               "container_name=/web", "container_network_mode=shop_net", "network_id=n1",
               "network_ingress=false", "network_internal=false", "network_ip=10.1.0.2",
               "network_label_a_b=c", "network_name=shop_net", "network_scope=local",
               "port_private=80", "port_public=8080", "port_public_ip=0.0.0.0"}));
    QCOMPARE(labelsOf(groups[0], 1)["__address__"], std::string("10.1.0.2:443"));
    QVERIFY(!labelsOf(groups[0], 1).contains("__meta_docker_port_public"));
    world_.refresh(*refresher);
    QCOMPARE(server_.count("GET /_ping"), std::size_t{1});
}

void TestDockerDiscovery::takesEveryNetworkWhenAsked()
{
    server_.json(kContainers, "[" + webContainer() + "]");
    const auto refresher = world_.refresher("docker", yaml("match_first_network: false\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(addressesOf(groups[0]), QString("10.1.0.2:80 10.1.0.2:443 10.2.0.2:80 10.2.0.2:443"));
    QCOMPARE(labelsOf(groups[0], 2)["__meta_docker_network_ingress"], std::string("true"));
}

void TestDockerDiscovery::addressesContainersWithoutTcpPorts_data()
{
    QTest::addColumn<QString>("mode");
    QTest::addColumn<QString>("ports");
    QTest::addColumn<QString>("network");
    QTest::addColumn<QString>("address");
    QTest::newRow("no ports") << "b"
                              << "[]"
                              << R"({"b":{"IPAddress":"10.0.0.1"}})"
                              << "10.0.0.1:9000";
    QTest::newRow("UDP only") << "b"
                              << R"([{"PrivatePort":53,"Type":"udp"}])"
                              << R"({"b":{"IPAddress":"10.0.0.1"}})"
                              << "10.0.0.1:9000";
    QTest::newRow("host network") << "host"
                                  << "[]"
                                  << R"({"host":{"IPAddress":""}})"
                                  << "localhost";
    QTest::newRow("IPv6") << "b"
                          << "[]"
                          << R"({"b":{"IPAddress":"","GlobalIPv6Address":"2001:db8::2"}})"
                          << "[2001:db8::2]:9000";
    QTest::newRow("null network") << "b"
                                  << "[]"
                                  << R"({"a":null,"b":{"IPAddress":"10.0.0.1"}})"
                                  << "10.0.0.1:9000";
    QTest::newRow("no network") << "none"
                                << "[]"
                                << "{}"
                                << "";
}

void TestDockerDiscovery::addressesContainersWithoutTcpPorts()
{
    QFETCH(QString, mode);
    QFETCH(QString, ports);
    QFETCH(QString, network);
    QFETCH(QString, address);
    server_.json(kContainers,
                 "[" +
                     container("c", mode.toUtf8().constData(), ports.toUtf8().constData(),
                               network.toUtf8().constData()) +
                     "]");
    const auto refresher = world_.refresher("docker", yaml("port: 9000\n"));
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), address);
}

void TestDockerDiscovery::followsSharedNetworks()
{
    const char* const ports = R"([{"PrivatePort":81,"Type":"tcp"}])";
    server_.json(kContainers,
                 "[" + container("a", "container:b", ports, "{}") + "," +
                     container("b", "container:c", "[]", "{}") + "," +
                     container("c", "bridge", "[]", R"({"bridge":{"IPAddress":"10.0.0.3"}})") +
                     "," + container("loop", "container:loop", ports, "{}") + "]");
    const auto refresher = world_.refresher("docker", yaml());
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]),
             QString("10.0.0.3:81 10.0.0.3:80 10.0.0.3:80"));
}

void TestDockerDiscovery::sendsFilters()
{
    server_.json(kContainers, "[]");
    const auto refresher = world_.refresher(
        "docker", yaml("filters:\n- {name: label, values: [x=1, y]}\n- {name: name, values: [n]}"));
    world_.refresh(*refresher);
    QCOMPARE(asked(server_), lines({"GET /_ping",
                                    "GET /v1.41/containers/json?filters="
                                    R"({"label":{"x=1":true,"y":true},"name":{"n":true}})",
                                    "GET /v1.41/networks"}));
}

void TestDockerDiscovery::asksOldDaemonsWithTheirVersion()
{
    server_.answerWith("GET /_ping", {.body = "OK"});
    server_.json("GET /v1.24/containers/json", "null");
    server_.json("GET /v1.24/networks", "[]");
    const auto refresher = world_.refresher("docker", yaml());
    QVERIFY(world_.refresh(*refresher)[0].entries.empty());
    server_.answerWith("GET /_ping", {.body = "OK", .headers = {{"Api-Version", "1.99"}}});
    server_.json("GET /v1.47/containers/json", "[]");
    server_.json("GET /v1.47/networks", "[]");
    const auto newer = world_.refresher("docker", yaml());
    QVERIFY(world_.refresh(*newer)[0].entries.empty());
}

void TestDockerDiscovery::talksOverAUnixSocket()
{
    QTemporaryDir directory;
    const QString path = directory.filePath("docker.sock");
    SocketDaemon daemon(path);
    QVERIFY(daemon.started());
    const auto refresher = world_.refresher("docker", "host: unix://" + path.toStdString());
    absl::StatusOr<discovery::TargetGroups> groups;
    std::atomic<bool> done = false;
    std::jthread asker([&] {
        groups = refresher->refresh(world_.stop.get_token());
        done = true;
    });
    QVERIFY(QTest::qWaitFor([&] { return done.load(); }));
    asker.join();
    QVERIFY2(groups.ok(), groups.status().ToString().c_str());
    QCOMPARE(daemon.asked, QStringList({"/_ping", "/v1.41/containers/json", "/v1.41/networks"}));
}

void TestDockerDiscovery::failsOnBadAnswers()
{
    server_.json(kContainers, "[]");
    QCOMPARE(acceptedNonsense(world_, server_, "docker", yaml(), kNetworks), QString());
    QCOMPARE(acceptedNonsense(world_, server_, "docker", yaml(), kContainers), QString());
    server_.answerWith("GET /_ping", {.status = 500});
    const auto refresher = world_.refresher("docker", yaml());
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("error while listing containers"), qPrintable(error));
}

QTEST_GUILESS_MAIN(TestDockerDiscovery)
#include "tst_docker_discovery.moc"
