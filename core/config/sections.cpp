// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The sections `global`, `runtime` and `tracing`. Format: spec/config.md, 3.1, 3.2 and 3.11.
#include "core/base/utf8.h"
#include "core/config/config.h"
#include "core/config/environment.h"
#include "core/httpconfig/cloud_auth.h"
#include "core/httpconfig/http_client_keys.h"

#include <fmt/format.h>

#include <cstdlib>

namespace narthex::config {
namespace {

using yaml::Fields;
using yaml::Printing;

void describeExternalLabels(Fields& fields, std::map<std::string, std::string>& labels)
{
    constexpr std::string_view kKey = "external_labels";
    fields.field(kKey, &labels);
    if (!fields.reading()) {
        return;
    }
    std::vector<std::string> emptyNames;
    for (auto& [name, value] : labels) {
        value = expandEnvironment(value, emptyNames);
        if (name.empty() || !base::isValidUtf8(name)) {
            fields.failAt(kKey, fmt::format("{} is not a valid label name", model::quote(name)));
        }
        if (!base::isValidUtf8(value)) {
            fields.failAt(kKey, fmt::format("{} is not a valid label value", model::quote(value)));
        }
    }
    for (const std::string& name : emptyNames) {
        fields.warn(kKey, fmt::format("Empty environment variable {}", name));
    }
}

} // namespace

void GlobalConfig::describe(Fields& fields)
{
    scrape::describe(fields, scrape);
    base::Duration evaluation = fields.reading() ? base::Duration{} : evaluationInterval;
    fields.field("evaluation_interval", &evaluation, Printing::Always);
    if (evaluation.ns != 0) {
        evaluationInterval = evaluation;
    }
    fields.field("rule_query_offset", &ruleQueryOffset);
    fields.path("query_log_file", queryLogFile);
    describeExternalLabels(fields, externalLabels);
}

void RuntimeConfig::describe(Fields& fields)
{
    if (const char* variable =
            std::getenv("GOGC"); // NOLINT(concurrency-mt-unsafe): nobody sets variables here
        fields.reading() && variable != nullptr && *variable != '\0') {
        gogc = std::string_view(variable) == "off" ? -1 : std::strtoll(variable, nullptr, 10);
    }
    fields.field("gogc", &gogc);
}

void TracingConfig::describe(Fields& fields)
{
    fields.field("client_type", &clientType);
    fields.field("endpoint", &endpoint);
    fields.field("sampling_fraction", &samplingFraction);
    fields.field("insecure", &insecure);
    httpconfig::describeTlsSection(fields, tls);
    httpconfig::describeCustomHeaders(
        fields, headers, "custom authorization header configuration is not yet supported");
    fields.field("compression", &compression);
    fields.field("timeout", &timeout);
    if (!fields.reading()) {
        return;
    }
    if (clientType.empty()) {
        clientType = "grpc";
    }
    if (clientType != "grpc" && clientType != "http") {
        fields.failAt("client_type",
                      fmt::format("expected tracing client type to be to be http or grpc, but got "
                                  "{}",
                                  clientType));
    }
    fields.check(!endpoint.empty(), "tracing endpoint must be set");
    if (!compression.empty() && compression != "gzip") {
        fields.failAt("compression", fmt::format("invalid compression type {} provided, valid "
                                                 "options: gzip",
                                                 compression));
    }
    if (!(samplingFraction >= 0 && samplingFraction <= 1)) {
        fields.failAt("sampling_fraction", "sampling_fraction must be in the range [0, 1]");
    }
}

} // namespace narthex::config
