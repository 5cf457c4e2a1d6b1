// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `query analyze`: how many buckets of histograms are used, classic and native. Counts of classic
// buckets are cumulative; the difference to the bucket below is what one holds. Threads: main.
// Source: spec/http-api.md, 16.
#include "commands.h"
#include "query.h"
#include "query_print.h"

#include "core/base/clock.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/model/labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <set>

namespace narthex::ctl {
namespace {

constexpr std::string_view kHeader =
    "Bucket stats for each histogram series over time\n"
    "------------------------------------------------\n"
    "First the min, avg, and max number of populated buckets, followed by the total\n"
    "number of buckets (only if different from the max number of populated buckets\n"
    "which is typical for classic but not native histograms).\n\n";
constexpr std::string_view kFooter = "\nAggregated bucket stats\n"
                                     "-----------------------\n"
                                     "Each line shows min/avg/max over the series above.\n";

/// Smallest, mean and largest of numbers.
struct Spread
{
    std::int64_t min = std::numeric_limits<std::int64_t>::max();
    std::int64_t max = 0;
    std::int64_t sum = 0;
    std::int64_t count = 0;

    void add(std::int64_t value)
    {
        min = std::min(min, value);
        max = std::max(max, value);
        sum += value;
        ++count;
    }
    [[nodiscard]] double mean() const
    {
        return static_cast<double>(sum) / static_cast<double>(count);
    }
    [[nodiscard]] std::string text() const { return fmt::format("{}/{:.3f}/{}", min, mean(), max); }
    friend bool operator==(const Spread&, const Spread&) = default;
};

/// Of one histogram over time.
struct Usage
{
    Spread populated;
    std::int64_t total = 0;

    [[nodiscard]] std::string text() const
    {
        return populated.max == total ? populated.text()
                                      : fmt::format("{}/{}", populated.text(), total);
    }
};

/// Over all histograms of a kind.
struct Summary
{
    Spread min;
    Spread mean;
    Spread max;
    Spread total;

