// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/remote_storage.h"

#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/yaml/field_printer.h"

#include <algorithm>
#include <set>
#include <thread>

namespace narthex::remote {
namespace {

template <typename Config>
absl::Status checkNames(const std::vector<Config>& configs, std::string_view what)
{
    std::set<std::string> names;
    for (const Config& config : configs) {
        if (!names.insert(config.nameOrHash()).second) {
            return base::invalidArgument(
                "duplicate remote {} configs are not allowed, found duplicate for URL: {}", what,
                yaml::hidePassword(config.url));
        }
    }
    return absl::OkStatus();
}

} // namespace

absl::Status checkUnique(const std::vector<RemoteWriteConfig>& configs)
{
    return checkNames(configs, "write");
}

absl::Status checkUnique(const std::vector<RemoteReadConfig>& configs)
{
    return checkNames(configs, "read");
}

RemoteStorage::RemoteStorage(Options options, const SenderEnvironment& environment)
    : options_(options), environment_(environment), entries_(std::make_shared<const Entries>())
{}

RemoteStorage::~RemoteStorage() { stop(); }

std::shared_ptr<const RemoteStorage::Entries> RemoteStorage::entries() const
{
    const absl::MutexLock lock(&mutex_);
    return entries_;
}

void RemoteStorage::endAll(const Entries& ended) const
{
    std::vector<std::jthread> stopping;
    stopping.reserve(ended.size());
    for (const Entry& entry : ended) {
        stopping.emplace_back([this, queue = entry.queue] { queue->stop(options_.flushDeadline); });
    }
}

absl::Status RemoteStorage::apply(const std::vector<RemoteWriteConfig>& configs,
                                  const model::Labels& externalLabels)
{
    NARTHEX_RETURN_IF_ERROR(checkUnique(configs));
    const absl::MutexLock applying(&applyMutex_);
    if (stopped_) {
        return absl::OkStatus();
    }
    const auto before = entries();
    auto after = std::make_shared<Entries>();
    std::vector<bool> isKept(before->size(), false);
    for (const RemoteWriteConfig& config : configs) {
        // Secrets are not printed: another one makes no other queue.
        Entry entry{.key = config.nameOrHash() + '\n' + yaml::printStruct(config) + '\n' +
                           externalLabels.bytes(),
                    .queue = nullptr};
        for (std::size_t i = 0; i < before->size(); ++i) {
            if (!isKept[i] && (*before)[i].key == entry.key) {
                isKept[i] = true;
                entry.queue = (*before)[i].queue;
                entry.queue->replaceClient(config);
                break;
            }
        }
        after->push_back(std::move(entry));
    }
    Entries ended;
    for (std::size_t i = 0; i < before->size(); ++i) {
        if (!isKept[i]) {
            ended.push_back((*before)[i]);
        }
    }
    endAll(ended);
    for (std::size_t i = 0; i < configs.size(); ++i) {
        Entry& entry = (*after)[i];
        if (entry.queue == nullptr) {
            entry.queue = std::make_shared<WriteQueue>(configs[i], externalLabels, environment_);
            entry.queue->start();
        }
    }
    const absl::MutexLock lock(&mutex_);
    entries_ = std::move(after);
    return absl::OkStatus();
}

void RemoteStorage::notify() const
{
    const auto now = entries();
    for (const Entry& entry : *now) {
        entry.queue->notify();
    }
}

void RemoteStorage::stop()
{
    const absl::MutexLock applying(&applyMutex_);
    if (std::exchange(stopped_, true)) {
        return;
    }
    endAll(*entries());
    const absl::MutexLock lock(&mutex_);
    entries_ = std::make_shared<const Entries>();
}

std::vector<QueueStatus> RemoteStorage::status() const
{
    std::vector<QueueStatus> result;
    const auto now = entries();
    for (const Entry& entry : *now) {
        result.push_back(entry.queue->status());
    }
    return result;
}

void RemoteStorage::writeMetrics(exposition::TextWriter& out, const ReceivedTotals& received) const
{
    out.counter("prometheus_remote_storage_samples_in_total",
                "Samples that came into the store, for every queue.",
                static_cast<double>(received.samples));
    out.counter("prometheus_remote_storage_histograms_in_total",
                "Native histograms that came into the store, for every queue.",
                static_cast<double>(received.histograms));
    out.counter("prometheus_remote_storage_exemplars_in_total",
                "Exemplars that came into the store, for every queue.",
                static_cast<double>(received.exemplars));
    out.gauge("prometheus_remote_storage_highest_timestamp_in_seconds",
              "Newest time that came into the store.",
              received.newest ? static_cast<double>(received.newest->ms) / 1000 : 0);
    out.counter("prometheus_remote_storage_string_interner_zero_reference_releases_total",
                "Of an interner that is not used here.", 0);
    std::vector<QueueReading> readings;
    const auto now = entries();
    for (const Entry& entry : *now) {
        readings.push_back(entry.queue->reading());
    }
    writeQueueMetrics(readings, out);
}

} // namespace narthex::remote
