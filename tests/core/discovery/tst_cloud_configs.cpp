// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the mechanisms of clouds and of container hosts read and print: keys in Prometheus' order,
// defaults filled in, secrets hidden.
#include "support/recorded_api.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

QString printed(discovery::MechanismConfig& config)
{
    yaml::FieldPrinter printer;
    config.describe(printer);
    return QString::fromStdString(yaml::toText(printer.node()));
}

const char* const kHttp = "follow_redirects: true\nenable_http2: true\n";

} // namespace

class TestCloudConfigs : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void printsAllKeysAndHidesSecrets_data();
    void printsAllKeysAndHidesSecrets();
    void comparesByValue_data();
    void comparesByValue();
    void refusesUnknownKeys_data();
    void refusesUnknownKeys();
    void refusesTwoWaysOfAuthorization();
    void resolvesFileNames();
};

void TestCloudConfigs::printsAllKeysAndHidesSecrets_data()
{
    QTest::addColumn<QString>("mechanism");
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("text");
    const auto row = [](const char* name, const char* yaml, const QString& text) {
        QTest::newRow(name) << name << yaml << text;
    };
    const QString http = kHttp;
    row("aiven",
        "api_token: hunter2\n"
        "project: p",
        QString("api_url: https://api.aiven.io\n"
                "api_token: <secret>\n"
                "project: p\n"
                "states:\n"
                "  - RUNNING\n"
                "  - REBALANCING\n"
                "  - REBUILDING\n"
                "route: dynamic\n"
                "usage: primary\n"
                "resolve_dns: false\n"
                "refresh_interval: 2m\n") +
            http);
    row("azure",
        "subscription_id: s\n"
        "resource_group: g\n"
        "tenant_id: t\n"
        "client_id: c\n"
        "client_secret: hunter2\n"
        "port: 9100",
        QString("environment: AzurePublicCloud\n"
                "port: 9100\n"
                "subscription_id: s\n"
                "tenant_id: t\n"
                "client_id: c\n"
                "client_secret: <secret>\n"
                "refresh_interval: 5m\n"
                "authentication_method: OAuth\n"
                "resource_group: g\n") +
            http);
    row("digitalocean", "authorization: {credentials: hunter2}",
        QString("authorization:\n"
                "  type: Bearer\n"
                "  credentials: <secret>\n") +
            http +
            QString("refresh_interval: 1m\n"
                    "port: 80\n"
                    "role: droplets\n"));
    row("docker", "host: unix:///var/run/docker.sock",
        http + QString("host: unix:///var/run/docker.sock\n"
                       "port: 80\n"
                       "filters: []\n"
                       "host_networking_host: localhost\n"
                       "refresh_interval: 1m\n"
                       "match_first_network: true\n"));
    row("dockerswarm",
        "host: http://127.0.0.1:2375\n"
        "role: nodes\n"
        "filters: [{name: role, values: [manager]}]",
        http + QString("host: http://127.0.0.1:2375\n"
                       "role: nodes\n"
                       "port: 80\n"
                       "filters:\n"
                       "  - name: role\n"
                       "    values:\n"
                       "      - manager\n"
                       "refresh_interval: 1m\n"));
    row("gce",
        "project: p\n"
        "zone: z\n"
        "filter: f",
        QString("project: p\n"
                "zone: z\n"
                "filter: f\n"
                "refresh_interval: 1m\n"
                "port: 80\n"
                "tag_separator: \",\"\n"));
    row("hetzner",
        "role: robot\n"
        "basic_auth: {username: u, password: hunter2}",
        QString("basic_auth:\n"
                "  username: u\n"
                "  password: <secret>\n") +
            http +
            QString("refresh_interval: 1m\n"
                    "port: 80\n"
                    "role: robot\n"));
    row("ionos",
        "datacenter_id: d\n"
        "authorization: {credentials: hunter2}",
        QString("datacenter_id: d\n"
                "authorization:\n"
                "  type: Bearer\n"
                "  credentials: <secret>\n") +
            http +
            QString("refresh_interval: 1m\n"
                    "port: 80\n"));
    row("kuma",
        "server: http://kuma:5676\n"
        "client_id: main",
        http + QString("refresh_interval: 15s\n"
                       "fetch_timeout: 2m\n"
                       "server: http://kuma:5676\n"
                       "client_id: main\n"));
    row("linode",
        "authorization: {credentials: hunter2}\n"
        "region: us-east",
        QString("authorization:\n"
                "  type: Bearer\n"
                "  credentials: <secret>\n") +
            http +
            QString("refresh_interval: 1m\n"
                    "port: 80\n"
                    "tag_separator: \",\"\n"
                    "region: us-east\n"));
    row("oci",
        "region: us-ashburn-1\n"
        "tenancy: t\n"
        "user: u\n"
        "fingerprint: aa:bb\n"
        "key_file: key.pem\n"
        "key_passphrase: hunter2\n"
        "compartments: [c]\n"
        "port: 9100",
        QString("auth: api_key\n"
                "tenancy: t\n"
                "user: u\n"
                "fingerprint: aa:bb\n"
                "key_file: /etc/narthex/key.pem\n"
                "key_passphrase: <secret>\n"
                "region: us-ashburn-1\n"
                "compartments:\n"
                "  - c\n") +
            http +
            QString("port: 9100\n"
                    "refresh_interval: 1m\n"));
    row("openstack",
        "role: instance\n"
        "region: RegionOne\n"
        "identity_endpoint: http://h/v3\n"
        "username: u\n"
        "password: hunter2\n"
        "domain_name: d\n"
        "tls_config: {ca_file: ca.pem}",
        QString("identity_endpoint: http://h/v3\n"
                "username: u\n"
                "userid: \"\"\n"
                "password: <secret>\n"
                "project_name: \"\"\n"
                "project_id: \"\"\n"
                "domain_name: d\n"
                "domain_id: \"\"\n"
                "application_credential_name: \"\"\n"
                "application_credential_id: \"\"\n"
                "role: instance\n"
                "region: RegionOne\n"
                "refresh_interval: 1m\n"
                "port: 80\n"
                "tls_config:\n"
                "  ca_file: /etc/narthex/ca.pem\n"
                "  insecure_skip_verify: false\n"
                "availability: public\n"));
    row("outscale",
        "access_key: a\n"
        "secret_key: hunter2",
        QString("endpoint: https://api.eu-west-2.outscale.com/api/v1\n"
                "region: eu-west-2\n"
                "access_key: a\n"
                "secret_key: <secret>\n"
                "refresh_interval: 1m\n"
                "port: 80\n") +
            http);
    row("ovhcloud",
        "service: vps\n"
        "application_key: a\n"
        "application_secret: hunter2\n"
        "consumer_key: hunter2",
        QString("endpoint: ovh-eu\n"
                "application_key: a\n"
                "application_secret: <secret>\n"
                "consumer_key: <secret>\n"
                "refresh_interval: 1m\n"
                "service: vps\n"));
    row("puppetdb",
        "url: https://puppetserver/\n"
        "query: q\n"
        "include_parameters: true",
        http + QString("refresh_interval: 1m\n"
                       "url: https://puppetserver/\n"
                       "query: q\n"
                       "include_parameters: true\n"
                       "port: 80\n"));
    row("scaleway",
        "role: instance\n"
        "project_id: p\n"
        "access_key: a\n"
        "secret_key: hunter2",
        QString("project_id: p\n"
                "api_url: https://api.scaleway.com\n"
                "zone: fr-par-1\n"
                "access_key: a\n"
                "secret_key: <secret>\n") +
            http +
            QString("refresh_interval: 1m\n"
                    "port: 80\n"
                    "role: instance\n"));
    row("stackit",
        "project: p\n"
        "service_account_key: hunter2\n"
        "private_key: hunter2\n"
        "authorization: {credentials: hunter2}",
        QString("authorization:\n"
                "  type: Bearer\n"
                "  credentials: <secret>\n") +
            http +
            QString("project: p\n"
                    "refresh_interval: 1m\n"
                    "port: 80\n"
                    "region: eu01\n"
                    "service_account_key: <secret>\n"
                    "private_key: <secret>\n"));
    row("triton",
        "account: a\n"
        "dns_suffix: d\n"
        "endpoint: e\n"
        "tls_config: {cert_file: c.pem, key_file: k.pem}",
        QString("account: a\n"
                "role: container\n"
                "dns_suffix: d\n"
                "endpoint: e\n"
                "port: 9163\n"
                "refresh_interval: 1m\n"
                "tls_config:\n"
                "  cert_file: /etc/narthex/c.pem\n"
                "  key_file: /etc/narthex/k.pem\n"
                "  insecure_skip_verify: false\n"
                "version: 1\n"));
    row("uyuni",
        "server: https://localhost:1234\n"
        "username: gopher\n"
        "password: hunter2",
        QString("server: https://localhost:1234\n"
                "username: gopher\n"
                "password: <secret>\n") +
            http +
            QString("entitlement: monitoring_entitled\n"
                    "separator: \",\"\n"
                    "refresh_interval: 1m\n"));
    row("vultr", "authorization: {credentials: hunter2}",
        QString("authorization:\n"
                "  type: Bearer\n"
                "  credentials: <secret>\n") +
            http +
            QString("refresh_interval: 1m\n"
                    "port: 80\n"));
}

