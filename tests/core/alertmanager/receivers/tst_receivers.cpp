// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What each kind sends over HTTP, byte for byte, and what answers mean.
#include "receiver_cases.h"

#include "core/alertmanager/receivers/sending.h"
#include "core/net/sigv4.h"
#include "support/raw_server.h"
#include "support/receiver_world.h"
#include "support/scripted_server.h"

#include <QDateTime>
#include <QTest>

namespace narthex::alertmanager {

using tests::diskFine;
using tests::diskFull;
using tests::ReceiverWorld;
using tests::ScriptedServer;

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& with)
{
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), with);
        at += with.size();
    }
    return text;
}

/// "METHOD path?query" and the body, a line each.
QString shown(const ScriptedServer& server)
{
    std::string text;
    for (const net::ServerRequest& request : server.requests()) {
        text += request.method + " " + request.path;
        if (request.header("Content-Type").starts_with("application/x-www-form")) {
            text += "\n";
            for (const auto& [name, value] : request.parameters) {
                text += name + "=" + value + "\n";
            }
            continue;
        }
        char separator = '?';
        for (const auto& [name, value] : request.parameters) {
            text += separator + name + "=" + value;
            separator = '&';
        }
        text += "\n" + request.body;
    }
    return QString::fromStdString(text);
}

std::string filled(const char* text, const ScriptedServer& server)
{
    std::string out = replaced(text, "$URL", server.url());
    out = replaced(std::move(out), "$HASH", tests::kDiskFullHash);
    out = replaced(std::move(out), "$FIRING", "[FIRING:1] DiskFull (a critical)");
    out = replaced(std::move(out), "$RESOLVED", "[RESOLVED] DiskFull (a critical)");
    return replaced(std::move(out), "$ALERTS", tests::kAlertsJson);
}

void script(ScriptedServer& server, const std::string& answers)
{
    const QStringList lines = QString::fromStdString(answers).split('\n');
    for (qsizetype i = 0; i + 1 < lines.size(); i += 2) {
        const std::string body = lines[i + 1].toStdString();
        server.answerWith(lines[i].toStdString(),
                          {.contentType = body.starts_with("{") ? "application/json" : "text/plain",
                           .body = body});
    }
}

/// The Authorization that AWS expects of a request with these headers, by the signer that its
/// published vectors prove.
std::string signatureOf(const net::ServerRequest& got, const std::string& url)
{
    net::HttpRequest request{.method = got.method, .url = url, .body = got.body};
    const std::string_view authorization = got.header("Authorization");
    const QString all =
        QString::fromUtf8(authorization.data(), static_cast<qsizetype>(authorization.size()));
    const QString list = all.section("SignedHeaders=", 1).section(',', 0, 0);
    for (const QString& name : list.split(';')) {
        const std::string header = name.toStdString();
        if (header != "host" && header != "x-amz-date") {
            request.headers.emplace_back(header, got.header(header));
        }
    }
    const QString date = QString::fromStdString(std::string(got.header("X-Amz-Date")));
    const QDateTime time(QDate::fromString(date.left(8), "yyyyMMdd"),
                         QTime::fromString(date.mid(9, 6), "HHmmss"), Qt::UTC);
    const absl::Status status =
        net::signSigV4(request, {.accessKey = "a", .secretKey = base::Secret("b")}, {"r", "sns"},
                       {time.toMSecsSinceEpoch()});
    for (const auto& [name, value] : request.headers) {
        if (status.ok() && name == "Authorization") {
            return value;
        }
    }
    return "not signed";
}

} // namespace

