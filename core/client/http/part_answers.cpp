// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/part_answers.h"

#include "core/base/number.h"
#include "core/client/numbers.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>

namespace narthex::client {
namespace {

std::optional<base::Timestamp> timeOf(const Json& value)
{
    // What has no time is in the year 1.
    const std::string text = value.text();
    if (text.empty() || text.starts_with("0001-")) {
        return std::nullopt;
    }
    const auto time = base::parseTimestamp(text);
    return time.ok() ? std::optional(*time) : std::nullopt;
}

model::Labels labelsOf(const Json& value)
{
    model::LabelsBuilder labels;
    for (const auto& [name, text] : value.members()) {
        labels.set(name, text.text());
    }
    return labels.build();
}

std::map<std::string, std::string> textsOf(const Json& value)
{
    std::map<std::string, std::string> result;
    for (const auto& [name, text] : value.members()) {
        result[name] = text.text();
    }
    return result;
}

std::uint64_t countOf(const Json& value)
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value.integer(), 0));
}

base::Duration durationText(const Json& value)
{
    const auto duration = base::parseDuration(value.text());
    return duration.ok() ? *duration : base::Duration{};
}

Health healthOf(const std::string& text)
{
    return text == "up" ? Health::Up : text == "down" ? Health::Down : Health::Unknown;
}

RuleState stateOf(const std::string& text)
{
    return text == "firing"     ? RuleState::Firing
           : text == "pending"  ? RuleState::Pending
           : text == "inactive" ? RuleState::Inactive
                                : RuleState::Unknown;
}

RuleCondition conditionOf(const std::string& text)
{
    return text == "ok"    ? RuleCondition::Ok
           : text == "err" ? RuleCondition::Error
                           : RuleCondition::Unknown;
}

RuleInfo ruleFrom(const Json& json)
{
    RuleInfo rule{.alerting = json["type"].text() == "alerting",
                  .name = json["name"].text(),
                  .query = json["query"].text(),
                  .holdFor = durationOf(json["duration"].number()),
                  .keepFiringFor = durationOf(json["keepFiringFor"].number()),
                  .labels = textsOf(json["labels"]),
                  .annotations = textsOf(json["annotations"]),
                  .health = conditionOf(json["health"].text()),
                  .lastError = json["lastError"].text(),
                  .evaluationTime = durationOf(json["evaluationTime"].number()),
                  .lastEvaluation = timeOf(json["lastEvaluation"]),
                  .state = stateOf(json["state"].text())};
    const std::vector<Json> alerts = json["alerts"].items();
    for (const Json& each : alerts) {
        rule.alerts.push_back({.labels = labelsOf(each["labels"]),
                               .annotations = labelsOf(each["annotations"]),
                               .state = stateOf(each["state"].text()),
                               .activeAt = timeOf(each["activeAt"]),
                               .keepFiringSince = timeOf(each["keepFiringSince"]),
                               .value = base::parseFloat(each["value"].text()).value_or(0)});
    }
    return rule;
}

std::vector<NameCount> countsFrom(const Json& list)
{
    std::vector<NameCount> result;
    const std::vector<Json> items = list.items();
    for (const Json& each : items) {
        result.push_back({.name = each["name"].text(), .value = countOf(each["value"])});
    }
    return result;
}

TargetInfo targetFrom(const Json& json)
{
    TargetInfo target{.job = json["scrapePool"].text(),
                      .url = json["scrapeUrl"].text(),
                      .labels = labelsOf(json["labels"]),
                      .discoveredLabels = labelsOf(json["discoveredLabels"]),
                      .health = healthOf(json["health"].text()),
                      .lastError = json["lastError"].text(),
                      .lastScrape = timeOf(json["lastScrape"]),
                      .lastDuration = durationOf(json["lastScrapeDuration"].number()),
                      .interval = durationText(json["scrapeInterval"]),
                      .timeout = durationText(json["scrapeTimeout"])};
    // Others than Prometheus leave the job out.
    if (target.job.empty()) {
        target.job = target.labels.get("job");
    }
    target.errorClass = scrapeErrorClassOf(target.lastError);
    return target;
}

} // namespace

