// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads the write-ahead log behind its writer, on a thread of its own: the series of the newest
// checkpoint first, then every segment, then what is written. Samples that were logged before the
// start are not told. Owner: WriteQueue; the sink outlives the watcher. Threads: start(), notify(),
// wake(), finish() and the counters from any; the sink is called on the watcher's thread only.
// Errors: logged and counted; a damaged segment is read as far as it goes. Source: spec/remote.md,
// 2.2.
#pragma once

#include "core/base/log.h"
#include "core/base/timers.h"
#include "core/tsdb/wal_records.h"
#include "core/tsdb/wal_tail.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace narthex::remote {

/// Who is told what the log says. The functions for samples return false to end the watcher.
class LogSink
{
public:
    virtual ~LogSink() = default;
    virtual void onSeries(std::uint64_t ref, std::string_view packedLabels,
                          std::uint32_t segment) = 0;
    /// `starts`: of each sample, or empty.
    virtual bool onSamples(std::span<const tsdb::WalSample> samples,
                           std::span<const std::int64_t> starts) = 0;
    virtual bool onHistograms(std::span<const tsdb::WalHistogram> histograms) = 0;
    virtual bool onExemplars(std::span<const tsdb::WalExemplar> exemplars) = 0;
    virtual void onMetadata(std::span<const tsdb::WalMetadata> metadata) = 0;
    /// The checkpoint has been told: series that no later segment names are gone.
    virtual void onForgotten(std::uint32_t segment) = 0;
    /// All that there is was told, or wake() was called.
    virtual void onIdle() = 0;
    /// The last thing that the thread does.
    virtual void onEnd() = 0;
};

struct WatcherOptions
{
    std::filesystem::path walDirectory;
    /// Of the queue, for the log.
    std::string name;
    bool exemplars = false;
    bool histograms = false;
    bool metadata = false;
};

struct WatcherCounters
{
    /// By tsdb::WalRecordType.
    std::array<std::atomic<std::uint64_t>, 14> records{};
    std::atomic<std::uint64_t> decodeFailures{0};
    std::atomic<std::uint64_t> sentBeforeTail{0};
    std::atomic<std::uint64_t> notificationsSkipped{0};
    std::atomic<std::uint32_t> currentSegment{0};
};

class LogWatcher
{
public:
    LogWatcher(WatcherOptions options, LogSink& sink, base::Timers& timers, base::Logger log);
    /// finish() at once.
    ~LogWatcher();
    LogWatcher(const LogWatcher&) = delete;
    LogWatcher& operator=(const LogWatcher&) = delete;

    /// Samples newer than now are told.
    void start();
    /// The log has grown. Cheap: called at each commit.
    void notify();
    /// The sink's onIdle() is called soon.
    void wake();
    /// Reads on to the present end of the log, at most until `deadline` (of the timers' monotonic
    /// clock), then ends. A second call with an earlier deadline shortens it.
    void requestFinish(base::Duration deadline);
    /// Waits for the end of the thread. Not from the sink.
    void join();
    [[nodiscard]] const WatcherCounters& counters() const { return counters_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }

private:
    /// What timers and commits ring, and may ring when the watcher is gone.
    struct Bell
    {
        /// Something was written that has not been looked for.
        std::atomic<bool> isRung{false};
        absl::Mutex mutex;
        bool isWoken ABSL_GUARDED_BY(mutex) = false;
        bool checkpointDue ABSL_GUARDED_BY(mutex) = false;
        bool isFinishing ABSL_GUARDED_BY(mutex) = false;
        base::Duration deadline ABSL_GUARDED_BY(mutex);
        bool isGone ABSL_GUARDED_BY(mutex) = false;
        void ring();
        void wake();
    };
    static void pollLater(base::Timers& timers, const std::weak_ptr<Bell>& bell);

    void run();
    void follow();
    /// Everything up to the end. False: the watcher is to end.
    bool readAll();
    bool readRecord(std::string_view record, std::uint32_t segment);
    bool readSamples(std::string_view record);
    bool readHistograms(std::string_view record);
    bool readExemplars(std::string_view record);
    /// The series of the newest checkpoint, if it was not read yet and the log was read beyond it.
    void readCheckpoint(bool isFirst);
    void waitForMore();
    [[nodiscard]] bool isPastDeadline() const;
    void noteDecoding(const absl::Status& status, std::string_view what);

    const WatcherOptions options_;
    LogSink& sink_;
    base::Timers& timers_;
    const base::Logger log_;
    WatcherCounters counters_;
    const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
    std::jthread thread_;

    // Touched by the watcher's thread, after start().
    std::int64_t startMs_ = 0;
    std::optional<tsdb::WalTail> tail_;
    /// The last segment that was there at the start.
    std::uint32_t tailFrom_ = 0;
    std::optional<std::uint32_t> checkpoint_;
    std::vector<tsdb::WalSample> samples_;
    std::vector<std::int64_t> starts_;
    std::vector<tsdb::WalHistogram> histograms_;
    std::vector<tsdb::WalExemplar> exemplars_;
    std::vector<tsdb::WalMetadata> metadata_;
};

/// "series", "samples", … as the metrics name records.
std::string_view walRecordTypeText(tsdb::WalRecordType type);

} // namespace narthex::remote
