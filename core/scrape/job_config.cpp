// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/job_config.h"

#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::scrape {
namespace {

using relabel::NameScheme;
using yaml::Fields;
using yaml::Printing;

constexpr std::array<std::string_view, 5> kProtocols = {
    "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusProto", "PrometheusText0.0.4",
    "PrometheusText1.0.0"};
constexpr std::array<std::string_view, 4> kEscapingSchemes{"allow-utf-8", "underscores", "dots",
                                                           "values"};

bool isProtocol(std::string_view name)
{
    return std::find(kProtocols.begin(), kProtocols.end(), name) != kProtocols.end();
}

bool equalsIgnoringCase(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// `where`: "global config" and the like, stands at the end of messages.
void protocols(Fields& fields, std::string_view where, std::vector<std::string>& list)
{
    constexpr std::string_view kKey = "scrape_protocols";
    const bool written = fields.written(kKey);
    fields.field(kKey, &list, Printing::Flow);
    if (!written || !fields.reading()) {
        return;
    }
    if (list.empty()) {
        fields.failAt(kKey, fmt::format("scrape_protocols cannot be empty for {}", where));
    }
    for (auto at = list.begin(); at != list.end(); ++at) {
        if (std::any_of(list.begin(), at,
                        [&](const std::string& other) { return equalsIgnoringCase(other, *at); })) {
            fields.failAt(kKey, fmt::format("duplicated protocol in scrape_protocols, got [{}] "
                                            "for {}",
                                            fmt::join(list, " "), where));
            return;
        }
    }
    for (const std::string& protocol : list) {
        if (!isProtocol(protocol)) {
            fields.failAt(kKey, fmt::format("scrape_protocols: unknown scrape protocol {}, "
                                            "supported: [{}] for {}",
                                            protocol, fmt::join(kProtocols, " "), where));
            return;
        }
    }
}

/// Whether the key is there and says something.
bool validationScheme(Fields& fields, NameScheme& scheme)
{
    constexpr std::string_view kKey = "metric_name_validation_scheme";
    std::string text = scheme == NameScheme::Legacy ? "legacy" : "utf8";
    if (fields.reading() && !fields.written(kKey)) {
        return false;
    }
    fields.field(kKey, &text);
    if (text == "legacy") {
        scheme = NameScheme::Legacy;
    } else if (text == "utf8") {
        scheme = NameScheme::Utf8;
    } else if (!text.empty()) {
        fields.failAt(kKey,
                      fmt::format("unrecognized ValidationScheme: \"{}\" (utf8 or legacy)", text));
    }
    return !text.empty();
}

/// How names with other characters than the old ones are asked for.
void escapingScheme(Fields& fields, std::string_view what, NameScheme names, std::string& scheme)
{
    constexpr std::string_view kKey = "metric_name_escaping_scheme";
    const bool written = fields.written(kKey);
    fields.field(kKey, &scheme);
    if (!written || scheme.empty()) {
        return;
    }
    if (std::find(kEscapingSchemes.begin(), kEscapingSchemes.end(), scheme) ==
        kEscapingSchemes.end()) {
        fields.failAt(kKey, fmt::format("unknown {} name escaping method specified, must be one of "
                                        "'allow-utf-8', 'underscores', 'dots', or 'values', got "
                                        "\"{}\"",
                                        what, scheme));
    } else if (scheme == "allow-utf-8" && names == NameScheme::Legacy) {
        fields.failAt(kKey, "utf8 metric names requested but validation scheme is not set to UTF8");
    }
}

std::string_view defaultEscaping(NameScheme names)
{
    return names == NameScheme::Legacy ? "underscores" : "allow-utf-8";
}

/// A size with a suffix that is held as a number.
void bodySize(Fields& fields, std::uint64_t& bytes)
{
    yaml::ByteSize size{bytes};
    fields.field("body_size_limit", &size);
    bytes = size.bytes;
}

template <typename T>
void limits(Fields& fields, T& config)
{
    bodySize(fields, config.bodySizeLimit);
    fields.field("sample_limit", &config.sampleLimit);
    fields.field("target_limit", &config.targetLimit);
    fields.field("label_limit", &config.labelLimit);
    fields.field("label_name_length_limit", &config.labelNameLengthLimit);
    fields.field("label_value_length_limit", &config.labelValueLengthLimit);
    fields.field("keep_dropped_targets", &config.keepDroppedTargets);
}

template <typename T>
void inherit(T& own, const T& general)
{
    if (own == T{}) {
        own = general;
    }
}

/// What stands in the document as 0 or not at all is taken from the defaults.
void complete(yaml::FieldReader& reader, JobConfig& job, const ScrapeDefaults& defaults)
{
    inherit(job.interval, defaults.interval);
    if (job.timeout.ns == 0) {
        job.timeout = std::min(defaults.timeout, job.interval);
    } else if (job.timeout > job.interval) {
        reader.failAt("scrape_timeout",
                      fmt::format("scrape timeout greater than scrape interval for scrape config "
                                  "with job name \"{}\"",
                                  job.jobName));
    }
    inherit(job.bodySizeLimit, defaults.bodySizeLimit);
    inherit(job.sampleLimit, defaults.sampleLimit);
    inherit(job.targetLimit, defaults.targetLimit);
    inherit(job.labelLimit, defaults.labelLimit);
    inherit(job.labelNameLengthLimit, defaults.labelNameLengthLimit);
    inherit(job.labelValueLengthLimit, defaults.labelValueLengthLimit);
    inherit(job.keepDroppedTargets, defaults.keepDroppedTargets);
    inherit(job.failureLogFile, defaults.failureLogFile);
    inherit(job.scrapeProtocols, defaults.scrapeProtocols);
    inherit(job.scrapeProtocols, defaultProtocols(job.scrapeNativeHistograms));
    reader.check(!job.jobName.empty(), "job_name is empty");
    if (!job.fallbackProtocol.empty() && !isProtocol(job.fallbackProtocol)) {
        reader.failAt("fallback_scrape_protocol",
                      fmt::format("invalid fallback_scrape_protocol for scrape config with job "
                                  "name \"{}\": unknown scrape protocol {}, supported: [{}]",
                                  job.jobName, job.fallbackProtocol, fmt::join(kProtocols, " ")));
    }
}

} // namespace

const std::vector<std::string>& defaultProtocols(bool protobufFirst)
{
    static const std::vector<std::string> kText{"OpenMetricsText1.0.0", "OpenMetricsText0.0.1",
                                                "PrometheusText1.0.0", "PrometheusText0.0.4"};
    static const std::vector<std::string> kProtobuf{"PrometheusProto", "OpenMetricsText1.0.0",
                                                    "OpenMetricsText0.0.1", "PrometheusText1.0.0",
                                                    "PrometheusText0.0.4"};
    return protobufFirst ? kProtobuf : kText;
}

void describe(Fields& fields, ScrapeDefaults& defaults)
{
    base::Duration interval = fields.reading() ? base::Duration{} : defaults.interval;
    base::Duration timeout = fields.reading() ? base::Duration{} : defaults.timeout;
    fields.field("scrape_interval", &interval, Printing::Always);
    fields.field("scrape_timeout", &timeout, Printing::Always);
    protocols(fields, "global config", defaults.scrapeProtocols);
    limits(fields, defaults);
    fields.path("scrape_failure_log_file", defaults.failureLogFile);
    if (fields.reading()) {
        validationScheme(fields, defaults.nameScheme);
    } else if (defaults.nameScheme == NameScheme::Legacy) {
        fields.print("metric_name_validation_scheme", YAML::Node("legacy"));
    }
    escapingScheme(fields, "global", defaults.nameScheme, defaults.escapingScheme);
    fields.field("scrape_native_histograms", &defaults.scrapeNativeHistograms);
    fields.field("convert_classic_histograms_to_nhcb", &defaults.convertClassicHistograms);
    fields.field("always_scrape_classic_histograms", &defaults.alwaysScrapeClassicHistograms);
    fields.field("extra_scrape_metrics", &defaults.extraScrapeMetrics);
    if (!fields.reading()) {
        return;
    }
    inherit(interval, ScrapeDefaults().interval);
    if (timeout > interval) {
        fields.failAt("scrape_timeout", "global scrape timeout greater than scrape interval");
    }
    inherit(timeout, std::min(ScrapeDefaults().timeout, interval));
    defaults.interval = interval;
    defaults.timeout = timeout;
}

void JobConfig::describe(Fields& fields)
{
    fields.field("job_name", &jobName);
    fields.field("honor_labels", &honorLabels);
    fields.field("honor_timestamps", &honorTimestamps, Printing::Always);
    fields.field("track_timestamps_staleness", &trackTimestampsStaleness, Printing::Always);
    fields.field("params", &params);
    fields.field("scrape_interval", &interval, Printing::Always);
    fields.field("scrape_timeout", &timeout, Printing::Always);
    protocols(fields, fmt::format("scrape config with job name \"{}\"", jobName), scrapeProtocols);
    fields.field("fallback_scrape_protocol", &fallbackProtocol);
    fields.field("scrape_native_histograms", &scrapeNativeHistograms, Printing::Always);
    fields.field("always_scrape_classic_histograms", &alwaysScrapeClassicHistograms,
                 Printing::Always);
    fields.field("convert_classic_histograms_to_nhcb", &convertClassicHistograms, Printing::Always);
    fields.field("extra_scrape_metrics", &extraScrapeMetrics, Printing::Always);
    fields.path("scrape_failure_log_file", failureLogFile);
    fields.field("metrics_path", &metricsPath);
    fields.field("scheme", &scheme);
    fields.field("enable_compression", &enableCompression, Printing::Always);
    limits(fields, *this);
    fields.field("native_histogram_bucket_limit", &bucketLimit);
    fields.field("native_histogram_min_bucket_factor", &minBucketFactor);
    const bool ownScheme = validationScheme(fields, nameScheme);
    if (fields.reading() && (ownScheme || escapingScheme.empty())) {
        escapingScheme = defaultEscaping(nameScheme);
    }
    scrape::escapingScheme(fields, "scrape config", nameScheme, escapingScheme);
    httpconfig::describe(fields, http);
    relabel::describeRules(fields, "relabel_configs", relabelRules, nameScheme,
                           "empty or null target relabeling rule in scrape config");
    relabel::describeRules(fields, "metric_relabel_configs", metricRelabelRules, nameScheme,
                           "empty or null metric relabeling rule in scrape config");
    discovery.describe(fields, relabelRules.empty());
}

JobConfig readJob(const yaml::Value& value, const std::filesystem::path& directory,
                  const ScrapeDefaults& defaults, std::vector<std::string>* warnings)
{
    JobConfig job;
    job.interval = {};
    job.timeout = {};
    job.nameScheme = defaults.nameScheme;
    job.escapingScheme = defaults.escapingScheme;
    job.extraScrapeMetrics = defaults.extraScrapeMetrics;
    job.scrapeNativeHistograms = defaults.scrapeNativeHistograms;
    job.alwaysScrapeClassicHistograms = defaults.alwaysScrapeClassicHistograms;
    job.convertClassicHistograms = defaults.convertClassicHistograms;
    yaml::FieldReader reader(value, "config.ScrapeConfig", directory, warnings);
    job.describe(reader);
    complete(reader, job, defaults);
    reader.finish();
    return job;
}

} // namespace narthex::scrape
