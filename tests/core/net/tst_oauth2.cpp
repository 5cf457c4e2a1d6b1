// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "support/certificates.h"
#include "support/http_ask.h"
#include "support/raw_server.h"
#include "support/scripted_server.h"

#include <QByteArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

#include <latch>
#include <semaphore>

using namespace narthex;
using namespace narthex::net;
using namespace narthex::tests;

namespace {

std::string tokenAnswer(const std::string& token, int seconds)
{
    return R"({"access_token":")" + token + R"(","token_type":"bearer","expires_in":)" +
           std::to_string(seconds) + "}";
}

QByteArray decoded(const std::string& part)
{
    return QByteArray::fromBase64(QByteArray::fromStdString(part), QByteArray::Base64UrlEncoding);
}

bool verifies(const std::string& jwt, const std::string& keyPem, const EVP_MD* digest)
{
    const std::size_t dot = jwt.rfind('.');
    const QByteArray signature = decoded(jwt.substr(dot + 1));
    BIO* const bio = BIO_new_mem_buf(keyPem.data(), int(keyPem.size()));
    EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key);
    const int result = EVP_DigestVerify(
        context, reinterpret_cast<const unsigned char*>(signature.data()),
        std::size_t(signature.size()), reinterpret_cast<const unsigned char*>(jwt.data()), dot);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return result == 1;
}

} // namespace

class TestOauth2 : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void asksOnceAndKeepsTheToken();
    void asksAgainWhenTheTokenHasExpired();
    void asksAgainWhenTheSecretChanges();
    void triesTheBodyWhenTheHeaderFails();
    void sendsScopesAndParameters();
    void requestsAtOnceShareOneToken();
    void readsFormAnswers();
    void namesWhatTheServerSaid_data();
    void namesWhatTheServerSaid();
    void waitsNoLongerThanTheRequestMay();
    void signsAssertions_data();
    void signsAssertions();
    void refusesAKeyThatIsNone();

private:
    [[nodiscard]] HttpClientConfig config() const
    {
        return {.oauth2 = OAuth2Config{.clientId = "my id",
                                       .clientSecret = base::Secret("s:1"),
                                       .tokenUrl = server_->url() + "/token"}};
    }
    [[nodiscard]] std::string sentToken() const
    {
        return std::string(server_->last("GET /x").header("Authorization"));
    }
    IoLoop loop_;
    HttpClient client_{loop_, "Narthex/test"};
    std::unique_ptr<ScriptedServer> server_;
    /// Kept, so that the client keeps its token.
    std::shared_ptr<const HttpClientConfig> shared_;

    absl::StatusOr<HttpResponse> askShared(base::Duration timeout = 30_s)
    {
        std::binary_semaphore done(0);
        absl::StatusOr<HttpResponse> result;
        client_.send({.url = server_->url() + "/x", .timeout = timeout}, shared_,
                     [&](absl::StatusOr<HttpResponse> response) {
                         result = std::move(response);
                         done.release();
                     });
        done.acquire();
        return result;
    }
};

void TestOauth2::init()
{
    server_ = std::make_unique<ScriptedServer>();
    server_->answerWith("GET /x", {.body = "fine"});
    server_->json("POST /token", tokenAnswer("t1", 3600));
    shared_ = std::make_shared<const HttpClientConfig>(config());
}

void TestOauth2::asksOnceAndKeepsTheToken()
{
    for (int i = 0; i < 3; ++i) {
        const auto answer = askShared();
        QVERIFY2(answer.ok(), answer.status().ToString().c_str());
        QCOMPARE(sentToken(), std::string("Bearer t1"));
    }
    QCOMPARE(server_->count("POST /token"), std::size_t{1});
    const ServerRequest request = server_->last("POST /token");
    // "my%20id:s%3A1"
    QCOMPARE(std::string(request.header("Authorization")),
             std::string("Basic bXklMjBpZDpzJTNBMQ=="));
    QCOMPARE(request.body, std::string("grant_type=client_credentials"));
    QCOMPARE(std::string(request.header("User-Agent")), std::string("Narthex/test"));
    QCOMPARE(std::string(request.header("Content-Type")),
             std::string("application/x-www-form-urlencoded"));
}

