// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/discovery/aws_credentials.h"
#include "support/aws_world.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::discovery;
using namespace narthex::tests;
using namespace narthex::base::literals;

namespace {

std::string stsAnswer(const std::string& action, const std::string& key,
                      const std::string& expiry = "2023-11-14T23:00:00Z")
{
    return "<" + action + "Response><" + action + "Result><Credentials><AccessKeyId>" + key +
           "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token"
           "</SessionToken><Expiration>" +
           expiry + "</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

std::string jsonAnswer(const std::string& key)
{
    return R"({"Code":"Success","AccessKeyId":")" + key +
           R"(","SecretAccessKey":"s","Token":"t","Expiration":"2023-11-14T23:00:00Z"})";
}

} // namespace

class TestAwsCredentials : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void takesTheFirstThatIsThere_data();
    void takesTheFirstThatIsThere();
    void exchangesWebIdentities();
    void assumesRolesOfProfiles();
    void assumesTheConfiguredRoleOnTop();
    void renewsBeforeTheyExpire();
    void runsCommands_data();
    void runsCommands();
    void asksContainers();
    void refusesToSendContainersTokensAbroad();
    void asksInstancesWithATokenOnly();
    void findsTheRegion_data();
    void findsTheRegion();
    void namesWhatIsMissing_data();
    void namesWhatIsMissing();

private:
    void write(const std::string& name, const std::string& text) const
    {
        QVERIFY(base::writeFileAtomically(path(name), text).ok());
    }
    [[nodiscard]] std::string path(const std::string& name) const
    {
        return folder_->path().string() + "/" + name;
    }
    [[nodiscard]] ProviderEnvironment environment()
    {
        ProviderEnvironment usual = aws_->world.environment();
        return {.http = usual.http,
                .clock = *clock_,
                .log = usual.log,
                .metrics = usual.metrics,
                .apiBase = usual.apiBase,
                .variable = usual.variable};
    }
    /// The access key that is found, or the message of the error.
    std::string find(const AwsAccess& access = {})
    {
        const ProviderEnvironment own = environment();
        AwsCredentialChain chain(own, access, 10_s);
        return find(chain);
    }
    std::string find(AwsCredentialChain& chain)
    {
        const auto found = chain.credentials("eu-west-1", aws_->world.stop.get_token());
        return found.ok() ? found->accessKey : std::string(base::messageOf(found.status()));
    }
    std::string& variable(const std::string& name) { return aws_->world.variables[name]; }

    std::unique_ptr<AwsWorld> aws_;
    std::unique_ptr<base::TemporaryDirectory> folder_;
    std::unique_ptr<base::ManualClock> clock_;
};

void TestAwsCredentials::init()
{
    aws_ = std::make_unique<AwsWorld>();
    folder_ = std::make_unique<base::TemporaryDirectory>();
    clock_ = std::make_unique<base::ManualClock>(base::Timestamp{1700000000000}); // 22:13:20
    variable("AWS_CONFIG_FILE") = path("config");
    variable("AWS_SHARED_CREDENTIALS_FILE") = path("credentials");
    aws_->server.answerWith("PUT /latest/api/token", {.body = "imds"});
    const std::string roles = "GET /latest/meta-data/iam/security-credentials/";
    aws_->server.answerWith(roles, {.body = "role-1\n"});
    aws_->server.answerWith(roles + "role-1", {.body = jsonAnswer("INSTANCE")});
    aws_->server.answerWith("GET /latest/meta-data/placement/region", {.body = "us-imds-1"});
    aws_->answer("AssumeRole", stsAnswer("AssumeRole", "ROLE"));
    aws_->answer("AssumeRoleWithWebIdentity", stsAnswer("AssumeRoleWithWebIdentity", "WEB"));
}

void TestAwsCredentials::takesTheFirstThatIsThere_data()
{
    QTest::addColumn<int>("level");
    QTest::addColumn<QString>("key");
    QTest::newRow("configuration") << 0 << "STATIC";
    QTest::newRow("profile of the configuration") << 1 << "NAMED";
    QTest::newRow("environment") << 2 << "ENVIRONMENT";
    QTest::newRow("web identity") << 3 << "WEB";
    QTest::newRow("shared files") << 4 << "NAMED";
    QTest::newRow("default profile") << 5 << "DEFAULT";
    QTest::newRow("container") << 6 << "CONTAINER";
    QTest::newRow("instance") << 7 << "INSTANCE";
}

void TestAwsCredentials::takesTheFirstThatIsThere()
{
    QFETCH(int, level);
    QFETCH(QString, key);
    AwsAccess access{.accessKey = "STATIC"}; // of no use without its secret
    if (level <= 0) {
        access.secretKey = base::Secret("s");
    }
    if (level <= 1) {
        access.profile = "named";
    }
    if (level <= 2) {
        variable("AWS_ACCESS_KEY_ID") = "ENVIRONMENT";
        variable("AWS_SECRET_ACCESS_KEY") = "s";
    }
    if (level <= 3) {
        write("jwt", "identity");
        variable("AWS_WEB_IDENTITY_TOKEN_FILE") = path("jwt");
        variable("AWS_ROLE_ARN") = "arn:role";
    }
    if (level <= 4) {
        variable("AWS_PROFILE") = "named";
    }
    if (level <= 5) {
        write("credentials", "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key=s\n"
                             "[named]\naws_access_key_id=NAMED # new\n"
                             "aws_secret_access_key = s\n");
    }
    if (level <= 6) {
        variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") = "/v2/credentials";
        aws_->server.answerWith("GET /v2/credentials", {.body = jsonAnswer("CONTAINER")});
    }
    QCOMPARE(QString::fromStdString(find(access)), key);
}

