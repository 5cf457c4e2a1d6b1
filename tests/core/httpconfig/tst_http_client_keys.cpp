// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/httpconfig/http_client_keys.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <QtTest>

using namespace narthex;

namespace {

struct Client
{
    net::HttpClientConfig http;
    void describe(yaml::Fields& fields) { httpconfig::describe(fields, http); }
};

struct Read
{
    Client client;
    std::string error;
};

Read read(const std::string& text)
{
    Read result;
    auto document = yaml::Document::parse("test.yml", text);
    if (!document.ok()) {
        return {.error = std::string(base::messageOf(document.status()))};
    }
    yaml::FieldReader reader((*document)->root(), "Client", "/etc/narthex");
    result.client.describe(reader);
    reader.finish();
    result.error = std::string(base::messageOf((*document)->status()));
    return result;
}

const char kJwt[] = "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'";

} // namespace

class TestHttpClientKeys : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void refuses_data();
    void refuses();
    void refusesReservedHeaders_data();
    void refusesReservedHeaders();
    void turnsBearerTokensIntoAuthorization();
    void joinsPathsWithTheFolder();
    void printsDefaultsAndHidesSecrets();
};

void TestHttpClientKeys::refuses_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const QString& yaml, const char* message) {
        QTest::newRow(name) << yaml << message;
    };
    const QString oauth = "oauth2: {client_id: a, token_url: 'http://t', %1}";
    row("1 two bearers", "bearer_token: a\nbearer_token_file: b",
        "at most one of bearer_token & bearer_token_file must be configured");
    row("2 bearer and basic", "bearer_token: a\nbasic_auth: {username: b}",
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured");
    row("2 bearer and oauth2", "bearer_token_file: a\n" + oauth.arg("client_secret: b"),
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured");
    row("3 two names", "basic_auth: {username: a, username_file: b}",
        "at most one of basic_auth username, username_file & username_ref must be configured");
    row("3 two passwords", "basic_auth: {password: a, password_file: b}",
        "at most one of basic_auth password, password_file & password_ref must be configured");
    row("4 authorization and bearer", "authorization: {credentials: a}\nbearer_token: b",
        "authorization is not compatible with bearer_token & bearer_token_file");
    row("5 two credentials", "authorization: {credentials: a, credentials_file: b}",
        "at most one of authorization credentials & credentials_file must be configured");
    row("6 basic", "authorization: {type: ' BASIC '}",
        "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
    row("7 authorization and basic", "authorization: {credentials: a}\nbasic_auth: {username: b}",
        "at most one of basic_auth, oauth2 & authorization must be configured");
    row("8 no client", "oauth2: {token_url: 'http://t'}", "oauth2 client_id must be configured");
    row("8 no URL", "oauth2: {client_id: a}", "oauth2 token_url must be configured");
    row("8 two secrets", oauth.arg("client_secret: a, client_secret_file: b"),
        "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be "
        "configured using grant-type=client_credentials");
    row("8 two keys",
        oauth.arg(QString(kJwt) + ", client_certificate_key: a, client_certificate_key_file: b"),
        "at most one of oauth2 client_certificate_key, client_certificate_key_file & "
        "client_certificate_key_ref must be configured using "
        "grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer");
    row("8 algorithm", oauth.arg(QString(kJwt) + ", signature_algorithm: ES256"),
        "valid signature algorithms are RS256, RS384 and RS512");
    row("9 two CAs", "tls_config: {ca: a, ca_file: b}",
        "at most one of ca, ca_file & ca_ref must be configured");
    row("9 two certificates", "tls_config: {cert: a, cert_file: b, key: c}",
        "at most one of cert, cert_file & cert_ref must be configured");
    row("9 two keys", "tls_config: {key: a, key_file: b, cert: c}",
        "at most one of key and key_file must be configured");
    row("9 no key", "tls_config: {cert: a}",
        "exactly one of key or key_file must be configured when a client certificate is "
        "configured");
    row("9 no certificate", "tls_config: {key_file: a}",
        "exactly one of cert or cert_file must be configured when a client key is configured");
    row("9 version", "tls_config: {min_version: TLS14}", "unknown TLS version: TLS14");
    row("9 upside down", "tls_config: {min_version: TLS13, max_version: TLS12}",
        "tls_config.max_version must be greater than or equal to tls_config.min_version if both "
        "are specified");
    row("10 header without proxy", "proxy_connect_header: {a: [b]}",
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be "
        "configured");
    row("10 two proxies", "proxy_from_environment: true\nproxy_url: 'http://p'",
        "if proxy_from_environment is configured, proxy_url must not be configured");
    row("10 two lists", "proxy_from_environment: true\nno_proxy: a",
        "if proxy_from_environment is configured, no_proxy must not be configured");
    row("10 list without proxy", "no_proxy: a",
        "if no_proxy is configured, proxy_url must also be configured");
    row("proxy scheme", "proxy_url: 'ftp://p'", "unsupported scheme of the proxy");
    row("reference", "basic_auth: {password_ref: a}", "cannot use secret ref without manager");
    row("unknown key", "tls_config: {cafile: a}", "field cafile not found in type");
}

void TestHttpClientKeys::refuses()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error = QString::fromStdString(read(yaml.toStdString()).error);
    QVERIFY2(error.contains(message), qPrintable(error));
    QVERIFY2(error.contains("test.yml:"), qPrintable(error));
}

void TestHttpClientKeys::refusesReservedHeaders_data()
{
    QTest::addColumn<QString>("canonical");
    for (const char* const name :
         {"Authorization", "Host", "Content-Encoding", "Content-Length", "Content-Type",
          "User-Agent", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
          "Www-Authenticate", "Accept-Encoding", "X-Prometheus-Remote-Write-Version",
          "X-Prometheus-Remote-Read-Version", "X-Prometheus-Scrape-Timeout-Seconds", "X-Amz-Date",
          "X-Amz-Security-Token", "X-Amz-Content-Sha256"}) {
        QTest::newRow(name) << name;
    }
}

void TestHttpClientKeys::refusesReservedHeaders()
{
    QFETCH(QString, canonical);
    const std::string text =
        "http_headers: {" + canonical.toLower().toStdString() + ": {values: [a]}}";
    const auto error = QString::fromStdString(read(text).error);
    QVERIFY2(error.contains("setting header \"" + canonical + "\" is not allowed"),
             qPrintable(error));
    QCOMPARE(read("http_headers: {Accept: {values: [a]}, cookie: {secrets: [b]}}").error,
             std::string());
}

void TestHttpClientKeys::turnsBearerTokensIntoAuthorization()
{
    const Read token = read("bearer_token: abc");
    QCOMPARE(token.error, std::string());
    QCOMPARE(token.client.http.authorization->type, std::string("Bearer"));
    QCOMPARE(token.client.http.authorization->credentials.reveal(), std::string("abc"));
    const Read file = read("bearer_token_file: t");
    QCOMPARE(file.client.http.authorization->credentialsFile, std::string("/etc/narthex/t"));
    QCOMPARE(read("authorization: {type: ' Token '}").client.http.authorization->type,
             std::string("Token"));
}

void TestHttpClientKeys::joinsPathsWithTheFolder()
{
    const net::HttpClientConfig http = read("basic_auth: {username_file: u, password_file: /p}\n"
                                            "tls_config: {ca_file: ca, cert_file: c, key_file: k}\n"
                                            "http_headers: {A: {files: [h]}}")
                                           .client.http;
    QCOMPARE(http.basicAuth->usernameFile, std::string("/etc/narthex/u"));
    QCOMPARE(http.basicAuth->passwordFile, std::string("/p"));
    QCOMPARE(http.tls.caFile, std::string("/etc/narthex/ca"));
    QCOMPARE(http.tls.certFile, std::string("/etc/narthex/c"));
    QCOMPARE(http.tls.keyFile, std::string("/etc/narthex/k"));
    QCOMPARE(http.headers.at("A").files.at(0), std::string("/etc/narthex/h"));
}

void TestHttpClientKeys::printsDefaultsAndHidesSecrets()
{
    const auto printed = [](const std::string& text) {
        Read result = read(text);
        yaml::FieldPrinter printer;
        result.client.describe(printer);
        return QString::fromStdString(result.error + yaml::toText(printer.node()));
    };
    QCOMPARE(printed("{}"), QString("follow_redirects: true\nenable_http2: true\n"));
    const QString all =
        printed("oauth2:\n  client_id: a\n  client_secret: hunter2\n  token_url: http://t\n"
                "proxy_url: http://u:hunter2@p\nproxy_connect_header: {A: [hunter2]}\n"
                "tls_config: {cert: c, key: hunter2}\n"
                "http_headers: {B: {values: [v], secrets: [hunter2]}}\nfollow_redirects: false\n");
    QVERIFY2(!all.contains("hunter2"), qPrintable(all));
    QVERIFY2(all.contains("proxy_url: http://u:xxxxx@p\n"), qPrintable(all));
    QVERIFY2(all.contains("follow_redirects: false\n"), qPrintable(all));
}

QTEST_GUILESS_MAIN(TestHttpClientKeys)
#include "tst_http_client_keys.moc"
