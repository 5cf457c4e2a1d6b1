// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API's answers: statuses, texts and JSON of version 2, and our own of acknowledgements.
#include "am_world.h"

#include "core/alertmanager/api.h"
#include "core/alertmanager/silences.h"
#include "core/exposition/text_writer.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::ApiAcks;
using alertmanager::ApiAnswer;
using alertmanager::ApiV2;
using tests::AmWorld;

namespace {

constexpr std::string_view kJson = "application/json";

QJsonDocument document(const ApiAnswer& answer)
{
    return QJsonDocument::fromJson(QByteArray::fromStdString(answer.body));
}
QJsonArray list(const ApiAnswer& answer) { return document(answer).array(); }
QJsonObject object(const ApiAnswer& answer) { return document(answer).object(); }

QString field(const QJsonValue& value, std::initializer_list<const char*> keys)
{
    QJsonValue at = value;
    for (const char* key : keys) {
        at = at.isArray() ? QJsonValue(at.toArray().at(atoi(key))) : at.toObject()[key];
    }
    return at.isString() ? at.toString() : at.isDouble() ? QString::number(at.toInt()) : QString();
}

QStringList names(const ApiAnswer& answer)
{
    QStringList result;
    for (const QJsonValue& each : list(answer)) {
        result << field(each, {"labels", "alertname"});
    }
    result.sort();
    return result;
}

std::string silenceBody(const AmWorld& world, const std::string& matchers,
                        const std::string& id = {}, const std::string& comment = "c")
{
    return fmt::format("{{\"id\":\"{}\",\"matchers\":{},\"startsAt\":\"{}\",\"endsAt\":\"{}\","
                       "\"createdBy\":\"me\",\"comment\":\"{}\"}}",
                       id, matchers, base::formatTimestamp(world.now()),
                       base::formatTimestamp(world.now() + 1_h), comment);
}

constexpr const char kOneAlert[] = "[{\"labels\":{\"alertname\":\"B\"}}]";
constexpr const char kBadAndGood[] = "[{\"labels\":{\"a\":\"\"}},{\"labels\":{\"alertname\":\"A\"},"
                                     "\"generatorURL\":\"http://p/g?x=1&y\"}]";
constexpr const char kAckAll[] = "{\"filter\":[\"alertname=\\\"A\\\"\"]}";
constexpr const char kAckAllForTwoHours[] =
    "{\"filter\":[\"alertname=\\\"A\\\"\"],\"comment\":\"on it\",\"expires_in\":\"2h\"}";
constexpr const char kNewComment[] = "{\"comment\":\"ticket 7\",\"expires_in\":\"1h\"}";
constexpr const char kTimes[] =
    "\"startsAt\":\"2026-03-02T12:00:00Z\",\"endsAt\":\"2026-03-02T13:00:00Z\",\"createdBy\":\"\","
    "\"comment\":\"\"";
constexpr const char kNoIsRegex[] = "[{\"name\":\"a\",\"value\":\"b\"}]";
constexpr const char kMatchesAll[] = "[{\"name\":\"a\",\"value\":\".*\",\"isRegex\":true}]";
constexpr const char kBadRegex[] = "[{\"name\":\"a\",\"value\":\"(\",\"isRegex\":true}]";
constexpr const char kOver[] =
    "{\"matchers\":[{\"name\":\"a\",\"value\":\"b\",\"isRegex\":false}],\"startsAt\":"
    "\"2026-03-02T10:00:00Z\",\"endsAt\":\"2026-03-02T11:00:00Z\",\"createdBy\":\"\",\"comment\":"
    "\"\"}";
constexpr const char kBackwards[] =
    "{\"matchers\":[{\"name\":\"a\",\"value\":\"b\",\"isRegex\":false}],\"startsAt\":"
    "\"2026-03-02T14:00:00Z\",\"endsAt\":\"2026-03-02T13:00:00Z\",\"createdBy\":\"\",\"comment\":"
    "\"\"}";
constexpr const char kMatchers[] = "[{\"name\":\"alertname\",\"value\":\"A\",\"isRegex\":false}]";

} // namespace

