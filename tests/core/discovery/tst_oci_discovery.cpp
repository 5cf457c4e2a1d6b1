// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/oci_signer.h"
#include "support/certificates.h"
#include "support/recorded_api.h"
#include "support/rsa_key.h"

#include <QCryptographicHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kCompartments = "GET /20160918/compartments";
const char* const kInstances = "GET /20160918/instances";
const char* const kAttachments = "GET /20160918/vnicAttachments";

const char* instance()
{
    return R"({"id":"inst1","displayName":"web","lifecycleState":"RUNNING",
        "shape":"VM.Standard.E4.Flex","availabilityDomain":"AD-1","faultDomain":"FAULT-DOMAIN-1",
        "region":"phx","compartmentId":"tenancy1","imageId":"img1",
        "freeformTags":{"env.a":"prod"},
        "definedTags":{"my-ns":{"cost-center":"42","n":1.5,"b":true,"o":{"x":1},"z":null}}})";
}

const char* vnic()
{
    return R"({"id":"vnic1","isPrimary":true,"privateIp":"10.0.0.5","publicIp":"203.0.113.5",
        "ipv6Addresses":["2001:db8::2","2001:db8::1"],"hostnameLabel":"web-1"})";
}

net::ServerResponse json(const std::string& body, const std::string& nextPage = {})
{
    net::ServerResponse response{.contentType = "application/json", .body = body};
    if (!nextPage.empty()) {
        response.headers.emplace_back("opc-next-page", nextPage);
    }
    return response;
}

QByteArray derOf(const std::string& pem)
{
    QByteArray text;
    for (const QByteArray& line : QByteArray::fromStdString(pem).split('\n')) {
        text += line.startsWith('-') ? QByteArray() : line;
    }
    return QByteArray::fromBase64(text);
}

/// The parts of an Authorization header: keyId, headers, signature.
QString partOf(const net::ServerRequest& request, const char* name)
{
    const QRegularExpression form(QString("%1=\"([^\"]*)\"").arg(name));
    return form.match(QString::fromStdString(std::string(request.header("Authorization"))))
        .captured(1);
}

/// What was signed, from the request as it arrived.
std::string signedText(const net::ServerRequest& request)
{
    std::string target = request.path;
    char separator = '?';
    for (const auto& [name, value] : request.parameters) {
        target += separator + net::percentEncode(name) + "=" + net::percentEncode(value);
        separator = '&';
    }
    std::string text;
    for (const QString& name : partOf(request, "headers").split(' ')) {
        const std::string value =
            name == "(request-target)"
                ? QString::fromStdString(request.method).toLower().toStdString() + " " + target
                : std::string(request.header(name.toStdString()));
        text += (text.empty() ? "" : "\n") + name.toStdString() + ": " + value;
    }
    return text;
}

bool isSignedBy(const RsaKey& key, const net::ServerRequest& request)
{
    return key.verifies(signedText(request),
                        QByteArray::fromBase64(partOf(request, "signature").toLatin1()),
                        EVP_sha256());
}

} // namespace

class TestOciDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void writesDatesInEnglish();
    void listsInstancesOfAllCompartments();
    void signsRequestsWithTheUsersKey();
    void readsEncryptedKeys();
    void namesKeysThatAreNone();
    void listsOnlyTheCompartmentsThatAreNamed();
    void addressesInstances_data();
    void addressesInstances();
    void skipsCompartmentsThatCannotBeListed();
    void showsTheMachinesCertificateForAToken();
    void failsOnBadAnswers();

private:
    [[nodiscard]] std::string yaml(const std::string& more = {})
    {
        return "tenancy: tenancy1\nuser: user1\nfingerprint: 'aa:bb'\nregion: us-phoenix-1\n"
               "key_file: " +
               write("key.pem", key_.pem()) + "\n" + more;
    }
    std::string write(const char* name, const std::string& text)
    {
        const QString path = directory_.filePath(name);
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate)) {
            return {};
        }
        file.write(QByteArray::fromStdString(text));
        return path.toStdString();
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
    QTemporaryDir directory_;
    const RsaKey key_;
};

void TestOciDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    server_.handle(kCompartments, [](const net::ServerRequest& request) {
        if (request.parameter("compartmentId") != "tenancy1") {
            return json("[]");
        }
        return request.parameter("page")
                   ? json(R"([{"id":"sub2","lifecycleState":"DELETED"},
                                                    {"id":"tenancy1","lifecycleState":"ACTIVE"}])")
                   : json(R"([{"id":"sub1","lifecycleState":"ACTIVE"}])", "p2");
    });
    server_.handle(kInstances, [](const net::ServerRequest& request) {
        return json(request.parameter("compartmentId") == "tenancy1"
                        ? std::string("[") + instance() + "]"
                        : "[]");
    });
    server_.json(kAttachments, R"([{"vnicId":"old","lifecycleState":"DETACHED"},
                                   {"vnicId":"vnic2","lifecycleState":"ATTACHED"},
                                   {"vnicId":"vnic1","lifecycleState":"ATTACHED"}])");
    server_.json("GET /20160918/vnics/vnic1", vnic());
    server_.json("GET /20160918/vnics/vnic2", R"({"id":"vnic2","privateIp":"10.0.0.6"})");
}

void TestOciDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("region") << "auth: instance_principal"
                            << "oci_sd: region is required";
    QTest::newRow("method") << "region: r\nauth: password"
                            << "oci_sd: unknown auth method \"password\", expected \"api_key\" or "
                               "\"instance_principal\"";
    QTest::newRow("tenancy") << "region: r"
                             << "oci_sd: api_key auth requires tenancy";
    QTest::newRow("user") << "region: r"
                          << "oci_sd: api_key auth requires user";
    QTest::newRow("fingerprint") << "region: r"
                                 << "oci_sd: api_key auth requires fingerprint";
    QTest::newRow("key") << "region: r"
                         << "oci_sd: api_key auth requires key_file";
    QTest::newRow("two passphrases")
        << "region: r\ntenancy: t\nuser: u\nfingerprint: f\nkey_file: k\nkey_passphrase: a\n"
           "key_passphrase_file: b"
        << "oci_sd: at most one of key_passphrase and key_passphrase_file must be configured";
    QTest::newRow("principal with a user")
        << "region: r\nauth: instance_principal\nuser: u"
        << "oci_sd: instance_principal auth must not have tenancy, user, fingerprint, key_file, "
           "key_passphrase, or key_passphrase_file set";
    QTest::newRow("compartment") << "region: r\nauth: instance_principal\ncompartments: [a, '']"
                                 << "oci_sd: compartments[1] must not be empty";
    QTest::newRow("interval") << "region: r\nauth: instance_principal\nrefresh_interval: 0s"
                              << "oci_sd: refresh_interval must be positive, got 0s";
}

void TestOciDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("oci", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
}

