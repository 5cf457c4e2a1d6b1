// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "receiver_cases.h"

namespace narthex::tests {

const char* const kAlertsJson =
    R"([{"status":"firing","labels":{"alertname":"DiskFull","instance":"a","severity":"critical"},)"
    R"("annotations":{"summary":"root \u0026 \u003call\u003e"},"startsAt":"2023-11-14T22:13:20.5Z",)"
    R"("endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/g?a=1\u0026b",)"
    R"("fingerprint":"3be05e6bf91375d8"}])";

namespace {

const ReceiverCase kCases[] = {
    {"webhook", "webhook", "url: $URL/hook", true, "POST /hook\n\n",
     "POST /hook\n"
     R"({"receiver":"team-X","status":"firing","alerts":$ALERTS,)"
     R"("notification_reason":"first notification","groupLabels":{"alertname":"DiskFull"},)"
     R"("commonLabels":{"alertname":"DiskFull","instance":"a","severity":"critical"},)"
     R"("commonAnnotations":{"summary":"root \u0026 \u003call\u003e"},"routeLabels":{},)"
     R"("externalURL":"http://am:9093","version":"4",)"
     R"("groupKey":"{}/{severity=\"critical\"}:{alertname=\"DiskFull\"}","truncatedAlerts":0})"
     "\n"},
    {"webhook with a payload of its own", "webhook",
     "url: '$URL/{{ .Status }}'\n"
     "payload: {text: '{{ .GroupLabels.alertname }}', n: '{{ len .Alerts }}', plain: 3, '{{ "
     ".Status "
     "}}': [a, '{{ true }}', '{{ list 1 2 | toJson }}']}",
     true, "POST /firing\n\n",
     "POST /firing\n"
     R"({"firing":["a",true,[1,2]],"n":1,"plain":3,"text":"DiskFull"})"
     "\n"},
    {"slack webhook", "slack",
     "{api_url: $URL/s, channel: '#c', text: t, title_link: l, fields: [{title: f, value: v}], "
     "actions: [{type: button, text: Go, url: 'http://x'}]}",
     true, "POST /s\nok\n",
     "POST /s\n"
     R"({"channel":"#c","username":"Narthex","attachments":[{"title":"$FIRING",)"
     R"("title_link":"l","text":"t","fallback":"$FIRING | )"
     R"(http://am:9093/#/alerts?receiver=team-X","callback_id":"","fields":[{"title":"f","value":"v",)"
     R"("short":false}],"actions":[{"type":"button","text":"Go","url":"http://x"}],"footer":"",)"
     R"("color":"danger","mrkdwn_in":["fallback","pretext","text"]}]})"
     "\n"},
    {"pagerduty", "pagerduty",
     "{url: $URL/v2, routing_key: k, description: d, client: c, client_url: u, class: x, "
     "details: {a: b, firing: '', resolved: '', num_firing: '{{ len .Alerts.Firing }}', "
     "num_resolved: "
     "'0'}, links: [{href: h, text: t}, {text: n}], images: [{src: s}]}",
     true, "POST /v2\n\n",
     "POST /v2\n"
     R"({"routing_key":"k","dedup_key":"$HASH","event_action":"trigger","payload":{"summary":"d",)"
     R"("source":"c","severity":"error","class":"x","custom_details":{"a":"b","firing":null,)"
     R"("num_firing":1,"num_resolved":0,"resolved":null}},"client":"c","client_url":"u",)"
     R"("images":[{"src":"s","alt":"","href":""}],"links":[{"href":"h","text":"t"}]})"
     "\n"},
    {"pagerduty, first version", "pagerduty",
     "{service_key: k, description: d, client: c, client_url: u, details: {firing: x, resolved: x, "
     "num_firing: x, num_resolved: x}}",
     false, "POST /generic/2010-04-15/create_event.json\n\n",
     "POST /generic/2010-04-15/create_event.json\n"
     R"({"service_key":"k","incident_key":"$HASH","event_type":"resolve","description":"d",)"
     R"("details":{"firing":"x","num_firing":"x","num_resolved":"x","resolved":"x"}})"
     "\n"},
    {"opsgenie firing", "opsgenie",
     "{api_url: $URL, api_key: k, message: m, description: d, source: s, details: {x: y}, tags: "
     "'a, "
     "b', responders: [{name: 'x, y', type: teams}, {id: '1', type: user}, {name: '{{ `` }}', "
     "type: '{{ `` }}'}], priority: P1, update_alerts: true}",
     true,
     "POST /v2/alerts\n\nPUT /v2/alerts/$HASH/message\n\nPUT /v2/alerts/$HASH/description\n\n",
     nullptr},
    {"opsgenie resolved", "opsgenie", "{api_url: $URL, api_key: k, source: s}", false,
     "POST /v2/alerts/$HASH/close\n\n",
     "POST /v2/alerts/$HASH/close?identifierType=alias\n{\"source\":\"s\"}\n"},
    {"victorops", "victorops",
     "{api_url: $URL, api_key: k, routing_key: r, state_message: m, custom_fields: {x: y}}", true,
     "POST /k/r\n\n",
     "POST /k/r\n"
     R"({"entity_display_name":"$FIRING","entity_id":"$HASH",)"
     R"("message_type":"CRITICAL","monitoring_tool":"Narthex","state_message":"m","x":"y"})"
     "\n"},
    {"victorops resolved", "victorops",
     "{api_url: $URL, api_key: k, routing_key: r, state_message: m}", false, "POST /k/r\n\n",
     "POST /k/r\n"
     R"({"entity_display_name":"$RESOLVED","entity_id":"$HASH",)"
     R"("message_type":"RECOVERY","monitoring_tool":"Narthex","state_message":"m"})"
     "\n"},
    {"pushover", "pushover", "{user_key: u, token: t, message: '{{ `` }}', url: l, ttl: 90s}", true,
     "POST /1/messages.json\n\n",
     "POST /1/messages.json?device=&expire=3600&message=(no details)&priority=2&retry=60&sound="
     "&title=$FIRING&token=t&ttl=90&url=l&url_title=&user=u\n"},
    {"telegram", "telegram",
     "{api_url: $URL, bot_token: 'T:1', chat_id: -5, message: '<b>{{ .CommonAnnotations.summary "
     "}}</b>', message_thread_id: 3}",
     true, "POST /botT:1/sendMessage\n\n",
     "POST /botT:1/sendMessage\n"
     R"({"chat_id":"-5","text":"\u003cb\u003eroot \u0026amp; \u0026lt;all\u0026gt;\u003c/b\u003e",)"
     R"("parse_mode":"HTML","disable_web_page_preview":true,"message_thread_id":3})"
     "\n"},
    {"discord", "discord", "{webhook_url: $URL/d, message: m, content: c, username: u}", true,
     "POST /d\n\n",
     "POST /d\n"
     R"({"content":"c","embeds":[{"title":"$FIRING","description":"m",)"
     R"("color":10038562}],"username":"u"})"
     "\n"},
    {"discord resolved", "discord", "{webhook_url: $URL/d, message: m}", false, "POST /d\n\n",
     "POST /d\n"
     R"({"content":"","embeds":[{"title":"$RESOLVED","description":"m",)"
     R"("color":3066993}]})"
     "\n"},
    {"msteams", "msteams", "{webhook_url: $URL/t, title: a, summary: b, text: c}", true,
     "POST /t\n\n",
     "POST /t\n"
     R"({"@context":"http://schema.org/extensions","type":"MessageCard","title":"a","summary":"b",)"
     R"("text":"c","themeColor":"8C1A1A"})"
     "\n"},
    {"msteamsv2", "msteamsv2", "{webhook_url: $URL/t, title: a, text: c}", false, "POST /t\n\n",
     "POST /t\n"
     R"({"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive",)"
     R"("contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json",)"
     R"("type":"AdaptiveCard","version":"1.2","body":[{"type":"TextBlock","text":"a",)"
     R"("weight":"Bolder","size":"Medium","wrap":true,"style":"heading","color":"Good"},)"
     R"({"type":"TextBlock","text":"c","wrap":true}],"msteams":{"width":"full"}}}]})"
     "\n"},
    {"webex", "webex",
     "{api_url: $URL/w, room_id: r, message: m, http_config: {authorization: {credentials: x}}}",
     true, "POST /w\n\n", "POST /w\n{\"markdown\":\"m\",\"roomId\":\"r\"}\n"},
    {"wechat", "wechat",
     "{api_url: $URL, api_secret: s, corp_id: c, message: m, to_user: u, agent_id: '1'}", true,
     "GET /gettoken\n{\"access_token\":\"A B\"}\nPOST /message/send\n{\"errcode\":0}\n",
     "GET /gettoken?corpid=c&corpsecret=s\n"
     "POST /message/send?access_token=A B\n"
     R"({"text":{"content":"m"},"touser":"u","agentid":"1","safe":"0","msgtype":"text",)"
     R"("markdown":{"content":""}})"
     "\n"},
    {"sns", "sns",
     "{api_url: $URL, sigv4: {region: eu-west-1, access_key: a, secret_key: b}, topic_arn: x.fifo, "
     "subject: s, message: m, attributes: {k: v}}",
     true, "POST /\n\n",
     "POST /\nAction=Publish\nVersion=2010-03-31\nTopicArn=x.fifo\nMessageDeduplicationId=$HASH\n"
     "MessageGroupId=$HASH\nMessage=m\nSubject=s\nMessageAttributes.entry.1.Name=k\n"
     "MessageAttributes.entry.1.Value.DataType=String\n"
     "MessageAttributes.entry.1.Value.StringValue=v\n"},
    {"jira creates", "jira",
     "{api_url: $URL/rest/api/2, project: P, issue_type: Bug, summary: s, description: d, labels: "
     "[z], "
     "fields: {custom: '{{ len .Alerts }}'}}",
     true, "POST /rest/api/2/search\n{\"issues\":[]}\nPOST /rest/api/2/issue\n{\"key\":\"P-1\"}\n",
     "POST /rest/api/2/search\n"
     R"({"fields":["status"],"jql":"statusCategory != Done and project=\"P\" and labels=\"ALERT{$HASH}\")"
     R"( order by status ASC,resolutiondate DESC","maxResults":2})"
     "\nPOST /rest/api/2/issue\n"
     R"({"fields":{"custom":1,"description":"d","issuetype":{"name":"Bug"},"labels":["ALERT{$HASH}","z"],)"
     R"("priority":{"name":"High"},"project":{"key":"P"},"summary":"s"}})"
     "\n"},
    {"jira resolves", "jira",
     "{api_url: $URL/rest/api/2, project: P, issue_type: Bug, summary: {template: s, "
     "enable_update: "
     "false}, description: d, priority: '', resolve_transition: Done, wont_fix_resolution: Never}",
     false,
     "POST /rest/api/2/search\n"
     R"({"issues":[{"key":"P-1","fields":{"status":{"statusCategory":{"key":"new"}}}}]})"
     "\nPUT /rest/api/2/issue/P-1\n\nGET /rest/api/2/issue/P-1/transitions\n"
     R"({"transitions":[{"id":"5","name":"Other"},{"id":"7","name":"Done"}]})"
     "\nPOST /rest/api/2/issue/P-1/transitions\n\n",
     "POST /rest/api/2/search\n"
     R"({"fields":["status"],"jql":"(resolution is EMPTY or resolution != \"Never\") and )"
     R"(statusCategory != Done and project=\"P\" and labels=\"ALERT{$HASH}\" order by status )"
     R"(ASC,resolutiondate DESC","maxResults":2})"
     "\nPUT /rest/api/2/issue/P-1\n"
     R"({"fields":{"description":"d","issuetype":{"name":"Bug"},"labels":["ALERT{$HASH}"],)"
     R"("project":{"key":"P"}}})"
     "\nGET /rest/api/2/issue/P-1/transitions\nPOST /rest/api/2/issue/P-1/transitions\n"
     R"({"transition":{"id":"7"}})"
     "\n"},
    {"jira has nothing to resolve", "jira",
     "{api_url: $URL, api_type: cloud, project: P, issue_type: Bug}", false,
     "POST /search/jql\n{\"issues\":[]}\n",
     "POST /search/jql\n"
     R"({"fields":["status"],"jql":"statusCategory != Done and project=\"P\" and labels=\"ALERT{$HASH}\")"
     R"( order by status ASC,resolutiondate DESC","maxResults":2})"
     "\n"},
    {"incidentio", "incidentio", "{url: $URL/i, alert_source_token: t}", true, "POST /i\n\n",
     nullptr},
    {"rocketchat", "rocketchat",
     "{api_url: $URL, token: t, token_id: i, channel: c, text: x, title_link: l, fields: [{title: "
     "f, "
     "value: v}], actions: [{text: Go, url: u}]}",
     true, "POST /api/v1/chat.postMessage\n{\"success\":true}\n",
     "POST /api/v1/chat.postMessage\n"
     R"({"channel":"c","attachments":[{"title":"$FIRING","title_link":"l",)"
     R"("text":"x","color":"red","fields":[{"short":false,"title":"f","value":"v"}],)"
     R"("actions":[{"type":"button","text":"Go","url":"u","is_webview":false,)"
     R"("msg_in_chat_window":false}]}]})"
     "\n"},
    {"mattermost", "mattermost",
     "{webhook_url: $URL/m, channel: c, text: t, title_link: l, fallback: f, priority: {priority: "
     "URGENT, requested_ack: true, persistent_notifications: true}, props: {card: k}}",
     true, "POST /m\n\n",
     "POST /m\n"
     R"({"channel":"c","username":"Narthex","attachments":[{"fallback":"f","color":"danger",)"
     R"("text":"t","title":"$FIRING","title_link":"l"}],"props":{"card":"k"},)"
     R"("priority":{"priority":"urgent","requested_ack":true,"persistent_notifications":true}})"
     "\n"},
    {"mattermost with attachments", "mattermost",
     "{webhook_url: $URL/m, text: t, username: u, attachments: [{text: a}], priority: {priority: "
     "x, "
     "requested_ack: true}}",
     true, "POST /m\n\n",
     "POST /m\n"
     R"({"text":"t","username":"u","attachments":[{"text":"a"}],"priority":{"priority":"standard"}})"
     "\n"},
};

} // namespace

std::span<const ReceiverCase> receiverCases() { return kCases; }

const char* const kOpsgenieCreation =
    R"({"alias":"$HASH","message":"m","description":"d","details":{"alertname":"DiskFull",)"
    R"("instance":"a","severity":"critical","x":"y"},"source":"s","responders":[{"name":"x",)"
    R"("type":"team"},{"name":"y","type":"team"},{"id":"1","type":"user"}],"tags":["a","b"],)"
    R"("priority":"P1"})"
    "\n";
const char* const kAcknowledgementJson =
    R"("acknowledgement":{"author":"ann","comment":"on it","createdAt":"2023-11-14T22:14:10Z"})";
const char* const kAcknowledgeEvent = R"("dedup_key":"$HASH","event_action":"acknowledge")";
const char* const kUpdateAnswer = R"({"ok":true,"ts":"1.5","channel":"C9"})";
const char* const kUpdateStart = R"({"channel":"C9","ts":"1.5",)";

} // namespace narthex::tests
