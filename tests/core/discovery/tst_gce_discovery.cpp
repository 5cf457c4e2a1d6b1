// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"
#include "support/rsa_key.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kInstances = "GET /compute/v1/projects/my-project/zones/europe-west1-b/instances";
const char* const kMetadata = "GET /computeMetadata/v1/instance/service-accounts/default/token";
const char* const kScope = "https://www.googleapis.com/auth/compute.readonly";

const char* firstPage()
{
    return R"({"nextPageToken":"p2","items":[{"id":"4711","name":"web","status":"RUNNING",
        "zone":"projects/z","machineType":"projects/m",
        "networkInterfaces":[
          {"name":"nic0","network":"nets/default","subnetwork":"subs/default",
           "networkIP":"10.0.0.2",
           "accessConfigs":[{"type":"ONE_TO_ONE_NAT","natIP":"192.0.2.1"}]},
          {"name":"nic-1","networkIP":"10.1.0.2"}],
        "tags":{"items":["http","prod"]},
        "metadata":{"items":[{"key":"my-key","value":"v"},{"key":"null","value":null}]},
        "labels":{"team-x":"a"}},
       {"id":"1","name":"no interface"}]})";
}

const char* secondPage()
{
    return R"({"items":[{"id":"5","networkInterfaces":[{"name":"nic0","networkIP":"10.0.0.5",
        "accessConfigs":[{"type":"DIRECT_IPV6","natIP":"x"}]}]}]})";
}

} // namespace

class TestGceDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations();
    void listsInstancesOfAllPages();
    void keepsTheTokenUntilItIsRefused();
    void filtersAndSeparates();
    void signsForAServiceAccount();
    void refreshesForAUser();
    void readsGcloudsOwnFile();
    void refusesOtherCredentials_data();
    void refusesOtherCredentials();
    void failsOnBadAnswers();

private:
    static std::string yaml(const std::string& more = {})
    {
        return "project: my-project\nzone: europe-west1-b\n" + more;
    }
    QString write(const std::string& text)
    {
        const QString path = directory_.filePath("credentials.json");
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate)) {
            return {};
        }
        file.write(QByteArray::fromStdString(text));
        return path;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
    QTemporaryDir directory_;
};

void TestGceDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    world_.variables.clear();
    server_.handle(kInstances, [](const net::ServerRequest& request) {
        const bool second = request.parameter("pageToken") == "p2";
        return net::ServerResponse{.contentType = "application/json",
                                   .body = second ? secondPage() : firstPage()};
    });
    server_.json(kMetadata, R"({"access_token":"m3ta","expires_in":3599,"token_type":"Bearer"})");
    server_.json("POST /token", R"({"access_token":"f0rm","expires_in":3599})");
}

void TestGceDiscovery::refusesIncompleteConfigurations()
{
    QVERIFY(problemOf("gce", "zone: z").contains("GCE SD configuration requires a project"));
    QVERIFY(problemOf("gce", "project: p").contains("GCE SD configuration requires a zone"));
}

void TestGceDiscovery::listsInstancesOfAllPages()
{
    const auto refresher = world_.refresher("gce", yaml());
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_),
             QString("%1?scopes=%2\n%3\n%3?pageToken=p2\n").arg(kMetadata, kScope, kInstances));
    QCOMPARE(std::string(server_.last(kMetadata).header("Metadata-Flavor")), std::string("Google"));
    QCOMPARE(std::string(server_.last(kInstances).header("Authorization")),
             std::string("Bearer m3ta"));
    QCOMPARE(groups[0].source, std::string("GCE_my-project_europe-west1-b"));
    QCOMPARE(addressesOf(groups[0]), QString("10.0.0.2:80 10.0.0.5:80"));
    QCOMPARE(shown(groups[0], "gce"),
             lines({"__address__=10.0.0.2:80", "instance_id=4711", "instance_name=web",
                    "instance_status=RUNNING", "interface_ipv4_nic0=10.0.0.2",
                    "interface_ipv4_nic_1=10.1.0.2", "label_team_x=a", "machine_type=projects/m",
                    "metadata_my_key=v", "network=nets/default", "private_ip=10.0.0.2",
                    "project=my-project", "public_ip=192.0.2.1", "subnetwork=subs/default",
                    "tags=,http,prod,", "zone=projects/z"}));
    QVERIFY(!labelsOf(groups[0], 1).contains("__meta_gce_public_ip"));
}

void TestGceDiscovery::keepsTheTokenUntilItIsRefused()
{
    const auto refresher = world_.refresher("gce", yaml());
    world_.refresh(*refresher);
    world_.refresh(*refresher);
    QCOMPARE(server_.count(kMetadata), std::size_t{1});
    server_.answerWith(kInstances, {.status = 401});
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("error retrieving refresh targets from gce"), qPrintable(error));
    world_.refreshError(*refresher);
    QCOMPARE(server_.count(kMetadata), std::size_t{2});
}

