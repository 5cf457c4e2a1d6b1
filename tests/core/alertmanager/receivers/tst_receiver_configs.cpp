// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Settings of receivers: what is refused and how, what comes from the section `global`.
#include "support/receiver_world.h"

#include <QTest>

namespace narthex::alertmanager {

using tests::ReceiverWorld;

class TestReceiverConfigs : public QObject
{
    Q_OBJECT

private slots:
    void mistakesAreNamed_data();
    void mistakesAreNamed();
    void globalMistakesAreNamed_data();
    void globalMistakesAreNamed();
    void kindsRunInTheirOrder();
    void defaultsOfSendResolved();
    void secretsAreHidden();
    void printedSettingsReadBackTheSame_data();
    void printedSettingsReadBackTheSame();
    void whatIsMissingComesFromGlobal();
};

void TestReceiverConfigs::mistakesAreNamed_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    const char* const rows[][3] = {
        {"webhook", "{}", "one of url or url_file must be configured"},
        {"webhook", "{url: 'http://h', url_file: f}",
         "at most one of url & url_file must be configured"},
        {"webhook", "{url: 'ftp://h'}", "unsupported scheme \"ftp\" for URL"},
        {"webhook", "{url: 'http://'}", "missing host for URL"},
        {"webhook", "{url: 'http://h', nope: 1}", "field nope not found in type plain"},
        {"email", "{}", "missing to address in email config"},
        {"email", "{to: a@b}", "no global SMTP smarthost set"},
        {"email", "{to: a@b, smarthost: 'h:25'}", "no global SMTP from set"},
        {"email", "{to: a@b, smarthost: 'h:'}", "address \"h:\": port cannot be empty"},
        {"email", "{to: a@b, headers: {subject: x, SUBJECT: y}}",
         "duplicate header \"Subject\" in email config"},
        {"email", "{to: a@b, threading: {enabled: true, thread_by_date: weekly}}",
         "threading.thread_by_date must be either 'none' or 'daily'"},
        {"email",
         "{to: a@b, threading: {enabled: true, thread_by_date: none}, headers: {References: x}}",
         "threading.enabled conflicts with custom References header"},
        {"slack", "{}", "no Slack API URL nor App token set either inline or in a file"},
        {"slack", "{api_url: 'http://h', app_token: t}",
         "at most one of api_url/api_url_file & app_token/app_token_file must be configured"},
        {"slack", "{app_token: t, http_config: {authorization: {credentials: c}}}",
         "http authorization can't be set when using Slack App tokens"},
        {"slack", "{api_url: 'http://h', update_message: true}",
         "update_message can only be used with bot tokens. api_url must be set to "
         "https://slack.com/api/chat.postMessage"},
        {"slack", "{api_url: 'http://h', fields: [{value: v}]}",
         "missing title in Slack field configuration"},
        {"slack", "{api_url: 'http://h', fields: [{title: v}]}",
         "missing value in Slack field configuration"},
        {"slack", "{api_url: 'http://h', actions: [{text: t}]}",
         "missing type in Slack action configuration"},
        {"slack", "{api_url: 'http://h', actions: [{type: t}]}",
         "missing text in Slack action configuration"},
        {"slack", "{api_url: 'http://h', actions: [{type: t, text: t}]}",
         "missing name or url in Slack action configuration"},
        {"slack",
         "{api_url: 'http://h', actions: [{type: t, text: t, name: n, confirm: {title: t}}]}",
         "missing text in Slack confirmation configuration"},
        {"pagerduty", "{}", "missing service or routing key in PagerDuty config"},
        {"pagerduty", "{routing_key: k, routing_key_file: f}",
         "at most one of routing_key & routing_key_file must be configured"},
        {"pagerduty", "{service_key: k, service_key_file: f}",
         "at most one of service_key & service_key_file must be configured"},
        {"opsgenie", "{}", "no global OpsGenie API Key set either inline or in a file"},
        {"opsgenie", "{api_key: k, responders: [{type: team}]}",
         "has to have at least one of id, username or name specified"},
        {"opsgenie", "{api_key: k, responders: [{id: i, type: x}]}",
         "type does not match valid options ^(team|teams|user|escalation|schedule)$"},
        {"victorops", "{routing_key: r}", "no global VictorOps API Key set"},
        {"victorops", "{api_key: k}", "missing Routing key in VictorOps config"},
        {"victorops", "{api_key: k, routing_key: r, custom_fields: {entity_id: x}}",
         "victorOps config contains custom field entity_id which cannot be used"},
        {"pushover", "{token: t}", "one of user_key or user_key_file must be configured"},
        {"pushover", "{user_key: u}", "one of token or token_file must be configured"},
        {"pushover", "{user_key: u, token: t, html: true, monospace: true}",
         "at most one of monospace & html must be configured"},
        {"wechat", "{}", "no global Wechat Api Secret set either inline or in a file"},
        {"wechat", "{api_secret: s}", "no global Wechat CorpID set"},
        {"wechat", "{api_secret: s, corp_id: c, message_type: image}",
         "weChat message type \"image\" does not match valid options ^(text|markdown)$"},
        {"telegram", "{bot_token: t}", "missing chat_id or chat_id_file on telegram_config"},
        {"telegram", "{chat_id: 1}", "missing bot_token or bot_token_file on telegram_config"},
        {"telegram", "{bot_token: t, chat_id: 1, parse_mode: X}",
         "unknown parse_mode on telegram_config"},
        {"discord", "{}", "one of webhook_url or webhook_url_file must be configured"},
        {"msteams", "{webhook_url: 'http://h', webhook_url_file: f}",
         "at most one of webhook_url & webhook_url_file must be configured"},
        {"webex", "{http_config: {authorization: {credentials: x}}}",
         "missing room_id on webex_config"},
        {"webex", "{room_id: r}", "missing webex_configs.http_config.authorization"},
        {"sns", "{}",
         "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"},
        {"sns", "{topic_arn: a, target_arn: b, phone_number: c}",
         "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"},
        {"jira", "{project: p, issue_type: i}", "no global Jira Cloud URL set"},
        {"jira", "{issue_type: i}", "missing project in jira_config"},
        {"jira", "{project: p}", "missing issue_type in jira_config"},
        {"jira", "{project: p, issue_type: i, api_type: x}",
         "unknown api_type on jira_config, must be auto, cloud or datacenter"},
        {"rocketchat", "{token: t}", "no global Rocketchat TokenID set either inline or in a file"},
        {"rocketchat", "{token_id: t}",
         "no global Rocketchat Token set either inline or in a file"},
        {"mattermost", "{}", "missing webhook_url or webhook_url_file on mattermost_config"},
        {"incidentio", "{alert_source_token: t}", "one of url or url_file must be configured"},
        {"incidentio",
         "{url: 'http://h', alert_source_token: t, http_config: {authorization: "
         "{credentials: x}}}",
         "cannot specify alert_source_token or alert_source_token_file when using "
         "http_config.authorization"},
        {"incidentio", "{url: 'http://h', http_config: {}}",
         "at least one of alert_source_token, alert_source_token_file or http_config.authorization "
         "must be configured"},
    };
    for (const auto& [kind, yaml, message] : rows) {
        QTest::addRow("%s %s", kind, yaml) << QString(kind) << QString(yaml) << QString(message);
    }
}

