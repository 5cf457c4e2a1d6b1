// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An HTTP answer that goes on and on, read line by line while it comes. Owner: the reading thread;
// the request ends with the object. Threads: one; a stop token may be requested from any. Errors of
// next(): those of the transport, Cancelled, ResourceExhausted (more than 64 MiB wait to be read).
#pragma once

#include "core/net/http_client.h"

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace narthex::discovery {

class LineStream
{
public:
    /// Sends the request; its `onData` is set here.
    LineStream(net::HttpClient& http, net::HttpRequest request,
               std::shared_ptr<const net::HttpClientConfig> config);
    ~LineStream();
    LineStream(const LineStream&) = delete;
    LineStream& operator=(const LineStream&) = delete;

    /// Waits for the next line, without its end. Absent: the answer is over; see response().
    absl::StatusOr<std::optional<std::string>> next(const std::stop_token& stop);
    /// The whole answer, once next() gave no line any more. A status other than 200 has its body.
    [[nodiscard]] const net::HttpResponse& response() const { return response_; }

private:
    struct Shared;
    std::optional<std::string> takeLine();

    net::HttpClient& http_;
    const std::shared_ptr<Shared> shared_;
    net::RequestId id_{};
    std::string pending_;     // what next() has taken over
    std::size_t scanned_ = 0; // no line ends before this
    net::HttpResponse response_;
};

} // namespace narthex::discovery
