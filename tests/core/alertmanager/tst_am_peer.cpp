// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same configuration and requests, given to us and to Debian's Alertmanager: the answers are
// compared. Skipped when the program is not unpacked.
#include "am_world.h"

#include "core/alertmanager/api.h"
#include "support/alertmanager_peer.h"
#include "support/scripted_server.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using tests::AmWorld;

namespace {

constexpr const char kConfig[] =
    "route:\n  receiver: r\n  group_by: [alertname]\n  group_wait: 0s\n  routes:\n"
    "  - {receiver: one, matchers: ['team=~\"x|y\"'], continue: true, group_by: ['...']}\n"
    "  - {receiver: two, match: {team: x}, routes: [{receiver: three, matchers: [sev!=low]}]}\n"
    "inhibit_rules:\n"
    "- {source_matchers: [sev=high], target_matchers: [sev=low], equal: [alertname, cluster]}\n"
    "receivers:\n- {name: r, webhook_configs: [{url: '@'}]}\n"
    "- {name: one, webhook_configs: [{url: '@'}]}\n- {name: two}\n"
    "- {name: three, webhook_configs: [{url: '@', send_resolved: false}]}\n";

constexpr const char kAlerts[] =
    "[{\"labels\":{\"alertname\":\"A\",\"sev\":\"high\",\"team\":\"x\"},\"annotations\":{\"s\":"
    "\"<&>\"}},"
    "{\"labels\":{\"alertname\":\"A\",\"sev\":\"low\",\"team\":\"y\"},\"generatorURL\":"
    "\"http://p/g?a=b&c\"},"
    "{\"labels\":{\"alertname\":\"A\",\"sev\":\"low\",\"cluster\":\"c\"}},"
    "{\"labels\":{\"alertname\":\"B\",\"sev\":\"low\",\"team\":\"x\",\"empty\":\"\"}},"
    "{\"labels\":{\"alertname\":\"C\",\"u\":\"b\xc3\xbcro\"}}]";

/// The configuration, with webhooks at this address.
std::string configuration(const std::string& url)
{
    return QString(kConfig).replace('@', QString::fromStdString(url)).toStdString();
}

/// What does not depend on the moment, in a canonical form.
QString canonical(QJsonValue value)
{
    if (value.isArray()) {
        QStringList items;
        for (const QJsonValue& each : value.toArray()) {
            items << canonical(each);
        }
        items.sort();
        return "[" + items.join(",") + "]";
    }
    if (!value.isObject()) {
        return QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact);
    }
    QStringList members;
    const QJsonObject object = value.toObject();
    for (const QString& key : object.keys()) {
        // Keys that 0.25 does not know, and times.
        if (!QStringList{"mutedBy", "routeLabels", "endsAt", "startsAt", "updatedAt", "externalURL",
                         "notification_reason"}
                 .contains(key)) {
            members << key + ":" + canonical(object[key]);
        }
    }
    return "{" + members.join(",") + "}";
}

QString canonicalBody(const std::string& body)
{
    const QJsonDocument document = QJsonDocument::fromJson(QByteArray::fromStdString(body));
    if (document.isNull()) {
        return QString::fromStdString(body).trimmed();
    }
    return canonical(document.isArray() ? QJsonValue(document.array())
                                        : QJsonValue(document.object()));
}

} // namespace

class TestAmPeer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void alertsAndGroupsAreTheSame_data();
    void alertsAndGroupsAreTheSame();
    void mistakesGetTheSameAnswers_data();
    void mistakesGetTheSameAnswers();
    void webhooksSayTheSame();

private:
    struct Answer
    {
        int status = 0;
        std::string body;
    };
    Answer ask(const std::string& method, const std::string& path, const std::string& body = {});

    /// What was posted to a path last for each group, canonical. A slow machine may tell a group in
    /// two pieces.
    QMap<QString, QString> posted(const std::string& path) const;

    tests::ScriptedServer hooks_;
    base::TemporaryDirectory folder_;
    std::unique_ptr<test::AlertmanagerPeer> peer_;
    std::string target_;
    std::unique_ptr<net::IoLoop> loop_;
    std::unique_ptr<net::HttpClient> http_;
    std::unique_ptr<AmWorld> world_;
};