void TestOciDiscovery::writesDatesInEnglish()
{
    QCOMPARE(discovery::httpDate({784111777'000}), std::string("Sun, 06 Nov 1994 08:49:37 GMT"));
    QCOMPARE(discovery::httpDate({0}), std::string("Thu, 01 Jan 1970 00:00:00 GMT"));
}

void TestOciDiscovery::listsInstancesOfAllCompartments()
{
    const auto refresher = world_.refresher("oci", yaml());
    const auto groups = world_.refresh(*refresher);
    const QString children = QString("%1?compartmentId=%2&accessLevel=ACCESSIBLE&"
                                     "compartmentIdInSubtree=false&limit=100")
                                 .arg(kCompartments);
    QCOMPARE(asked(server_),
             children.arg("tenancy1") + "\n" + children.arg("tenancy1") + "&page=p2\n" +
                 children.arg("sub1") + "\n" +
                 lines({"GET /20160918/instances?compartmentId=tenancy1&limit=100",
                        "GET /20160918/vnicAttachments?compartmentId=tenancy1&instanceId=inst1&"
                        "limit=100",
                        "GET /20160918/vnics/vnic2", "GET /20160918/vnics/vnic1",
                        "GET /20160918/instances?compartmentId=sub1&limit=100"}));
    QCOMPARE(groups[0].source, std::string("OCI"));
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(shown(groups[0], "oci"), lines({"__address__=10.0.0.5:80",
                                             "availability_domain=AD-1",
                                             "compartment_id=tenancy1",
                                             "defined_tag_my_ns_b=true",
                                             "defined_tag_my_ns_cost_center=42",
                                             "defined_tag_my_ns_n=1.5",
                                             "fault_domain=FAULT-DOMAIN-1",
                                             "hostname_label=web-1",
                                             "image_id=img1",
                                             "instance_id=inst1",
                                             "instance_name=web",
                                             "instance_shape=VM.Standard.E4.Flex",
                                             "instance_state=RUNNING",
                                             "ipv6_addresses=,2001:db8::1,2001:db8::2,",
                                             "private_ip=10.0.0.5",
                                             "public_ip=203.0.113.5",
                                             "region=phx",
                                             "tag_env_a=prod",
                                             "tenancy_id=tenancy1",
                                             "vnic_id=vnic1"}));
}

void TestOciDiscovery::signsRequestsWithTheUsersKey()
{
    const auto refresher = world_.refresher("oci", yaml());
    world_.refresh(*refresher);
    for (const net::ServerRequest& request : server_.requests()) {
        QCOMPARE(partOf(request, "headers"), QString("date (request-target) host"));
        QCOMPARE(partOf(request, "keyId"), QString("tenancy1/user1/aa:bb"));
        QCOMPARE(partOf(request, "algorithm"), QString("rsa-sha256"));
        QVERIFY2(isSignedBy(key_, request), signedText(request).c_str());
    }
}

void TestOciDiscovery::readsEncryptedKeys()
{
    const std::string start = "tenancy: t\nuser: u\nfingerprint: f\nregion: r\nkey_file: " +
                              write("encrypted.pem", key_.pem("s3cret")) + "\n";
    const auto given = world_.refresher("oci", start + "key_passphrase: s3cret\n");
    QCOMPARE(world_.refreshError(*given), std::string());
    const auto file = world_.refresher(
        "oci", start + "key_passphrase_file: " + write("passphrase", "s3cret\n") + "\n");
    QCOMPARE(world_.refreshError(*file), std::string());
    for (const char* more : {"key_passphrase: wrong", ""}) {
        const auto wrong = world_.refresher("oci", start + more);
        const auto error = QString::fromStdString(world_.refreshError(*wrong));
        QVERIFY2(error.contains("the passphrase must be the key's"), qPrintable(error));
        QVERIFY2(error.contains("encrypted.pem"), qPrintable(error));
    }
}

void TestOciDiscovery::namesKeysThatAreNone()
{
    const std::string start = "tenancy: t\nuser: u\nfingerprint: f\nregion: r\nkey_file: ";
    const auto none = world_.refresher("oci", start + write("none.pem", "hello"));
    QVERIFY(world_.refreshError(*none).find("RSA private key in PEM form") != std::string::npos);
    const auto missing = world_.refresher("oci", start + "/nowhere/key.pem");
    QVERIFY(world_.refreshError(*missing).find("/nowhere/key.pem") != std::string::npos);
}

void TestOciDiscovery::listsOnlyTheCompartmentsThatAreNamed()
{
    const auto refresher = world_.refresher("oci", yaml("compartments: [tenancy1]\nport: 9100\n"));
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), QString("10.0.0.5:9100"));
    QCOMPARE(server_.count(kCompartments), std::size_t{0});
    QCOMPARE(server_.count(kInstances), std::size_t{1});
}

void TestOciDiscovery::addressesInstances_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("vnic");
    QTest::addColumn<QString>("addresses");
    QTest::newRow("public") << 200 << R"({"isPrimary":true,"publicIp":"203.0.113.5"})"
                            << "203.0.113.5:80";
    QTest::newRow("IPv6") << 200
                          << R"({"isPrimary":true,"ipv6Addresses":["2001:db8::2","2001:db8::1"]})"
                          << "[2001:db8::1]:80";
    QTest::newRow("no address") << 200 << R"({"isPrimary":true})"
                                << "";
    QTest::newRow("no primary card") << 200 << R"({"privateIp":"10.0.0.5"})"
                                     << "";
    QTest::newRow("failure leaves it out") << 500 << "{}"
                                           << "";
}

