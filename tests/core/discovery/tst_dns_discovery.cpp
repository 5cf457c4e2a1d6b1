// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/dns.h"
#include "support/discovery_world.h"
#include "support/name_server.h"

#include <QUdpSocket>
#include <QtTest>

#include <thread>

using namespace narthex;
using namespace narthex::tests;

namespace {

std::string manyAddresses()
{
    std::string records;
    for (int i = 1; i <= 100; ++i) {
        records += fmt::format("many A 10.1.0.{}\n", i);
    }
    return records;
}

std::map<std::string, std::string> zones()
{
    return {{"example.org", "_m._tcp SRV 1 2 9100 one\n"
                            "_m._tcp SRV 5 6 9200 two.other.net.\n"
                            "one A 10.0.0.1\n"
                            "both A 10.0.0.2\n"
                            "both AAAA 2001:db8::1\n"
                            "alias CNAME one\n"
                            "text TXT hello\n"
                            "mail MX 10 mx1\n"
                            "sub NS ns.sub\n"
                            "ns.sub A 10.0.0.9\n" +
                                manyAddresses()},
            {"a.org", "other A 10.0.0.3\n"},
            {"b.org", "db A 10.0.0.4\n"},
            {"bad.org", "broken"}};
}

} // namespace

class TestDnsDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void judgesConfigs_data();
    void judgesConfigs();
    void readsResolverFiles();
    void ordersCandidateNames_data();
    void ordersCandidateNames();
    void findsServicesWithTheirPorts();
    void findsAddressesOfEveryType_data();
    void findsAddressesOfEveryType();
    void asksAgainOverTcpWhenTruncated();
    void walksTheSearchList_data();
    void walksTheSearchList();
    void tellsGoneFromFailed_data();
    void tellsGoneFromFailed();
    void oneFailingNameLeavesTheOthers();
    void goesToTheNextServer();
    void waitsTwoSecondsForASilentServer();
    void stopsWhileItWaits();

private:
    /// A refresh of these names; metrics of the world count on.
    discovery::TargetGroups refresh(const std::string& yaml)
    {
        return world_.refresh(*world_.refresher("dns", yaml));
    }
    [[nodiscard]] double failures() const
    {
        return world_.metrics.value("prometheus_sd_dns_lookup_failures_total");
    }

    DiscoveryWorld world_;
    std::unique_ptr<NameServer> server_;
    int markers_ = 0;
};

void TestDnsDiscovery::initTestCase()
{
    if (NameServer::program().isEmpty()) {
        return; // the tests that need it say so
    }
    server_ = std::make_unique<NameServer>(zones());
    QVERIFY2(server_->start(), qPrintable(server_->output()));
    world_.resolverFile = server_->resolverFile();
    world_.dnsPort = server_->port();
}

#define NEEDS_SERVER()                                                                             \
    do {                                                                                           \
        if (!server_) {                                                                            \
            QSKIP("bind9's named is not among the peers (packaging/test gets it)");                \
        }                                                                                          \
        server_->writeResolver("");                                                                \
    } while (false)

void TestDnsDiscovery::judgesConfigs_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("no names") << "type: A\nport: 1"
                              << "DNS-SD config must contain at least one SRV record name";
    QTest::newRow("type") << "names: [a]\ntype: TXT"
                          << "invalid DNS-SD records type TXT";
    QTest::newRow("A without port")
        << "names: [a]\ntype: A"
        << "a port is required in DNS-SD configs for all record types except SRV";
    QTest::newRow("lower case") << "names: [a]\ntype: srv"
                                << "";
    QTest::newRow("mixed case") << "names: [a]\ntype: Aaaa\nport: 1"
                                << "";
    QTest::newRow("default type") << "names: [a]"
                                  << "";
    QTest::newRow("port") << "names: [a]\ntype: MX\nport: 70000"
                          << "70000 is no port";
}

void TestDnsDiscovery::judgesConfigs()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error = QString::fromStdString(DiscoveryWorld::readError("dns", yaml.toStdString()));
    QVERIFY2(message.isEmpty() ? error.isEmpty() : error.contains(message), qPrintable(error));
}

void TestDnsDiscovery::readsResolverFiles()
{
    const auto settings = net::parseResolverFile("# comment\n"
                                                 "nameserver 10.0.0.1\n"
                                                 "nameserver\t2001:db8::53\r\n"
                                                 "; other comment\n"
                                                 "domain old.org\n"
                                                 "search a.org b.org.\n"
                                                 "options rotate ndots:3 timeout:1\n"
                                                 "sortlist 10.0.0.0\n"
                                                 "nameserver");
    QCOMPARE(settings.servers, (std::vector<std::string>{"10.0.0.1", "2001:db8::53"}));
    QCOMPARE(settings.search, (std::vector<std::string>{"a.org", "b.org"}));
    QCOMPARE(settings.ndots, std::size_t{3});
    QCOMPARE(net::parseResolverFile("options ndots:99").ndots, std::size_t{15});
    QVERIFY(net::parseResolverFile("") == net::ResolverSettings{});
}

