// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/alerting_config.h"

#include "core/httpconfig/http_client_keys.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <fmt/format.h>

namespace narthex::rules {

using yaml::Fields;

void AlertmanagersConfig::describe(Fields& fields)
{
    fields.field("scheme", &scheme);
    fields.field("path_prefix", &pathPrefix);
    fields.field("timeout", &timeout);
    fields.field("api_version", &apiVersion);
    httpconfig::describe(fields, http);
    fields.section("sigv4", sigv4);
    relabel::describeRules(fields, "relabel_configs", relabelRules, nameScheme,
                           "empty or null Alertmanager target relabeling rule");
    relabel::describeRules(fields, "alert_relabel_configs", alertRelabelRules, nameScheme,
                           "empty or null Alertmanager alert relabeling rule");
    discovery.describe(fields, relabelRules.empty());
    if (!fields.reading()) {
        return;
    }
    if (apiVersion != "v2") {
        fields.failAt("api_version",
                      fmt::format("expected Alertmanager api version to be one of [v2] but got {}",
                                  apiVersion));
    }
    fields.check(!sigv4 || (!http.basicAuth && !http.authorization && !http.oauth2),
                 "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured");
}

std::string AlertmanagersConfig::pushPath() const
{
    std::string path;
    for (const char c : "/" + pathPrefix + "/api/v2/alerts") {
        if (c != '/' || !path.ends_with('/')) {
            path += c;
        }
    }
    return path;
}

void AlertingConfig::describe(Fields& fields)
{
    relabel::describeRules(fields, "alert_relabel_configs", alertRelabelRules, nameScheme,
                           "empty or null alert relabeling rule");
    auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields);
    if (reader == nullptr) {
        fields.list("alertmanagers", alertmanagers);
        return;
    }
    const auto value = fields.take("alertmanagers");
    if (!value) {
        return;
    }
    for (const yaml::Value& element : value->elements()) {
        if (element.isNull()) {
            element.fail("empty or null section in alertmanagers");
            continue;
        }
        AlertmanagersConfig config;
        config.nameScheme = nameScheme;
        yaml::FieldReader each(element, "config.AlertmanagerConfig", reader->directory(),
                               reader->warnings());
        config.describe(each);
        each.finish();
        alertmanagers.push_back(std::move(config));
    }
}

} // namespace narthex::rules
