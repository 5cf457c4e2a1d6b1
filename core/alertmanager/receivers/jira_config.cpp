// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/jira_config.h"

#include "core/alertmanager/receivers/registry.h"
#include "core/base/status.h"

namespace narthex::alertmanager {
namespace {

void describeText(yaml::Fields& fields, std::string_view name, JiraText& text)
{
    if (fields.reading()) {
        const auto value = fields.take(name);
        if (value && !value->isMap()) {
            value->into(text.text);
            return;
        }
    }
    fields.section(name, text);
}

} // namespace

void JiraText::describe(yaml::Fields& fields)
{
    fields.field("template", &text);
    fields.field("enable_update", enableUpdate, yaml::Printing::Always);
}

void JiraConfig::describe(yaml::Fields& fields)
{
    describeCommon(fields);
    describeUrl(fields, "api_url", apiUrl);
    fields.field("api_type", &apiType);
    fields.field("project", &project);
    describeText(fields, "summary", summary);
    describeText(fields, "description", description);
    fields.field("labels", &labels);
    fields.field("priority", &priority);
    fields.field("issue_type", &issueType);
    fields.field("reopen_transition", &reopenTransition);
    fields.field("resolve_transition", &resolveTransition);
    fields.field("wont_fix_resolution", &wontFixResolution);
    fields.field("reopen_duration", &reopenDuration);
    describeTree(fields, "fields", extraFields);
    if (!fields.reading()) {
        return;
    }
    fields.check(!project.empty(), "missing project in jira_config");
    fields.check(!issueType.empty(), "missing issue_type in jira_config");
    fields.check(apiType == "auto" || apiType == "cloud" || apiType == "datacenter",
                 "unknown api_type on jira_config, must be auto, cloud or datacenter");
}

absl::Status JiraConfig::complete(const GlobalConfig& global)
{
    inheritHttp(global);
    inherit(apiUrl, global.jiraApiUrl);
    return apiUrl.empty() ? base::invalidArgument("no global Jira Cloud URL set")
                          : absl::OkStatus();
}

std::unique_ptr<ReceiverConfig> makeJiraConfig() { return std::make_unique<JiraConfig>(); }

} // namespace narthex::alertmanager