void TestDnsDiscovery::ordersCandidateNames_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<int>("ndots");
    QTest::addColumn<QString>("candidates");
    QTest::newRow("few dots") << "db" << 1 << "db.a.org. db.b.org. db.";
    QTest::newRow("final dot") << "db." << 1 << "db.";
    QTest::newRow("enough dots") << "db.x" << 1 << "db.x. db.x.a.org. db.x.b.org.";
    QTest::newRow("not enough dots") << "db.x" << 2 << "db.x.a.org. db.x.b.org. db.x.";
    QTest::newRow("no dots needed") << "db" << 0 << "db. db.a.org. db.b.org.";
}

void TestDnsDiscovery::ordersCandidateNames()
{
    QFETCH(QString, name);
    QFETCH(int, ndots);
    QFETCH(QString, candidates);
    const net::ResolverSettings settings{.search = {"a.org", "b.org"},
                                         .ndots = static_cast<std::size_t>(ndots)};
    const auto names = net::dnsCandidates(name.toStdString(), settings);
    QCOMPARE(QString::fromStdString(fmt::format("{}", fmt::join(names, " "))), candidates);
}

void TestDnsDiscovery::findsServicesWithTheirPorts()
{
    NEEDS_SERVER();
    const double before = world_.metrics.value("prometheus_sd_dns_lookups_total");
    const auto groups = refresh("names: [_m._tcp.example.org]\n");
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].source, std::string("_m._tcp.example.org"));
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    std::map<std::string, std::map<std::string, std::string>> all;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto labels = labelsOf(groups[0], i);
        all[labels.at("__address__")] = labels;
    }
    auto one = all.at("one.example.org:9100");
    QCOMPARE(one["__meta_dns_name"], std::string("_m._tcp.example.org"));
    QCOMPARE(one["__meta_dns_srv_record_target"], std::string("one.example.org."));
    QCOMPARE(one["__meta_dns_srv_record_port"], std::string("9100"));
    QVERIFY(!one.contains("__meta_dns_mx_record_target"));
    QCOMPARE(all.at("two.other.net:9200").at("__meta_dns_srv_record_target"),
             std::string("two.other.net."));
    QCOMPARE(world_.metrics.value("prometheus_sd_dns_lookups_total"), before + 1);
}

void TestDnsDiscovery::findsAddressesOfEveryType_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("address");
    QTest::addColumn<QString>("label");
    QTest::addColumn<QString>("value");
    QTest::newRow("A") << "{names: [both.example.org], type: a, port: 9100}"
                       << "10.0.0.2:9100"
                       << "dns_name"
                       << "both.example.org";
    QTest::newRow("AAAA") << "{names: [both.example.org], type: AAAA, port: 9100}"
                          << "[2001:db8::1]:9100"
                          << "dns_name"
                          << "both.example.org";
    QTest::newRow("MX") << "{names: [mail.example.org], type: MX, port: 25}"
                        << "mx1.example.org:25"
                        << "dns_mx_record_target"
                        << "mx1.example.org.";
    QTest::newRow("NS") << "{names: [example.org], type: NS, port: 53}"
                        << "ns.example.org:53"
                        << "dns_ns_record_target"
                        << "ns.example.org.";
    QTest::newRow("alias") << "{names: [alias.example.org], type: A, port: 80}"
                           << "10.0.0.1:80"
                           << "dns_name"
                           << "alias.example.org";
    QTest::newRow("final dot") << "{names: [one.example.org.], type: A, port: 80}"
                               << "10.0.0.1:80"
                               << "dns_name"
                               << "one.example.org.";
}

void TestDnsDiscovery::findsAddressesOfEveryType()
{
    NEEDS_SERVER();
    QFETCH(QString, yaml);
    QFETCH(QString, address);
    QFETCH(QString, label);
    QFETCH(QString, value);
    const auto groups = refresh(yaml.toStdString());
    QCOMPARE(groups.size(), std::size_t{1});
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    auto labels = labelsOf(groups[0]);
    QCOMPARE(QString::fromStdString(labels["__address__"]), address);
    QCOMPARE(QString::fromStdString(labels["__meta_" + label.toStdString()]), value);
}

void TestDnsDiscovery::asksAgainOverTcpWhenTruncated()
{
    NEEDS_SERVER();
    const auto groups = refresh("{names: [many.example.org], type: A, port: 9100}");
    QCOMPARE(groups.at(0).entries.size(), std::size_t{100});
    // The log's flags: + for a recursive question, E for EDNS0, T for TCP.
    QTRY_VERIFY(server_->output().contains("query: many.example.org IN A +T ("));
    QCOMPARE(server_->output().count("query: many.example.org IN A +E(0) ("), 1);
    QCOMPARE(server_->output().count("query: many.example.org IN A +"), 2);
}

void TestDnsDiscovery::walksTheSearchList_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("asked");
    QTest::addColumn<int>("targets");
    QTest::newRow("found in the second") << "db"
                                         << "db.a.org A, db.b.org A" << 1;
    QTest::newRow("final dot") << "db."
                               << "db A" << -1;
    QTest::newRow("nowhere") << "nix"
                             << "nix.a.org A, nix.b.org A, nix A" << -1;
    QTest::newRow("dots first") << "other.a.org"
                                << "other.a.org A" << 1;
}