    void add(const Usage& usage)
    {
        min.add(usage.populated.min);
        mean.add(static_cast<std::int64_t>(usage.populated.mean()));
        max.add(usage.populated.max);
        total.add(usage.total);
    }
    [[nodiscard]] std::string text(std::string_view kind) const
    {
        std::string text = fmt::format("\n{} histogram series ({} in total):\n- min populated: {}\n"
                                       "- avg populated: {}\n- max populated: {}",
                                       kind, min.count, min.text(), mean.text(), max.text());
        if (!(max == total)) {
            text += "\n- total: " + total.text();
        }
        return text + "\n";
    }
};

/// Absent: fewer than two samples.
std::optional<Usage> nativeUsage(const std::vector<Json>& samples)
{
    if (samples.size() < 2) {
        return {};
    }
    Usage usage;
    std::set<std::array<std::string, 3>> bounds;
    for (const Json& sample : samples) {
        const std::vector<Json> buckets = sample.at(1)["buckets"].items();
        for (const Json& bucket : buckets) {
            bounds.insert({bucket.at(0).text(), bucket.at(1).text(), bucket.at(2).text()});
        }
        usage.populated.add(static_cast<std::int64_t>(buckets.size()));
    }
    usage.total = static_cast<std::int64_t>(bounds.size());
    return usage;
}

/// One bucket of a classic histogram over time.
struct ClassicBucket
{
    double upperBound = 0;
    std::vector<std::pair<double, double>> samples; // seconds, cumulative count
};

ClassicBucket readBucket(const Json& series)
{
    ClassicBucket bucket{base::parseFloat(series["metric"]["le"].text()).value_or(0), {}};
    for (const Json& pair : series["values"].items()) {
        bucket.samples.emplace_back(pair.at(0).number(),
                                    base::parseFloat(pair.at(1).text()).value_or(0));
    }
    return bucket;
}

/// Buckets with something in them at the sample of this number. Those behind the first bucket that
/// has no such sample count as empty.
absl::StatusOr<std::int64_t> populatedAt(const std::vector<ClassicBucket>& buckets,
                                         std::size_t number)
{
    std::int64_t populated = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        if (number >= buckets[i].samples.size()) {
            break;
        }
        const auto& [time, count] = buckets[i].samples[number];
        if (i > 0 && buckets[i - 1].samples[number].first != time) {
            return base::unavailable("matrix result is not time aligned");
        }
        const double below = i == 0 ? 0 : buckets[i - 1].samples[number].second;
        // Less than one whole observation is none.
        populated += std::abs(count - below) >= 1 ? 1 : 0;
    }
    return populated;
}

absl::StatusOr<std::optional<Usage>> classicUsage(std::vector<ClassicBucket> buckets)
{
    const std::size_t samples = buckets.empty() ? 0 : buckets.front().samples.size();
    if (samples < 2) {
        return std::optional<Usage>();
    }
    std::stable_sort(buckets.begin(), buckets.end(),
                     [](const auto& a, const auto& b) { return a.upperBound < b.upperBound; });
    Usage usage{.populated = {}, .total = static_cast<std::int64_t>(buckets.size())};
    for (std::size_t i = 0; i < samples; ++i) {
        NARTHEX_ASSIGN_OR_RETURN(const std::int64_t populated, populatedAt(buckets, i));
        usage.populated.add(populated);
    }
    return std::optional<Usage>(usage);
}

/// `name_bucket{a="b"}` without le; absent: no bucket of a classic histogram.
std::optional<std::string> histogramName(const Json& metric)
{
    const std::string name = metric["__name__"].text();
    if (metric["le"].isNull() || !name.ends_with("_bucket")) {
        return {};
    }
    model::LabelsBuilder labels;
    for (const auto& [label, value] : metric.members()) {
        if (label != "__name__" && label != "le") {
            labels.set(label, value.text());
        }
    }
    std::vector<std::string> parts;
    for (const auto& [label, value] : labels.entries()) {
        parts.push_back(fmt::format("{}={}", label, model::quote(value)));
    }
    return fmt::format("{}{{{}}}", name, fmt::join(parts, ", "));
}

absl::Status analyzeMatches(const Json& matrix, Summary& native, Summary& classic)
{
    std::map<std::string, std::vector<ClassicBucket>> histograms;
    for (const Json& series : matrix.items()) {
        if (series["values"].items().empty()) {
            if (const auto usage = nativeUsage(series["histograms"].items())) {
                fmt::print("- {} (native): {}\n", metricText(series["metric"]), usage->text());
                native.add(*usage);
            }
        } else if (const auto name = histogramName(series["metric"])) {
            histograms[*name].push_back(readBucket(series));
        }
    }
    for (auto& [name, buckets] : histograms) {
        NARTHEX_ASSIGN_OR_RETURN(const auto usage, classicUsage(std::move(buckets)));
        if (usage) {
            fmt::print("- {} (classic): {}\n", name, usage->text());
            classic.add(*usage);
        }
    }
    return absl::OkStatus();
}

absl::Status analyze(ServerAccess& server, const QueryFlags& flags)
{
    if (flags.type != "histogram") {
        return base::invalidArgument("analyze type is {}, must be 'histogram'", flags.type);
    }
    const auto duration = base::parseDuration(flags.duration);
    NARTHEX_RETURN_IF_ERROR(base::annotate(duration.status(), "--duration"));
    NARTHEX_ASSIGN_OR_RETURN(const base::Timestamp end,
                             timeArgument(flags.time, "evaluation", base::SystemClock().now()));
    fmt::print("{}", kHeader);
    Summary native;
    Summary classic;
    for (const std::string& matcher : flags.matchers) {
        NARTHEX_ASSIGN_OR_RETURN(
            const ApiAnswer answer,
            server.post("/api/v1/query",
                        {{"query", fmt::format("{}[{}]", matcher, base::formatDuration(*duration))},
                         {"time", secondsText(end)}}));
        if (answer.data["resultType"].text() != "matrix") {
            return base::unavailable("query of buckets resulted in non-Matrix");
        }
        NARTHEX_RETURN_IF_ERROR(analyzeMatches(answer.data["result"], native, classic));
    }
    fmt::print("{}{}{}", kFooter, native.min.count > 0 ? native.text("Native") : "",
               classic.min.count > 0 ? classic.text("Classic") : "");
    return absl::OkStatus();
}

} // namespace

void addQueryAnalyze(CLI::App& query, const std::shared_ptr<QueryFlags>& flags, int& exitCode)
{
    CLI::App* command = query.add_subcommand(
        "analyze", "How many buckets of histograms are in use, by series and in all.");
    command->add_option("--server", flags->url, "The server: http://localhost:9090")->required();
    command->add_option("--type", flags->type, "What to look at: histogram")->required();
    command->add_option("--match", flags->matchers, "Selector of series; may be repeated")
        ->allow_extra_args(false)
        ->required();
    command->add_option("--duration", flags->duration, "How far to look back")
        ->capture_default_str();
    command->add_option("--time", flags->time, "Until when: RFC 3339, or seconds (now)");
    addServerOptions(*command, flags->server);
    command->footer("Example: narthexctl query analyze --server http://localhost:9090 --type "
                    "histogram --match http_request_duration_seconds_bucket");
    command->callback([flags, &exitCode] {
        exitCode = withServer(flags->url, flags->server, "",
                              [&flags](ServerAccess& server) { return analyze(server, *flags); });
    });
}

} // namespace narthex::ctl