class TestReceivers : public QObject
{
    Q_OBJECT

private slots:
    void everyKindSendsWhatItsServiceWants_data();
    void everyKindSendsWhatItsServiceWants();
    void opsgenieWritesAllThatIsConfigured();
    void tokensStandInHeaders();
    void answersDecideAboutAnotherAttempt_data();
    void answersDecideAboutAnotherAttempt();
    void bodiesThatRefuseAreErrors_data();
    void bodiesThatRefuseAreErrors();
    void errorsHoldNoAddress();
    void slackUpdatesItsMessage();
    void wechatKeepsItsToken();
    void webhooksAreShortened();
    void longTextsAreCut();
    void templateErrorsAreNotRepeated();
    void stoppingAndTimeoutsEndAnAttempt();
    void acknowledgementsAreForwarded();
    void pagerdutyLeavesDetailsOutThatAreTooLong();
};

void TestReceivers::everyKindSendsWhatItsServiceWants_data()
{
    QTest::addColumn<int>("row");
    const auto cases = tests::receiverCases();
    for (std::size_t i = 0; i < cases.size(); ++i) {
        QTest::newRow(cases[i].name) << static_cast<int>(i);
    }
}

void TestReceivers::everyKindSendsWhatItsServiceWants()
{
    QFETCH(int, row);
    const tests::ReceiverCase& each = tests::receiverCases()[static_cast<std::size_t>(row)];
    ReceiverWorld world;
    ScriptedServer server;
    world.apiBase = server.url();
    script(server, filled(each.answers, server));
    const SendResult result =
        world.send(each.kind, filled(each.yaml, server), each.firing ? diskFull() : diskFine());
    QVERIFY2(result.status.ok(), result.status.ToString().c_str());
    if (each.requests != nullptr) {
        QCOMPARE(shown(server), QString::fromStdString(filled(each.requests, server)));
    }
    for (const net::ServerRequest& request : server.requests()) {
        QCOMPARE(request.header("User-Agent"), std::string_view("Narthex/test"));
    }
}

void TestReceivers::opsgenieWritesAllThatIsConfigured()
{
    ReceiverWorld world;
    ScriptedServer server;
    const tests::ReceiverCase* row = nullptr;
    for (const tests::ReceiverCase& each : tests::receiverCases()) {
        row = std::string_view(each.name) == "opsgenie firing" ? &each : row;
    }
    script(server, filled(row->answers, server));
    QVERIFY(world.send("opsgenie", filled(row->yaml, server), diskFull()).status.ok());
    const auto requests = server.requests();
    QCOMPARE(requests.size(), std::size_t{3});
    QCOMPARE(requests[0].header("Authorization"), std::string_view("GenieKey k"));
    QCOMPARE(QString::fromStdString(requests[0].body),
             QString::fromStdString(filled(tests::kOpsgenieCreation, server)));
    QCOMPARE(requests[1].body, std::string("{\"message\":\"m\"}\n"));
    QCOMPARE(requests[2].body, std::string("{\"description\":\"d\"}\n"));
    QCOMPARE(requests[2].parameter("identifierType").value_or(""), std::string_view("alias"));
}

void TestReceivers::tokensStandInHeaders()
{
    ReceiverWorld world;
    ScriptedServer server;
    for (const char* path : {"POST /i", "POST /s", "POST /api/v1/chat.postMessage", "POST /"}) {
        server.json(path, "{\"ok\":true,\"success\":true}");
    }
    QVERIFY(
        world.send("incidentio", "{url: " + server.url() + "/i, alert_source_token: t}", diskFull())
            .status.ok());
    const net::ServerRequest incident = server.last("POST /i");
    QCOMPARE(incident.header("Authorization"), std::string_view("Bearer t"));
    QVERIFY(incident.body.find("\"version\":\"1\"") != std::string::npos);
    QVERIFY(world.send("slack", "{app_token: xoxb, app_url: " + server.url() + "/s}", diskFull())
                .status.ok());
    QCOMPARE(server.last("POST /s").header("Authorization"), std::string_view("Bearer xoxb"));
    QVERIFY(world
                .send("rocketchat", "{api_url: " + server.url() + ", token: t, token_id: i}",
                      diskFull())
                .status.ok());
    const net::ServerRequest chat = server.last("POST /api/v1/chat.postMessage");
    QCOMPARE(chat.header("X-Auth-Token"), std::string_view("t"));
    QCOMPARE(chat.header("X-User-Id"), std::string_view("i"));
    QVERIFY(world
                .send("sns",
                      "{api_url: " + server.url() +
                          ", sigv4: {region: r, access_key: a, secret_key: b}, phone_number: '1'}",
                      diskFull())
                .status.ok());
    const net::ServerRequest sns = server.last("POST /");
    QCOMPARE(std::string(sns.header("Authorization")), signatureOf(sns, server.url() + "/"));
}

