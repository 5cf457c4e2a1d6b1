// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a silence does and did, what speaks against it, and acknowledgements that may be forgotten.
#include "am_world.h"

#include "core/alertmanager/api.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::ApiAcks;
using alertmanager::ApiAnswer;
using tests::AmWorld;

namespace {

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

constexpr const char kPreviewA[] = "{\"filter\":[\"alertname=\\\"A\\\"\"]}";
constexpr const char kPreviewB[] = "{\"filter\":[\"alertname=\\\"B\\\"\"]}";
constexpr const char kPreviewRegex[] =
    "{\"matchers\":[{\"name\":\"i\",\"value\":\"1|2\",\"isRegex\":true}],\"endsAt\":"
    "\"2026-03-02T12:30:00Z\"}";
constexpr const char kPreviewBadFilter[] = "{\"filter\":[\"a\"]}";
constexpr const char kPreviewBadRegex[] =
    "{\"matchers\":[{\"name\":\"i\",\"value\":\"(\",\"isRegex\":true}]}";
constexpr const char kPreviewBadTime[] = "{\"filter\":[\"a=b\"],\"endsAt\":\"soon\"}";

} // namespace

class TestAmSilenceView : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aSilenceIsPreviewedAndLookedBackAt();
    void activeSilencesAreWarnedOf();
    void oldAcknowledgementsAreOverdue();
    void endedAcknowledgementsComeByPages();
};

void TestAmSilenceView::aSilenceIsPreviewedAndLookedBackAt()
{
    AmWorld world(AmWorld::kPlain, {.startDelay = {}, .wideSilence = 2, .seed = 1});
    const alertmanager::ApiSilences api(*world);
    const std::vector<model::Labels> alerts = {{{"alertname", "A"}, {"i", "1"}},
                                               {{"alertname", "A"}, {"i", "2"}},
                                               {{"alertname", "A"}, {"i", "3"}}};
    world.passFiring(1_min, alerts);
    const auto warnings = [](const QJsonObject& answer) {
        QStringList kinds;
        for (const QJsonValue& each : answer["warnings"].toArray()) {
            kinds << each["kind"].toString();
        }
        return kinds;
    };
    QJsonObject answer = object(api.preview(kPreviewA));
    QCOMPARE(answer["matching"].toInt(), 3);
    QCOMPARE(answer["alerts"].toArray().size(), 3);
    QCOMPARE(warnings(answer), QStringList{"wide"});
    QCOMPARE(warnings(object(api.preview(kPreviewB))), QStringList{"matches_nothing"});
    QCOMPARE(warnings(object(api.preview(kPreviewRegex))), QStringList{"ends_soon"});
    for (const char* bad : {"", "[]", "{}", kPreviewBadFilter, kPreviewBadRegex, kPreviewBadTime}) {
        QCOMPARE(api.preview(bad).status, 400);
    }

    const auto id = world->setSilence(
        {.matcherSets = {{model::Matcher::equal("alertname", "A")}}, .endsAt = world.now() + 2_h});
    const auto narrow = world->setSilence(
        {.matcherSets = {{model::Matcher::equal("i", "1")}}, .endsAt = world.now() + 2_h});
    QVERIFY(id.ok() && narrow.ok());
    world.passFiring(10_min, alerts);
    answer = object(api.get(*id));
    QCOMPARE(field(answer["silence"], {"id"}).toStdString(), *id);
    QCOMPARE(answer["matching"].toInt(), 3);
    QCOMPARE(answer["suppressed"].toArray().size(), 3);
    QCOMPARE(warnings(answer), QStringList{"wide"});
    answer = object(api.get(*narrow));
    QCOMPARE(answer["suppressed"].toArray().size(), 1);
    QCOMPARE(field(answer["suppressed"], {"0", "labels", "i"}), QString("1"));
    QCOMPARE(world->silenceWarnings().size(), 1U);

    world.passFiring(60_min, alerts);
    QCOMPARE(warnings(object(api.get(*id))), (QStringList{"wide", "ends_soon"}));
    QCOMPARE(world->silenceWarnings().size(), 2U);
    world.passFiring(60_min, alerts);
    QCOMPARE(warnings(object(api.get(*id))), QStringList());
    QCOMPARE(object(api.get(*id))["suppressed"].toArray().size(), 3);
    QVERIFY(world->silenceWarnings().empty());
    QCOMPARE(api.get("nothing").status, 404);
}