void TestReceiverConfigs::mistakesAreNamed()
{
    QFETCH(QString, kind);
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString error =
        QString::fromStdString(ReceiverWorld::readError(kind.toStdString(), yaml.toStdString()));
    QVERIFY2(error.contains(message), qPrintable(error));
}

void TestReceiverConfigs::globalMistakesAreNamed_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    for (const char* name : {"slack_app_token", "opsgenie_api_key", "victorops_api_key",
                             "telegram_bot_token", "smtp_auth_password", "smtp_auth_secret",
                             "rocketchat_token", "rocketchat_token_id", "wechat_api_secret"}) {
        QTest::newRow(name) << QString("{%1: x, %1_file: y}").arg(name)
                            << QString("at most one of %1 & %1_file must be configured").arg(name);
    }
    for (const char* name : {"slack_api_url", "mattermost_webhook_url"}) {
        QTest::newRow(name) << QString("{%1: 'http://x', %1_file: y}").arg(name)
                            << QString("at most one of %1 & %1_file must be configured").arg(name);
    }
    QTest::newRow("token and url") << "{slack_app_token: t, slack_api_url: 'http://x'}"
                                   << "at most one of slack_app_token/slack_app_token_file & "
                                      "slack_api_url/slack_api_url_file must be configured";
    QTest::newRow("token and the app's url")
        << "{slack_app_token: t, slack_api_url: 'https://slack.com/api/chat.postMessage'}"
        << "";
    QTest::newRow("no port") << "{smtp_smarthost: 'x:'}"
                             << "address \"x:\": port cannot be empty";
    QTest::newRow("url") << "{pagerduty_url: 'gopher://x'}"
                         << "unsupported scheme \"gopher\" for URL";
    QTest::newRow("unknown") << "{nope: 1}"
                             << "field nope not found in type plain";
}

void TestReceiverConfigs::globalMistakesAreNamed()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    GlobalConfig global;
    const absl::Status status = ReceiverWorld::readInto(global, yaml.toStdString());
    QCOMPARE(status.ok(), message.isEmpty());
    const QString error = QString::fromStdString(std::string(base::messageOf(status)));
    QVERIFY2(error.contains(message), qPrintable(error));
}

void TestReceiverConfigs::kindsRunInTheirOrder()
{
    QStringList names;
    for (const ReceiverKind& kind : receiverKinds()) {
        names << QString::fromStdString(std::string(kind.name));
        QCOMPARE(kind.make()->kind(), kind.name);
        QVERIFY(kind.make()->equals(*kind.make()->clone()));
    }
    QCOMPARE(
        names.join(' '),
        QString("webhook email pagerduty opsgenie wechat slack victorops pushover sns telegram "
                "discord webex msteams msteamsv2 jira incidentio rocketchat mattermost"));
}