TestAmPeer::Answer TestAmPeer::ask(const std::string& method, const std::string& path,
                                   const std::string& body)
{
    Answer answer;
    std::atomic<bool> done = false;
    http_->send({.method = method,
                 .url = target_ + path,
                 .headers = {{"Content-Type", "application/json"}},
                 .body = body},
                std::make_shared<const net::HttpClientConfig>(),
                [&](absl::StatusOr<net::HttpResponse> response) {
                    answer = response.ok() ? Answer{response->status, response->body} : Answer{};
                    done = true;
                });
    return QTest::qWaitFor([&] { return done.load(); }, 10000) ? answer : Answer{};
}

void TestAmPeer::initTestCase()
{
    if (const QString missing = test::AlertmanagerPeer::missing(); !missing.isEmpty()) {
        QSKIP(qPrintable(missing));
    }
    for (const char* path : {"POST /theirs", "POST /ours"}) {
        hooks_.answerWith(path, {.status = 200});
    }
    peer_ = std::make_unique<test::AlertmanagerPeer>();
    QVERIFY2(peer_->start(folder_.path(), configuration(hooks_.url() + "/theirs")),
             qPrintable(peer_->output()));
    target_ = peer_->url();
    loop_ = std::make_unique<net::IoLoop>();
    http_ = std::make_unique<net::HttpClient>(*loop_, "Narthex/test");
    QCOMPARE(ask("POST", "/api/v2/alerts", kAlerts).status, 200);
    world_ = std::make_unique<AmWorld>();
    world_->kinds = alertmanager::receiverKinds();
    world_->apply(configuration(hooks_.url() + "/ours"));
    QCOMPARE(alertmanager::ApiV2(**world_).postAlerts("application/json", kAlerts).status, 200);
    world_->pass(1_s);
    // Until every group was flushed there.
    QTRY_VERIFY(!ask("GET", "/api/v2/alerts").body.empty() &&
                ask("GET", "/api/v2/alerts").body.find("unprocessed") == std::string::npos);
}

void TestAmPeer::cleanupTestCase()
{
    world_.reset();
    http_.reset();
    loop_.reset();
    peer_.reset();
}

void TestAmPeer::alertsAndGroupsAreTheSame_data()
{
    QTest::addColumn<QString>("path");
    QTest::addColumn<QString>("query");
    for (const char* path : {"/alerts", "/alerts/groups"}) {
        for (const char* query :
             {"", "active=false", "inhibited=false", "silenced=false", "receiver=t.*",
              "receiver=one", "filter=alertname%3D%22A%22", "filter=alertname!%3DA",
              "filter=team%3D~%22x%7Cy%22&filter=sev%3Dlow", "filter=u%3Db%C3%BCro"}) {
            QTest::newRow(qPrintable(QString(path) + "?" + query)) << path << query;
        }
    }
    QTest::newRow("receivers") << "/receivers"
                               << "";
    QTest::newRow("silences") << "/silences"
                              << "";
}

void TestAmPeer::alertsAndGroupsAreTheSame()
{
    QFETCH(QString, path);
    QFETCH(QString, query);
    alertmanager::ApiV2 api(**world_);
    const net::Parameters parameters = net::parseQuery(query.toStdString());
    const alertmanager::ApiAnswer own = path == "/alerts"          ? api.alerts(parameters)
                                        : path == "/alerts/groups" ? api.groups(parameters)
                                        : path == "/receivers"     ? api.receivers(parameters)
                                                                   : api.silences(parameters);
    const Answer theirs = ask("GET", ("/api/v2" + path + "?" + query).toStdString());
    QCOMPARE(own.status, theirs.status);
    QString mine = canonicalBody(own.body);
    if (path == "/receivers") {
        mine = mine.remove(QRegularExpression("labels:\\{[^}]*\\},")); // new in 0.34
    }
    QCOMPARE(mine, canonicalBody(theirs.body));
}