void TestOciDiscovery::addressesInstances()
{
    QFETCH(int, status);
    QFETCH(QString, vnic);
    QFETCH(QString, addresses);
    server_.answerWith(
        "GET /20160918/vnics/vnic1",
        {.status = status, .contentType = "application/json", .body = vnic.toStdString()});
    const auto refresher = world_.refresher("oci", yaml("compartments: [tenancy1]\n"));
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), addresses);
}

void TestOciDiscovery::skipsCompartmentsThatCannotBeListed()
{
    server_.answerWith(kCompartments, {.status = 403});
    const auto refresher = world_.refresher("oci", yaml());
    QCOMPARE(addressesOf(world_.refresh(*refresher)[0]), QString("10.0.0.5:80"));
}

void TestOciDiscovery::showsTheMachinesCertificateForAToken()
{
    const CertificateAuthority authority("Oracle");
    const CertificatePair machine = authority.issue("opc-tenant:tenancy1", "", -60, 3600, true);
    server_.answerWith("GET /opc/v2/identity/cert.pem", {.body = machine.certificate});
    server_.answerWith("GET /opc/v2/identity/key.pem", {.body = machine.key});
    server_.answerWith("GET /opc/v2/identity/intermediate.pem", {.body = authority.pem()});
    const QByteArray claims =
        "{\"exp\":" + QByteArray::number(world_.clock.now().ms / 1000 + 1200) + "}";
    const std::string token =
        "e30." +
        claims.toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals)
            .toStdString() +
        ".sig";
    server_.json("POST /v1/x509", R"({"token":")" + token + R"("})");
    const auto refresher =
        world_.refresher("oci", "auth: instance_principal\nregion: us-phoenix-1\n");
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(labelsOf(groups[0])["__meta_oci_tenancy_id"], std::string("tenancy1"));

    QCOMPARE(std::string(server_.last("GET /opc/v2/identity/cert.pem").header("Authorization")),
             std::string("Bearer Oracle"));
    const auto request = server_.last("POST /v1/x509");
    const QByteArray der = derOf(machine.certificate);
    const QByteArray digest = QCryptographicHash::hash(der, QCryptographicHash::Sha1).toHex(':');
    QCOMPARE(partOf(request, "keyId"), QString("tenancy1/fed-x509/") + digest);
    QCOMPARE(partOf(request, "headers"),
             QString("date (request-target) content-length content-type x-content-sha256"));
    QVERIFY(isSignedBy(RsaKey(machine.key), request));
    const QJsonObject body =
        QJsonDocument::fromJson(QByteArray::fromStdString(request.body)).object();
    QCOMPARE(QByteArray::fromBase64(body["certificate"].toString().toLatin1()), der);
    QCOMPARE(body["intermediateCertificates"].toArray().size(), 1);

    // The rest is signed with the key that was shown, under the token.
    const RsaKey session(QByteArray::fromBase64(body["publicKey"].toString().toLatin1()));
    const auto listed = server_.last(kInstances);
    QCOMPARE(partOf(listed, "keyId").toStdString(), "ST$" + token);
    QVERIFY(isSignedBy(session, listed));
    world_.refresh(*refresher);
    QCOMPARE(server_.count("POST /v1/x509"), std::size_t{1});
}

void TestOciDiscovery::failsOnBadAnswers()
{
    QCOMPARE(acceptedNonsense(world_, server_, "oci", yaml(), kInstances), QString());
}

QTEST_GUILESS_MAIN(TestOciDiscovery)
#include "tst_oci_discovery.moc"
