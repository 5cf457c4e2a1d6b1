// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/remote.h"

#include "core/base/status.h"
#include "core/exposition/text_writer.h"

#include <fmt/format.h>

namespace narthex::engine {
namespace {

/// A receiver that restarts is no problem.
constexpr base::Duration kTolerated = 30_s;

model::Labels externalLabelsOf(const config::Config& config)
{
    model::LabelsBuilder builder;
    for (const auto& [name, value] : config.global.externalLabels) {
        builder.set(name, value);
    }
    return builder.build();
}

} // namespace

Remote::Remote(RemoteOptions options, Environment environment)
    : options_(options),
      environment_(std::move(environment)),
      reading_(environment_.local,
               {.client = environment_.client,
                .clock = environment_.timers.clock(),
                .log = environment_.log},
               [this] { return localStart(); })
{}

Remote::~Remote() { stop(); }

std::optional<base::Timestamp> Remote::localStart() const
{
    std::shared_ptr<const tsdb::Db> store;
    {
        const absl::MutexLock lock(&mutex_);
        store = store_;
    }
    if (!store) {
        return std::nullopt;
    }
    const std::vector<tsdb::BlockMeta> blocks = store->blocks();
    return blocks.empty() ? store->stats().minTime
                          : std::optional(base::Timestamp{blocks.front().minTime});
}

absl::Status Remote::check(const config::Config& config)
{
    NARTHEX_RETURN_IF_ERROR(remote::checkUnique(config.remoteWrite));
    return remote::checkUnique(config.remoteRead);
}

std::shared_ptr<remote::RemoteStorage> Remote::sending() const
{
    const absl::MutexLock lock(&mutex_);
    return sending_;
}

absl::Status Remote::apply(const config::Config& config)
{
    const absl::MutexLock applying(&applyMutex_);
    if (stopped_) {
        return absl::OkStatus();
    }
    NARTHEX_RETURN_IF_ERROR(check(config));
    const model::Labels external = externalLabelsOf(config);
    reading_.apply(config.remoteRead, external);
    writes_ = config.remoteWrite;
    externalLabels_ = external;
    const auto queues = sending();
    return queues ? queues->apply(*writes_, externalLabels_) : absl::OkStatus();
}

absl::Status Remote::start(std::shared_ptr<const tsdb::Db> store)
{
    const absl::MutexLock applying(&applyMutex_);
    if (stopped_) {
        return absl::OkStatus();
    }
    auto queues = std::make_shared<remote::RemoteStorage>(
        remote::RemoteStorage::Options{.flushDeadline = options_.flushDeadline},
        remote::SenderEnvironment{.client = environment_.client,
                                  .pool = environment_.pool,
                                  .timers = environment_.timers,
                                  .log = environment_.log,
                                  .walDirectory = store->directory() / "wal",
                                  .families = environment_.families,
                                  .newestStored = [store]() -> std::optional<std::int64_t> {
                                      const auto newest = store->stats().maxTime;
                                      return newest ? std::optional(newest->ms) : std::nullopt;
                                  },
                                  .cloud = &environment_.cloud});
    {
        const absl::MutexLock lock(&mutex_);
        store_ = std::move(store);
        sending_ = queues;
    }
    return writes_ ? queues->apply(*writes_, externalLabels_) : absl::OkStatus();
}

void Remote::notify() const
{
    if (const auto queues = sending()) {
        queues->notify();
    }
}

void Remote::stop()
{
    const absl::MutexLock applying(&applyMutex_);
    stopped_ = true;
    std::shared_ptr<remote::RemoteStorage> queues;
    {
        const absl::MutexLock lock(&mutex_);
        queues = sending_;
    }
    if (queues) {
        queues->stop();
    }
    const absl::MutexLock lock(&mutex_);
    sending_.reset();
    store_.reset();
}

std::vector<Problem> Remote::problems() const
{
    std::vector<Problem> problems;
    const auto queues = sending();
    if (!queues) {
        return problems;
    }
    const base::Timestamp now = environment_.timers.clock().now();
    for (const remote::QueueStatus& queue : queues->status()) {
        if (!queue.failingSince || (queue.isRetried && now - *queue.failingSince < kTolerated)) {
            continue;
        }
        problems.push_back(
            {.id = "remote." + queue.name,
             .severity = queue.isRetried ? Severity::Warning : Severity::Error,
             .source = "remote",
             .message = fmt::format("remote write to {}: {}{}", queue.url, queue.lastError,
                                    queue.isRetried ? " (what is not sent waits in the log, and "
                                                      "sending is tried again)"
                                                    : " (these samples are lost there)"),
             .since = *queue.failingSince});
    }
    return problems;
}

void Remote::writeMetrics(exposition::TextWriter& out) const
{
    std::shared_ptr<const tsdb::Db> store;
    std::shared_ptr<remote::RemoteStorage> queues;
    {
        const absl::MutexLock lock(&mutex_);
        store = store_;
        queues = sending_;
    }
    if (store && queues) {
        const tsdb::DbStats stats = store->stats();
        queues->writeMetrics(out, {.samples = stats.samplesAppended,
                                   .histograms = stats.histogramsAppended,
                                   .exemplars = stats.exemplarsAppended,
                                   .newest = stats.maxTime});
    }
    reading_.writeMetrics(out);
}

} // namespace narthex::engine
