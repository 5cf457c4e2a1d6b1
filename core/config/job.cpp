// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/utf8.h"
#include "core/config/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::config {
namespace {

constexpr std::array<std::string_view, 5> kProtocols = {
    "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusProto", "PrometheusText0.0.4",
    "PrometheusText1.0.0"};

constexpr std::array<std::string_view, 37> kDiscoveryMechanisms = {
    "aiven",       "aws",      "azure", "consul",      "digitalocean", "dns",       "docker",
    "dockerswarm", "ec2",      "ecs",   "elasticache", "eureka",       "file",      "gce",
    "hetzner",     "http",     "ionos", "kubernetes",  "kuma",         "lightsail", "linode",
    "marathon",    "msk",      "nerve", "nomad",       "oci",          "openstack", "outscale",
    "ovhcloud",    "puppetdb", "rds",   "scaleway",    "serverset",    "stackit",   "triton",
    "uyuni",       "vultr"};

bool isProtocol(std::string_view name)
{
    return std::find(kProtocols.begin(), kProtocols.end(), name) != kProtocols.end();
}

void decodeProtocols(yaml::Object& object, std::string_view where,
                     std::vector<std::string>& protocols)
{
    const auto value = object.take("scrape_protocols");
    if (!value) {
        return;
    }
    protocols.clear();
    value->into(protocols);
    if (protocols.empty()) {
        value->fail(fmt::format("scrape_protocols cannot be empty {}", where));
    }
    for (const std::string& protocol : protocols) {
        if (!isProtocol(protocol)) {
            value->fail(
                fmt::format("scrape_protocols: unknown scrape protocol {}, supported: [{}] {}",
                            protocol, fmt::join(kProtocols, " "), where));
        }
        if (std::count(protocols.begin(), protocols.end(), protocol) > 1) {
            value->fail(fmt::format("duplicated protocol in scrape_protocols, got [{}] {}",
                                    fmt::join(protocols, " "), where));
            return;
        }
    }
}

/// How names with other characters than the old ones are asked for. `unset`: what counts without
/// the key.
void decodeEscaping(yaml::Object& object, std::string_view what, relabel::NameScheme names,
                    std::string& scheme)
{
    constexpr std::array<std::string_view, 4> kSchemes{"allow-utf-8", "underscores", "dots",
                                                       "values"};
    const auto value = object.take("metric_name_escaping_scheme");
    if (!value || !value->into(scheme) || scheme.empty()) {
        return;
    }
    if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end()) {
        value->fail(fmt::format("unknown {} name escaping method specified, must be one of "
                                "'allow-utf-8', 'underscores', 'dots', or 'values', got \"{}\"",
                                what, scheme));
    } else if (scheme == "allow-utf-8" && names == relabel::NameScheme::Legacy) {
        value->fail("utf8 metric names requested but validation scheme is not set to UTF8");
    }
}

std::string_view defaultEscaping(relabel::NameScheme names)
{
    return names == relabel::NameScheme::Legacy ? "underscores" : "allow-utf-8";
}

/// Whether the key is there and says something.
bool decodeScheme(yaml::Object& object, relabel::NameScheme& scheme)
{
    const auto value = object.take("metric_name_validation_scheme");
    std::string text;
    if (!value || !value->into(text) || text.empty()) {
        return false;
    }
    if (text == "legacy") {
        scheme = relabel::NameScheme::Legacy;
    } else if (text == "utf8") {
        scheme = relabel::NameScheme::Utf8;
    } else {
        value->fail(fmt::format("unrecognized ValidationScheme: \"{}\" (utf8 or legacy)", text));
    }
    return true;
}

/// Keys that Prometheus knows and this version reads without acting on them.
void takeWithoutEffect(yaml::Object& object, const DecodeContext& context, std::string_view key,
                       bool harmless)
{
    if (const auto value = object.take(key); value && !harmless) {
        context.warn(*value, fmt::format("{} has no effect yet", key));
    }
}

template <typename T>
void inherit(T& own, const T& global)
{
    if (own == T{}) {
        own = global;
    }
}