void TestReceiverConfigs::defaultsOfSendResolved()
{
    QStringList silent;
    for (const ReceiverKind& kind : receiverKinds()) {
        if (!kind.make()->sendResolved()) {
            silent << QString::fromStdString(std::string(kind.name));
        }
    }
    QCOMPARE(silent.join(' '), QString("email wechat slack rocketchat"));
}

void TestReceiverConfigs::secretsAreHidden()
{
    const auto config = ReceiverWorld::read(
        "slack",
        "{api_url: 'http://mysecret.example.com/', http_config: {basic_auth: {username: u, "
        "password: mysecret}}}");
    yaml::FieldPrinter printer;
    (*config)->describe(printer);
    const std::string text = yaml::toText(printer.node());
    QVERIFY2(text.find("mysecret") == std::string::npos, text.c_str());
    QVERIFY(text.find("api_url: <secret>") != std::string::npos);
}

void TestReceiverConfigs::printedSettingsReadBackTheSame_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("yaml");
    QTest::newRow("webhook")
        << "webhook"
        << "{url_file: /f, max_alerts: 3, timeout: 10s, payload: {a: ['1', 2, {b: "
           "'{{ .Status }}'}]}}";
    QTest::newRow("email") << "email"
                           << "{to: a@b, from: c@d, smarthost: 'h:25', headers: {X-A: b}, text: t, "
                              "threading: {enabled: true, thread_by_date: daily}, tls_config: "
                              "{server_name: s}}";
    QTest::newRow("slack")
        << "slack"
        << "{api_url_file: /f, fields: [{title: t, value: v, short: true}], actions: "
           "[{type: t, text: x, name: n, confirm: {text: c}}]}";
    QTest::newRow("pagerduty")
        << "pagerduty"
        << "{routing_key_file: /f, details: {x: {y: [z]}}, links: [{href: h}]}";
    QTest::newRow("jira")
        << "jira"
        << "{api_url: 'http://j', project: p, issue_type: i, summary: s, description: "
           "{template: d, enable_update: false}, fields: {a: {b: 1}}}";
    QTest::newRow("telegram") << "telegram"
                              << "{bot_token_file: /f, chat_id: -3, parse_mode: ''}";
    QTest::newRow("mattermost")
        << "mattermost"
        << "{webhook_url_file: /f, attachments: [{text: a}], props: {card: c}, "
           "priority: {priority: urgent}}";
    QTest::newRow("sns") << "sns"
                         << "{sigv4: {region: r}, topic_arn: t, attributes: {a: b}}";
    QTest::newRow("opsgenie")
        << "opsgenie"
        << "{api_key_file: /f, responders: [{id: i, type: user}], details: {a: b}}";
}

void TestReceiverConfigs::printedSettingsReadBackTheSame()
{
    QFETCH(QString, kind);
    QFETCH(QString, yaml);
    const auto config = ReceiverWorld::read(kind.toStdString(), yaml.toStdString());
    QVERIFY2(config.ok(), config.status().ToString().c_str());
    yaml::FieldPrinter printer;
    (*config)->describe(printer);
    const std::string text = yaml::toText(printer.node());
    const auto again = ReceiverWorld::read(kind.toStdString(), text);
    QVERIFY2(again.ok(), (text + again.status().ToString()).c_str());
    QVERIFY2((*config)->equals(**again), text.c_str());
    const auto other = ReceiverWorld::read(kind.toStdString(), "{send_resolved: maybe}");
    QVERIFY(!other.ok());
}

void TestReceiverConfigs::whatIsMissingComesFromGlobal()
{
    const std::string global = "{smtp_smarthost: 'h:25', smtp_from: f@g, smtp_auth_username: u, "
                               "smtp_auth_password_file: /p, smtp_require_tls: false, http_config: "
                               "{proxy_url: 'http://p'}, slack_api_url_file: /s}";
    const auto printed = [&](std::string_view kind, const std::string& yamlText) {
        const auto config = ReceiverWorld::read(kind, yamlText, global);
        yaml::FieldPrinter printer;
        (*config)->describe(printer);
        return QString::fromStdString(yaml::toText(printer.node()));
    };
    const QString mail = printed("email", "{to: a@b}");
    for (const char* line : {"smarthost: h:25", "from: f@g", "hello: localhost", "auth_username: u",
                             "auth_password_file: /p", "require_tls: false"}) {
        QVERIFY2(mail.contains(line), qPrintable(mail));
    }
    // A password of its own does not keep the global file beside it.
    QVERIFY(!printed("email", "{to: a@b, auth_password: x}").contains("auth_password_file"));
    const QString chat = printed("slack", "{channel: c}");
    QVERIFY(chat.contains("api_url_file: /s") && chat.contains("proxy_url: http://p"));
    // No merge key by key.
    QVERIFY(!printed("slack", "{http_config: {}}").contains("proxy_url"));
    QVERIFY(printed("msteamsv2", "{webhook_url: 'http://t', http_config: {enable_http2: false}}")
                .contains("proxy_url: http://p"));
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestReceiverConfigs)
#include "tst_receiver_configs.moc"