void TestAwsCredentials::exchangesWebIdentities()
{
    write("jwt", "identity");
    variable("AWS_WEB_IDENTITY_TOKEN_FILE") = path("jwt");
    variable("AWS_ROLE_ARN") = "arn:aws:iam::1:role/r";
    variable("AWS_ROLE_SESSION_NAME") = "me";
    QCOMPARE(find(), std::string("WEB"));
    const auto request = aws_->asked("AssumeRoleWithWebIdentity").at(0);
    QCOMPARE(request.body, std::string("Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam"
                                       "%3A%3A1%3Arole%2Fr&RoleSessionName=me"
                                       "&WebIdentityToken=identity&Version=2011-06-15"));
    QVERIFY(request.header("Authorization").empty());
}

void TestAwsCredentials::assumesRolesOfProfiles()
{
    write("config", "[profile top]\nrole_arn = arn:top\nsource_profile = middle\n"
                    "external_id = x1\n[profile middle]\nrole_arn=arn:middle\n"
                    "source_profile=bottom\nrole_session_name=s2\n"
                    "[sso-session other]\nsso_region=x\n");
    write("credentials", "[bottom]\naws_access_key_id=BOTTOM\naws_secret_access_key=s\n");
    QCOMPARE(find({.profile = "top"}), std::string("ROLE"));
    const auto asked = aws_->asked("AssumeRole");
    QCOMPARE(asked.size(), std::size_t{2});
    QVERIFY(asked[0].header("Authorization").find("=BOTTOM/") != std::string_view::npos);
    QCOMPARE(std::string(*asked[0].parameter("RoleArn")), std::string("arn:middle"));
    QCOMPARE(std::string(*asked[0].parameter("RoleSessionName")), std::string("s2"));
    QVERIFY(asked[1].header("Authorization").find("=ROLE/") != std::string_view::npos);
    QCOMPARE(std::string(asked[1].header("X-Amz-Security-Token")), std::string("token"));
    QCOMPARE(std::string(*asked[1].parameter("ExternalId")), std::string("x1"));
}

void TestAwsCredentials::assumesTheConfiguredRoleOnTop()
{
    QCOMPARE(find({.accessKey = "STATIC",
                   .secretKey = base::Secret("s"),
                   .roleArn = "arn:r",
                   .externalId = "e 1"}),
             std::string("ROLE"));
    const auto request = aws_->asked("AssumeRole").at(0);
    QCOMPARE(std::string(*request.parameter("RoleArn")), std::string("arn:r"));
    QCOMPARE(std::string(*request.parameter("ExternalId")), std::string("e 1"));
    QVERIFY(request.parameter("RoleSessionName")->starts_with("narthex-"));
    QVERIFY(request.header("Authorization").find("/eu-west-1/sts/aws4_request") !=
            std::string_view::npos);
}

void TestAwsCredentials::renewsBeforeTheyExpire()
{
    const ProviderEnvironment own = environment();
    AwsCredentialChain chain(
        own, {.accessKey = "A", .secretKey = base::Secret("s"), .roleArn = "arn:r"}, 10_s);
    find(chain);
    clock_->advance(41_min); // 22:54:20, they end at 23:00:00
    find(chain);
    QCOMPARE(aws_->asked("AssumeRole").size(), std::size_t{1});
    clock_->advance(1_min); // less than five minutes left
    aws_->answer("AssumeRole", "<html/>", 500);
    QCOMPARE(find(chain), std::string("ROLE")); // good for a while
    QCOMPARE(aws_->asked("AssumeRole").size(), std::size_t{2});
    clock_->advance(10_min);
    QVERIFY(find(chain).starts_with("no AWS credentials: AssumeRole: server returned HTTP status"));
    aws_->answer("AssumeRole", stsAnswer("AssumeRole", "NEW", "2023-11-15T23:00:00Z"));
    QCOMPARE(find(chain), std::string("NEW"));
}

void TestAwsCredentials::runsCommands_data()
{
    QTest::addColumn<QString>("command");
    QTest::addColumn<QString>("found");
    const QString answer =
        "echo '{\"Version\":1,\"AccessKeyId\":\"CMD\",\"SecretAccessKey\":\"s\"}'";
    const QString prefix = "no AWS credentials: credential_process: ";
    QTest::newRow("fine") << answer << "CMD";
    QTest::newRow("fails") << answer + "; exit 3" << prefix + "/bin/sh failed with exit code 3";
    QTest::newRow("no JSON") << "echo hello" << prefix + "invalid JSON";
    QTest::newRow("no keys") << "echo '{}'"
                             << prefix + "the answer has no AccessKeyId and SecretAccessKey";
    QTest::newRow("endless") << "yes" << prefix + "/bin/sh prints more than 1048576 bytes";
}