void TestAmSilenceView::activeSilencesAreWarnedOf()
{
    AmWorld world(AmWorld::kPlain, {.startDelay = {}, .wideSilence = 2, .seed = 1});
    const alertmanager::ApiSilences api(*world);
    QCOMPARE(api.warnings().body, std::string("[]"));
    const auto id = world->setSilence({.matcherSets = {{model::Matcher::equal("alertname", "B")}},
                                       .endsAt = world.now() + 8_h,
                                       .createdBy = "anna",
                                       .comment = "work"});
    QVERIFY2(id.ok(), id.status().ToString().c_str());
    const QJsonArray warned = list(api.warnings());
    QCOMPARE(warned.size(), 1);
    QCOMPARE(warned[0]["silence"]["id"].toString(), QString::fromStdString(*id));
    QCOMPARE(warned[0]["warnings"][0]["kind"].toString(), QStringLiteral("matches_nothing"));
}

void TestAmSilenceView::oldAcknowledgementsAreOverdue()
{
    alertmanager::AckSettings settings;
    settings.remindAfter = 1_h;
    AmWorld world(AmWorld::kPlain, {.startDelay = {}, .acknowledgements = settings, .seed = 1});
    ApiAcks api(*world);
    const model::Labels a{{"alertname", "A"}};
    const model::Labels b{{"alertname", "B"}};
    world.fire(a);
    world.fire(b);
    world.acknowledge(a);
    world.passFiring(59_min, {a, b});
    world.acknowledge(b);
    QVERIFY(world->overdueAcknowledgements().empty());
    world.passFiring(1_min, {a, b});
    QCOMPARE(world->overdueAcknowledgements().size(), 1U);
    const auto overdue = list(api.list({{"overdue", "true"}}));
    QCOMPARE(overdue.size(), 1);
    QCOMPARE(field(overdue, {"0", "labels", "alertname"}), QString("A"));
    QVERIFY(overdue[0]["overdue"].toBool());
    QCOMPARE(list(api.list({})).size(), 2);
    // To acknowledge it again does not make it younger.
    world.acknowledge(a);
    QCOMPARE(world->overdueAcknowledgements().size(), 1U);
}

void TestAmSilenceView::endedAcknowledgementsComeByPages()
{
    AmWorld world;
    ApiAcks api(*world);
    const model::Labels alert{{"alertname", "A"}};
    constexpr int kRecords = 1203; // more than two pages
    world.fire(alert);
    std::vector<QString> ids;
    for (int i = 0; i < kRecords; ++i) {
        world.timers.advance(base::Duration::fromMs(1));
        ids.push_back(QString::fromStdString(world.acknowledge(alert).id));
    }
    const auto listed = [&](net::Parameters query) {
        std::vector<QString> result;
        for (const QJsonValue& each : list(api.list(query))) {
            result.push_back(each["id"].toString());
        }
        return result;
    };
    QCOMPARE(listed({{"state", "all"}}), ids);
    QCOMPARE(listed({}), std::vector<QString>{ids.back()});
    const auto page =
        listed({{"state", "ended"}, {"cursor", ids[600].toStdString()}, {"limit", "7"}});
    QCOMPARE(page, (std::vector<QString>{ids.begin() + 601, ids.begin() + 608}));
    QCOMPARE(listed({{"state", "ended"}}).size(), std::size_t{kRecords - 1});
    QCOMPARE(api.get(ids[5].toStdString()).status, 200);
    QCOMPARE(api.get("nope").status, 404);
}

QTEST_GUILESS_MAIN(TestAmSilenceView)
#include "tst_am_silence_view.moc"
