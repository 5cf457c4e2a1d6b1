// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One HTTP attempt of remote write, and what its answer means. Owner: WriteQueue, shared with the
// attempts under way. Threads: send() from any worker (it may block for credentials); the reply
// comes on the loop's thread, or on the caller's when nothing could be sent. Errors: part of the
// outcome. Source: spec/remote.md, 2.6.
#pragma once

#include "core/base/clock.h"
#include "core/net/http_client.h"
#include "core/remote/remote_config.h"
#include "core/remote/sender/payload.h"
#include "core/remote/sender/request_signer.h"

#include <memory>
#include <stop_token>

namespace narthex::remote {

enum class WriteResult : std::uint8_t
{
    Delivered,
    /// Another attempt may work.
    Retry,
    /// It would be refused again.
    Refused,
    /// By us.
    Cancelled
};

struct WriteOutcome
{
    WriteResult result = WriteResult::Delivered;
    /// What the receiver asks for; 0: nothing.
    base::Duration retryAfter;
    /// What it says it has written.
    PayloadCounts written;
    std::string error;
};

/// What an answer means for a request with these counts.
WriteOutcome outcomeOf(const absl::StatusOr<net::HttpResponse>& response, WriteVersion version,
                       const PayloadCounts& counts, bool retryOn429, base::Timestamp now);

class WriteClient
{
public:
    using Reply = std::function<void(const WriteOutcome&)>;

    WriteClient(const RemoteWriteConfig& config, net::HttpClient& client, const base::Clock& clock,
                const discovery::ProviderEnvironment* cloud);

    /// `attempt`: 0 for the first. Calls `reply` once. Absent: it was called already.
    std::optional<net::RequestId> send(const std::string& body, int attempt,
                                       const PayloadCounts& counts, Reply reply);
    void cancel(net::RequestId id) { client_.cancel(id); }
    /// Looking for credentials ends soon.
    void stop() { stop_.request_stop(); }

private:
    const RemoteWriteConfig config_;
    const WriteVersion version_;
    net::HttpClient& client_;
    const base::Clock& clock_;
    const std::shared_ptr<const net::HttpClientConfig> http_;
    const std::shared_ptr<RequestSigner> signer_;
    std::stop_source stop_;
};

/// Of `protobuf_message`.
WriteVersion writeVersionOf(const RemoteWriteConfig& config);

} // namespace narthex::remote
