// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/target.h"

#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/net/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::scrape {
namespace {

constexpr std::string_view kIntervalLabel = "__scrape_interval__";
constexpr std::string_view kTimeoutLabel = "__scrape_timeout__";
constexpr std::string_view kSchemeLabel = "__scheme__";
constexpr std::string_view kPathLabel = "__metrics_path__";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kConvertLabel = "__convert_classic_histograms_to_nhcb__";
constexpr std::string_view kClassicLabel = "__always_scrape_classic_histograms__";
constexpr std::string_view kNativeLabel = "__scrape_native_histograms__";
constexpr std::string_view kSocketLabel = "__unix_socket__";

absl::StatusOr<base::Duration> durationLabel(const model::LabelsBuilder& labels,
                                             std::string_view label, std::string_view what)
{
    const auto duration = base::parseDuration(labels.get(label));
    if (!duration.ok()) {
        return base::annotate(duration.status(), fmt::format("error parsing scrape {}", what));
    }
    if (duration->ns == 0) {
        return base::invalidArgument("scrape {} cannot be 0", what);
    }
    return *duration;
}

/// As in a web form: a blank is a plus.
std::string formEncode(std::string_view text)
{
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t blank = std::min(text.find(' ', at), text.size());
        result += net::percentEncode(text.substr(at, blank - at));
        result += blank < text.size() ? "+" : "";
        at = blank + 1;
    }
    return result;
}

std::string urlOf(const JobConfig& job, const model::LabelsBuilder& labels)
{
    std::map<std::string, std::vector<std::string>> parameters = job.params;
    for (const auto& [name, value] : labels.entries()) {
        if (!name.starts_with(kParamPrefix)) {
            continue;
        }
        auto& values = parameters[name.substr(kParamPrefix.size())];
        if (values.empty()) {
            values.push_back(value);
        } else {
            values.front() = value;
        }
    }
    std::string query;
    for (const auto& [name, values] : parameters) {
        for (const std::string& value : values) {
            query += (query.empty() ? "?" : "&") + formEncode(name) + "=" + formEncode(value);
        }
    }
    std::string path(labels.get(kPathLabel));
    if (!path.empty() && path.front() != '/') {
        path.insert(0, "/");
    }
    return fmt::format("{}://{}{}{}", labels.get(kSchemeLabel),
                       labels.get(discovery::kAddressLabel), path, query);
}

std::uint64_t hashOf(const model::Labels& labels, std::string_view url, bool withTimes)
{
    std::string bytes;
    for (const model::LabelView label : labels) {
        if (withTimes || (label.name != kIntervalLabel && label.name != kTimeoutLabel)) {
            bytes.append(label.name).append(1, '\xff').append(label.value).append(1, '\xff');
        }
    }
    return base::fnv1a64(url, base::fnv1a64(fmt::format("{:016d}", base::hash64(bytes))));
}

/// A switch that relabeling may have changed or removed. Go's spellings of booleans.
absl::Status boolLabel(const model::LabelsBuilder& labels, std::string_view label,
                       std::string_view what, bool jobSetting, bool& out)
{
    constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "TRUE", "true", "True"};
    constexpr std::array<std::string_view, 6> kFalse{"0", "f", "F", "FALSE", "false", "False"};
    const std::string_view text = labels.get(label);
    const bool isTrue = std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end();
    if (!text.empty() && !isTrue && std::find(kFalse.begin(), kFalse.end(), text) == kFalse.end()) {
        return base::invalidArgument("error parsing {}: {} is no boolean (true or false)", what,
                                     model::quote(text));
    }
    out = text.empty() ? jobSetting : isTrue;
    return absl::OkStatus();
}

absl::Status histogramLabels(const JobConfig& job, const model::LabelsBuilder& labels,
                             Target& target)
{
    NARTHEX_RETURN_IF_ERROR(boolLabel(labels, kConvertLabel, "convert classic histograms to nhcb",
                                      job.convertClassicHistograms,
                                      target.convertClassicHistograms));
    NARTHEX_RETURN_IF_ERROR(boolLabel(labels, kClassicLabel, "always scrape classic histograms",
                                      job.alwaysScrapeClassicHistograms,
                                      target.alwaysScrapeClassicHistograms));
    return boolLabel(labels, kNativeLabel, "scrape native histograms", job.scrapeNativeHistograms,
                     target.scrapeNativeHistograms);
}

} // namespace