void TestOauth2::asksAgainWhenTheTokenHasExpired()
{
    // Ten seconds before its end a token is not used any more.
    server_->sequence("POST /token",
                      {{.contentType = "application/json", .body = tokenAnswer("t1", 5)},
                       {.contentType = "application/json", .body = tokenAnswer("t2", 60)}});
    QVERIFY(askShared().ok());
    QCOMPARE(sentToken(), std::string("Bearer t1"));
    QVERIFY(askShared().ok());
    QCOMPARE(sentToken(), std::string("Bearer t2"));
    QVERIFY(askShared().ok());
    QCOMPARE(server_->count("POST /token"), std::size_t{2});
}

void TestOauth2::asksAgainWhenTheSecretChanges()
{
    const base::TemporaryDirectory folder;
    const std::string path = folder.path().string() + "/secret";
    HttpClientConfig changed = config();
    changed.oauth2->clientSecret = {};
    changed.oauth2->clientSecretFile = path;
    shared_ = std::make_shared<const HttpClientConfig>(changed);
    QVERIFY(base::writeFileAtomically(path, "one\n").ok());
    QVERIFY(askShared().ok());
    QVERIFY(askShared().ok());
    QVERIFY(base::writeFileAtomically(path, "two").ok());
    server_->json("POST /token", tokenAnswer("t2", 60));
    QVERIFY(askShared().ok());
    QCOMPARE(sentToken(), std::string("Bearer t2"));
    QCOMPARE(server_->count("POST /token"), std::size_t{2});
    QVERIFY(base::removePath(path).ok());
    QVERIFY(messageOfFailure(askShared()).starts_with("unable to read oauth2 client secret: "));
}

void TestOauth2::triesTheBodyWhenTheHeaderFails()
{
    server_->handle("POST /token", [](const ServerRequest& request) {
        return request.header("Authorization").empty()
                   ? ServerResponse{.contentType = "application/json", .body = tokenAnswer("t1", 5)}
                   : ServerResponse{.status = 401, .body = "no"};
    });
    QVERIFY(askShared().ok());
    QCOMPARE(server_->last("POST /token").body,
             std::string("client_id=my%20id&client_secret=s%3A1&grant_type=client_credentials"));
    QCOMPARE(server_->count("POST /token"), std::size_t{2});
    // It is remembered.
    QVERIFY(askShared().ok());
    QCOMPARE(server_->count("POST /token"), std::size_t{3});
}

void TestOauth2::sendsScopesAndParameters()
{
    HttpClientConfig more = config();
    more.oauth2->scopes = {"a", "b"};
    more.oauth2->endpointParams = {{"audience", "x y"}, {"grant_type", "other"}};
    shared_ = std::make_shared<const HttpClientConfig>(more);
    QVERIFY(askShared().ok());
    QCOMPARE(server_->last("POST /token").body,
             std::string("audience=x%20y&grant_type=other&scope=a%20b"));
    more.oauth2->endpointParams = {{"scope", "c"}};
    shared_ = std::make_shared<const HttpClientConfig>(more);
    QVERIFY(
        messageOfFailure(askShared()).ends_with("oauth2: cannot overwrite parameter \"scope\""));
}

void TestOauth2::requestsAtOnceShareOneToken()
{
    constexpr int kCount = 20;
    std::latch left(kCount);
    std::atomic<int> fine = 0;
    for (int i = 0; i < kCount; ++i) {
        client_.send({.url = server_->url() + "/x"}, shared_,
                     [&](const absl::StatusOr<HttpResponse>& answer) {
                         fine += answer.ok() ? 1 : 0;
                         left.count_down();
                     });
    }
    left.wait();
    QCOMPARE(fine.load(), kCount);
    QCOMPARE(server_->count("POST /token"), std::size_t{1});
}

void TestOauth2::readsFormAnswers()
{
    server_->answerWith("POST /token", {.contentType = "application/x-www-form-urlencoded",
                                        .body = "access_token=f1&token_type=Other&expires_in=60"});
    QVERIFY(askShared().ok());
    QCOMPARE(sentToken(), std::string("Other f1"));
}

