// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The description of the API for generators of clients. Source: spec/http-api.md, 7; the OpenAPI
// specification, 3.1 and 3.2.
#include "core/api/context.h"

#include <fmt/format.h>

#include <span>

namespace narthex::api {
namespace {

struct Parameter
{
    std::string_view name;
    std::string_view text;
    bool isRequired = false;
    bool isList = false;
};

struct Operation
{
    std::string_view path;
    std::string_view summary;
    bool get = true;
    bool post = false;
    std::span<const Parameter> parameters{};
    /// The answer is JSON in the API's envelope.
    bool enveloped = true;
};

constexpr Parameter kInstant[] = {{"query", "The expression.", true},
                                  {"time", "Evaluation time, RFC 3339 or Unix seconds."},
                                  {"timeout", "How long the evaluation may take."},
                                  {"limit", "The most series to return; 0: all."},
                                  {"lookback_delta", "How old a sample may be."},
                                  {"stats", "Any text: statistics are returned, too."}};
constexpr Parameter kRange[] = {{"query", "The expression.", true},
                                {"start", "First evaluation time.", true},
                                {"end", "Last evaluation time.", true},
                                {"step", "Time between evaluations.", true},
                                {"timeout", "How long the evaluation may take."},
                                {"limit", "The most series to return; 0: all."},
                                {"lookback_delta", "How old a sample may be."},
                                {"stats", "Any text: statistics are returned, too."}};
constexpr Parameter kExemplars[] = {{"query", "The expression whose selectors count.", true},
                                    {"start", "From this time on."},
                                    {"end", "Up to this time."}};
constexpr Parameter kQueryOnly[] = {{"query", "The expression.", true}};
constexpr Parameter kSeries[] = {{"match[]", "A selector; several are united.", true, true},
                                 {"start", "From this time on."},
                                 {"end", "Up to this time."},
                                 {"limit", "The most entries to return; 0: all."}};
constexpr Parameter kLabels[] = {{"match[]", "A selector that narrows the series.", false, true},
                                 {"start", "From this time on."},
                                 {"end", "Up to this time."},
                                 {"limit", "The most entries to return; 0: all."}};
constexpr Parameter kMetadata[] = {{"metric", "One family; all if it is not given."},
                                   {"limit", "The most families to return."},
                                   {"limit_per_metric", "The most entries of a family."}};
constexpr Parameter kTargetMetadata[] = {{"match_target", "A selector of targets."},
                                         {"metric", "One family; all if it is not given."},
                                         {"limit", "The most targets to look at."}};
constexpr Parameter kTargets[] = {{"state", "active, dropped or any."},
                                  {"scrapePool", "One pool; all if it is not given."}};
constexpr Parameter kPool[] = {{"scrapePool", "The pool.", true}};
constexpr Parameter kRelabel[] = {{"scrapePool", "The pool.", true},
                                  {"labels", "The labels to begin with, a JSON object.", true}};
constexpr Parameter kRules[] = {{"type", "alert or record."},
                                {"rule_name[]", "Rules of this name.", false, true},
                                {"rule_group[]", "Rules of this group.", false, true},
                                {"file[]", "Rules of this file.", false, true},
                                {"match[]", "A selector of the rules' labels.", false, true},
                                {"exclude_alerts", "true: without the alerts."},
                                {"group_limit", "Groups of a page."},
                                {"group_next_token", "Where the next page begins."}};
constexpr Parameter kStore[] = {{"limit", "Entries of each list, 1 to 10000."}};
constexpr Parameter kSelfMetrics[] = {{"metric_name_pattern", "A regular expression, anchored."}};
constexpr Parameter kSearch[] = {{"match[]", "A selector that narrows the series.", false, true},
                                 {"search[]", "What to look for; any of them.", false, true},
                                 {"fuzz_threshold", "0 to 100: the score that is needed."},
                                 {"fuzz_alg", "subsequence or jarowinkler."},
                                 {"case_sensitive", "false: capitals do not matter."},
                                 {"include_score", "true: with the score of each."},
                                 {"sort_by", "alpha or score."},
                                 {"sort_dir", "asc or dsc, with alpha."},
                                 {"start", "From this time on."},
                                 {"end", "Up to this time."},
                                 {"limit", "The most names to return."},
                                 {"batch_size", "Names of a line."}};
constexpr Parameter kDelete[] = {{"match[]", "A selector; several are united.", true, true},
                                 {"start", "From this time on."},
                                 {"end", "Up to this time."}};
constexpr Parameter kSnapshot[] = {{"skip_head", "true: without what is in memory only."}};
constexpr Parameter kVersion[] = {{"openapi_version", "3.1 or 3.2."}};

constexpr Operation kOperations[] = {
    {"/query", "Evaluate an expression at one time.", true, true, kInstant},
    {"/query_range", "Evaluate an expression over a range of time.", true, true, kRange},
    {"/query_exemplars", "Exemplars of the series of an expression.", true, true, kExemplars},
    {"/format_query", "Format an expression.", true, true, kQueryOnly},
    {"/parse_query", "An expression as a tree.", true, true, kQueryOnly},
    {"/series", "Series by selectors.", true, true, kSeries},
    {"/labels", "Names of labels.", true, true, kLabels},
    {"/label/{name}/values", "Values of a label.", true, false, kLabels},
    {"/metadata", "Types, units and help of metrics.", true, false, kMetadata},
    {"/search/metric_names", "Look for names of metrics.", true, true, kSearch, false},
    {"/search/label_names", "Look for names of labels.", true, true, kSearch, false},
    {"/search/label_values", "Look for values of a label.", true, true, kSearch, false},
    {"/scrape_pools", "Names of the scrape pools.", true, false, {}},
    {"/scrape_pools/config", "The configuration of a pool.", true, false, kPool},
    {"/targets", "Targets and how they are.", true, false, kTargets},
    {"/targets/metadata", "Metadata by target.", true, false, kTargetMetadata},
    {"/targets/relabel_steps", "What each relabel rule does.", true, false, kRelabel},
    {"/rules", "Rules and their state.", true, false, kRules},
    {"/alerts", "Active alerts.", true, false, {}},
    {"/alertmanagers", "Alertmanagers that get the alerts.", true, false, {}},
    {"/status/config", "The configuration in force.", true, false, {}},
    {"/status/flags", "What the command line says.", true, false, {}},
    {"/status/runtimeinfo", "How the process runs.", true, false, {}},
    {"/status/buildinfo", "Version.", true, false, {}},
    {"/status/tsdb", "Cardinality of the head.", true, false, kStore},
    {"/status/tsdb/blocks", "Blocks of the store.", true, false, {}},
    {"/status/walreplay", "How far the replay is.", true, false, {}},
    {"/status/self_metrics", "The server's own metrics.", true, false, kSelfMetrics},
    {"/features", "What this server can do.", true, false, {}},
    {"/notifications", "Notices of the server.", true, false, {}},
    {"/notifications/live", "Notices as they come.", true, false, {}, false},
    {"/openapi.yaml", "This description.", true, false, kVersion, false},
    {"/admin/tsdb/delete_series", "Delete samples.", false, true, kDelete},
    {"/admin/tsdb/clean_tombstones", "Free what was deleted.", false, true, {}},
    {"/admin/tsdb/snapshot", "Take a snapshot.", false, true, kSnapshot},
    {"/write", "Remote write.", false, true, {}, false},
    {"/read", "Remote read.", false, true, {}, false},
    {"/otlp/v1/metrics", "Metrics of OpenTelemetry.", false, true, {}, false},
};

std::string operationId(std::string_view method, std::string_view path)
{
    std::string id(method);
    bool capital = true;
    for (const char c : path) {
        const bool isLetter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (isLetter) {
            id += capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        capital = !isLetter;
    }
    return id;
}

void writeSchema(std::string& out, const Parameter& parameter, std::string_view indent)
{
    if (parameter.isList) {
        out +=
            fmt::format("{0}schema:\n{0}  type: array\n{0}  items:\n{0}    type: string\n", indent);
    } else {
        out += fmt::format("{0}schema:\n{0}  type: string\n", indent);
    }
}

void writeParameters(std::string& out, const Operation& operation)
{
    const bool hasName = operation.path.find("{name}") != std::string_view::npos;
    if (operation.parameters.empty() && !hasName) {
        return;
    }
    out += "      parameters:\n";
    if (hasName) {
        out += "        - name: name\n          in: path\n          required: true\n"
               "          description: The label.\n          schema:\n"
               "            type: string\n";
    }
    for (const Parameter& parameter : operation.parameters) {
        out += fmt::format("        - name: \"{}\"\n          in: query\n          required: {}\n"
                           "          description: \"{}\"\n",
                           parameter.name, parameter.isRequired, parameter.text);
        writeSchema(out, parameter, "          ");
    }
}

void writeForm(std::string& out, const Operation& operation)
{
    if (operation.parameters.empty()) {
        return;
    }
    out += "      requestBody:\n        content:\n          application/x-www-form-urlencoded:\n"
           "            schema:\n              type: object\n              properties:\n";
    for (const Parameter& parameter : operation.parameters) {
        out += fmt::format("                \"{}\":\n                  description: \"{}\"\n",
                           parameter.name, parameter.text);
        out += parameter.isList ? "                  type: array\n                  items:\n"
                                  "                    type: string\n"
                                : "                  type: string\n";
    }
}

void writeOperation(std::string& out, const Operation& operation, bool isPost)
{
    const std::string_view method = isPost ? "post" : "get";
    out += fmt::format("    {}:\n      operationId: {}\n      summary: \"{}\"\n", method,
                       operationId(method, operation.path), operation.summary);
    if (isPost && operation.get) {
        writeForm(out, operation);
    } else {
        writeParameters(out, operation);
    }
    out += "      responses:\n        \"200\":\n          description: Success.\n";
    if (operation.enveloped) {
        out += "          content:\n            application/json:\n              schema:\n"
               "                $ref: \"#/components/schemas/Success\"\n";
    }
    out += "        default:\n          description: An error.\n          content:\n"
           "            application/json:\n              schema:\n"
           "                $ref: \"#/components/schemas/Error\"\n";
}

constexpr std::string_view kComponents =
    "components:\n  schemas:\n    Success:\n      type: object\n      required: [status]\n"
    "      properties:\n        status:\n          type: string\n          const: success\n"
    "        data: {}\n        warnings:\n          type: array\n          items:\n"
    "            type: string\n        infos:\n          type: array\n          items:\n"
    "            type: string\n    Error:\n      type: object\n"
    "      required: [status, errorType, error]\n      properties:\n        status:\n"
    "          type: string\n          const: error\n        errorType:\n"
    "          type: string\n        error:\n          type: string\n        data: {}\n";

} // namespace

net::ServerResponse openApi(const Context& /*context*/, const net::ServerRequest& request)
{
    const std::string version(request.parameter("openapi_version").value_or("3.1"));
    if (version != "3.1" && version != "3.2" && !version.empty()) {
        return errorResponse(ErrorType::BadData,
                             fmt::format("invalid parameter \"openapi_version\": {} is neither "
                                         "3.1 nor 3.2",
                                         model::quote(version)));
    }
    std::string out = fmt::format(
        "openapi: {}\ninfo:\n  title: Prometheus API\n  description: The HTTP API of Prometheus, "
        "served by Narthex.\n  version: \"1\"\nservers:\n  - url: /api/v1\npaths:\n",
        version == "3.2" ? "3.2.0" : "3.1.0");
    for (const Operation& operation : kOperations) {
        out += fmt::format("  {}:\n", operation.path);
        if (operation.get) {
            writeOperation(out, operation, false);
        }
        if (operation.post) {
            writeOperation(out, operation, true);
        }
    }
    out += kComponents;
    return {.contentType = "application/yaml; charset=utf-8",
            .body = std::move(out),
            .headers = {{"Cache-Control", "no-store"}}};
}

} // namespace narthex::api
