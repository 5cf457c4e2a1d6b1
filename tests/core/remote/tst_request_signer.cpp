// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How requests of remote write prove to clouds who sends them. Source: spec/config.md, 3.10.
#include "core/base/file.h"
#include "core/remote/sender/request_signer.h"
#include "support/discovery_world.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <QtTest>

#include <algorithm>

namespace narthex::remote {
namespace {

constexpr const char* kTenant = "00000000-0000-0000-0000-00000000000a";
constexpr const char* kClient = "00000000-0000-0000-0000-00000000000b";
constexpr const char* kToken = R"({"access_token": "the-token", "expires_in": 3600})";

/// Clouds that answer with tokens.
struct World : tests::DiscoveryWorld
{
    World() { apiBase = server.url(); }

    RemoteWriteConfig config() const
    {
        RemoteWriteConfig result;
        result.url = "https://receiver.example/write";
        return result;
    }
    /// The request as signed; its error as a header.
    net::HttpRequest sign(const RemoteWriteConfig& config)
    {
        const discovery::ProviderEnvironment surroundings = environment();
        const auto signer = makeRequestSigner(config, &surroundings);
        net::HttpRequest request{.method = "POST", .url = config.url, .body = "body"};
        const absl::Status status = signer->sign(request, {});
        if (!status.ok()) {
            request.headers.emplace_back("error", status.ToString());
        }
        return request;
    }
    tests::ScriptedServer server;
};

QString header(const net::HttpRequest& request, const std::string& name)
{
    const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                    [&name](const auto& each) { return each.first == name; });
    return found == request.headers.end() ? QString() : QString::fromStdString(found->second);
}

std::string form(const net::ServerRequest& request, std::string_view name)
{
    return std::string(request.parameter(name).value_or(""));
}

std::string pemOf(const std::function<void(BIO*)>& write)
{
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

/// A certificate that signs itself, and its key.
struct OwnCertificate
{
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_RSA_gen(2048), EVP_PKEY_free};
    std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), X509_free};
    OwnCertificate()
    {
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
        X509_set_pubkey(certificate.get(), key.get());
        X509_sign(certificate.get(), key.get(), EVP_sha256());
    }
};

} // namespace

class TestRequestSigner : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void withoutACloudThereIsNothingToSign();
    void awsRequestsAreSigned();
    void anApplicationOfAzureSendsItsSecret();
    void aManagedIdentityOfAzureAsksItsMachine();
    void aWorkloadOfAzureSendsItsToken();
    void aCertificateOfAzureTakesThePlaceOfASecret_data();
    void aCertificateOfAzureTakesThePlaceOfASecret();
    void googleAsksItsMachine();
    void credentialsThatAreMissingAreAnError();
};

void TestRequestSigner::withoutACloudThereIsNothingToSign()
{
    World world;
    QVERIFY(makeRequestSigner(world.config(), nullptr) == nullptr);
    RemoteWriteConfig config = world.config();
    config.sigv4.emplace();
    net::HttpRequest request;
    QVERIFY(absl::IsFailedPrecondition(makeRequestSigner(config, nullptr)->sign(request, {})));
}

void TestRequestSigner::awsRequestsAreSigned()
{
    World world;
    RemoteWriteConfig config = world.config();
    config.sigv4 = httpconfig::Sigv4Config{
        .region = "eu-west-1", .accessKey = "AKID", .secretKey = base::Secret("secret")};
    const net::HttpRequest request = world.sign(config);
    const QString authorization = header(request, "Authorization");
    QVERIFY2(authorization.startsWith("AWS4-HMAC-SHA256 Credential=AKID/"),
             qPrintable(authorization + header(request, "error")));
    QVERIFY(authorization.contains("/eu-west-1/aps/aws4_request"));
}

void TestRequestSigner::anApplicationOfAzureSendsItsSecret()
{
    World world;
    const std::string path = "/" + std::string(kTenant) + "/oauth2/v2.0/token";
    world.server.json("POST " + path, kToken);
    RemoteWriteConfig config = world.config();
    config.azuread.emplace();
    config.azuread->oauth = httpconfig::AzureAdConfig::OAuth{
        .clientId = kClient, .clientSecret = base::Secret("s"), .tenantId = kTenant};
    const net::HttpRequest request = world.sign(config);
    QCOMPARE(header(request, "error"), QString());
    QCOMPARE(header(request, "Authorization"), QString("Bearer the-token"));
    const net::ServerRequest asked = world.server.last("POST " + path);
    QCOMPARE(form(asked, "scope"), "https://monitor.azure.com//.default");
    QCOMPARE(form(asked, "client_secret"), "s");
    config.azuread->cloud = "AzureGovernment";
    config.azuread->scope = "https://own/.default";
    world.sign(config);
    QCOMPARE(form(world.server.last("POST " + path), "scope"), "https://own/.default");
}