base::Duration Target::untilNextScrape(base::Timestamp now, std::uint64_t offsetSeed) const
{
    const std::int64_t nowNs = now.ms * 1'000'000;
    const std::int64_t base = interval.ns - nowNs % interval.ns;
    const auto offset =
        static_cast<std::int64_t>((hash ^ offsetSeed) % static_cast<std::uint64_t>(interval.ns));
    const std::int64_t next = base + offset;
    return {next > interval.ns ? next - interval.ns : next};
}

model::Labels discoveredLabels(const JobConfig& job, const model::Labels& entry,
                               const model::Labels& group)
{
    model::LabelsBuilder labels(group);
    for (const model::LabelView label : entry) {
        labels.set(label.name, label.value);
    }
    const auto setDefault = [&labels](std::string_view name, std::string_view value) {
        if (!labels.has(name)) {
            labels.set(name, value);
        }
    };
    setDefault("job", job.jobName);
    setDefault(kIntervalLabel, base::formatDuration(job.interval));
    setDefault(kTimeoutLabel, base::formatDuration(job.timeout));
    setDefault(kPathLabel, job.metricsPath);
    setDefault(kSchemeLabel, job.scheme);
    const auto boolText = [](bool value) { return value ? "true" : "false"; };
    setDefault(kConvertLabel, boolText(job.convertClassicHistograms));
    setDefault(kClassicLabel, boolText(job.alwaysScrapeClassicHistograms));
    setDefault(kNativeLabel, boolText(job.scrapeNativeHistograms));
    for (const auto& [name, values] : job.params) {
        if (!values.empty()) {
            setDefault(std::string(kParamPrefix) + name, values.front());
        }
    }
    return labels.build();
}

absl::StatusOr<std::optional<Target>> makeTarget(const JobConfig& job,
                                                 const model::Labels& discovered)
{
    model::LabelsBuilder labels(discovered);
    if (!relabel::apply(job.relabelRules, job.nameScheme, labels)) {
        return std::optional<Target>();
    }
    const std::string address(labels.get(discovery::kAddressLabel));
    if (address.empty()) {
        return base::invalidArgument("no address");
    }
    if (address.find('/') != std::string::npos) {
        return base::invalidArgument("{} is not a valid hostname", model::quote(address));
    }
    Target target;
    NARTHEX_ASSIGN_OR_RETURN(target.interval, durationLabel(labels, kIntervalLabel, "interval"));
    NARTHEX_ASSIGN_OR_RETURN(target.timeout, durationLabel(labels, kTimeoutLabel, "timeout"));
    if (target.timeout > target.interval) {
        return base::invalidArgument(
            "scrape timeout cannot be greater than scrape interval (\"{}\" > \"{}\")",
            base::formatDuration(target.timeout), base::formatDuration(target.interval));
    }
    NARTHEX_RETURN_IF_ERROR(histogramLabels(job, labels, target));
    const auto all = labels.entries();
    for (const auto& [name, value] : all) {
        if (name.starts_with("__meta_")) {
            labels.remove(name);
        }
    }
    if (!labels.has("instance")) {
        labels.set("instance", address);
    }
    model::LabelsBuilder visible;
    for (const auto& [name, value] : labels.entries()) {
        if (!base::isValidUtf8(value)) {
            return base::invalidArgument("invalid label value for {}: {}", model::quote(name),
                                         model::quote(value));
        }
        if (!name.starts_with("__")) {
            visible.set(name, value);
        }
    }
    target.job = job.jobName;
    target.labels = visible.build();
    if (target.labels.empty()) {
        return std::optional<Target>();
    }
    target.allLabels = labels.build();
    target.discoveredLabels = discovered;
    target.url = urlOf(job, labels);
    target.unixSocket = labels.get(kSocketLabel);
    target.hash = hashOf(target.allLabels, target.url, true);
    target.pageHash = hashOf(target.allLabels, target.url, false);
    return std::optional<Target>(std::move(target));
}

TargetSet makeTargets(const JobConfig& job, const discovery::TargetGroup& group)
{
    TargetSet result;
    for (std::size_t i = 0; i < group.entries.size(); ++i) {
        model::Labels discovered = discoveredLabels(job, group.entries[i], group.labels);
        auto target = makeTarget(job, discovered);
        if (!target.ok()) {
            result.failures.push_back(fmt::format("instance {} in group {}: {}", i, group.source,
                                                  base::messageOf(target.status())));
        } else if (!*target) {
            result.dropped.push_back(
                {.job = job.jobName, .discoveredLabels = std::move(discovered)});
        } else {
            result.targets.push_back(std::make_shared<const Target>(*std::move(*target)));
        }
    }
    return result;
}

} // namespace narthex::scrape