void TestReceivers::answersDecideAboutAnotherAttempt_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<int>("status");
    QTest::addColumn<bool>("retry");
    QTest::addColumn<QString>("reason");
    const auto add = [](const char* kind, const char* yaml, int status, bool retry,
                        const char* reason) {
        QTest::addRow("%s %d", kind, status)
            << QString(kind) << QString(yaml) << status << retry << QString(reason);
    };
    const char* const hook = "url: $URL/x";
    add("webhook", hook, 500, true, "serverError");
    add("webhook", hook, 400, false, "clientError");
    add("webhook", hook, 401, false, "authError");
    add("webhook", hook, 429, false, "rateLimited");
    add("webhook", hook, 304, false, "other");
    add("slack", "api_url: $URL/x", 429, true, "rateLimited");
    add("pagerduty", "{routing_key: k, url: $URL/x}", 429, true, "rateLimited");
    add("pagerduty", "{routing_key: k, url: $URL/x}", 403, false, "authError");
    add("opsgenie", "{api_key: k, api_url: $URL}", 429, true, "rateLimited");
    add("incidentio", "{url: $URL/x, alert_source_token: t}", 429, true, "rateLimited");
    add("discord", "webhook_url: $URL/x", 429, false, "rateLimited");
    add("telegram", "{api_url: $URL, bot_token: t, chat_id: 1}", 400, true, "clientError");
    add("jira", "{api_url: $URL, project: P, issue_type: B}", 503, true, "serverError");
    add("wechat", "{api_url: $URL, api_secret: s, corp_id: c}", 404, false, "authError");
}

void TestReceivers::answersDecideAboutAnotherAttempt()
{
    QFETCH(QString, kind);
    QFETCH(QString, yaml);
    QFETCH(int, status);
    QFETCH(bool, retry);
    QFETCH(QString, reason);
    ReceiverWorld world;
    ScriptedServer server;
    for (const char* path : {"POST /x", "POST /v2/alerts", "POST /bott/sendMessage", "POST /search",
                             "GET /gettoken"}) {
        server.answerWith(path,
                          {.status = status, .body = "why not", .headers = {{"Retry-After", "7"}}});
    }
    const SendResult result =
        world.send(kind.toStdString(), filled(yaml.toStdString().c_str(), server), diskFull());
    QVERIFY(!result.status.ok());
    QCOMPARE(result.retry, retry);
    QCOMPARE(QString::fromStdString(std::string(text(result.reason))), reason);
    if (kind != "wechat") {
        const std::string message(base::messageOf(result.status));
        const std::string wanted =
            "unexpected status code " + std::to_string(status) + (status == 304 ? "" : ": why not");
        QVERIFY2(message.ends_with(wanted), message.c_str());
        QCOMPARE(result.retryAfter.value_or(base::Duration{}).seconds(), 7.0);
    }
}

