// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// jira_configs: one issue for a group, found by a label, made, changed, moved to another state.
// Source: spec/alertmanager.md, 8.12.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/jira_config.h"
#include "core/alertmanager/receivers/json_body.h"
#include "core/discovery/json.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kSummaryRunes = 255;
constexpr std::size_t kDescriptionRunes = 32767;

/// What a search found.
struct Issue
{
    std::string key;
    /// "done" …; empty: the answer does not say.
    std::string category;
};

/// How one step went, with the answer when it went well.
struct Step
{
    SendResult result;
    discovery::Json answer;
    [[nodiscard]] bool ok() const { return result.status.ok(); }
};

class JiraIntegration final : public HttpIntegration<JiraConfig>
{
public:
    using HttpIntegration::HttpIntegration;

    /// What it keeps is the state of alerts: a short message has no place there.
    std::optional<SendResult> acknowledge(const Notification& /*notification*/,
                                          const AcknowledgementNote& /*note*/,
                                          base::Duration /*timeout*/,
                                          std::stop_token /*stop*/) override
    {
        return std::nullopt;
    }
    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;

private:
    [[nodiscard]] std::string address(std::string_view path) const;
    [[nodiscard]] std::string searchAddress() const;
    Step ask(std::string method, const std::string& url, std::string body,
             const Attempt& attempt) const;
    Step search(Renderer& r, const Notification& notification, const Attempt& attempt,
                std::optional<Issue>& found) const;
    absl::StatusOr<std::string> issueBody(Renderer& r, const Notification& notification,
                                          bool exists) const;
    absl::StatusOr<gotemplate::Map> issueFields(Renderer& r,
                                                const Notification& notification) const;
    SendResult move(const Issue& issue, bool firing, const Attempt& attempt) const;
};

std::string JiraIntegration::address(std::string_view path) const
{
    std::string url = config_.apiUrl;
    endWithSlash(url);
    return url + std::string(path);
}

std::string JiraIntegration::searchAddress() const
{
    std::string_view host = config_.apiUrl;
    host.remove_prefix(std::min(host.size(), host.find("://") + 3));
    host = host.substr(0, host.find_first_of("/?#"));
    const bool cloud = config_.apiType == "cloud" ||
                       (config_.apiType == "auto" && host.ends_with("atlassian.net"));
    if (!cloud) {
        return address("search");
    }
    std::string url = address("search/jql");
    constexpr std::string_view kOld = "/rest/api/2/";
    if (const std::size_t at = url.find(kOld); at != std::string::npos) {
        url.replace(at, kOld.size(), "/rest/api/3/");
    }
    return url;
}

Step JiraIntegration::ask(std::string method, const std::string& url, std::string body,
                          const Attempt& attempt) const
{
    net::HttpResponse response;
    Step step{.result = sender_.send({.method = std::move(method),
                                      .url = url,
                                      .body = std::move(body),
                                      .headers = {{"Accept-Language", "en"}}},
                                     attempt, {.retryCode = 429}, &response)};
    if (step.ok() && !response.body.empty()) {
        auto json = discovery::Json::parse(response.body);
        if (!json.ok()) {
            step.result = refused(json.status());
        } else {
            step.answer = *std::move(json);
        }
    }
    return step;
}

Step JiraIntegration::search(Renderer& r, const Notification& notification, const Attempt& attempt,
                             std::optional<Issue>& found) const
{
    std::string jql;
    if (!config_.wontFixResolution.empty()) {
        jql += fmt::format("(resolution is EMPTY or resolution != {}) and ",
                           model::quote(config_.wontFixResolution));
    }
    const std::int64_t minutes = config_.reopenDuration.ns / base::Duration(60_s).ns;
    if (notification.firing() && !config_.reopenTransition.empty() && minutes > 0) {
        jql += fmt::format("(resolutiondate is EMPTY OR resolutiondate >= -{}m) and ", minutes);
    } else {
        jql += "statusCategory != Done and ";
    }
    jql += fmt::format("project={} and labels={} order by status ASC,resolutiondate DESC",
                       model::quote(r.text(config_.project)),
                       model::quote(fmt::format("ALERT{{{}}}", hashOfKey(notification.groupKey))));
    if (!r.status().ok()) {
        return {.result = refused(base::annotate(r.status(), "invalid project template or value"),
                                  FailureReason::ClientError)};
    }
    JsonBody json;
    json.object()
        .array("fields")
        .item("status")
        .endArray()
        .text("jql", jql)
        .integer("maxResults", 2)
        .end();
    Step step = ask("POST", searchAddress(), json.line(), attempt);
    if (!step.ok()) {
        step.result.status = base::annotate(step.result.status, "HTTP request to JIRA API");
        return step;
    }
    if (const discovery::Json first = step.answer["issues"].at(0); first.isObject()) {
        found.emplace(Issue{.key = first["key"].text(),
                            .category = first["fields"]["status"]["statusCategory"]["key"].text()});
    }
    return step;
}