void decodeLimits(yaml::Object& object, scrape::JobConfig& job, const GlobalConfig& global)
{
    yaml::ByteSize bodySize;
    object.field("body_size_limit", bodySize);
    job.bodySizeLimit = bodySize.bytes;
    object.field("sample_limit", job.sampleLimit);
    object.field("target_limit", job.targetLimit);
    object.field("label_limit", job.labelLimit);
    object.field("label_name_length_limit", job.labelNameLengthLimit);
    object.field("label_value_length_limit", job.labelValueLengthLimit);
    object.field("keep_dropped_targets", job.keepDroppedTargets);
    inherit(job.bodySizeLimit, global.bodySizeLimit);
    inherit(job.sampleLimit, global.sampleLimit);
    inherit(job.targetLimit, global.targetLimit);
    inherit(job.labelLimit, global.labelLimit);
    inherit(job.labelNameLengthLimit, global.labelNameLengthLimit);
    inherit(job.labelValueLengthLimit, global.labelValueLengthLimit);
    inherit(job.keepDroppedTargets, global.keepDroppedTargets);
}

void decodeTimes(yaml::Object& object, scrape::JobConfig& job, const GlobalConfig& global)
{
    base::Duration interval;
    base::Duration timeout;
    object.field("scrape_interval", interval);
    const bool hasTimeout = object.field("scrape_timeout", timeout) && timeout.ns != 0;
    job.interval = interval.ns != 0 ? interval : global.scrapeInterval;
    if (hasTimeout && timeout > job.interval) {
        object.value().fail(fmt::format(
            "scrape timeout greater than scrape interval for scrape config with job name \"{}\"",
            job.jobName));
    }
    job.timeout = hasTimeout ? timeout : std::min(global.scrapeTimeout, job.interval);
}

void decodeParams(yaml::Object& object, scrape::JobConfig& job)
{
    const auto value = object.take("params");
    if (!value || value->isNull()) {
        return;
    }
    if (!value->isMap()) {
        value->fail("cannot unmarshal into url.Values: params is a map of lists");
        return;
    }
    for (const auto& entry : value->node()) {
        yaml::Value(entry.second, value->document()).into(job.params[entry.first.Scalar()]);
    }
}

void decodeDiscovery(yaml::Object& object, const DecodeContext& context, scrape::JobConfig& job)
{
    if (const auto value = object.take("static_configs")) {
        job.staticGroups = discovery::decodeStaticConfigs(*value, job.relabelRules.empty());
    }
    const auto notYet = [&](std::string_view mechanism) {
        const std::string key = fmt::format("{}_sd_configs", mechanism);
        if (const auto value = object.take(key)) {
            context.warn(
                *value,
                fmt::format("{} is not supported yet: the job \"{}\" finds no targets there", key,
                            job.jobName));
        }
    };
    std::for_each(kDiscoveryMechanisms.begin(), kDiscoveryMechanisms.end(), notYet);
}

void decodeGlobalLimits(yaml::Object& object, GlobalConfig& global)
{
    yaml::ByteSize bodySize;
    object.field("body_size_limit", bodySize);
    global.bodySizeLimit = bodySize.bytes;
    object.field("sample_limit", global.sampleLimit);
    object.field("target_limit", global.targetLimit);
    object.field("label_limit", global.labelLimit);
    object.field("label_name_length_limit", global.labelNameLengthLimit);
    object.field("label_value_length_limit", global.labelValueLengthLimit);
    object.field("keep_dropped_targets", global.keepDroppedTargets);
    object.field("extra_scrape_metrics", global.extraScrapeMetrics);
}

void decodeExternalLabels(yaml::Object& object, const DecodeContext& context, GlobalConfig& global)
{
    const auto value = object.take("external_labels");
    std::map<std::string, std::string> labels;
    if (!value || !value->into(labels)) {
        return;
    }
    std::vector<std::string> emptyNames;
    for (const auto& [name, text] : labels) {
        const std::string expanded = expandEnvironment(text, emptyNames);
        if (name.empty() || !base::isValidUtf8(name)) {
            value->fail(fmt::format("{} is not a valid label name", model::quote(name)));
        }
        if (!base::isValidUtf8(expanded)) {
            value->fail(fmt::format("{} is not a valid label value", model::quote(expanded)));
        }
        global.externalLabels.emplace(name, expanded);
    }
    for (const std::string& name : emptyNames) {
        context.warn(*value, fmt::format("Empty environment variable {}", name));
    }
}

} // namespace