void TestReceivers::bodiesThatRefuseAreErrors_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::addColumn<bool>("retry");
    QTest::newRow("slack text")
        << "slack"
        << "{api_url: $URL/x, channel: c}"
        << "no_service"
        << "channel \"c\": received an error response from Slack: no_service" << false;
    QTest::newRow("slack json") << "slack"
                                << "{api_url: $URL/x, channel: c}"
                                << "{\"ok\":false,\"error\":\"channel_not_found\"}"
                                << "channel \"c\": error response from Slack: channel_not_found"
                                << false;
    QTest::newRow("rocketchat") << "rocketchat"
                                << "{api_url: $URL, token: t, token_id: i, channel: c}"
                                << "{\"success\":false,\"error\":\"e\"}"
                                << "channel \"c\": error response from Rocketchat: e" << false;
    QTest::newRow("wechat") << "wechat"
                            << "{api_url: $URL, api_secret: s, corp_id: c}"
                            << "{\"access_token\":\"t\",\"errcode\":40001,\"errmsg\":\"bad\"}"
                            << "bad" << false;
    QTest::newRow("wechat token is old") << "wechat"
                                         << "{api_url: $URL, api_secret: s, corp_id: c}"
                                         << "{\"access_token\":\"t\",\"errcode\":42001,\"errmsg\":"
                                            "\"expired\"}"
                                         << "expired" << true;
    QTest::newRow("jira without the transition")
        << "jira"
        << "{api_url: $URL, project: P, issue_type: B, reopen_transition: Again}"
        << "{\"issues\":[{\"key\":\"K\",\"fields\":{\"status\":{\"statusCategory\":{\"key\":"
           "\"done\"}}}}]}"
        << "can't find transition Again for issue K" << false;
}

void TestReceivers::bodiesThatRefuseAreErrors()
{
    QFETCH(QString, kind);
    QFETCH(QString, yaml);
    QFETCH(QString, body);
    QFETCH(QString, message);
    QFETCH(bool, retry);
    ReceiverWorld world;
    ScriptedServer server;
    for (const char* path :
         {"POST /x", "POST /api/v1/chat.postMessage", "GET /gettoken", "POST /message/send",
          "POST /search", "PUT /issue/K", "GET /issue/K/transitions"}) {
        server.answerWith(path,
                          {.contentType = body.startsWith('{') ? "application/json" : "text/plain",
                           .body = body.toStdString()});
    }
    const SendResult result =
        world.send(kind.toStdString(), filled(yaml.toStdString().c_str(), server), diskFull());
    QCOMPARE(QString::fromStdString(std::string(base::messageOf(result.status))), message);
    QCOMPARE(result.retry, retry);
}

void TestReceivers::errorsHoldNoAddress()
{
    ReceiverWorld world;
    std::string url;
    {
        const ScriptedServer gone;
        url = gone.url();
    }
    const SendResult result = world.send("discord", "webhook_url: " + url + "/secret", diskFull());
    QVERIFY(!result.status.ok() && result.retry);
    const std::string message(base::messageOf(result.status));
    QVERIFY2(message.starts_with("POST \"<redacted>\": "), message.c_str());
    QVERIFY(message.find("secret") == std::string::npos);
}

void TestReceivers::slackUpdatesItsMessage()
{
    ReceiverWorld world;
    ScriptedServer server;
    world.apiBase = server.url();
    server.json("POST /api/chat.update", tests::kUpdateAnswer);
    Notification notification = diskFull();
    notification.memory = {{"threadTs", "1.5"}, {"channelId", "C9"}};
    const SendResult result = world.send(
        "slack",
        "{api_url: 'https://slack.com/api/chat.postMessage', channel: c, update_message: true, "
        "http_config: {authorization: {credentials: x}}}",
        notification);
    QVERIFY2(result.status.ok(), result.status.ToString().c_str());
    QVERIFY(server.last("POST /api/chat.update").body.starts_with(tests::kUpdateStart));
    QCOMPARE(result.memory.at("threadTs"), std::string("1.5"));
    QCOMPARE(result.memory.at("channelId"), std::string("C9"));
}