class TestAmApi : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void badAlertsAreRefusedWithTheSchemasTexts_data();
    void badAlertsAreRefusedWithTheSchemasTexts();
    void goodAlertsOfABadRequestAreKept();
    void badSilencesAreRefused_data();
    void badSilencesAreRefused();
    void silencesAreMadeChangedListedAndEnded();
    void alertsAreFilteredAndComplete();
    void groupsAreSortedAndFiltered();
    void receiversAndStatus();
    void acknowledgingByFilterSkipsWhatDoesNotFire();
    void acknowledgementsAreListedChangedAndWithdrawn();
    void theOtherApiDoesNotShowAcknowledgements();
    void historyComesInOrder();
    void metricsHaveTheirNames();
};

void TestAmApi::badAlertsAreRefusedWithTheSchemasTexts_data()
{
    QTest::addColumn<QString>("body");
    QTest::addColumn<int>("status");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* body, int status, int code, const char* message) {
        QTest::newRow(body) << body << status << code << message;
    };
    row("[{}]", 422, 602, "0.labels in body is required");
    row("", 422, 602, "alerts in body is required");
    row("[", 400, 400, "parsing alerts body");
    row("{}", 400, 400, "parsing alerts body");
    row("[{\"labels\":{\"a\":1}}]", 400, 400, "labels.a is not a string");
    row("[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"yesterday\"}]", 400, 400, "yesterday");
    row("[{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"no url\"}]", 422, 601,
        "0.generatorURL in body must be of type uri: \"no url\"");
}

void TestAmApi::badAlertsAreRefusedWithTheSchemasTexts()
{
    QFETCH(QString, body);
    QFETCH(int, status);
    QFETCH(int, code);
    QFETCH(QString, message);
    AmWorld world;
    ApiV2 api(*world);
    const ApiAnswer answer = api.postAlerts(kJson, body.toStdString());
    QCOMPARE(answer.status, status);
    QCOMPARE(object(answer)["code"].toInt(), code);
    QVERIFY2(object(answer)["message"].toString().contains(message), answer.body.c_str());
    QCOMPARE(api.postAlerts("text/plain", "[]").status, 415);
    QCOMPARE(api.postAlerts("", "[]").status, 415);
}

void TestAmApi::goodAlertsOfABadRequestAreKept()
{
    AmWorld world;
    ApiV2 api(*world);
    const ApiAnswer answer = api.postAlerts("application/json; charset=utf-8", kBadAndGood);
    QCOMPARE(answer.status, 400);
    QCOMPARE(answer.body, std::string("\"at least one label pair required\""));
    QCOMPARE(names(api.alerts({})), QStringList{"A"});
    QCOMPARE(api.postAlerts(kJson, kOneAlert).body, std::string());
}

void TestAmApi::badSilencesAreRefused_data()
{
    QTest::addColumn<QString>("body");
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("text");
    const auto row = [](const char* name, const char* body, int status, const char* text) {
        QTest::newRow(name) << body << status << text;
    };
    const auto with = [&](const char* matchers) {
        return QString("{\"matchers\":%1,%2}").arg(matchers, kTimes);
    };
    row("no matchers", qPrintable(with("[]")), 422, "612");
    row("none at all", qPrintable(QString("{%1}").arg(kTimes)), 422,
        "\"matchers in body is required\"");
    row("no isRegex", qPrintable(with(kNoIsRegex)), 422, "matchers.0.isRegex in body is required");
    row("matches all", qPrintable(with(kMatchesAll)), 400,
        "at least one matcher must not match the empty string");
    row("bad expression", qPrintable(with(kBadRegex)), 400, "(");
    row("over", kOver, 400, "\"Failed to create silence: end time can't be in the past\"");
    row("backwards", kBackwards, 400,
        "\"Failed to create silence: start time must be before end time\"");
    row("no JSON", "nonsense", 400, "parsing silence body");
}

