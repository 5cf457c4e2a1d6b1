// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/default_templates.h"

namespace narthex::alertmanager {

const std::string_view kDefaultTemplates = R"T({{/* Parts that the others are made of. */}}
{{ define "__alertmanager" }}Narthex{{ end }}
{{ define "__alertmanagerURL" }}{{ printf "%s/#/alerts?receiver=%s" .ExternalURL (urlquery .Receiver) }}{{ end }}
{{ define "__subject" -}}
  {{- $count := len .Alerts.Firing -}}
  {{- if eq .Status "firing" }}{{ printf "[FIRING:%d]" $count }}{{ else }}[RESOLVED]{{ end -}}
  {{- printf " %s " (join " " .GroupLabels.SortedPairs.Values) -}}
  {{- if lt (len .GroupLabels) (len .CommonLabels) -}}
    {{- $others := .CommonLabels.Remove .GroupLabels.Names -}}
    {{- printf "(%s)" (join " " $others.Values) -}}
  {{- end -}}
{{- end }}
{{ define "__description" }}{{ end }}
{{ define "__acknowledged" }}{{ with .Acknowledgement }}{{ printf "Acknowledged by %s %s ago: %s\n" .Author .Age .Comment }}{{ end }}{{ end }}
{{ define "__pair_lines" }}{{ range $pair := . }}{{ printf " - %s = %s\n" $pair.Name $pair.Value }}{{ end }}{{ end }}
{{ define "__text_alert_list" -}}
  {{- range $alert := . -}}
    {{- println "Labels:" -}}{{- template "__pair_lines" $alert.Labels.SortedPairs -}}
    {{- println "Annotations:" -}}{{- template "__pair_lines" $alert.Annotations.SortedPairs -}}
    {{- printf "Source: %s\n" $alert.GeneratorURL -}}
    {{- template "__acknowledged" $alert -}}
  {{- end -}}
{{- end }}
{{ define "__text_alert_list_markdown" -}}
  {{- range $alert := . -}}
    {{- println "\nLabels:" -}}{{- range $alert.Labels.SortedPairs }}{{ printf "  - %s = %s\n" .Name .Value }}{{ end -}}
    {{- println "\nAnnotations:" -}}{{- range $alert.Annotations.SortedPairs }}{{ printf "  - %s = %s\n" .Name .Value }}{{ end -}}
    {{- printf "\nSource: %s\n" $alert.GeneratorURL -}}
    {{- template "__acknowledged" $alert -}}
  {{- end -}}
{{- end }}
{{ define "__common_annotations" }}{{ join " " .CommonAnnotations.SortedPairs.Values }}{{ end }}
{{ define "__both_lists" -}}
  {{- with .Alerts.Firing }}{{ println "\nAlerts Firing:" }}{{ template "__text_alert_list" . }}{{ end -}}
  {{- with .Alerts.Resolved }}{{ println "\nAlerts Resolved:" }}{{ template "__text_alert_list" . }}{{ end -}}
{{- end }}
{{ define "__both_lists_markdown" -}}
  {{- with .Alerts.Firing }}{{ println "\n# Alerts Firing:" }}{{ template "__text_alert_list_markdown" . }}{{ end -}}
  {{- with .Alerts.Resolved }}{{ println "\n# Alerts Resolved:" }}{{ template "__text_alert_list_markdown" . }}{{ end -}}
{{- end }}
{{ define "__summary_and_lists" }}{{ template "__common_annotations" . }}{{ template "__both_lists" . }}{{ end }}
{{ define "__state_color" }}{{ if ne .Status "firing" }}good{{ else }}danger{{ end }}{{ end }}
{{ define "narthex.desktop.body" }}{{ range .Alerts }}{{ with or .Annotations.summary .Annotations.description .Labels.instance }}{{ println . }}{{ end }}{{ end }}{{ end }}
{{ define "narthex.ack.title" }}{{ printf "[ACKNOWLEDGED:%d] %s" (len .Alerts.Acknowledged) (join " " .GroupLabels.SortedPairs.Values) }}{{ end }}
{{ define "narthex.ack.text" }}{{ range .Alerts.Acknowledged }}{{ .Labels.alertname }}: {{ template "__acknowledged" . }}{{ end }}{{ end }}

{{ define "email.default.subject" }}{{ template "__subject" . }}{{ end }}

{{ define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "slack.default.fallback" }}{{ template "slack.default.title" . }}{{ print " | " }}{{ template "slack.default.titlelink" . }}{{ end }}
{{ define "slack.default.callbackid" }}{{ end }}
{{ define "slack.default.pretext" }}{{ end }}
{{ define "slack.default.iconemoji" }}{{ end }}
{{ define "slack.default.iconurl" }}{{ end }}
{{ define "slack.default.text" }}{{ end }}
{{ define "slack.default.footer" }}{{ end }}
{{ define "slack.default.color" }}{{ template "__state_color" . }}{{ end }}

{{ define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end }}
{{ define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end }}

{{ define "opsgenie.default.message" }}{{ template "__subject" . }}{{ end }}
{{ define "opsgenie.default.description" }}{{ template "__summary_and_lists" . }}{{ end }}
{{ define "opsgenie.default.source" }}{{ template "__alertmanagerURL" . }}{{ end }}

{{ define "victorops.default.state_message" }}{{ template "__summary_and_lists" . }}{{ end }}
{{ define "victorops.default.entity_display_name" }}{{ template "__subject" . }}{{ end }}
{{ define "victorops.default.monitoring_tool" }}{{ template "__alertmanager" . }}{{ end }}

{{ define "pushover.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "pushover.default.message" }}{{ template "__summary_and_lists" . }}{{ end }}
{{ define "pushover.default.url" }}{{ template "__alertmanagerURL" . }}{{ end }}

{{ define "sns.default.subject" }}{{ template "__subject" . }}{{ end }}
{{ define "sns.default.message" }}{{ template "__summary_and_lists" . }}{{ end }}

{{ define "wechat.default.message" }}{{ template "__subject" . }}{{ println }}{{ template "__summary_and_lists" . }}{{ print "AlertmanagerUrl:\n" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "wechat.default.to_user" }}{{ end }}
{{ define "wechat.default.to_party" }}{{ end }}
{{ define "wechat.default.to_tag" }}{{ end }}
{{ define "wechat.default.agent_id" }}{{ end }}

{{ define "telegram.default.message" }}{{ template "__both_lists" . }}{{ end }}

{{ define "discord.default.content" }}{{ end }}
{{ define "discord.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "discord.default.message" }}{{ template "__both_lists" . }}{{ end }}

{{ define "webex.default.message" }}{{ template "__summary_and_lists" . }}{{ end }}

{{ define "msteams.default.summary" }}{{ template "__subject" . }}{{ end }}
{{ define "msteams.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "msteams.default.text" }}{{ template "__both_lists_markdown" . }}{{ end }}
{{ define "msteamsv2.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "msteamsv2.default.text" }}{{ template "__both_lists_markdown" . }}{{ end }}

{{ define "jira.default.summary" }}{{ template "__subject" . }}{{ end }}
{{ define "jira.default.description" }}{{ template "__both_lists_markdown" . }}{{ end }}
{{ define "jira.default.priority" -}}
  {{- $alerts := or .Alerts.Firing .Alerts.Resolved -}}
  {{- $found := "" -}}
  {{- range $alerts -}}
    {{- $severity := .Labels.severity -}}
    {{- if eq $severity "critical" }}{{ $found = "High" }}
    {{- else if and (eq $severity "warning") (ne $found "High") }}{{ $found = "Medium" }}
    {{- else if and (eq $severity "info") (eq $found "") }}{{ $found = "Low" }}{{ end -}}
  {{- end -}}
  {{- $found -}}
{{- end }}

{{ define "rocketchat.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "rocketchat.default.alias" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "rocketchat.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "rocketchat.default.emoji" }}{{ end }}
{{ define "rocketchat.default.iconurl" }}{{ end }}
{{ define "rocketchat.default.text" }}{{ end }}

{{ define "mattermost.default.color" }}{{ template "__state_color" . }}{{ end }}
{{ define "mattermost.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "mattermost.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "mattermost.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "mattermost.default.fallback" }}{{ template "mattermost.default.title" . }}{{ print " | " }}{{ template "mattermost.default.titlelink" . }}{{ end }}
{{ define "mattermost.default.text" }}{{ template "__both_lists_markdown" . }}{{ end }}
)T";

} // namespace narthex::alertmanager