void TestReceivers::wechatKeepsItsToken()
{
    ReceiverWorld world;
    ScriptedServer server;
    server.json("GET /gettoken", "{\"access_token\":\"t\"}");
    server.json("POST /message/send", "{\"errcode\":0}");
    const auto integration =
        world.integration("wechat", "{api_url: " + server.url() + ", api_secret: s, corp_id: c}");
    Notification notification = diskFull();
    const base::Duration timeout{20'000'000'000};
    QVERIFY(integration->send(notification, timeout, {}).status.ok());
    QVERIFY(integration->send(notification, timeout, {}).status.ok());
    QCOMPARE(server.count("GET /gettoken"), std::size_t{1});
    notification.now = notification.now + base::Duration{7'201'000'000'000};
    QVERIFY(integration->send(notification, timeout, {}).status.ok());
    QCOMPARE(server.count("GET /gettoken"), std::size_t{2});
}

void TestReceivers::webhooksAreShortened()
{
    ReceiverWorld world;
    ScriptedServer server;
    server.answerWith("POST /x", {});
    Notification notification = diskFull();
    notification.alerts.resize(5, notification.alerts[0]);
    QVERIFY(world.send("webhook", "{url: " + server.url() + "/x, max_alerts: 2}", notification)
                .status.ok());
    const std::string body = server.last("POST /x").body;
    QVERIFY(body.ends_with("\"truncatedAlerts\":3}\n"));
    QCOMPARE(QString::fromStdString(body).count("\"fingerprint\""), 2);
    notification.alerts[0].acknowledgement = {
        .author = "ann", .comment = "on it", .createdAt = {1'700'000'050'000}};
    QVERIFY(world.send("webhook", "{url: " + server.url() + "/x, max_alerts: 1}", notification)
                .status.ok());
    QVERIFY(server.last("POST /x").body.find(tests::kAcknowledgementJson) != std::string::npos);
}

void TestReceivers::longTextsAreCut()
{
    QCOMPARE(truncatedRunes("äöü", 3), std::string("äöü"));
    QCOMPARE(truncatedRunes("äöüß!", 4), std::string("äöü…"));
    QCOMPARE(truncatedRunes("äöüß", 3), std::string("äöü"));
    QCOMPARE(truncatedBytes("abcdef", 6), std::string("abcdef"));
    QCOMPARE(truncatedBytes("abcdefg", 6), std::string("abc…"));
    QCOMPARE(truncatedBytes("aäöü", 6), std::string("aä…"));
    QCOMPARE(truncatedBytes("abcd", 3), std::string("…"));
    QCOMPARE(truncatedBytes("abcd", 2), std::string(".."));
    ReceiverWorld world;
    ScriptedServer server;
    server.answerWith("POST /x", {});
    server.json("POST /bott/sendMessage", "{}");
    QVERIFY(
        world
            .send("discord",
                  "{webhook_url: " + server.url() + "/x, title: '" + std::string(300, 'x') + "'}",
                  diskFull())
            .status.ok());
    QVERIFY(server.last("POST /x").body.find(std::string(255, 'x') + "…\"") != std::string::npos);
    // A long HTML message is replaced as a whole, for a cut could fall into a tag.
    const std::string telegram = "{api_url: " + server.url() +
                                 ", bot_token: t, chat_id: 1, message: '" + std::string(5000, 'y') +
                                 "'";
    QVERIFY(world.send("telegram", telegram + "}", diskFull()).status.ok());
    QVERIFY(server.last("POST /bott/sendMessage").body.find("yyy") == std::string::npos);
    QVERIFY(world.send("telegram", telegram + ", parse_mode: ''}", diskFull()).status.ok());
    QVERIFY(server.last("POST /bott/sendMessage").body.find(std::string(4095, 'y') + "…\"") !=
            std::string::npos);
}

void TestReceivers::templateErrorsAreNotRepeated()
{
    ReceiverWorld world;
    for (const auto& [kind, yaml] : std::initializer_list<std::pair<const char*, const char*>>{
             {"slack", "{api_url: 'http://127.0.0.1:1/x', title: '{{ .Nope }}'}"},
             {"discord", "{webhook_url: 'http://127.0.0.1:1/x', title: '{{ .Nope }}'}"},
             {"webhook", "{url: 'http://127.0.0.1:1/{{ .Nope }}'}"},
             {"pagerduty", "{routing_key: k, description: '{{ .Nope }}'}"}}) {
        const SendResult result = world.send(kind, yaml, diskFull());
        QVERIFY2(!result.status.ok() && !result.retry, kind);
        QVERIFY(std::string(base::messageOf(result.status)).find("can't evaluate field Nope") !=
                std::string::npos);
    }
    QCOMPARE(
        std::string(base::messageOf(world.send("webhook", "{url: '{{ `` }}'}", diskFull()).status)),
        std::string("webhook URL is empty after templating"));
    QCOMPARE(std::string(base::messageOf(
                 world.send("pagerduty", "{routing_key: '{{ `` }}'}", diskFull()).status)),
             std::string("routing key cannot be empty"));
}

void TestReceivers::stoppingAndTimeoutsEndAnAttempt()
{
    ReceiverWorld world;
    ScriptedServer server;
    const auto integration = world.integration("discord", "webhook_url: " + server.url() + "/x");
    std::stop_source stop;
    stop.request_stop();
    const SendResult stopped =
        integration->send(diskFull(), base::Duration{20'000'000'000}, stop.get_token());
    QCOMPARE(stopped.reason, FailureReason::ContextCanceled);
    // A server that never answers is given up after the receiver's own time.
    tests::RawServer silent([](tests::RawConnection& connection) { connection.waitForHangUp(); });
    const SendResult late =
        world.send("webhook", "{url: '" + silent.url() + "/x', timeout: 50ms}", diskFull());
    QVERIFY(late.retry);
    QCOMPARE(late.reason, FailureReason::ContextDeadlineExceeded);
    QVERIFY(std::string(base::messageOf(late.status))
                .ends_with("configured webhook timeout reached (50ms)"));
}

void TestReceivers::acknowledgementsAreForwarded()
{
    ReceiverWorld world;
    ScriptedServer server;
    for (const std::string& path :
         {std::string("POST /x"), std::string("POST /k/r"),
          std::string("POST /v2/alerts/") + tests::kDiskFullHash + "/acknowledge"}) {
        server.answerWith(path, {});
    }
    const AcknowledgementNote note{.author = "ann", .comment = "on it"};
    const base::Duration timeout{20'000'000'000};
    QVERIFY(world.integration("pagerduty", "{routing_key: k, url: " + server.url() + "/x}")
                ->acknowledge(diskFull(), note, timeout, {})
                ->status.ok());
    QVERIFY(server.last("POST /x").body.find(filled(tests::kAcknowledgeEvent, server)) !=
            std::string::npos);
    QVERIFY(world.integration("opsgenie", "{api_key: k, api_url: " + server.url() + "}")
                ->acknowledge(diskFull(), note, timeout, {})
                ->status.ok());
    QCOMPARE(server.requests().back().body, std::string("{\"user\":\"ann\",\"note\":\"on it\"}\n"));
    QVERIFY(
        world
            .integration("victorops", "{api_key: k, routing_key: r, api_url: " + server.url() + "}")
            ->acknowledge(diskFull(), note, timeout, {})
            ->status.ok());
    QVERIFY(server.last("POST /k/r").body.find("\"message_type\":\"ACKNOWLEDGEMENT\"") !=
            std::string::npos);
    QVERIFY(!world.integration("discord", "webhook_url: 'http://h/x'")
                 ->acknowledge(diskFull(), note, timeout, {})
                 .has_value());
}

void TestReceivers::pagerdutyLeavesDetailsOutThatAreTooLong()
{
    ReceiverWorld world;
    ScriptedServer server;
    server.answerWith("POST /x", {});
    Notification notification = diskFull();
    notification.alerts[0].annotations = {{"summary", std::string(600'000, 'x')}};
    QVERIFY(world.send("pagerduty", "{routing_key: k, url: " + server.url() + "/x}", notification)
                .status.ok());
    const std::string body = server.last("POST /x").body;
    QVERIFY(body.size() < 10'000);
    QVERIFY(body.find("\"custom_details\":{\"error\":\"Custom details have been removed") !=
            std::string::npos);
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestReceivers)
#include "tst_receivers.moc"