void TestAmApi::badSilencesAreRefused()
{
    QFETCH(QString, body);
    QFETCH(int, status);
    QFETCH(QString, text);
    AmWorld world;
    ApiV2 api(*world);
    const ApiAnswer answer = api.postSilence(kJson, body.toStdString());
    QCOMPARE(answer.status, status);
    QVERIFY2(QString::fromStdString(answer.body).contains(text), answer.body.c_str());
    QCOMPARE(api.postSilence("", "{}").status, 415);
}

void TestAmApi::silencesAreMadeChangedListedAndEnded()
{
    AmWorld world;
    ApiV2 api(*world);
    const ApiAnswer made = api.postSilence(kJson, silenceBody(world, kMatchers));
    QCOMPARE(made.status, 200);
    const std::string id = object(made)["silenceID"].toString().toStdString();
    QVERIFY(alertmanager::isUuid(id));
    const QJsonObject one = object(api.silence(id));
    QCOMPARE(field(one, {"status", "state"}), QString("active"));
    QCOMPARE(field(one, {"startsAt"}), QString("2026-03-02T12:00:00.000Z"));
    QCOMPARE(one["matchers"].toArray()[0].toObject()["isEqual"].toBool(), true);
    QCOMPARE(object(api.postSilence(kJson, silenceBody(world, kMatchers, id, "new")))["silenceID"]
                 .toString()
                 .toStdString(),
             id);
    const auto list2 = list(api.silences({{"filter", "alertname=\"A\""}}));
    QCOMPARE(list2.size(), 1);
    QCOMPARE(field(list2[0], {"comment"}), QString("new"));
    QCOMPARE(list(api.silences({{"filter", "alertname=\"B\""}})).size(), 0);
    QCOMPARE(list(api.silences({{"active", "false"}})).size(), 0);
    QCOMPARE(api.silences({{"filter", "x"}}).status, 400);
    QCOMPARE(api.deleteSilence(id).status, 200);
    QCOMPARE(api.deleteSilence(id).status, 200);
    QCOMPARE(field(object(api.silence(id)), {"status", "state"}), QString("expired"));
    const std::string unknown = alertmanager::makeUuid();
    QCOMPARE(api.deleteSilence(unknown).status, 404);
    QCOMPARE(api.silence(unknown).status, 404);
    QCOMPARE(api.silence("x").status, 422);
    QCOMPARE(object(api.deleteSilence("x"))["code"].toInt(), 601);
    const ApiAnswer missing = api.postSilence(kJson, silenceBody(world, kMatchers, unknown));
    QCOMPARE(missing.status, 404);
    QCOMPARE(missing.body, std::string("\"silence not found\""));
}