absl::StatusOr<gotemplate::Map> JiraIntegration::issueFields(Renderer& r,
                                                             const Notification& notification) const
{
    const auto named = [](std::string_view key, std::string value) {
        gotemplate::Map map;
        map.emplace(key, std::move(value));
        return gotemplate::Value(std::move(map));
    };
    gotemplate::Map fields;
    fields.emplace("summary", truncatedRunes(r.text(config_.summary.text), kSummaryRunes));
    fields.emplace("project", named("key", r.text(config_.project)));
    fields.emplace("issuetype", named("name", r.text(config_.issueType)));
    std::vector<std::string> labels;
    for (const std::string& label : config_.labels) {
        labels.push_back(r.text(label));
    }
    labels.push_back(fmt::format("ALERT{{{}}}", hashOfKey(notification.groupKey)));
    std::sort(labels.begin(), labels.end());
    fields.emplace("labels", gotemplate::List(labels.begin(), labels.end()));
    if (std::string priority = r.text(config_.priority); !priority.empty()) {
        fields.emplace("priority", named("name", std::move(priority)));
    }
    std::string_view url = config_.apiUrl;
    url = url.substr(0, url.find_last_not_of('/') + 1);
    std::string text = truncatedRunes(r.text(config_.description.text), kDescriptionRunes);
    if (!text.empty() && url.ends_with("/3")) {
        const auto document = discovery::Json::parse(text);
        if (!document.ok() && r.status().ok()) {
            return base::invalidArgument("description template: invalid JSON for API v3");
        }
        if (auto tree = readInline(text)) {
            fields.emplace("description", *std::move(tree)); // JSON is YAML
        }
    } else if (!text.empty()) {
        fields.emplace("description", std::move(text));
    }
    return fields;
}

absl::StatusOr<std::string>
JiraIntegration::issueBody(Renderer& r, const Notification& notification, bool exists) const
{
    NARTHEX_ASSIGN_OR_RETURN(gotemplate::Map fields, issueFields(r, notification));
    if (exists && !config_.summary.enableUpdate.value_or(true)) {
        fields.erase("summary");
    }
    if (exists && !config_.description.enableUpdate.value_or(true)) {
        fields.erase("description");
    }
    const gotemplate::Value extra = r.tree(config_.extraFields.value);
    if (const auto* map = extra.as<std::shared_ptr<const gotemplate::Map>>()) {
        for (const auto& [name, value] : **map) {
            fields.insert_or_assign(name, value);
        }
    }
    NARTHEX_RETURN_IF_ERROR(r.status());
    JsonBody json;
    return json.object().value("fields", std::move(fields)).end().line();
}

SendResult JiraIntegration::move(const Issue& issue, bool firing, const Attempt& attempt) const
{
    const bool done = issue.category == "done";
    const std::string& name = firing ? config_.reopenTransition : config_.resolveTransition;
    if (issue.key.empty() || issue.category.empty() || name.empty() || done != firing) {
        return succeeded();
    }
    const std::string url = address(fmt::format("issue/{}/transitions", issue.key));
    const Step list = ask("GET", url, "", attempt);
    if (!list.ok()) {
        return list.result;
    }
    for (const discovery::Json& transition : list.answer["transitions"].items()) {
        if (transition["name"].text() == name) {
            JsonBody json;
            json.object().object("transition").text("id", transition["id"].text()).end().end();
            return ask("POST", url, json.line(), attempt).result;
        }
    }
    return refused(base::invalidArgument("can't find transition {} for issue {}", name, issue.key));
}

SendResult JiraIntegration::send(const Notification& notification, base::Duration timeout,
                                 std::stop_token stop)
{
    const Attempt attempt{timeout, std::move(stop)};
    Renderer r = renderer(notification);
    std::optional<Issue> issue;
    Step step = search(r, notification, attempt, issue);
    if (!step.ok()) {
        step.result.status =
            base::annotate(step.result.status, "failed to look up existing issues");
        return step.result;
    }
    const bool firing = notification.firing();
    if (!issue && !firing) {
        return succeeded();
    }
    auto body = issueBody(r, notification, issue.has_value());
    if (!body.ok()) {
        return refused(body.status(), FailureReason::ClientError);
    }
    const std::string method = issue ? "PUT" : "POST";
    const std::string path = issue ? "issue/" + issue->key : "issue";
    step = ask(method, address(path), *std::move(body), attempt);
    if (!step.ok()) {
        step.result.status = base::annotate(
            step.result.status, fmt::format("failed to {} request to \"{}\"", method, path));
        return step.result;
    }
    return issue ? move(*issue, firing, attempt) : succeeded();
}

} // namespace

absl::StatusOr<std::unique_ptr<Integration>>
JiraConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<JiraIntegration>(*this, environment);
}

} // namespace narthex::alertmanager
