// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"
#include "support/rsa_key.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kServers = "GET /v1/projects/00000000-1111/servers";

const char* servers()
{
    return R"({"items":[
      {"id":"b4176700","name":"prometheus-1","status":"ACTIVE","powerStatus":"RUNNING",
       "availabilityZone":"eu01-3","machineType":"g1.1","labels":{"provisionSTACKITServerAgent":
       "true","stackit-id":"x","number":1},
       "nics":[{"networkName":"my-network","ipv4":"10.0.0.153"},
               {"networkName":"other","ipv4":"10.0.1.153","publicIp":"192.0.2.1"}]},
      {"id":"2","name":"private","nics":[{"networkName":"n","ipv4":"10.0.0.154"}]},
      {"id":"3","name":"no address","nics":[{"networkName":"n"}]},
      {"id":"4","name":"no network"}]})";
}

std::string accountKey(const std::string& privateKey)
{
    return R"({"id":"k","credentials":{"kid":"kid1","iss":"sa@sa.stackit.cloud","sub":"sub1",)"
           R"("aud":"https://stackit-service-account-prod")" +
           (privateKey.empty() ? "" : R"(,"privateKey":)" + jsonString(privateKey)) + "}}";
}

QString write(const QTemporaryDir& directory, const char* name, const std::string& text)
{
    const QString path = directory.filePath(name);
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate)) {
        return {};
    }
    file.write(QByteArray::fromStdString(text));
    return path;
}

} // namespace

class TestStackitDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void listsServers();
    void signsInWithAServiceAccount_data();
    void signsInWithAServiceAccount();
    void needsAPrivateKey();
    void failsOnBadAnswers();

private:
    static std::string yaml(const std::string& more = {})
    {
        return "project: 00000000-1111\n" + more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestStackitDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    server_.json(kServers, servers());
    server_.json("POST /token", R"({"access_token":"t0ken","expires_in":3599})");
}

void TestStackitDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("region") << "region: ''"
                            << "stackit_sd: endpoint and region missing";
    QTest::newRow("endpoint") << "endpoint: '://invalid'"
                              << "stackit_sd: invalid endpoint \"://invalid\"";
}

void TestStackitDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("stackit", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestStackitDiscovery::listsServers()
{
    const auto refresher = world_.refresher("stackit", yaml("authorization: {credentials: own}\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(asked(server_), QString("%1?details=true\n").arg(kServers));
    QCOMPARE(std::string(server_.last(kServers).header("Authorization")),
             std::string("Bearer own"));
    QCOMPARE(groups[0].source, std::string("stackit"));
    QCOMPARE(addressesOf(groups[0]), QString("192.0.2.1:80 10.0.0.154:80"));
    QCOMPARE(
        shown(groups[0], "stackit"),
        lines({"__address__=192.0.2.1:80", "availability_zone=eu01-3", "id=b4176700",
               "label_provisionSTACKITServerAgent=true", "label_stackit_id=x",
               "labelpresent_provisionSTACKITServerAgent=true", "labelpresent_stackit_id=true",
               "name=prometheus-1", "power_status=RUNNING", "private_ipv4_my_network=10.0.0.153",
               "private_ipv4_other=10.0.1.153", "project=00000000-1111", "public_ipv4=192.0.2.1",
               "status=ACTIVE", "type=g1.1"}));
}

void TestStackitDiscovery::signsInWithAServiceAccount_data()
{
    QTest::addColumn<QString>("place");
    QTest::newRow("in the key") << "key";
    QTest::newRow("beside it") << "file";
    QTest::newRow("in the credentials file") << "credentials";
}

void TestStackitDiscovery::signsInWithAServiceAccount()
{
    QFETCH(QString, place);
    const RsaKey key;
    const QTemporaryDir directory;
    const QString account =
        write(directory, "account.json", accountKey(place == "key" ? key.pem() : ""));
    const QString pem = write(directory, "key.pem", key.pem());
    const QString credentials =
        write(directory, "credentials.json",
              R"({"STACKIT_PRIVATE_KEY_PATH":")" + pem.toStdString() + R"("})");
    std::string keys = "service_account_key_path: " + account.toStdString() + "\n";
    keys += place == "file"          ? "private_key_path: " + pem.toStdString()
            : place == "credentials" ? "credentials_file_path: " + credentials.toStdString()
                                     : "";
    const auto refresher = world_.refresher("stackit", yaml(keys));
    world_.refresh(*refresher);
    world_.refresh(*refresher);
    QCOMPARE(server_.count("POST /token"), std::size_t{1});
    QCOMPARE(std::string(server_.last(kServers).header("Authorization")),
             std::string("Bearer t0ken"));
    const auto request = server_.last("POST /token");
    const auto jwt = key.openJwt(
        QByteArray::fromStdString(std::string(*request.parameter("assertion"))), EVP_sha512());
    QCOMPARE(jwt.size(), 2);
    QVERIFY(jwt[0].contains(R"("alg":"RS512")") && jwt[0].contains(R"("kid":"kid1")"));
    QVERIFY(jwt[1].contains(R"("iss":"sa@sa.stackit.cloud")"));
    QVERIFY(jwt[1].contains(R"("sub":"sub1")"));
    QVERIFY(jwt[1].contains(R"("aud":"https:)"));
    QVERIFY(jwt[1].contains(R"("jti":")"));
}

void TestStackitDiscovery::needsAPrivateKey()
{
    const QTemporaryDir directory;
    const QString account = write(directory, "account.json", accountKey(""));
    const auto refresher = world_.refresher(
        "stackit", yaml("service_account_key_path: " + account.toStdString() + "\n"));
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("set private_key, private_key_path or credentials_file_path"),
             qPrintable(error));
}

void TestStackitDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "stackit", yaml(), kServers), QString());
}

QTEST_GUILESS_MAIN(TestStackitDiscovery)
#include "tst_stackit_discovery.moc"