void TestCloudConfigs::printsAllKeysAndHidesSecrets()
{
    QFETCH(QString, mechanism);
    QFETCH(QString, yaml);
    QFETCH(QString, text);
    const auto config = DiscoveryWorld::read(mechanism.toStdString(), yaml.toStdString());
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    QCOMPARE(printed(**config), text);
    QVERIFY(!text.contains("hunter2"));
}

void TestCloudConfigs::comparesByValue_data() { printsAllKeysAndHidesSecrets_data(); }

void TestCloudConfigs::comparesByValue()
{
    QFETCH(QString, mechanism);
    QFETCH(QString, yaml);
    const auto first = DiscoveryWorld::read(mechanism.toStdString(), yaml.toStdString());
    const auto second = DiscoveryWorld::read(mechanism.toStdString(), yaml.toStdString());
    const auto other = DiscoveryWorld::read(mechanism.toStdString(),
                                            yaml.toStdString() + "\nrefresh_interval: 17s\n");
    QVERIFY(first.ok() && second.ok() && other.ok());
    QVERIFY((*first)->equals(**second));
    QVERIFY((*first)->clone()->equals(**first));
    QVERIFY(!(*first)->equals(**other));
}

void TestCloudConfigs::refusesUnknownKeys_data() { printsAllKeysAndHidesSecrets_data(); }

void TestCloudConfigs::refusesUnknownKeys()
{
    QFETCH(QString, mechanism);
    QFETCH(QString, yaml);
    const QString problem = problemOf(mechanism.toStdString(), yaml + "\nno_such_key: 1\n");
    QVERIFY2(problem.contains("field no_such_key not found"), qPrintable(problem));
    QVERIFY2(!problem.contains("hunter2"), qPrintable(problem));
}

void TestCloudConfigs::refusesTwoWaysOfAuthorization()
{
    const QString problem =
        problemOf("vultr", "bearer_token: a\nbasic_auth: {username: u, password: p}");
    QVERIFY2(problem.contains("at most one of basic_auth"), qPrintable(problem));
}

void TestCloudConfigs::resolvesFileNames()
{
    const auto config = DiscoveryWorld::read(
        "scaleway", "role: instance\nproject_id: p\naccess_key: a\nsecret_key_file: key\n");
    QVERIFY(config.ok());
    QVERIFY(printed(**config).contains("secret_key_file: /etc/narthex/key\n"));
}

QTEST_GUILESS_MAIN(TestCloudConfigs)
#include "tst_cloud_configs.moc"
