// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The answering end of remote read: a whole answer of samples, or one frame of chunks after the
// other, made when the peer has taken the one before. Owner: the API; streams may outlive it, not
// the store. Threads: answer() from any, and it waits while too many are at work; a ReadStream one
// at a time. Units: bytes, milliseconds. Errors: InvalidArgument is the request's fault.
// Source: spec/remote.md, 4.
#pragma once

#include "core/remote/read_messages.h"

#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::remote {

struct ReadServerOptions
{
    /// Samples in the answer to one query when it is not streamed; 0: no limit.
    std::uint64_t sampleLimit = 50'000'000;
    /// Requests at once; further ones wait. 0: no limit.
    std::size_t concurrentLimit = 10;
    /// Requests that wait, each of which keeps a thread of its caller; more are turned away.
    std::size_t waitingLimit = 100;
    /// A frame ends with the chunk that reaches it.
    std::size_t frameBytes = std::size_t{1} << 20U;
    /// Of a request, compressed or not.
    std::size_t bodyLimitBytes = std::size_t{32} << 20U;
};

using ExternalLabels = std::map<std::string, std::string>;

/// Whom a request is answered for.
struct ReadSurroundings
{
    const storage::Queryable& store;
    const ExternalLabels& externalLabels;
    /// Stopped when nobody waits for the answer any more.
    std::stop_token gone;
};

class ReadStream
{
public:
    virtual ~ReadStream() = default;
    /// The next frame; empty: that was all.
    virtual absl::StatusOr<std::string> next() = 0;
};

class ReadServer
{
public:
    explicit ReadServer(const ReadServerOptions& options);
    ~ReadServer();

    /// A compressed answer of samples, or a stream, which keeps its place among those at work until
    /// it is destroyed.
    using Answer = std::variant<std::string, std::unique_ptr<ReadStream>>;

    /// `body` is compressed. Errors: InvalidArgument; Cancelled, it was given up while it waited;
    /// Unavailable, too many wait; everything else comes from the store.
    absl::StatusOr<Answer> answer(std::string_view body, const ReadSurroundings& surroundings);
    void writeMetrics(exposition::TextWriter& out) const;

private:
    class Gate;

    const ReadServerOptions options_;
    const std::shared_ptr<Gate> gate_;
};

} // namespace narthex::remote
