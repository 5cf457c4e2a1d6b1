// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What this server can do, for clients that adapt. Source: spec/http-api.md, 7.
#include "core/api/context.h"
#include "core/discovery/mechanism.h"
#include "core/gotemplate/alert_templates.h"
#include "core/promql/function_table.h"

#include <map>

namespace narthex::api {
namespace {

using Category = std::map<std::string, bool, std::less<>>;

Category apiFeatures(const ApiOptions& options)
{
    return {{"lifecycle", options.enableLifecycle},
            {"admin", options.enableAdmin},
            {"remote_write_receiver", options.ingest.enableRemoteWriteReceiver},
            {"otlp_write_receiver", options.ingest.enableOtlpReceiver},
            {"search", options.enableSearch},
            {"search_fuzz_alg_subsequence", true},
            {"search_fuzz_alg_jarowinkler", true},
            {"label_values_match", true},
            {"query_warnings", true},
            {"query_stats", true},
            {"time_range_series", true},
            {"time_range_labels", true},
            {"exclude_alerts", true},
            {"openapi_3.1", true},
            {"openapi_3.2", true}};
}

Category languageFeatures(const promql::EngineOptions& options)
{
    Category category{{"at_modifier", options.atModifier},
                      {"negative_offset", options.negativeOffset},
                      {"per_step_stats", options.features.perStepStats},
                      {"delayed_name_removal", options.features.delayedNameRemoval},
                      {"type_and_unit_labels", options.features.typeAndUnitLabels},
                      {"per_query_lookback_delta", true},
                      {"subqueries", true},
                      {"duration_expr", true}};
    for (const char* keyword :
         {"offset", "by", "without", "on", "ignoring", "group_left", "group_right", "bool"}) {
        category[keyword] = true;
    }
    for (const char* keyword : {"anchored", "smoothed"}) {
        category[keyword] = options.features.extendedRangeSelectors;
    }
    for (const char* keyword : {"fill", "fill_left", "fill_right"}) {
        category[keyword] = options.features.binopFillModifiers;
    }
    return category;
}

Category operators(const promql::Features& features)
{
    Category category;
    for (const char* name : {"+",
                             "-",
                             "*",
                             "/",
                             "%",
                             "^",
                             "==",
                             "!=",
                             "<",
                             "<=",
                             ">",
                             ">=",
                             "=~",
                             "!~",
                             "and",
                             "or",
                             "unless",
                             "atan2",
                             "sum",
                             "avg",
                             "count",
                             "min",
                             "max",
                             "group",
                             "stddev",
                             "stdvar",
                             "topk",
                             "bottomk",
                             "count_values",
                             "quantile"}) {
        category[name] = true;
    }
    for (const char* name : {"limitk", "limit_ratio"}) {
        category[name] = features.experimentalFunctions;
    }
    return category;
}

Category functions(const promql::Features& features)
{
    Category category;
    for (const promql::FunctionInfo& function : promql::functionTable()) {
        category[std::string(function.name)] =
            !function.experimental || features.experimentalFunctions;
    }
    return category;
}

Category storeFeatures(const engine::EngineOptions& options)
{
    const tsdb::DbOptions& store = options.store;
    return {{"exemplar_storage", store.live.maxExemplars > 0},
            {"delayed_compaction", store.maxCutDelayPercent > 0},
            {"isolation", true},
            {"use_uncached_io", false},
            {"native_histograms", true},
            {"st_storage", store.startTimes},
            {"xor2_encoding", true},
            {"histograms_st_encoding", store.startTimes},
            {"metadata_wal_records", store.metadataInWal}};
}

Category mechanismNames()
{
    Category category;
    for (const discovery::Mechanism& mechanism : discovery::mechanisms()) {
        category[std::string(mechanism.name)] = true;
    }
    category["static"] = true;
    return category;
}

Category templateFunctions()
{
    Category category;
    for (const auto& [name, function] : gotemplate::prometheusFunctions()) {
        category[name] = true;
    }
    return category;
}

} // namespace

net::ServerResponse features(const Context& context, const net::ServerRequest& /*request*/)
{
    const engine::EngineOptions& options = context.engine.options();
    const promql::EngineOptions& query = options.query;
    const std::map<std::string, Category> all{
        {"api", apiFeatures(context.options)},
        {"otlp_receiver",
         {{"delta_conversion", context.options.ingest.delta.toCumulative},
          {"native_delta_ingestion", context.options.ingest.delta.storeAsTheyAre}}},
        {"prometheus",
         {{"agent_mode", false},
          {"server_mode", true},
          {"auto_reload_config", options.autoReload.has_value()}}},
        {"promql", languageFeatures(query)},
        {"promql_functions", functions(query.features)},
        {"promql_operators", operators(query.features)},
        {"rules",
         {{"concurrent_rule_eval", true}, {"query_offset", true}, {"keep_firing_for", true}}},
        {"scrape",
         {{"extra_scrape_metrics", true},
          {"start_timestamp_zero_ingestion", options.startTimes.writeZero},
          {"st-synthesis", options.startTimes.synthesize},
          {"type_and_unit_labels", options.typeAndUnitLabels}}},
        {"service_discovery_providers", mechanismNames()},
        {"templating_functions", templateFunctions()},
        {"tsdb", storeFeatures(options)},
        {"ui", {{"ui_v2", false}, {"ui_v3", false}}}};
    std::string data;
    base::JsonWriter json(data);
    json.beginObject();
    for (const auto& [name, category] : all) {
        json.key(name).beginObject();
        for (const auto& [feature, enabled] : category) {
            json.key(feature).boolean(enabled);
        }
        json.endObject();
    }
    json.endObject();
    return success(data);
}

} // namespace narthex::api
