// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/default_templates.h"

namespace narthex::alertmanager {

// Colours stand in style attributes for programs without style sheets; the sheet turns them over in
// the dark.
const std::string_view kDefaultMailTemplate = R"T({{ define "__mail_pairs" }}{{ range . }}
<tr><td class="quiet" style="padding:2px 12px 2px 0;color:#5b6570;font-size:13px;vertical-align:top;white-space:nowrap">{{ .Name }}</td>
<td class="ink" style="padding:2px 0;color:#1c2329;font-size:13px;vertical-align:top;word-break:break-word">{{ .Value }}</td></tr>{{ end }}{{ end }}
{{ define "__mail_alert" }}
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 12px;background:#ffffff;border:1px solid #d9dee3;border-radius:8px">
<tr><td style="padding:14px 16px">
<div class="ink" style="margin:0 0 8px;font-size:15px;font-weight:600;color:#1c2329">{{ or .Annotations.summary .Labels.alertname }}</div>
<table role="presentation" cellpadding="0" cellspacing="0">{{ template "__mail_pairs" .Labels.SortedPairs }}</table>
{{ if .Annotations }}<table role="presentation" cellpadding="0" cellspacing="0" style="margin:8px 0 0">{{ template "__mail_pairs" .Annotations.SortedPairs }}</table>{{ end }}
<div class="quiet" style="margin:10px 0 0;font-size:12px;color:#5b6570">since {{ .StartsAt.Format "2006-01-02 15:04:05 MST" }}{{ if eq .Status "resolved" }}, resolved {{ .EndsAt.Format "2006-01-02 15:04:05 MST" }}{{ end }}</div>
{{ with .Acknowledgement }}<div class="ink" style="margin:6px 0 0;font-size:13px;color:#1c2329">Acknowledged by {{ .Author }} {{ .Age }} ago: {{ .Comment }}</div>{{ end }}
{{ if .GeneratorURL }}<div style="margin:8px 0 0;font-size:13px"><a class="link" href="{{ .GeneratorURL }}" style="color:#0b63c5">Source</a></div>{{ end }}
</td></tr></table>{{ end }}
{{ define "email.default.html" }}<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{ template "__subject" . }}</title>
<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #14181c !important; }
  .card { background: #1e2429 !important; border-color: #39424a !important; }
  .ink { color: #e8ecef !important; }
  .quiet { color: #a5b0ba !important; }
  .link { color: #7ab8ff !important; }
}
@media (max-width: 480px) { .frame { padding: 12px !important; } }
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f3f5f7">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f5f7"><tr><td class="frame" align="center" style="padding:24px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:640px;font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif;text-align:left">
<tr><td style="padding:16px 20px;border-radius:8px;color:#ffffff;{{ if eq .Status "firing" }}background:#b3261e{{ else }}background:#1b7a3d{{ end }}">
<div style="font-size:18px;font-weight:600">{{ if eq .Status "firing" }}{{ len .Alerts.Firing }} firing{{ else }}Resolved{{ end }}</div>
<div style="margin:4px 0 0;font-size:14px">{{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}</div>
</td></tr>
<tr><td style="padding:16px 0"><a href="{{ template "__alertmanagerURL" . }}" style="display:inline-block;padding:10px 18px;border-radius:6px;background:#0b63c5;color:#ffffff;font-size:14px;font-weight:600;text-decoration:none">View in {{ template "__alertmanager" . }}</a></td></tr>
{{ with .Alerts.Firing }}<tr><td><h2 class="ink" style="margin:8px 0 12px;font-size:16px;color:#1c2329">Firing ({{ len . }})</h2>{{ range . }}{{ template "__mail_alert" . }}{{ end }}</td></tr>{{ end }}
{{ with .Alerts.Resolved }}<tr><td><h2 class="ink" style="margin:8px 0 12px;font-size:16px;color:#1c2329">Resolved ({{ len . }})</h2>{{ range . }}{{ template "__mail_alert" . }}{{ end }}</td></tr>{{ end }}
<tr><td class="quiet" style="padding:12px 0;font-size:12px;color:#5b6570">Sent by <a class="link" href="{{ .ExternalURL }}" style="color:#0b63c5">{{ template "__alertmanager" . }}</a></td></tr>
</table></td></tr></table>
</body>
</html>
{{ end }}
)T";

} // namespace narthex::alertmanager
