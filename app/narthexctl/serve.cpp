// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands.h"
#include "serve_alerting.h"
#include "serve_remote.h"
#include "serve_web.h"

#include "app/service/service.h"
#include "core/base/number.h"
#include "core/base/status.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <map>
#include <memory>
#include <pthread.h>
#include <unistd.h>

namespace narthex::ctl {
namespace {

struct ServeFlags
{
    std::string configFile = "prometheus.yml";
    std::string storagePath = "data/";
    std::string retention;
    std::string logLevel = "info";
    std::string logFormat = "logfmt";
    std::string queryTimeout = "2m";
    std::string lookback = "5m";
    std::size_t maxConcurrency = 20;
    std::size_t maxSamples = 50'000'000;
    std::string retentionSize;
    std::string minBlockDuration = "2h";
    std::string maxBlockDuration;
    std::string maxChunkSegment = "512MB";
    std::string walSegmentSize = "128MB";
    bool walCompression = true;
    std::string walCompressionType = "snappy";
    bool prometheus3Formats = false;
    std::vector<std::string> features;
    bool collectHost = false;
    bool autoReload = false;
    bool adjustTimestamps = true;
    std::string timestampTolerance = "2ms";
    std::string discoveryReloadInterval = "5s";
    std::string autoReloadInterval = "30s";
    bool push = true;
    bool pushUnchecked = false;
    bool pushUtf8 = false;
    bool pushOnMetrics = false;
    std::string pushTokenFile;
    AlertingFlags alerting;
    RemoteFlags remote;
    WebFlags web;
};

constexpr base::Duration kAutoReloadInterval = base::Duration::fromMs(30'000);

/// Switches on what the name means in the store; false if it means nothing there.
bool enableStoreFeature(tsdb::DbOptions& store, std::string_view name)
{
    constexpr std::uint32_t kExemplars = 100'000;
    constexpr std::uint32_t kCutDelayPercent = 10;
    if (name == "exemplar-storage") {
        store.live.maxExemplars = kExemplars;
    } else if (name == "memory-snapshot-on-shutdown") {
        store.snapshotOnClose = true;
    } else if (name == "metadata-wal-records") {
        store.metadataInWal = true;
    } else if (name == "fast-startup") {
        store.seriesState = true;
    } else if (name == "delayed-compaction") {
        store.maxCutDelayPercent = kCutDelayPercent;
    } else if (name == "histograms-st-encoding") {
        // Whenever start times are stored.
    } else if (name == "xor2-encoding") {
        store.floatEncoding = tsdb::FloatEncoding::Xor2;
    } else {
        return false;
    }
    return true;
}

/// The same for scraping and the configuration.
bool enableScrapeFeature(engine::EngineOptions& options, std::string_view name)
{
    if (name == "extra-scrape-metrics") {
        options.config.extraScrapeMetrics = true;
    } else if (name == "created-timestamp-zero-ingestion") {
        options.startTimes.writeZero = true;
        options.config.protobufFirst = true;
    } else if (name == "st-storage") {
        options.startTimes.store = true;
        options.store.startTimes = true;
        options.config.protobufFirst = true;
    } else if (name == "st-synthesis") {
        options.startTimes.synthesize = true;
    } else if (name == "type-and-unit-labels") {
        options.typeAndUnitLabels = true;
    } else if (name == "auto-reload-config") {
        options.autoReload = options.autoReload.value_or(kAutoReloadInterval);
    } else {
        // Always on here.
        return name == "native-histograms" || name == "ooo-native-histograms" ||
               name == "promql-duration-expr";
    }
    return true;
}

/// Switches on what `--enable-feature` names; returns the names that mean nothing.
std::vector<std::string> enableFeatures(const std::vector<std::string>& features,
                                        app::ServiceOptions& service)
{
    engine::EngineOptions& options = service.engine;
    std::vector<std::string> unknown;
    for (const std::string& list : features) {
        const std::vector<std::string> names = absl::StrSplit(list, ',', absl::SkipEmpty());
        for (const std::string& name : names) {
            const bool inStore = enableStoreFeature(options.store, name);
            const bool inQueries = promql::enableFeature(options.query.features, name);
            const bool inScraping = enableScrapeFeature(options, name);
            const bool inAlerting = enableAlertingFeature(options.alerting, name);
            const bool inIngest = enableIngestFeature(service.web.api.ingest, name);
            const bool inSearch = name == "search-api";
            service.web.api.enableSearch = service.web.api.enableSearch || inSearch;
            if (!inStore && !inQueries && !inScraping && !inAlerting && !inIngest && !inSearch) {
                unknown.push_back(name);
            }
        }
    }
    return unknown;
}

absl::Status storeOptions(const ServeFlags& flags, tsdb::DbOptions& store)
{
    // Time counts unless only a size is given, as with Prometheus.
    if (!flags.retentionSize.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(store.live.retentionBytes,
                                 base::parseByteSize(flags.retentionSize));
        store.live.retention = {};
    }
    if (!flags.retention.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(store.live.retention, base::parseDuration(flags.retention));
    }
    NARTHEX_ASSIGN_OR_RETURN(store.blockRange, base::parseDuration(flags.minBlockDuration));
    if (!flags.maxBlockDuration.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(store.maxBlockRange, base::parseDuration(flags.maxBlockDuration));
    }
    NARTHEX_ASSIGN_OR_RETURN(store.maxChunkSegmentBytes,
                             base::parseByteSize(flags.maxChunkSegment));
    NARTHEX_ASSIGN_OR_RETURN(store.walSegmentBytes, base::parseByteSize(flags.walSegmentSize));
    store.readableBy242 = !flags.prometheus3Formats;
    if (!flags.walCompression) {
        store.walCompression = tsdb::WalCompression::None;
    } else if (flags.walCompressionType == "zstd") {
        store.walCompression = tsdb::WalCompression::Zstd;
    }
    return absl::OkStatus();
}

absl::StatusOr<app::ServiceOptions> optionsOf(const ServeFlags& flags)
{
    app::ServiceOptions options;
    NARTHEX_RETURN_IF_ERROR(applyWebFlags(flags.web, options));
    options.engine.alignment.enabled = flags.adjustTimestamps;
    NARTHEX_ASSIGN_OR_RETURN(options.engine.alignment.tolerance,
                             base::parseDuration(flags.timestampTolerance));
    NARTHEX_ASSIGN_OR_RETURN(options.engine.discoveryReloadInterval,
                             base::parseDuration(flags.discoveryReloadInterval));
    if (flags.autoReload) {
        NARTHEX_ASSIGN_OR_RETURN(const base::Duration interval,
                                 base::parseDuration(flags.autoReloadInterval));
        options.engine.autoReload = std::max(interval, base::Duration::fromMs(1000));
    }
    options.engine.configFile = flags.configFile;
    options.engine.dataDirectory = flags.storagePath;
    options.engine.collectHost = flags.collectHost;
    options.engine.query.maxConcurrent = flags.maxConcurrency;
    options.engine.query.maxSamples = flags.maxSamples;
    NARTHEX_ASSIGN_OR_RETURN(options.engine.alerting, alertingOptions(flags.alerting));
    NARTHEX_ASSIGN_OR_RETURN(options.web.api.ingest, ingestOptions(flags.remote));
    NARTHEX_ASSIGN_OR_RETURN(options.engine.remoteFlushDeadline,
                             base::parseDuration(flags.remote.flushDeadline));
    options.web.pushTokenFile = flags.pushTokenFile;
    options.web.api.pushedOnMetrics = flags.pushOnMetrics;
    options.engine.push = {.enabled = flags.push,
                           .store = {.check = !flags.pushUnchecked, .utf8Names = flags.pushUtf8}};
    options.web.externalUrl = options.engine.alerting.externalUrl;
    NARTHEX_RETURN_IF_ERROR(storeOptions(flags, options.engine.store));
    NARTHEX_ASSIGN_OR_RETURN(options.engine.query.timeout, base::parseDuration(flags.queryTimeout));
    NARTHEX_ASSIGN_OR_RETURN(options.engine.query.lookback, base::parseDuration(flags.lookback));
    return options;
}

/// Signals come to main by sigwait; no other thread ever sees them.
sigset_t blockSignals()
{
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) {
        sigaddset(&signals, number);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

/// Every flag with its value, for the API that shows them.
std::map<std::string, std::string> flagsOf(const CLI::App& serve)
{
    std::map<std::string, std::string> flags;
    for (const CLI::Option* option : serve.get_options()) {
        const std::string name = option->get_single_name();
        if (name == "help" || name.empty()) {
            continue;
        }
        std::string value = option->get_default_str();
        if (option->count() > 0) {
            value = fmt::format("{}", fmt::join(option->results(), ","));
        } else if (option->get_type_size() == 0) {
            value = "false";
        }
        flags[name] = std::move(value);
    }
    return flags;
}

int runServe(const ServeFlags& flags, std::map<std::string, std::string> shown)
{
    const sigset_t signals = blockSignals();
    const auto log =
        base::LogSetup::create(flags.logLevel, flags.logFormat == "json" ? base::LogFormat::Json
                                                                         : base::LogFormat::Logfmt);
    if (!log.ok()) {
        fmt::print(stderr, "narthexctl serve: {}\n", base::messageOf(log.status()));
        return kCannotStart;
    }
    auto options = optionsOf(flags);
    if (!options.ok()) {
        fmt::print(stderr, "narthexctl serve: {}\n", base::messageOf(options.status()));
        return kCannotStart;
    }
    options->web.api.flags = std::move(shown);
    options->web.onQuit = [] { ::kill(::getpid(), SIGTERM); };
    const base::Logger logger = log->logger("main");
    for (const std::string& name : enableFeatures(flags.features, *options)) {
        logger->warn("serve: unknown name in --enable-feature is ignored name={}", name);
    }
    if (const absl::Status status = checkFeatures(options->web.api.ingest); !status.ok()) {
        fmt::print(stderr, "narthexctl serve: {}\n", base::messageOf(status));
        return kCannotStart;
    }
    app::Service service(*std::move(options), *log);
    if (const absl::Status status = service.start(); !status.ok()) {
        logger->error("serve: cannot start err=\"{}\"", base::messageOf(status));
        fmt::print(stderr, "narthexctl serve: {}\n", base::messageOf(status));
        service.stop();
        return kCannotStart;
    }
    while (true) {
        int received = 0;
        if (sigwait(&signals, &received) != 0) {
            continue;
        }
        if (received == SIGHUP) {
            base::ignore(service.engine().reload(), "logged, and told by the API and /metrics");
            continue;
        }
        logger->info("serve: stopping signal={}", received);
        service.stop();
        return kOk;
    }
}

} // namespace

void addServe(CLI::App& app, int& exitCode)
{
    CLI::App* serve = app.add_subcommand(
        "serve", "Run the server without a window: scrape, store, answer queries over HTTP.");
    auto flags = std::make_shared<ServeFlags>();
    serve->add_option("--config.file", flags->configFile, "Prometheus configuration file")
        ->capture_default_str();
    serve->add_flag("--config.auto-reload,!--no-config.auto-reload", flags->autoReload,
                    "Reload by itself when a file of the configuration has changed");
    serve
        ->add_option("--config.auto-reload-interval", flags->autoReloadInterval,
                     "How often to look for changes, at least 1s")
        ->capture_default_str();
    serve
        ->add_option("--storage.tsdb.path", flags->storagePath,
                     "Directory of the data; Prometheus can open it, too")
        ->capture_default_str();
    serve->add_option("--storage.tsdb.retention.time", flags->retention,
                      "How long samples are kept (15d if nothing says otherwise)");
    serve->add_option("--storage.tsdb.retention.size", flags->retentionSize,
                      "How large all of the data may become (512MB, 10GB; powers of 1024)");
    serve
        ->add_option("--storage.tsdb.min-block-duration", flags->minBlockDuration,
                     "Length of the blocks that are cut from memory; for tests")
        ->capture_default_str();
    serve->add_option("--storage.tsdb.max-block-duration", flags->maxBlockDuration,
                      "Longest block that merging makes (a tenth of the retention, at most 31d, if "
                      "nothing says otherwise)");
    serve
        ->add_option("--storage.tsdb.max-block-chunk-segment-size", flags->maxChunkSegment,
                     "Largest file of chunks in a block")
        ->capture_default_str();
    serve
        ->add_option("--storage.tsdb.wal-segment-size", flags->walSegmentSize,
                     "Size of the write-ahead log's files, 10MB to 256MB")
        ->capture_default_str();
    serve->add_flag("--storage.tsdb.wal-compression,!--no-storage.tsdb.wal-compression",
                    flags->walCompression, "Compress the write-ahead log");
    serve
        ->add_option("--storage.tsdb.wal-compression-type", flags->walCompressionType,
                     "How: snappy, or zstd (which Prometheus 2.42 cannot read)")
        ->check(CLI::IsMember({"snappy", "zstd"}))
        ->capture_default_str();
    serve->add_flag("--storage.prometheus3-formats", flags->prometheus3Formats,
                    "Allow what only Prometheus 3 can read: zstd, xor2, custom-bucket histograms");
    serve->add_option(
        "--enable-feature", flags->features,
        "Comma-separated names: alert-ack-series, auto-reload-config, classic-mode, "
        "concurrent-rule-eval, "
        "created-timestamp-zero-ingestion, "
        "delayed-compaction, exemplar-storage, extra-scrape-metrics, "
        "fast-startup, histograms-st-encoding, memory-snapshot-on-shutdown, metadata-wal-records, "
        "otlp-deltatocumulative, otlp-native-delta-ingestion, "
        "promql-binop-fill-modifiers, promql-delayed-name-removal, "
        "promql-experimental-functions, promql-extended-range-selectors, "
        "promql-per-step-stats, search-api, st-storage, st-synthesis, type-and-unit-labels, "
        "use-start-timestamps, "
        "utf8-strict-mode, xor2-encoding");
    serve->add_flag("--scrape.adjust-timestamps,!--no-scrape.adjust-timestamps",
                    flags->adjustTimestamps,
                    "Give scrapes that begin a hair late the time at which they were due");
    serve
        ->add_option("--scrape.timestamp-tolerance", flags->timestampTolerance,
                     "How late that may be; at most a hundredth of the interval")
        ->capture_default_str();
    serve
        ->add_option("--scrape.discovery-reload-interval", flags->discoveryReloadInterval,
                     "How often new targets are looked at, at most")
        ->capture_default_str();
    serve->add_option("--query.timeout", flags->queryTimeout, "Longest time a query may take")
        ->capture_default_str();
    serve
        ->add_option("--query.lookback-delta", flags->lookback,
                     "How old the newest sample of a series may be")
        ->capture_default_str();
    serve->add_option("--query.max-concurrency", flags->maxConcurrency, "Queries at once")
        ->capture_default_str();
    serve
        ->add_option("--query.max-samples", flags->maxSamples,
                     "Samples one query may hold in memory")
        ->capture_default_str();
    serve->add_flag("--collector.host", flags->collectHost,
                    "Collect this machine's metrics as job \"node\"");
    serve->add_option("--log.level", flags->logLevel, "debug, info, warn or error")
        ->capture_default_str();
    serve->add_option("--log.format", flags->logFormat, "logfmt or json")
        ->check(CLI::IsMember({"logfmt", "json"}))
        ->capture_default_str();
    serve->add_flag("--push.enabled,!--no-push.enabled", flags->push,
                    "Take pushes of short jobs at /metrics/job/..., as a Pushgateway does");
    serve->add_option("--push.token-file", flags->pushTokenFile,
                      "File with a token: who shows it as a bearer may push without a password, "
                      "and nothing else");
    serve->add_flag("--push.serve-on-metrics", flags->pushOnMetrics,
                    "Show the pushed metrics at /metrics, too, as a Pushgateway does");
    serve->add_flag("--push.disable-consistency-check", flags->pushUnchecked,
                    "Answer pushes at once, whether or not they fit to the others");
    serve->add_flag("--push.enable-utf8-names", flags->pushUtf8,
                    "Names of pushed metrics and labels may hold any characters");
    addAlertingFlags(*serve, flags->alerting);
    addRemoteFlags(*serve, flags->remote);
    addWebFlags(*serve, flags->web);
    serve->footer(
        "Example: narthexctl serve --config.file prometheus.yml --storage.tsdb.path data/");
    serve->callback([flags, serve, &exitCode] { exitCode = runServe(*flags, flagsOf(*serve)); });
}

} // namespace narthex::ctl