void TestOauth2::namesWhatTheServerSaid_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::newRow("refused") << 400 << R"({"error":"invalid_client","error_description":"who?"})"
                             << "400 Bad Request: invalid_client: who?";
    QTest::newRow("no JSON") << 200 << "{"
                             << "server response missing access_token";
    QTest::newRow("no token") << 200 << R"({"expires_in":1})"
                              << "server response missing access_token";
    QTest::newRow("broken") << 500 << ""
                            << "500 Internal Server Error";
}

void TestOauth2::namesWhatTheServerSaid()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    QFETCH(QString, message);
    server_->answerWith(
        "POST /token",
        {.status = status, .contentType = "application/json", .body = body.toStdString()});
    const auto text = QString::fromStdString(messageOfFailure(askShared()));
    QCOMPARE(text, QString("Get \"%1/x\": oauth2: cannot fetch token: %2")
                       .arg(QString::fromStdString(server_->url()), message));
    // The next one tries again.
    server_->json("POST /token", tokenAnswer("t1", 3600));
    QVERIFY(askShared().ok());
}

void TestOauth2::waitsNoLongerThanTheRequestMay()
{
    const RawServer silent([](RawConnection& connection) { connection.waitForHangUp(); });
    HttpClientConfig slow = config();
    slow.oauth2->tokenUrl = silent.url() + "/token";
    shared_ = std::make_shared<const HttpClientConfig>(slow);
    const auto answer = askShared(50_ms);
    QCOMPARE(int(transportErrorOf(answer.status())), int(TransportError::Timeout));
}

void TestOauth2::signsAssertions_data()
{
    QTest::addColumn<QString>("algorithm");
    QTest::newRow("default") << "";
    QTest::newRow("RS384") << "RS384";
    QTest::newRow("RS512") << "RS512";
}

void TestOauth2::signsAssertions()
{
    QFETCH(QString, algorithm);
    static const std::string kKey = CertificateAuthority::newRsaKey();
    HttpClientConfig jwt = config();
    jwt.oauth2->grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    jwt.oauth2->certificateKey = base::Secret(kKey);
    jwt.oauth2->certificateKeyId = "key-1";
    jwt.oauth2->signatureAlgorithm = algorithm.toStdString();
    jwt.oauth2->scopes = {"s1", "s2"};
    jwt.oauth2->claims = {{"tenant", "t\"1"}};
    shared_ = std::make_shared<const HttpClientConfig>(jwt);
    QVERIFY(askShared().ok());
    const ServerRequest request = server_->last("POST /token");
    QCOMPARE(std::string(request.header("Authorization")), std::string());
    const std::string assertion(*request.parameter("assertion"));
    const std::size_t first = assertion.find('.');
    const std::size_t second = assertion.rfind('.');
    const QString name = algorithm.isEmpty() ? "RS256" : algorithm;
    const auto header = QJsonDocument::fromJson(decoded(assertion.substr(0, first))).object();
    QCOMPARE(header["alg"].toString(), name);
    QCOMPARE(header["kid"].toString(), QString("key-1"));
    const auto claims =
        QJsonDocument::fromJson(decoded(assertion.substr(first + 1, second - first - 1))).object();
    QCOMPARE(claims["iss"].toString(), QString("my id"));
    QCOMPARE(claims["sub"].toString(), QString("my id"));
    QCOMPARE(claims["aud"].toString(), QString::fromStdString(server_->url() + "/token"));
    QCOMPARE(claims["scope"].toString(), QString("s1 s2"));
    QCOMPARE(claims["tenant"].toString(), QString("t\"1"));
    QCOMPARE(claims["exp"].toInteger() - claims["iat"].toInteger(), qint64{600});
    QVERIFY(verifies(assertion, kKey,
                     name == "RS256"   ? EVP_sha256()
                     : name == "RS384" ? EVP_sha384()
                                       : EVP_sha512()));
}

void TestOauth2::refusesAKeyThatIsNone()
{
    HttpClientConfig jwt = config();
    jwt.oauth2->grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    jwt.oauth2->certificateKey = base::Secret("hunter2");
    shared_ = std::make_shared<const HttpClientConfig>(jwt);
    const std::string message = messageOfFailure(askShared());
    QVERIFY2(message.ends_with("the key must be an RSA private key in PEM form"), message.c_str());
}

QTEST_GUILESS_MAIN(TestOauth2)
#include "tst_oauth2.moc"