ScrapeErrorClass scrapeErrorClassOf(std::string_view text)
{
    struct Words
    {
        std::string_view words;
        ScrapeErrorClass kind;
    };
    using enum ScrapeErrorClass;
    constexpr Words kWords[] = {
        {"no such host", NameResolution},
        {"resolve", NameResolution},
        {"connection refused", ConnectionRefused},
        {"deadline exceeded", Timeout},
        {"timeout", Timeout},
        {"timed out", Timeout},
        {"x509", Tls},
        {"tls:", Tls},
        {"certificate", Tls},
        {"HTTP status 401", Unauthorized},
        {"HTTP status 403", Unauthorized},
        {"HTTP status 404", NotFound},
        {"HTTP status", HttpStatus},
        {"limit exceeded", LimitExceeded},
        {"body size limit", LimitExceeded},
        {"expected", Parse},
        {"invalid", Parse},
        {"parse", Parse},
    };
    if (text.empty()) {
        return None;
    }
    const auto* found =
        std::find_if(std::begin(kWords), std::end(kWords), [text](const Words& each) {
            return text.find(each.words) != std::string_view::npos;
        });
    return found == std::end(kWords) ? Other : found->kind;
}

std::vector<std::string> namesFrom(const Json& data)
{
    std::vector<std::string> names = data.texts();
    // Not every server sorts them.
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<MetricMetadata> metadataFrom(const Json& data)
{
    std::vector<MetricMetadata> result;
    for (const auto& [metric, list] : data.members()) {
        MetricMetadata& entry = result.emplace_back(MetricMetadata{.metric = metric});
        const std::vector<Json> items = list.items();
        for (const Json& each : items) {
            entry.entries.push_back({.type = model::parseMetricType(each["type"].text())
                                                 .value_or(model::MetricType::Unknown),
                                     .help = each["help"].text(),
                                     .unit = each["unit"].text()});
        }
    }
    std::sort(result.begin(), result.end(),
              [](const MetricMetadata& a, const MetricMetadata& b) { return a.metric < b.metric; });
    return result;
}

Targets targetsFrom(const Json& data)
{
    Targets result;
    absl::flat_hash_map<std::string, int> seen;
    const std::vector<Json> active = data["activeTargets"].items();
    for (const Json& each : active) {
        TargetInfo target = targetFrom(each);
        target.id = fmt::format("{}/{}/{:016x}", target.job, target.url, target.labels.hash());
        // A server may have the same target twice in one job.
        if (const int times = seen[target.id]++; times > 0) {
            target.id += fmt::format("#{}", times);
        }
        result.active.push_back(std::move(target));
    }
    const std::vector<Json> dropped = data["droppedTargets"].items();
    for (const Json& each : dropped) {
        DroppedTarget target{.job = each["scrapePool"].text(),
                             .discoveredLabels = labelsOf(each["discoveredLabels"])};
        if (target.job.empty()) {
            target.job = target.discoveredLabels.get("job");
        }
        result.dropped.push_back(std::move(target));
    }
    return result;
}

BuildInfo buildInfoFrom(const Json& data)
{
    BuildInfo info{.application = data["application"].text(),
                   .version = data["applicationVersion"].text(),
                   .revision = data["revision"].text()};
    if (info.version.empty()) {
        info.version = data["version"].text();
    }
    return info;
}

std::vector<ExemplarSeries> exemplarsFrom(const Json& data)
{
    std::vector<ExemplarSeries> result;
    const std::vector<Json> list = data.items();
    for (const Json& each : list) {
        ExemplarSeries& series =
            result.emplace_back(ExemplarSeries{.labels = labelsOf(each["seriesLabels"])});
        const std::vector<Json> exemplars = each["exemplars"].items();
        for (const Json& one : exemplars) {
            series.exemplars.push_back(
                {.labels = labelsOf(one["labels"]),
                 .value = base::parseFloat(one["value"].text()).value_or(0),
                 .time = base::Timestamp{std::llround(one["timestamp"].number() * 1000)}});
        }
    }
    return result;
}

std::vector<RuleGroupInfo> rulesFrom(const Json& data)
{
    std::vector<RuleGroupInfo> result;
    const std::vector<Json> groups = data["groups"].items();
    for (const Json& each : groups) {
        RuleGroupInfo& group = result.emplace_back(
            RuleGroupInfo{.name = each["name"].text(),
                          .file = each["file"].text(),
                          .interval = durationOf(each["interval"].number()),
                          .limit = each["limit"].integer(),
                          .evaluationTime = durationOf(each["evaluationTime"].number()),
                          .lastEvaluation = timeOf(each["lastEvaluation"])});
        const std::vector<Json> rules = each["rules"].items();
        for (const Json& rule : rules) {
            group.rules.push_back(ruleFrom(rule));
        }
    }
    return result;
}

AlertmanagerTargets alertmanagersFrom(const Json& data)
{
    AlertmanagerTargets result;
    const auto fill = [&data](const char* name, std::vector<std::string>& urls) {
        const std::vector<Json> items = data[name].items();
        for (const Json& each : items) {
            urls.push_back(each["url"].text());
        }
    };
    fill("activeAlertmanagers", result.active);
    fill("droppedAlertmanagers", result.dropped);
    return result;
}

StoreStatus storeStatusFrom(const Json& data)
{
    const Json head = data["headStats"];
    StoreStatus status{.series = countOf(head["numSeries"]),
                       .labelPairs = countOf(head["numLabelPairs"]),
                       .chunks = countOf(head["chunkCount"]),
                       .seriesByMetricName = countsFrom(data["seriesCountByMetricName"]),
                       .valuesByLabelName = countsFrom(data["labelValueCountByLabelName"]),
                       .bytesByLabelName = countsFrom(data["memoryInBytesByLabelName"]),
                       .seriesByLabelPair = countsFrom(data["seriesCountByLabelValuePair"])};
    if (head.isNull()) {
        status.series = countOf(data["totalSeries"]); // VictoriaMetrics
        status.labelPairs = countOf(data["totalLabelValuePairs"]);
    }
    // An empty head has the greatest time first and the least last.
    const std::int64_t oldest = head["minTime"].integer();
    const std::int64_t newest = head["maxTime"].integer();
    if (!head["minTime"].isNull() && oldest <= newest) {
        status.oldest = base::Timestamp{oldest};
        status.newest = base::Timestamp{newest};
    }
    return status;
}

BlockList blocksFrom(const Json& data)
{
    BlockList result;
    const std::vector<Json> blocks = data["blocks"].items();
    for (const Json& each : blocks) {
        const Json stats = each["stats"];
        result.blocks.push_back({.ulid = each["ulid"].text(),
                                 .from = {each["minTime"].integer()},
                                 .to = {each["maxTime"].integer()},
                                 .samples = countOf(stats["numSamples"]),
                                 .series = countOf(stats["numSeries"]),
                                 .chunks = countOf(stats["numChunks"]),
                                 .tombstones = countOf(stats["numTombstones"]),
                                 .level = static_cast<int>(each["compaction"]["level"].integer(1)),
                                 .sources = each["compaction"]["sources"].texts()});
    }
    const std::vector<Json> setAside = data["setAside"].items();
    for (const Json& each : setAside) {
        result.setAside.push_back({.path = each["path"].text(), .reason = each["reason"].text()});
    }
    return result;
}

RuntimeInfo runtimeInfoFrom(const Json& data)
{
    return {.startedAt = timeOf(data["startTime"]),
            .workingDirectory = data["CWD"].text(),
            .hostName = data["hostname"].text(),
            .serverTime = timeOf(data["serverTime"]),
            .lastReloadSucceeded = data["reloadConfigSuccess"].boolean(true),
            .lastReload = timeOf(data["lastConfigTime"]),
            .corruptions = countOf(data["corruptionCount"]),
            .retention = data["storageRetention"].text()};
}

Flags flagsFrom(const Json& data) { return textsOf(data); }

} // namespace narthex::client