void TestGceDiscovery::filtersAndSeparates()
{
    const auto refresher =
        world_.refresher("gce", yaml("filter: 'labels.a = b'\ntag_separator: ';'\nport: 9100\n"));
    const auto groups = world_.refresh(*refresher);
    QVERIFY(asked(server_).contains("?filter=labels.a = b\n"));
    QVERIFY(asked(server_).contains("?filter=labels.a = b&pageToken=p2\n"));
    QCOMPARE(labelsOf(groups[0])["__meta_gce_tags"], std::string(";http;prod;"));
    QCOMPARE(labelsOf(groups[0])["__address__"], std::string("10.0.0.2:9100"));
}

void TestGceDiscovery::signsForAServiceAccount()
{
    const RsaKey key;
    const QString path =
        write(R"({"type":"service_account","client_email":"sd@my.iam",)"
              R"("private_key_id":"k1","token_uri":")" +
              server_.url() + R"(/token","private_key":)" + jsonString(key.pem()) + "}");
    world_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = path.toStdString();
    const auto refresher = world_.refresher("gce", yaml());
    world_.refresh(*refresher);
    QCOMPARE(std::string(server_.last(kInstances).header("Authorization")),
             std::string("Bearer f0rm"));
    const auto request = server_.last("POST /token");
    QCOMPARE(std::string(*request.parameter("grant_type")),
             std::string("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    const auto jwt = key.openJwt(
        QByteArray::fromStdString(std::string(*request.parameter("assertion"))), EVP_sha256());
    QCOMPARE(jwt.size(), 2);
    const QJsonObject header = QJsonDocument::fromJson(jwt[0]).object();
    QCOMPARE(header["alg"].toString(), QString("RS256"));
    QCOMPARE(header["kid"].toString(), QString("k1"));
    const QJsonObject claims = QJsonDocument::fromJson(jwt[1]).object();
    QCOMPARE(claims["iss"].toString(), QString("sd@my.iam"));
    QCOMPARE(claims["aud"].toString(), QString::fromStdString(server_.url() + "/token"));
    QCOMPARE(claims["scope"].toString(), QString(kScope));
    QCOMPARE(claims["exp"].toInteger() - claims["iat"].toInteger(), 3600);
    const auto apart = world_.clock.now().ms / 1000 - claims["iat"].toInteger();
    QVERIFY(apart >= 0 && apart < 60);
}

void TestGceDiscovery::refreshesForAUser()
{
    const QString path = write(R"({"type":"authorized_user","client_id":"c","client_secret":"s",)"
                               R"("refresh_token":"r"})");
    world_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = path.toStdString();
    const auto refresher = world_.refresher("gce", yaml());
    world_.refresh(*refresher);
    QCOMPARE(QString::fromStdString(server_.last("POST /token").body),
             QString("grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=r"));
}

void TestGceDiscovery::readsGcloudsOwnFile()
{
    QVERIFY(QDir(directory_.path()).mkpath(".config/gcloud"));
    const QString path = write(R"({"type":"authorized_user","client_id":"own"})");
    const QString known =
        directory_.filePath(".config/gcloud/application_default_credentials.json");
    QVERIFY(QFile::copy(path, known));
    world_.variables["HOME"] = directory_.path().toStdString();
    const auto refresher = world_.refresher("gce", yaml());
    world_.refresh(*refresher);
    QVERIFY(server_.last("POST /token").body.find("client_id=own") != std::string::npos);
    QCOMPARE(server_.count(kMetadata), std::size_t{0});
}

void TestGceDiscovery::refusesOtherCredentials_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("message");
    QTest::newRow("kind") << R"({"type":"external_account"})"
                          << "credentials of type \"external_account\" are not supported";
    QTest::newRow("no JSON") << "{"
                             << "invalid JSON";
    QTest::newRow("no key") << R"({"type":"service_account","private_key":"x"})"
                            << "RSA private key";
}

void TestGceDiscovery::refusesOtherCredentials()
{
    QFETCH(QString, text);
    QFETCH(QString, message);
    world_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = write(text.toStdString()).toStdString();
    const auto refresher = world_.refresher("gce", yaml());
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains(message), qPrintable(error));
    QVERIFY2(error.contains("could not get Google's default credentials"), qPrintable(error));
    QCOMPARE(server_.count(kInstances), std::size_t{0});
}

void TestGceDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "gce", yaml(), kMetadata), QString());
    server_.json(kMetadata, R"({"access_token":"m3ta"})");
    QCOMPARE(acceptedNonsense(world_, server_, "gce", yaml(), kInstances), QString());
}

QTEST_GUILESS_MAIN(TestGceDiscovery)
#include "tst_gce_discovery.moc"
