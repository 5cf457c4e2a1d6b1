// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Templates of notifications: their data, their functions, those that are built in.
#include "support/receiver_world.h"

#include <QTemporaryDir>
#include <QTest>

#include <filesystem>
#include <fstream>

namespace narthex::alertmanager {

using tests::diskFine;
using tests::diskFull;

namespace {

QString rendered(const Templates& templates, const std::string& text,
                 const Notification& notification)
{
    const auto result = templates.text(text, templateData(notification));
    return QString::fromStdString(result.ok() ? *result : result.status().ToString());
}

/// Three firing alerts and a resolved one in a group of {alertname, cluster}.
Notification four()
{
    Notification notification = diskFull();
    notification.groupLabels = {{"alertname", "A"}, {"cluster", "c1"}};
    notification.alerts.clear();
    for (int i = 0; i < 4; ++i) {
        notification.alerts.push_back(
            {.labels = {{"alertname", "A"},
                        {"cluster", "c1"},
                        {"instance", std::string(1, static_cast<char>('a' + i))},
                        {"severity", "critical"}},
             .startsAt = {1'700'000'000'000}});
    }
    notification.alerts[3].endsAt = base::Timestamp{1'700'000'050'000};
    return notification;
}

} // namespace

class TestNotificationTemplates : public QObject
{
    Q_OBJECT

private slots:
    void templatesSeeTheNotification_data();
    void templatesSeeTheNotification();
    void subjectsSayWhatFires();
    void listsShowLabelsAnnotationsAndAcknowledgements();
    void jiraPrioritiesFollowSeverities();
    void theMailIsAPage();
    void valuesCannotBreakOutOfTheMail();
    void filesAddAndReplaceTemplates();
    void brokenFilesAreNamed();
    void routeLabelsMayReferToEachOther();
    void cyclesOfRouteLabelsAreFound();
    void namesOfReceiversAreQuoted();
};

void TestNotificationTemplates::templatesSeeTheNotification_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("output");
    const char* const rows[][2] = {
        {"{{ .Receiver }} {{ .Status }} {{ .NotificationReason }} {{ .ExternalURL }}",
         "team-X firing first notification http://am:9093"},
        {"{{ len .Alerts }} {{ len .Alerts.Firing }} {{ .Alerts.Resolved | len }}", "1 1 0"},
        {"{{ (index .Alerts 0).Labels.instance }} {{ range .Alerts }}{{ .Fingerprint }}{{ end }}",
         "a 3be05e6bf91375d8"},
        {"{{ range .Alerts }}{{ .StartsAt }}|{{ .EndsAt.IsZero }}{{ end }}",
         "2023-11-14 22:13:20.5 +0000 UTC|true"},
        {"{{ .CommonLabels.SortedPairs.Names.Join \",\" }}", "alertname,instance,severity"},
        {"{{ (.CommonLabels.Remove .GroupLabels.Names).Values | join \"-\" }}", "a-critical"},
        {"{{ (.CommonLabels.Remove (stringSlice \"instance\")).Names | join \",\" }}",
         "alertname,severity"},
        {"{{ .CommonLabels.nope }}|{{ .CommonAnnotations.summary }}", "|root & <all>"},
        {"{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
         "alertname=DiskFull;instance=a;severity=critical;"},
        {"{{ .GroupLabels }}", "map[alertname:DiskFull]"},
        {"{{ .RouteLabels.team }} {{ routeLabels \"team\" }}{{ routeLabels \"x\" }}", "db db"},
        {"{{ toUpper \"a\" }}{{ toLower \"B\" }} {{ title \"aa bB\" }} [{{ trimSpace \" x \" }}]",
         "Ab Aa Bb [x]"},
        {"{{ match \"a.\" \"xab\" }} {{ reReplaceAll \"a(.)\" \"$1\" \"xab\" }}", "true xb"},
        {"{{ urlUnescape \"a%20b+c\" }}", "a b c"},
        {"{{ toJson .GroupLabels }} {{ list 1 \"a\" | toJson }} {{ dict \"k\" \"<\" | toJson }}",
         "{\"alertname\":\"DiskFull\"} [1,\"a\"] {\"k\":\"\\u003c\"}"},
        {"{{ append (list 1) 2 3 }}", "[1 2 3]"},
        {"{{ base64encode \"a?~\" }} {{ base64decode \"YT9-\" }}", "YT9- a?~"},
        {"{{ date \"2006-01-02\" (index .Alerts 0).StartsAt }} {{ now | date \"15:04:05\" }}",
         "2023-11-14 22:15:00"},
        {"{{ (index .Alerts 0).StartsAt | tz \"Europe/Paris\" | date \"15:04 MST\" }}",
         "23:13 CET"},
        {"{{ since (index .Alerts 0).StartsAt }} {{ since (index .Alerts 0).StartsAt | "
         "humanizeDuration }}",
         "1m39.5s 1m 39s"},
        {"{{ (toDate \"2006-01-02\" \"2024-02-03\").Unix }} {{ (toDate \"2006\" \"x\").IsZero }}",
         "1706918400 true"},
    };
    for (const auto& [text, output] : rows) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(output);
    }
}