void TestAmApi::alertsAreFilteredAndComplete()
{
    AmWorld world(
        "route: {receiver: team-x, routes: [{receiver: other, matchers: [alertname=B]}]}\n"
        "receivers: [{name: team-x, labels: {owner: anna}}, {name: other}]\n");
    ApiV2 api(*world);
    world->put({{.labels = {{"alertname", "A"}, {"x", "z"}}, .annotations = {{"s", "t"}}},
                {.labels = {{"alertname", "B"}, {"x", "y"}}}});
    QCOMPARE(field(list(api.alerts({}))[0], {"status", "state"}), QString("unprocessed"));
    QCOMPARE(names(api.alerts({{"unprocessed", "false"}})), QStringList());
    world.pass(30_s);
    QCOMPARE(field(list(api.alerts({}))[0], {"status", "state"}), QString("active"));
    QCOMPARE(names(api.alerts({{"filter", "alertname=~\"A|B\""}, {"filter", "x!=\"y\""}})),
             QStringList{"A"});
    QCOMPARE(names(api.alerts({{"receiver", "team-.*"}})), QStringList{"A"});
    QCOMPARE(names(api.alerts({{"receiver", "team"}})), QStringList());
    QCOMPARE(names(api.alerts({{"receiver_matchers", "owner=anna"}})), QStringList{"A"});
    QCOMPARE(api.alerts({{"filter", "foo"}}).status, 400);
    QCOMPARE(api.alerts({{"filter", "{foo=\"bar\"}"}}).body,
             std::string("\"unexpected open or close brace: {foo=\\\"bar\\\"}\""));
    QCOMPARE(api.alerts({{"receiver", "("}}).status, 400);
    const std::string body = silenceBody(world, kMatchers);
    QCOMPARE(api.postSilence(kJson, body).status, 200);
    QCOMPARE(names(api.alerts({{"silenced", "false"}})), QStringList{"B"});
    QCOMPARE(names(api.alerts({{"active", "no"}})), QStringList{"A"});
    const QJsonArray all = list(api.alerts({{"filter", "alertname=A"}}));
    const QJsonObject alert = all[0].toObject();
    QCOMPARE(alert.keys(), (QStringList{"annotations", "endsAt", "fingerprint", "labels",
                                        "receivers", "startsAt", "status", "updatedAt"}));
    QCOMPARE(alert["fingerprint"].toString().size(), 16);
    QCOMPARE(field(alert, {"receivers", "0", "name"}), QString("team-x"));
    QCOMPARE(field(alert, {"status", "state"}), QString("suppressed"));
    QCOMPARE(alert["status"].toObject()["silencedBy"].toArray().size(), 1);
}

void TestAmApi::groupsAreSortedAndFiltered()
{
    AmWorld world;
    ApiV2 api(*world);
    for (const char* name : {"C", "A", "B"}) {
        world.fire({{"alertname", name}, {"i", "x"}});
    }
    QStringList labels;
    for (const QJsonValue& group : list(api.groups({}))) {
        labels << field(group, {"labels", "alertname"});
        QCOMPARE(field(group, {"receiver", "name"}), QString("r"));
    }
    QCOMPARE(labels, (QStringList{"A", "B", "C"}));
    QCOMPARE(list(api.groups({{"filter", "alertname=B"}})).size(), 1);
    QCOMPARE(list(api.groups({{"receiver", "x"}})).size(), 0);
    QCOMPARE(list(api.groups({{"unprocessed", "0"}})).size(), 0);
}

void TestAmApi::receiversAndStatus()
{
    AmWorld world("route: {receiver: a}\n"
                  "receivers: [{name: a, fake_configs: [{password: hunter2}]}, {name: b}]\n");
    ApiV2 api(*world);
    QCOMPARE(list(api.receivers({})).size(), 2);
    QCOMPARE(field(list(api.receivers({{"receiver_matchers", "name=b"}}))[0], {"name"}),
             QString("b"));
    const QJsonObject status = object(api.status());
    QCOMPARE(field(status, {"cluster", "status"}), QString("disabled"));
    const QString config = field(status, {"config", "original"});
    QVERIFY(config.contains("<secret>") && !config.contains("hunter2"));
    QCOMPARE(field(status, {"uptime"}), QString("2026-03-02T12:00:00.000Z"));
    QCOMPARE(ApiV2::removedV1().status, 410);
}

