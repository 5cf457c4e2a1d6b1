// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `push metrics`: pages in the text format, sent by remote write. Samples without a time get the
// present one. Threads: main waits for the loop. Source: spec/http-api.md, 16; spec/remote.md, 2.
#include "commands.h"
#include "server_access.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/exposition/metric_family.h"
#include "core/remote/sender/write_client.h"

#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <deque>
#include <iostream>
#include <iterator>
#include <memory>

namespace narthex::ctl {
namespace {

using exposition::FamilyMetric;
using exposition::MetricFamily;

struct PushMetricsFlags
{
    ServerFlags server;
    std::string url;
    std::vector<std::string> files;
    std::vector<std::string> labels{"job=promtool"};
    std::string timeout = "30s";
    std::string message = "prometheus.WriteRequest";
    std::string path = "/api/v1/write";
};

/// The series of a page, in requests of a size that receivers take.
class Requests
{
public:
    Requests(const net::Parameters& extra, base::Timestamp now, bool inlineMetadata)
        : extra_(extra), now_(now.ms), inlineMetadata_(inlineMetadata)
    {}

    void add(const MetricFamily& family)
    {
        metadata_.push_back({.type = family.type, .help = family.help, .unit = family.unit});
        if (!inlineMetadata_) {
            families_.metadata.push_back({family.name, metadata_.back()});
        }
        for (const FamilyMetric& metric : family.metrics) {
            addMetric(family, metric);
        }
    }

    std::vector<remote::Batch> finish()
    {
        for (remote::Batch* last : {&batch_, &families_}) {
            if (!last->empty()) {
                batches_.push_back(std::move(*last));
            }
        }
        return std::move(batches_);
    }

private:
    void addMetric(const MetricFamily& family, const FamilyMetric& metric)
    {
        using model::MetricType;
        const bool isSummary = family.type == MetricType::Summary;
        if (!isSummary && family.type != MetricType::Histogram) {
            addSample(family.name, metric, metric.value);
            return;
        }
        for (const exposition::ProtobufQuantile& each : metric.quantiles) {
            addSample(family.name, metric, each.value, "quantile",
                      base::formatFloatG(each.quantile));
        }
        bool hasInfinity = isSummary;
        for (const exposition::FamilyBucket& bucket : metric.buckets) {
            hasInfinity = hasInfinity || std::isinf(bucket.upperBound);
            addSample(family.name + "_bucket", metric, bucket.cumulativeCount, "le",
                      base::formatFloatG(bucket.upperBound));
        }
        if (!hasInfinity) {
            addSample(family.name + "_bucket", metric, metric.sampleCount, "le", "+Inf");
        }
        addSample(family.name + "_sum", metric, metric.sampleSum);
        addSample(family.name + "_count", metric, metric.sampleCount);
    }

    void addSample(const std::string& name, const FamilyMetric& metric, double value,
                   std::string_view label = {}, const std::string& labelValue = {})
    {
        constexpr std::size_t kItemsAtOnce = 10'000;
        model::LabelsBuilder labels;
        for (const auto& [key, text] : extra_) {
            labels.set(key, text);
        }
        for (const auto& [key, text] : metric.labels) {
            labels.set(key == "job" ? "exported_job" : key, text);
        }
        if (!label.empty()) {
            labels.set(label, labelValue);
        }
        labels.set(model::kMetricName, name);
        remote::SentSeries& series = series_.emplace_back();
        series.labels = labels.build();
        series.encodedLabels = remote::encodeLabels(series.labels);
        series.metadata = &metadata_.back();
        const std::int64_t time = metric.timestampMs.value_or(0);
        batch_.items.push_back({.series = &series,
                                .metadata = series.metadata,
                                .time = time == 0 ? now_ : time,
                                .valueBits = std::bit_cast<std::uint64_t>(value)});
        if (batch_.items.size() == kItemsAtOnce) {
            batches_.push_back(std::exchange(batch_, {}));
        }
    }

    const net::Parameters& extra_;
    const std::int64_t now_;
    const bool inlineMetadata_;
    std::deque<model::Metadata> metadata_;
    std::deque<remote::SentSeries> series_;
    remote::Batch batch_;
    remote::Batch families_;
    std::vector<remote::Batch> batches_;
};

/// A receiver of remote write. Owner: the command.
class Receiver
{
public:
    explicit Receiver(const remote::RemoteWriteConfig& config)
        : encoder_(remote::writeVersionOf(config)), writer_(config, client_, clock_, nullptr)
    {}