void TestAwsCredentials::runsCommands()
{
    QFETCH(QString, command);
    QFETCH(QString, found);
    write("config", "[default]\ncredential_process = " + command.toStdString() + "\n");
    const auto result = QString::fromStdString(find());
    QVERIFY2(result.startsWith(found), qPrintable(result));
}

void TestAwsCredentials::asksContainers()
{
    write("token", " Bearer 1\n");
    variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") = aws_->server.url() + "/full?x=1";
    variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") = path("token");
    aws_->server.answerWith("GET /full", {.body = jsonAnswer("FULL")});
    QCOMPARE(find(), std::string("FULL"));
    QCOMPARE(std::string(aws_->server.last("GET /full").header("Authorization")),
             std::string("Bearer 1"));
}

void TestAwsCredentials::refusesToSendContainersTokensAbroad()
{
    variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") = "http://example.org/x";
    QCOMPARE(find(), std::string("no AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI: "
                                 "example.org is neither this machine nor https"));
}

void TestAwsCredentials::asksInstancesWithATokenOnly()
{
    const std::string roles = "/latest/meta-data/iam/security-credentials/";
    for (const std::string& page : {roles, roles + "role-1"}) {
        aws_->server.handle("GET " + page, [page](const net::ServerRequest& request) {
            if (request.header("X-aws-ec2-metadata-token") != "imds") {
                return net::ServerResponse{.status = 401};
            }
            return net::ServerResponse{.body = page.ends_with("role-1") ? jsonAnswer("INSTANCE")
                                                                        : "role-1"};
        });
    }
    QCOMPARE(find(), std::string("INSTANCE"));
    QCOMPARE(std::string(aws_->server.last("PUT /latest/api/token")
                             .header("X-aws-ec2-metadata-token-ttl-seconds")),
             std::string("21600"));
    variable("AWS_EC2_METADATA_DISABLED") = "TRUE";
    QCOMPARE(find(), std::string("no AWS credentials: instance metadata are switched off by "
                                 "AWS_EC2_METADATA_DISABLED"));
}

void TestAwsCredentials::findsTheRegion_data()
{
    QTest::addColumn<int>("level");
    QTest::addColumn<QString>("region");
    QTest::newRow("key") << 0 << "key";
    QTest::newRow("AWS_REGION") << 1 << "first";
    QTest::newRow("AWS_DEFAULT_REGION") << 2 << "second";
    QTest::newRow("profile") << 3 << "third";
    QTest::newRow("instance") << 4 << "us-imds-1";
    QTest::newRow("nowhere") << 5 << "could not determine AWS region: ";
}

void TestAwsCredentials::findsTheRegion()
{
    QFETCH(int, level);
    QFETCH(QString, region);
    AwsAccess access;
    access.region = level == 0 ? "key" : "";
    variable("AWS_REGION") = level <= 1 ? "first" : "";
    variable("AWS_DEFAULT_REGION") = level <= 2 ? "second" : "";
    if (level <= 3) {
        write("config", "[default]\nregion = third\n");
    }
    if (level == 5) {
        variable("AWS_EC2_METADATA_DISABLED") = "true";
    }
    const ProviderEnvironment own = environment();
    AwsCredentialChain chain(own, access, 10_s);
    const auto found = chain.region(aws_->world.stop.get_token());
    const auto text =
        QString::fromStdString(found.ok() ? *found : std::string(base::messageOf(found.status())));
    QVERIFY2(text.startsWith(region), qPrintable(text));
}

void TestAwsCredentials::namesWhatIsMissing_data()
{
    QTest::addColumn<QString>("config");
    QTest::addColumn<QString>("message");
    QTest::newRow("no such profile") << ""
                                     << "the shared files have no profile \"p\"";
    QTest::newRow("no such source") << "[profile p]\nrole_arn=r\nsource_profile=q\n"
                                    << "source_profile \"q\" of \"p\" is not in the shared files";
    QTest::newRow("ring") << "[profile p]\nrole_arn=r\nsource_profile=q\n"
                             "[profile q]\nrole_arn=r\nsource_profile=p\n"
                          << "source_profile of \"p\" goes in a ring";
    QTest::newRow("sso") << "[profile p]\nsso_start_url=https://x\n"
                         << "profile \"p\" signs in with a browser (sso)";
    QTest::newRow("source") << "[profile p]\nrole_arn=r\ncredential_source=Moon\n"
                            << "credential_source \"Moon\" is none of";
}

void TestAwsCredentials::namesWhatIsMissing()
{
    QFETCH(QString, config);
    QFETCH(QString, message);
    write("config", config.toStdString());
    const auto text = QString::fromStdString(find({.profile = "p"}));
    QVERIFY2(text.startsWith("no AWS credentials: " + message), qPrintable(text));
}

QTEST_GUILESS_MAIN(TestAwsCredentials)
#include "tst_aws_credentials.moc"