void TestNotificationTemplates::templatesSeeTheNotification()
{
    QFETCH(QString, text);
    QFETCH(QString, output);
    Notification notification = diskFull();
    notification.routeLabels = {{"team", "db"}};
    QCOMPARE(rendered(*Templates::load({}).value(), text.toStdString(), notification), output);
}

void TestNotificationTemplates::subjectsSayWhatFires()
{
    const auto templates = Templates::load({}).value();
    const std::string subject = R"({{ template "email.default.subject" . }})";
    QCOMPARE(rendered(*templates, subject, four()), QString("[FIRING:3] A c1 (critical)"));
    Notification bare = four();
    for (NotifiedAlert& alert : bare.alerts) {
        alert.labels = bare.groupLabels;
    }
    QCOMPARE(rendered(*templates, subject, bare), QString("[FIRING:3] A c1 "));
    QCOMPARE(rendered(*templates, subject, diskFine()),
             QString("[RESOLVED] DiskFull (a critical)"));
}

void TestNotificationTemplates::listsShowLabelsAnnotationsAndAcknowledgements()
{
    Notification notification = diskFull();
    notification.alerts[0].acknowledgement = {
        .author = "ann", .comment = "on it", .createdAt = {1'700'000'040'000}};
    const auto templates = Templates::load({}).value();
    QCOMPARE(rendered(*templates, R"({{ template "telegram.default.message" . }})", notification),
             QString("\nAlerts Firing:\nLabels:\n - alertname = DiskFull\n - instance = a\n"
                     " - severity = critical\nAnnotations:\n - summary = root & <all>\n"
                     "Source: http://p/g?a=1&b\nAcknowledged by ann 1m 0s ago: on it\n"));
    QCOMPARE(rendered(*templates, "{{ len .Alerts.Acknowledged }}{{ len .Alerts.Unacknowledged }}",
                      notification),
             QString("10"));
    QVERIFY(rendered(*templates, R"({{ template "msteams.default.text" . }})", diskFine())
                .startsWith("\n# Alerts Resolved:\n\nLabels:\n  - alertname = DiskFull\n"));
    QVERIFY(rendered(*templates, R"({{ template "sns.default.message" . }})", diskFull())
                .startsWith("root & <all>\nAlerts Firing:\n"));
}

void TestNotificationTemplates::jiraPrioritiesFollowSeverities()
{
    const auto templates = Templates::load({}).value();
    const std::string priority = R"({{ template "jira.default.priority" . }})";
    Notification notification = four();
    QCOMPARE(rendered(*templates, priority, notification), QString("High"));
    notification.alerts.resize(1);
    for (const auto& [severity, expected] :
         std::initializer_list<std::pair<const char*, const char*>>{
             {"warning", "Medium"}, {"info", "Low"}, {"critical", "High"}, {"x", ""}}) {
        notification.alerts[0].labels = {{"severity", severity}};
        QCOMPARE(rendered(*templates, priority, notification), QString(expected));
    }
}