void TestAmPeer::mistakesGetTheSameAnswers_data()
{
    QTest::addColumn<QString>("request");
    QTest::addColumn<QString>("body");
    const auto row = [](const char* request, const char* body) {
        QTest::newRow(qPrintable(QString(request) + " " + body)) << request << body;
    };
    row("POST /alerts", "[{}]");
    row("POST /alerts", "");
    row("POST /alerts", "[{\"labels\":{\"a\":\"\"}}]");
    row("POST /alerts",
        "[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"2026-01-02T00:00:00Z\",\"endsAt\":"
        "\"2026-01-01T00:00:00Z\"}]");
    row("POST /alerts", "[{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"no url\"}]");
    row("POST /silences", "{}");
    row("POST /silences", "{\"comment\":\"\",\"createdBy\":\"\",\"matchers\":[],\"startsAt\":"
                          "\"2030-01-01T00:00:00Z\","
                          "\"endsAt\":\"2031-01-01T00:00:00Z\"}");
    row("POST /silences",
        "{\"comment\":\"\",\"createdBy\":\"\",\"matchers\":[{\"name\":\"a\",\"value\":\"b\"}],"
        "\"startsAt\":\"2030-01-01T00:00:00Z\",\"endsAt\":\"2031-01-01T00:00:00Z\"}");
    row("POST /silences",
        "{\"comment\":\"\",\"createdBy\":\"\",\"matchers\":[{\"name\":\"a\",\"value\":\"b\","
        "\"isRegex\":false}],\"startsAt\":\"2032-01-01T00:00:00Z\",\"endsAt\":"
        "\"2031-01-01T00:00:00Z\"}");
    row("POST /silences",
        "{\"comment\":\"\",\"createdBy\":\"\",\"matchers\":[{\"name\":\"a\",\"value\":\"b\","
        "\"isRegex\":false}],\"startsAt\":\"2020-01-01T00:00:00Z\",\"endsAt\":"
        "\"2021-01-01T00:00:00Z\"}");
    row("POST /silences",
        "{\"id\":\"0ffd4a3c-6c0a-4b1a-9d2c-000000000000\",\"comment\":\"\",\"createdBy\":\"\","
        "\"matchers\":[{\"name\":\"a\",\"value\":\"b\",\"isRegex\":false}],\"startsAt\":"
        "\"2030-01-01T00:00:00Z\",\"endsAt\":\"2031-01-01T00:00:00Z\"}");
    row("GET /silence/x", "");
    row("GET /silence/0ffd4a3c-6c0a-4b1a-9d2c-000000000000", "");
}

void TestAmPeer::mistakesGetTheSameAnswers()
{
    QFETCH(QString, request);
    QFETCH(QString, body);
    const std::string method = request.section(' ', 0, 0).toStdString();
    const QString path = request.section(' ', 1, 1);
    alertmanager::ApiV2 api(**world_);
    const alertmanager::ApiAnswer own =
        path == "/alerts"     ? api.postAlerts("application/json", body.toStdString())
        : path == "/silences" ? api.postSilence("application/json", body.toStdString())
                              : api.silence(path.section('/', 2).toStdString());
    const Answer theirs = ask(method, "/api/v2" + path.toStdString(), body.toStdString());
    QCOMPARE(own.status, theirs.status);
    QCOMPARE(canonicalBody(own.body), canonicalBody(theirs.body));
}

QMap<QString, QString> TestAmPeer::posted(const std::string& path) const
{
    QMap<QString, QString> bodies;
    for (const net::ServerRequest& request : hooks_.requests()) {
        if (request.path == path) {
            const auto group = QJsonDocument::fromJson(QByteArray::fromStdString(request.body))
                                   .object()["groupKey"]
                                   .toString();
            bodies[group] = canonicalBody(request.body);
        }
    }
    return bodies;
}

void TestAmPeer::webhooksSayTheSame()
{
    QTRY_COMPARE_WITH_TIMEOUT(posted("/ours"), posted("/theirs"), 20000);
    QVERIFY(posted("/ours").size() >= 5);
}

QTEST_GUILESS_MAIN(TestAmPeer)
#include "tst_am_peer.moc"