void TestAmApi::acknowledgingByFilterSkipsWhatDoesNotFire()
{
    AmWorld world;
    ApiAcks api(*world);
    for (const char* instance : {"1", "2", "3", "4"}) {
        world.fire({{"alertname", "A"}, {"i", instance}});
    }
    world.pass(1_s);
    world.resolve({{"alertname", "A"}, {"i", "4"}});
    const ApiAnswer answer = api.post(kAckAllForTwoHours, "anna");
    QCOMPARE(answer.status, 200);
    QCOMPARE(object(answer)["acks"].toArray().size(), 3);
    QCOMPARE(object(answer)["skipped"].toArray().size(), 1);
    QCOMPARE(field(object(answer), {"skipped", "0", "reason"}), QString("not firing"));
    // Alerts that come later are not acknowledged.
    world.fire({{"alertname", "A"}, {"i", "5"}});
    QCOMPARE(list(api.alerts({{"acknowledged", "true"}})).size(), 3);
    QCOMPARE(list(api.alerts({{"acknowledged", "false"}})).size(), 1);
    const QString resolved = QString::fromStdString(alertmanager::fingerprintText(
        alertmanager::fingerprintOf({{"alertname", "A"}, {"i", "4"}})));
    const auto post = [&](const QString& body) {
        return api.post(body.toStdString(), "anna").status;
    };
    QCOMPARE(post("{\"alerts\":[\"" + resolved + "\"]}"), 409);
    QCOMPARE(post("{\"alerts\":[\"0123456789abcdef\"]}"), 404);
    QCOMPARE(post("{\"alerts\":[\"nonsense\"]}"), 400);
    QCOMPARE(post("{}"), 400);
    QCOMPARE(post("nonsense"), 400);
    QCOMPARE(api.post(kAckAll, "").status, 400);
    alertmanager::AlertmanagerOptions options{.startDelay = {}};
    options.acknowledgements.commentRequired = true;
    AmWorld strict(AmWorld::kPlain, options);
    strict.fire({{"alertname", "A"}});
    QCOMPARE(ApiAcks(*strict).post(kAckAll, "anna").status, 422);
    QVERIFY(strict->acknowledgements().empty());
}

void TestAmApi::acknowledgementsAreListedChangedAndWithdrawn()
{
    AmWorld world;
    ApiAcks api(*world);
    for (const char* instance : {"1", "2", "3"}) {
        world.fire({{"alertname", "A"}, {"i", instance}});
        world.acknowledge({{"alertname", "A"}, {"i", instance}});
        world.pass(1_s);
    }
    const QJsonArray all = list(api.list({}));
    QCOMPARE(all.size(), 3);
    QCOMPARE(list(api.list({{"limit", "2"}})).size(), 2);
    const std::string second = field(all[1], {"id"}).toStdString();
    QCOMPARE(list(api.list({{"cursor", second}})).size(), 1);
    QCOMPARE(list(api.list({{"filter", "i=1"}})).size(), 1);
    QCOMPARE(list(api.list({{"author", "ben"}})).size(), 0);
    QCOMPARE(api.list({{"state", "odd"}}).status, 400);
    const ApiAnswer changed = api.patch(second, kNewComment, "anna");
    QCOMPARE(field(object(changed), {"comment"}), QString("ticket 7"));
    QCOMPARE(field(object(changed), {"state"}), QString("open"));
    QCOMPARE(api.remove(second, "ben").status, 200);
    QCOMPARE(api.remove(second, "ben").status, 409);
    QCOMPARE(api.patch(second, "{}", "ben").status, 409);
    QCOMPARE(api.remove("x", "ben").status, 404);
    QCOMPARE(api.get("x").status, 404);
    QCOMPARE(field(object(api.get(second)), {"end_reason"}), QString("withdrawn"));
    QCOMPARE(field(object(api.get(second)), {"ended_by"}), QString("ben"));
    QCOMPARE(list(api.list({{"state", "ended"}})).size(), 1);
    QCOMPARE(list(api.list({{"state", "all"}})).size(), 3);
}

void TestAmApi::theOtherApiDoesNotShowAcknowledgements()
{
    AmWorld world;
    world.fire({{"alertname", "A"}});
    world.pass(30_s);
    world.acknowledge({{"alertname", "A"}});
    const QJsonObject plain = list(ApiV2(*world).alerts({}))[0].toObject();
    QCOMPARE(field(plain, {"status", "state"}), QString("active"));
    QVERIFY(!plain.contains("acknowledgement"));
    const QJsonObject own = list(ApiAcks(*world).alerts({}))[0].toObject();
    QCOMPARE(field(own, {"acknowledgement", "author"}), QString("anna"));
    QVERIFY(!field(own, {"episode", "id"}).isEmpty());
}

