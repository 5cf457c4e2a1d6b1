// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What comes in from the network as samples, and what other servers read: what may be done, and
// what is kept between requests. Owner: Api. Threads: any. Source: spec/remote.md, 3, 4, 6, 7.
#pragma once

#include "core/base/worker_pool.h"
#include "core/remote/otlp/otlp_receiver.h"
#include "core/remote/read_server.h"
#include "core/remote/receiver/write_receiver.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::engine {
class Engine;
}

namespace narthex::api {

struct IngestOptions
{
    /// POST /api/v1/write, and the messages that it takes.
    bool enableRemoteWriteReceiver = false;
    std::vector<remote::receiver::WriteMessage> acceptedMessages{
        remote::receiver::WriteMessage::V1};
    /// POST /api/v1/otlp/v1/metrics.
    bool enableOtlpReceiver = false;
    /// What becomes of delta temporality; at most one of the two.
    remote::otlp::DeltaOptions delta;
    remote::ReadServerOptions read;
};

class Ingest
{
public:
    Ingest(const IngestOptions& options, engine::Engine& engine);

    void writeMetrics(exposition::TextWriter& out) const;

    // Fixed after construction.
    const IngestOptions options;

    // Safe by themselves.
    remote::receiver::WriteReceiver write;
    remote::ReadServer read;
    remote::otlp::OtlpReceiver otlp;
    /// Makes the frames of streamed answers: who waits for a place in remote read keeps a thread of
    /// the request pool, and must not keep it from those that have one.
    base::WorkerPool frames{2};
    std::atomic<std::uint64_t> federationErrors{0};
    std::atomic<std::uint64_t> federationWarnings{0};
};

} // namespace narthex::api