    absl::Status send(const remote::Batch& batch)
    {
        constexpr int kAttempts = 3;
        constexpr base::Duration kPause = 200_ms;
        encoder_.encodeCompressed(batch, body_);
        remote::WriteOutcome outcome;
        for (int attempt = 0; attempt < kAttempts; ++attempt) {
            absl::Notification done;
            writer_.send(body_, attempt, batch.counts(), [&](const remote::WriteOutcome& result) {
                outcome = result;
                done.Notify();
            });
            done.WaitForNotification();
            if (outcome.result != remote::WriteResult::Retry || attempt + 1 == kAttempts) {
                break;
            }
            discovery::waitFor(std::min(std::max(outcome.retryAfter, kPause), 5_s), {});
        }
        return outcome.result == remote::WriteResult::Delivered
                   ? absl::OkStatus()
                   : absl::UnavailableError(outcome.error);
    }

private:
    const base::SystemClock clock_;
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "narthexctl"};
    remote::PayloadEncoder encoder_;
    remote::WriteClient writer_;
    std::string body_;
};

absl::StatusOr<remote::RemoteWriteConfig> configOf(const PushMetricsFlags& flags)
{
    remote::RemoteWriteConfig config;
    if (flags.message != "prometheus.WriteRequest" &&
        flags.message != "io.prometheus.write.v2.Request") {
        return base::invalidArgument("invalid protobuf message \"{}\", must be "
                                     "prometheus.WriteRequest or io.prometheus.write.v2.Request",
                                     flags.message);
    }
    const auto timeout = base::parseDuration(flags.timeout);
    NARTHEX_RETURN_IF_ERROR(base::annotate(timeout.status(), "--timeout"));
    NARTHEX_ASSIGN_OR_RETURN(config.http, readHttpConfig(flags.server.httpConfigFile));
    NARTHEX_ASSIGN_OR_RETURN(const net::Parameters headers,
                             readPairs(flags.server.headers, "--header"));
    config.headers.insert(headers.begin(), headers.end());
    config.url = fmt::format("{}{}{}", serverUrl(flags.url), flags.path.starts_with('/') ? "" : "/",
                             flags.path);
    config.remoteTimeout = *timeout;
    config.protobufMessage = flags.message;
    return config;
}

absl::Status pushPage(const std::string& page, const net::Parameters& labels, Receiver& receiver,
                      bool inlineMetadata)
{
    NARTHEX_ASSIGN_OR_RETURN(std::vector<MetricFamily> families,
                             exposition::parseTextFamilies(page, {.utf8Names = true}));
    std::sort(families.begin(), families.end(),
              [](const MetricFamily& a, const MetricFamily& b) { return a.name < b.name; });
    Requests requests(labels, base::SystemClock().now(), inlineMetadata);
    for (const MetricFamily& family : families) {
        requests.add(family);
    }
    for (const remote::Batch& batch : requests.finish()) {
        NARTHEX_RETURN_IF_ERROR(receiver.send(batch));
    }
    return absl::OkStatus();
}

int complain(const absl::Status& status)
{
    fmt::print(stderr, "  FAILED: {}\n", base::messageOf(status));
    return kFailed;
}

int pushAll(const PushMetricsFlags& flags)
{
    const auto config = configOf(flags);
    const auto labels = readPairs(flags.labels, "--label");
    if (!config.ok() || !labels.ok()) {
        return complain(config.ok() ? labels.status() : config.status());
    }
    Receiver receiver(*config);
    const bool inlineMetadata = remote::writeVersionOf(*config) == remote::WriteVersion::V2;
    if (flags.files.empty()) {
        const std::string page((std::istreambuf_iterator<char>(std::cin)),
                               std::istreambuf_iterator<char>());
        fmt::print("Parsing standard input\n");
        const absl::Status status = pushPage(page, *labels, receiver, inlineMetadata);
        if (!status.ok()) {
            return complain(status);
        }
        fmt::print("  SUCCESS: metrics pushed to remote write.\n");
        return kOk;
    }
    int code = kOk;
    for (const std::string& file : flags.files) {
        const auto page = base::readFile(file);
        if (!page.ok()) {
            code = complain(page.status());
            continue;
        }
        fmt::print("Parsing metrics file {}\n", file);
        const absl::Status status = pushPage(*page, *labels, receiver, inlineMetadata);
        if (!status.ok()) {
            code = complain(status);
            continue;
        }
        fmt::print("  SUCCESS: metrics file {} pushed to remote write.\n", file);
    }
    return code;
}

} // namespace

void addPushMetrics(CLI::App& push, int& exitCode)
{
    CLI::App* command = push.add_subcommand(
        "metrics", "Send pages in the text format to a receiver of remote write; samples without a "
                   "time get the present one. Exit code 1: a page could not be sent.");
    auto flags = std::make_shared<PushMetricsFlags>();
    command->add_option("URL", flags->url, "The receiver: http://localhost:9090")->required();
    command->add_option("FILE", flags->files, "Pages; none: standard input");
    command->add_option("--label", flags->labels, "name=value for all series; may be repeated")
        ->allow_extra_args(false)
        ->capture_default_str();
    command->add_option("--timeout", flags->timeout, "Longest time of a request")
        ->capture_default_str();
    command
        ->add_option("--protobuf_message", flags->message,
                     "prometheus.WriteRequest or io.prometheus.write.v2.Request")
        ->capture_default_str();
    command->add_option("--remote-write.path", flags->path, "Behind the receiver's URL")
        ->capture_default_str();
    addServerOptions(*command, flags->server);
    command->footer(
        "Example: narthexctl push metrics --label job=backup http://localhost:9090 page.prom");
    command->callback([flags, &exitCode] { exitCode = pushAll(*flags); });
}

} // namespace narthex::ctl