void TestNotificationTemplates::theMailIsAPage()
{
    const auto templates = Templates::load({}).value();
    const auto html =
        templates->html(R"({{ template "email.default.html" . }})", templateData(four()));
    QVERIFY2(html.ok(), html.status().ToString().c_str());
    for (const char* part :
         {"<!DOCTYPE html>", "prefers-color-scheme: dark",
          "<title>[FIRING:3] A c1 (critical)</title>", "3 firing", "Firing (3)", "Resolved (1)",
          "background:#b3261e", "href=\"http://am:9093/#/alerts?receiver=team-X\"",
          "resolved 2023-11-14 22:14:10 UTC"}) {
        QVERIFY2(html->find(part) != std::string::npos, part);
    }
    QVERIFY(html->find("ZgotmplZ") == std::string::npos);
    const auto fine =
        templates->html(R"({{ template "email.default.html" . }})", templateData(diskFine()));
    QVERIFY(fine->find("background:#1b7a3d") != std::string::npos);
}

void TestNotificationTemplates::valuesCannotBreakOutOfTheMail()
{
    Notification notification = diskFull();
    notification.alerts[0].annotations = {{"summary", "<script>alert(1)</script>"}};
    notification.alerts[0].generatorUrl = "javascript:alert(1)";
    const auto html = Templates::load({}).value()->html(R"({{ template "email.default.html" . }})",
                                                        templateData(notification));
    QVERIFY(html->find("<script>") == std::string::npos);
    QVERIFY(html->find("&lt;script&gt;") != std::string::npos);
    QVERIFY(html->find("href=\"#ZgotmplZ\"") != std::string::npos);
}

void TestNotificationTemplates::filesAddAndReplaceTemplates()
{
    const QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("own.tmpl").toStdString();
    std::ofstream(file) << R"({{ define "mine" }}<{{ .Status }}>{{ end }})"
                        << R"({{ define "__subject" }}other{{ end }})";
    const auto templates = Templates::load({file}).value();
    QCOMPARE(rendered(*templates,
                      R"({{ template "mine" . }} {{ template "slack.default.title" . }})",
                      diskFull()),
             QString("<firing> other"));
    QVERIFY(templates->check("{{ .x }}").ok());
    QVERIFY(!templates->check("{{ if }}").ok());
    QVERIFY(!templates->check("{{ nosuch }}", true).ok());
}

void TestNotificationTemplates::brokenFilesAreNamed()
{
    const QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("bad.tmpl").toStdString();
    std::ofstream(file) << "\n\n{{ if }}";
    const auto broken = Templates::load({file});
    const std::string message(base::messageOf(broken.status()));
    QVERIFY2(message.ends_with("bad.tmpl: template: bad.tmpl:3: missing value for if"),
             message.c_str());
    QCOMPARE(base::positionOf(broken.status())->file, file.string());
    QCOMPARE(base::positionOf(broken.status())->line.value_or(0), 3U);
    QVERIFY(!Templates::load({folder.filePath("none.tmpl").toStdString()}).ok());
}

void TestNotificationTemplates::routeLabelsMayReferToEachOther()
{
    const auto templates = Templates::load({}).value();
    const auto labels = templates->routeLabels({{"a", "x{{ routeLabels \"b\" }}"},
                                                {"b", "{{ .GroupLabels.alertname }}"},
                                                {"c", "{{ routeLabels \"none\" }}plain"}},
                                               templateData(diskFull()));
    QVERIFY2(labels.ok(), labels.status().ToString().c_str());
    QCOMPARE(labels->at("a"), std::string("xDiskFull"));
    QCOMPARE(labels->at("b"), std::string("DiskFull"));
    QCOMPARE(labels->at("c"), std::string("plain"));
}

void TestNotificationTemplates::cyclesOfRouteLabelsAreFound()
{
    const auto labels = Templates::load({}).value()->routeLabels(
        {{"a", "{{ routeLabels \"b\" }}"}, {"b", "{{ routeLabels \"a\" }}"}},
        templateData(diskFull()));
    QCOMPARE(std::string(base::messageOf(labels.status())),
             std::string("route label cycle detected: a -> b -> a"));
}

void TestNotificationTemplates::namesOfReceiversAreQuoted()
{
    Notification notification = diskFull();
    notification.receiver = "a.b-c";
    QCOMPARE(rendered(*Templates::load({}).value(), "{{ .Receiver }}", notification),
             QString("a\\.b-c"));
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestNotificationTemplates)
#include "tst_notification_templates.moc"
