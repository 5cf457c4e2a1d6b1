// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads samples from one server of remote_read: one request a selection, whose answer stays as
// compact as it came until it is read. Owner: ReadStorage, shared with queriers. Threads: any;
// several readings at once. Units: bytes, milliseconds. Errors: Unavailable and the like of the
// transport; `server returned HTTP status …`; InvalidArgument, DataLoss and ResourceExhausted of
// the answer; Cancelled. Source: spec/remote.md, 5.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/exposition/instruments.h"
#include "core/net/http_client.h"
#include "core/remote/read_messages.h"
#include "core/remote/remote_config.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::remote {

using SeriesList = std::vector<std::shared_ptr<const storage::Series>>;

struct ReaderEnvironment
{
    net::HttpClient& client;
    const base::Clock& clock;
    base::Logger log;
};

/// A question that is on its way. Owner: who asked; may be dropped. Threads: one.
class Reading
{
public:
    virtual ~Reading() = default;
    /// Waits for the answer: series in order of labels, with samples of the asked time only.
    virtual absl::StatusOr<SeriesList> finish() = 0;
};

class ReadClient : public std::enable_shared_from_this<ReadClient>
{
public:
    /// An answer of any kind, and what it decompresses to, is no longer than this.
    static constexpr std::uint64_t kAnswerLimitBytes = 256ULL << 20U;

    ReadClient(const RemoteReadConfig& config, const ReaderEnvironment& environment);

    /// `strip`: labels of these names are taken from the series of the answer.
    std::unique_ptr<Reading> begin(const ReadQuery& query, std::vector<std::string> strip,
                                   std::stop_token stop);

    [[nodiscard]] const RemoteReadConfig& config() const { return config_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    /// Without its password.
    [[nodiscard]] const std::string& url() const { return url_; }

    // For the page of metrics.
    [[nodiscard]] int running() const { return running_.load(std::memory_order_relaxed); }
    /// Answers by code ("200", "" without an answer) and whether they were streamed.
    [[nodiscard]] std::map<std::pair<std::string, bool>, std::uint64_t> answers() const;
    [[nodiscard]] const exposition::FixedHistogram& seconds(bool isChunked) const
    {
        return isChunked ? chunkedSeconds_ : sampledSeconds_;
    }

private:
    class Exchange;
    absl::StatusOr<SeriesList> take(const absl::StatusOr<net::HttpResponse>& response,
                                    const ReadQuery& query, const std::vector<std::string>& strip,
                                    base::Duration took);

    const RemoteReadConfig config_;
    const std::string name_;
    const std::string url_;
    const ReaderEnvironment environment_;
    const std::shared_ptr<const net::HttpClientConfig> http_;
    std::atomic<int> running_{0}; // relaxed: a gauge
    exposition::FixedHistogram sampledSeconds_{
        {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60}};
    exposition::FixedHistogram chunkedSeconds_{
        {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60}};
    mutable absl::Mutex mutex_;
    std::map<std::pair<std::string, bool>, std::uint64_t> answers_ ABSL_GUARDED_BY(mutex_);
};

/// The series of a streamed answer. `limitBytes`: of one frame.
absl::StatusOr<SeriesList> readStreamedAnswer(std::string_view body, std::uint64_t limitBytes,
                                              base::Timestamp from, base::Timestamp to,
                                              const std::vector<std::string>& strip);
/// The series of an answer of samples, a snappy block.
absl::StatusOr<SeriesList> readSampledAnswer(std::string_view body, base::Timestamp from,
                                             base::Timestamp to,
                                             const std::vector<std::string>& strip);

} // namespace narthex::remote
