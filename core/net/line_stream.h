// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A blocking TCP connection that speaks lines and may become TLS on the way, for dialogues such as
// SMTP. Owner: one dialogue. Threads: one at a time. Errors: DeadlineExceeded, Cancelled,
// Unavailable (everything between here and the peer), ResourceExhausted (a line of more than
// 64 KiB).
#pragma once

#include "core/net/http_client.h"

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace narthex::net {

/// Until when a dialogue may last.
struct DialogueLimits
{
    base::Duration timeout;
    std::stop_token stop;
};

class LineStream
{
public:
    /// The time runs from here over the whole dialogue. Tries all addresses of the host.
    static absl::StatusOr<std::unique_ptr<LineStream>>
    connect(const std::string& host, const std::string& port, const DialogueLimits& limits);
    ~LineStream();
    LineStream(const LineStream&) = delete;
    LineStream& operator=(const LineStream&) = delete;

    /// The certificate must be of `host`, unless the configuration names another server.
    absl::Status startTls(const TlsConfig& config, const std::string& host);
    [[nodiscard]] bool isTls() const;
    absl::Status write(std::string_view bytes);
    /// Without its line end.
    absl::StatusOr<std::string> readLine();

private:
    struct Impl;
    explicit LineStream(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace narthex::net
