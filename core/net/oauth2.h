// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tokens of OAuth 2.0 servers: the request for one, what the answer says, and the one that is kept
// until it expires. Who sends the request is not decided here. Owner: the state of a client
// configuration. Threads: the loop's. Errors: Unavailable `oauth2: cannot fetch token: …`,
// InvalidArgument for settings that cannot work. Source: RFC 6749, section 4.4; RFC 7523; client
// authentication as golang.org/x/oauth2 does it: in the header, and if that fails in the body.
#pragma once

#include "core/net/http_client.h"

#include <chrono>
#include <optional>

namespace narthex::net {

class TokenSource
{
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit TokenSource(OAuth2Config config);

    /// Reads the secret or key (again); another one than before drops the token. Errors: it is
    /// missing or cannot be read.
    absl::Status refreshSecret();
    /// "Bearer abc" while there is a token that is good for another 10 s; else empty.
    [[nodiscard]] std::string authorization(Time now) const;

    /// The next request for a token. `wallClock`: seconds since the Unix epoch.
    [[nodiscard]] absl::StatusOr<HttpRequest> request(std::int64_t wallClock) const;
    /// Takes the answer. False: ask once more with the next request(), in another way.
    absl::StatusOr<bool> take(const absl::StatusOr<HttpResponse>& answer, Time now);

    /// How the token server is reached.
    [[nodiscard]] const std::shared_ptr<const HttpClientConfig>& client() const { return client_; }
    /// Counts the secrets seen: an answer to a request with an older one is void.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }

private:
    enum class SecretPlace : std::uint8_t
    {
        /// Header first; the body is tried when that fails.
        Unknown,
        Header,
        BodyOnTrial,
        Body
    };

    [[nodiscard]] bool isJwt() const;
    [[nodiscard]] absl::StatusOr<std::string> assertion(std::int64_t wallClock) const;
    absl::Status keep(const HttpResponse& answer, Time now);

    const OAuth2Config config_;
    const std::shared_ptr<const HttpClientConfig> client_;
    std::string secret_;
    std::uint64_t generation_ = 0;
    SecretPlace place_ = SecretPlace::Unknown;
    std::string authorization_;
    /// Absent: for ever.
    std::optional<Time> expiry_;
};

} // namespace narthex::net