void decodeGlobal(const yaml::Value& value, const DecodeContext& context, GlobalConfig& global)
{
    yaml::Object object(value, "config.GlobalConfig");
    base::Duration interval;
    base::Duration timeout;
    base::Duration evaluation;
    object.field("scrape_interval", interval);
    object.field("evaluation_interval", evaluation);
    const bool hasTimeout = object.field("scrape_timeout", timeout) && timeout.ns != 0;
    if (interval.ns != 0) {
        global.scrapeInterval = interval;
    }
    if (evaluation.ns != 0) {
        global.evaluationInterval = evaluation;
    }
    if (hasTimeout && timeout > global.scrapeInterval) {
        value.fail("global scrape timeout greater than scrape interval");
    }
    global.scrapeTimeout =
        hasTimeout ? timeout : std::min(GlobalConfig().scrapeTimeout, global.scrapeInterval);
    decodeProtocols(object, "for global config", global.scrapeProtocols);
    decodeScheme(object, global.nameScheme);
    decodeEscaping(object, "global", global.nameScheme, global.escapingScheme);
    object.field("scrape_native_histograms", global.scrapeNativeHistograms);
    object.field("always_scrape_classic_histograms", global.alwaysScrapeClassicHistograms);
    decodeGlobalLimits(object, global);
    decodeExternalLabels(object, context, global);
    if (object.field("query_log_file", global.queryLogFile)) {
        global.queryLogFile = context.resolve(global.queryLogFile);
    }
    for (const std::string_view key :
         {"scrape_failure_log_file", "rule_query_offset", "convert_classic_histograms_to_nhcb"}) {
        takeWithoutEffect(object, context, key, false);
    }
    object.finish();
}

scrape::JobConfig decodeJob(const yaml::Value& value, const DecodeContext& context,
                            const GlobalConfig& global)
{
    scrape::JobConfig job;
    yaml::Object object(value, "config.ScrapeConfig");
    object.field("job_name", job.jobName);
    if (job.jobName.empty()) {
        value.fail("job_name is empty");
    }
    decodeTimes(object, job, global);
    object.field("metrics_path", job.metricsPath);
    object.field("scheme", job.scheme);
    decodeParams(object, job);
    object.field("honor_labels", job.honorLabels);
    object.field("honor_timestamps", job.honorTimestamps);
    object.field("track_timestamps_staleness", job.trackTimestampsStaleness);
    object.field("enable_compression", job.enableCompression);
    job.extraScrapeMetrics = global.extraScrapeMetrics;
    object.field("extra_scrape_metrics", job.extraScrapeMetrics);
    job.scrapeProtocols = global.scrapeProtocols;
    decodeProtocols(object, fmt::format("for scrape config with job name \"{}\"", job.jobName),
                    job.scrapeProtocols);
    job.scrapeNativeHistograms = global.scrapeNativeHistograms;
    object.field("scrape_native_histograms", job.scrapeNativeHistograms);
    job.alwaysScrapeClassicHistograms = global.alwaysScrapeClassicHistograms;
    object.field("always_scrape_classic_histograms", job.alwaysScrapeClassicHistograms);
    object.field("fallback_scrape_protocol", job.fallbackProtocol);
    if (!job.fallbackProtocol.empty() && !isProtocol(job.fallbackProtocol)) {
        value.fail(fmt::format("invalid fallback_scrape_protocol for scrape config with job name "
                               "\"{}\": unknown scrape "
                               "protocol {}, supported: [{}]",
                               job.jobName, job.fallbackProtocol, fmt::join(kProtocols, " ")));
    }
    job.nameScheme = global.nameScheme;
    const bool hasOwnScheme = decodeScheme(object, job.nameScheme);
    job.escapingScheme = hasOwnScheme || global.escapingScheme.empty()
                             ? std::string(defaultEscaping(job.nameScheme))
                             : global.escapingScheme;
    decodeEscaping(object, "scrape config", job.nameScheme, job.escapingScheme);
    decodeLimits(object, job, global);
    if (const auto rules = object.take("relabel_configs")) {
        job.relabelRules = relabel::decodeRules(
            *rules, job.nameScheme, "empty or null target relabeling rule in scrape config");
    }
    if (const auto rules = object.take("metric_relabel_configs")) {
        job.metricRelabelRules = relabel::decodeRules(
            *rules, job.nameScheme, "empty or null metric relabeling rule in scrape config");
    }
    decodeHttpClient(object, context, job.http);
    decodeDiscovery(object, context, job);
    for (const std::string_view key :
         {"convert_classic_histograms_to_nhcb", "scrape_failure_log_file",
          "native_histogram_bucket_limit", "native_histogram_min_bucket_factor"}) {
        takeWithoutEffect(object, context, key, false);
    }
    object.finish();
    return job;
}

} // namespace narthex::config