void TestDnsDiscovery::walksTheSearchList()
{
    NEEDS_SERVER();
    QFETCH(QString, name);
    QFETCH(QString, asked);
    QFETCH(int, targets);
    const std::string marker = "marker" + std::to_string(++markers_) + ".example.org";
    refresh("{names: [" + marker + ".], type: A, port: 1}");
    server_->writeResolver("search a.org b.org\n");
    const auto groups = refresh("{names: [" + name.toStdString() + "], type: A, port: 1}");
    // The bare name is outside of the server's zones: it refuses, the name's targets stay.
    QCOMPARE(groups.empty(), targets < 0);
    if (targets >= 0) {
        QCOMPARE(groups[0].entries.size(), static_cast<std::size_t>(targets));
    }
    const auto askedSinceMarker = [&] {
        auto names = server_->asked();
        const auto at = std::find(names.begin(), names.end(), marker + " A");
        names.erase(names.begin(), at == names.end() ? at : at + 1);
        return QString::fromStdString(fmt::format("{}", fmt::join(names, ", ")));
    };
    QTRY_COMPARE(askedSinceMarker(), asked);
}

void TestDnsDiscovery::tellsGoneFromFailed_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("search");
    QTest::addColumn<bool>("gone");
    QTest::newRow("no such name") << "nix.example.org."
                                  << "" << true;
    QTest::newRow("name without such records") << "text.example.org."
                                               << "" << true;
    QTest::newRow("no such name anywhere") << "nix.b.org"
                                           << "search a.org" << true;
    QTest::newRow("server failure") << "x.bad.org."
                                    << "" << false;
    QTest::newRow("refused") << "x.unknown.net."
                             << "" << false;
    QTest::newRow("failure in one candidate") << "nix.b.org"
                                              << "search bad.org" << false;
}

void TestDnsDiscovery::tellsGoneFromFailed()
{
    NEEDS_SERVER();
    QFETCH(QString, name);
    QFETCH(QString, search);
    QFETCH(bool, gone);
    server_->writeResolver(search.toStdString() + "\n");
    const double before = failures();
    const auto groups = refresh("{names: [" + name.toStdString() + "], type: A, port: 1}");
    QCOMPARE(groups.size(), std::size_t{gone ? 1U : 0U});
    QVERIFY(groups.empty() || groups[0].entries.empty());
    QCOMPARE(failures(), before + (gone ? 0 : 1));
}

void TestDnsDiscovery::oneFailingNameLeavesTheOthers()
{
    NEEDS_SERVER();
    std::string names = "x.bad.org.";
    for (int i = 0; i < 40; ++i) {
        names += ", one.example.org";
    }
    const auto groups = refresh("{names: [" + names + "], type: A, port: 1}");
    QCOMPARE(groups.size(), std::size_t{40});
}

void TestDnsDiscovery::goesToTheNextServer()
{
    NEEDS_SERVER();
    server_->writeResolver("nameserver 127.0.0.2\nnameserver nonsense\n"); // nobody listens there
    QCOMPARE(refresh("{names: [one.example.org.], type: A, port: 1}").at(0).entries.size(),
             std::size_t{1});
}

void TestDnsDiscovery::waitsTwoSecondsForASilentServer()
{
    NEEDS_SERVER();
    QUdpSocket silent;
    QVERIFY(silent.bind(QHostAddress("127.0.0.3"), server_->port()));
    server_->writeResolver("nameserver 127.0.0.3\n");
    QElapsedTimer timer;
    timer.start();
    QCOMPARE(refresh("{names: [one.example.org.], type: A, port: 1}").at(0).entries.size(),
             std::size_t{1});
    QVERIFY2(timer.elapsed() >= 1900 && timer.elapsed() < 10000,
             qPrintable(QString::number(timer.elapsed())));
}

void TestDnsDiscovery::stopsWhileItWaits()
{
    QUdpSocket silent;
    QVERIFY(silent.bind(QHostAddress("127.0.0.4"), 0));
    base::TemporaryDirectory folder;
    const std::string file = (folder.path() / "resolv.conf").string();
    std::ofstream(file) << "nameserver 127.0.0.4\nnameserver 127.0.0.4\nnameserver 127.0.0.4\n";
    const net::DnsResolver resolver(file, silent.localPort());
    std::stop_source stop;
    absl::Status status;
    std::jthread asking(
        [&] { status = resolver.lookup("x.org.", net::DnsType::A, stop.get_token()).status(); });
    QVERIFY(silent.waitForReadyRead(10000));
    QElapsedTimer timer;
    timer.start();
    stop.request_stop();
    asking.join();
    QVERIFY(timer.elapsed() < 1000);
    QVERIFY(absl::IsCancelled(status));
}

QTEST_GUILESS_MAIN(TestDnsDiscovery)
#include "tst_dns_discovery.moc"