void TestAmApi::historyComesInOrder()
{
    AmWorld world;
    ApiAcks api(*world);
    world.fire({{"alertname", "A"}});
    world.pass(31_s);
    world.acknowledge({{"alertname", "A"}});
    world.pass(1_s);
    world.resolve({{"alertname", "A"}});
    const std::string fingerprint =
        alertmanager::fingerprintText(alertmanager::fingerprintOf({{"alertname", "A"}}));
    QStringList kinds;
    for (const QJsonValue& each : list(api.history({{"fingerprint", fingerprint}}))) {
        kinds << field(each, {"kind"});
    }
    QCOMPARE(kinds, (QStringList{"firing", "notification", "acknowledged", "resolved"}));
    QCOMPARE(list(api.history({{"filter", "alertname=\"B\""}})).size(), 0);
    QCOMPARE(list(api.history({{"to", "2026-03-02T12:00:10Z"}})).size(), 1);
    QCOMPARE(api.history({{"fingerprint", "x"}}).status, 400);
    QCOMPARE(api.history({{"from", "x"}}).status, 400);
    QCOMPARE(api.explain(fingerprint).status, 200);
    QVERIFY(!object(api.explain(fingerprint))["sentences"].toArray().isEmpty());
    QCOMPARE(api.explain("0123456789abcdef").status, 404);
}

void TestAmApi::metricsHaveTheirNames()
{
    AmWorld world(AmWorld::kPlain, {.startDelay = {}, .version = "9.8.7", .seed = 1});
    world.passFiring(15_min + 31_s, {{{"alertname", "A"}}});
    QVERIFY(world->flushState().ok());
    std::string page;
    exposition::TextWriter out(page);
    world->writeMetrics(out);
    for (const char* line :
         {"alertmanager_alerts{state=\"active\"} 1",
          "alertmanager_notifications_total{integration=\"fake\"} 1",
          "alertmanager_notifications_failed_total{integration=\"fake\",reason=\"authError\"} 0",
          "alertmanager_notification_latency_seconds_bucket{integration=\"fake\",le=\"1\"} 1",
          "alertmanager_silences{state=\"pending\"} 0",
          "alertmanager_dispatcher_aggregation_groups 1",
          "alertmanager_receivers 1",
          "narthex_acknowledgements{state=\"open\"} 0",
          "narthex_acknowledgements{state=\"waiting\"} 0",
          "narthex_acknowledgements_total{source=\"desktop_notification\"} 0",
          "narthex_acknowledgements_ended_total{reason=\"worsened\"} 0",
          "narthex_acknowledged_alerts_suppressed_total{integration=\"fake\"} 0",
          "narthex_ack_export_extensions_total 0",
          "narthex_ack_export_errors_total 0",
          "narthex_alertmanager_state_dropped_total 0",
          "alertmanager_build_info{version=\"9.8.7\"} 1",
          "alertmanager_silences_gc_duration_seconds_count 1",
          "alertmanager_nflog_gc_duration_seconds_count 1",
          "alertmanager_silences_query_duration_seconds_count 4",
          "alertmanager_nflog_query_duration_seconds_count 4",
          "alertmanager_silences_snapshot_duration_seconds_count 1",
          "alertmanager_nflog_snapshot_duration_seconds_count 1",
          "alertmanager_silences_snapshot_size_bytes 0",
          "alertmanager_silences_maintenance_total 1",
          "alertmanager_nflog_maintenance_total 1",
          "alertmanager_silences_maintenance_errors_total 0",
          "alertmanager_nflog_maintenance_errors_total 0",
          "alertmanager_notifications_suppressed_total{reason=\"silence\"} 0"}) {
        QVERIFY2(QString::fromStdString(page).contains(line), page.c_str());
    }
}

QTEST_GUILESS_MAIN(TestAmApi)
#include "tst_am_api.moc"
