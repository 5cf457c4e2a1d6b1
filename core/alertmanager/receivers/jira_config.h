// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The settings of jira_configs. Threads: values. Source: spec/alertmanager.md, 8.12.
#pragma once

#include "core/alertmanager/receivers/config_keys.h"

namespace narthex::alertmanager {

/// A text alone, or a mapping {template, enable_update}.
struct JiraText
{
    std::string text;
    std::optional<bool> enableUpdate;
    void describe(yaml::Fields& fields);
    friend bool operator==(const JiraText&, const JiraText&) = default;
};

struct JiraConfig final : HttpReceiverOf<JiraConfig>
{
    static constexpr std::string_view kKind = "jira";
    std::string apiUrl;
    std::string apiType = "auto";
    std::string project;
    JiraText summary{.text = R"({{ template "jira.default.summary" . }})"};
    JiraText description{.text = R"({{ template "jira.default.description" . }})"};
    std::vector<std::string> labels;
    std::string priority = R"({{ template "jira.default.priority" . }})";
    std::string issueType;
    std::string reopenTransition;
    std::string resolveTransition;
    std::string wontFixResolution;
    base::Duration reopenDuration;
    Tree extraFields;

    void describe(yaml::Fields& fields) override;
    absl::Status complete(const GlobalConfig& global) override;
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const JiraConfig&, const JiraConfig&) = default;
};

} // namespace narthex::alertmanager