void TestRequestSigner::aManagedIdentityOfAzureAsksItsMachine()
{
    World world;
    world.server.json("GET /metadata/identity/oauth2/token", kToken);
    RemoteWriteConfig config = world.config();
    config.azuread.emplace();
    config.azuread->managedIdentity =
        httpconfig::AzureAdConfig::ManagedIdentity{.clientId = kClient};
    const net::HttpRequest request = world.sign(config);
    QCOMPARE(header(request, "Authorization"), QString("Bearer the-token"));
    const net::ServerRequest asked = world.server.last("GET /metadata/identity/oauth2/token");
    QCOMPARE(form(asked, "resource"), "https://monitor.azure.com/");
    QCOMPARE(form(asked, "client_id"), kClient);
}

void TestRequestSigner::aWorkloadOfAzureSendsItsToken()
{
    World world;
    const base::TemporaryDirectory folder;
    const std::string file = folder.path() / "token";
    QVERIFY(base::writeFileAtomically(file, "federated").ok());
    const std::string path = "/" + std::string(kTenant) + "/oauth2/v2.0/token";
    world.server.json("POST " + path, kToken);
    RemoteWriteConfig config = world.config();
    config.azuread.emplace();
    config.azuread->workloadIdentity = httpconfig::AzureAdConfig::WorkloadIdentity{
        .clientId = kClient, .tenantId = kTenant, .tokenFile = file};
    QCOMPARE(header(world.sign(config), "Authorization"), QString("Bearer the-token"));
    const net::ServerRequest asked = world.server.last("POST " + path);
    QCOMPARE(form(asked, "client_assertion"), "federated");
    QCOMPARE(form(asked, "client_id"), kClient);
}

void TestRequestSigner::aCertificateOfAzureTakesThePlaceOfASecret_data()
{
    QTest::addColumn<bool>("isPkcs12");
    QTest::newRow("PEM") << false;
    QTest::newRow("PKCS 12") << true;
}

void TestRequestSigner::aCertificateOfAzureTakesThePlaceOfASecret()
{
    QFETCH(bool, isPkcs12);
    World world;
    const OwnCertificate own;
    const base::TemporaryDirectory folder;
    const std::string file = folder.path() / "certificate";
    const std::string text = pemOf([&](BIO* bio) {
        if (isPkcs12) {
            PKCS12* const store = PKCS12_create("word", "name", own.key.get(),
                                                own.certificate.get(), nullptr, 0, 0, 0, 0, 0);
            i2d_PKCS12_bio(bio, store);
            PKCS12_free(store);
        } else {
            PEM_write_bio_X509(bio, own.certificate.get());
            PEM_write_bio_PKCS8PrivateKey(bio, own.key.get(), nullptr, nullptr, 0, nullptr,
                                          nullptr);
        }
    });
    QVERIFY(base::writeFileAtomically(file, text).ok());
    const std::string path = "/" + std::string(kTenant) + "/oauth2/v2.0/token";
    world.server.json("POST " + path, kToken);
    RemoteWriteConfig config = world.config();
    config.azuread.emplace();
    config.azuread->certificate = httpconfig::AzureCertificate{.clientId = kClient,
                                                               .tenantId = kTenant,
                                                               .path = file,
                                                               .password = base::Secret("word"),
                                                               .sendChain = true};
    const net::HttpRequest request = world.sign(config);
    QCOMPARE(header(request, "error"), QString());
    QCOMPARE(header(request, "Authorization"), QString("Bearer the-token"));
    const QByteArray assertion =
        QByteArray::fromStdString(form(world.server.last("POST " + path), "client_assertion"));
    const QList<QByteArray> parts = assertion.split('.');
    QCOMPARE(parts.size(), 3);
    const auto decoded = [](const QByteArray& part) {
        return QByteArray::fromBase64(part, QByteArray::Base64UrlEncoding);
    };
    QVERIFY(decoded(parts[0]).contains("\"x5t\""));
    QVERIFY(decoded(parts[0]).contains("\"x5c\""));
    QVERIFY(decoded(parts[1]).contains(kClient));
    const QByteArray signature = decoded(parts[2]);
    const QByteArray data = parts[0] + "." + parts[1];
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, own.key.get());
    QCOMPARE(EVP_DigestVerify(context.get(),
                              reinterpret_cast<const unsigned char*>(signature.constData()),
                              static_cast<std::size_t>(signature.size()),
                              reinterpret_cast<const unsigned char*>(data.constData()),
                              static_cast<std::size_t>(data.size())),
             1);
}

void TestRequestSigner::googleAsksItsMachine()
{
    World world;
    const std::string path = "/computeMetadata/v1/instance/service-accounts/default/token";
    world.server.json("GET " + path, kToken);
    RemoteWriteConfig config = world.config();
    config.googleIam.emplace();
    QCOMPARE(header(world.sign(config), "Authorization"), QString("Bearer the-token"));
    QCOMPARE(form(world.server.last("GET " + path), "scopes"),
             "https://www.googleapis.com/auth/monitoring.write");
}

void TestRequestSigner::credentialsThatAreMissingAreAnError()
{
    World world;
    RemoteWriteConfig config = world.config();
    config.googleIam = httpconfig::GoogleIamConfig{.credentialsFile = "/does/not/exist.json"};
    QVERIFY(header(world.sign(config), "error").contains("/does/not/exist.json"));
}

} // namespace narthex::remote

QTEST_GUILESS_MAIN(narthex::remote::TestRequestSigner)
#include "tst_request_signer.moc"
