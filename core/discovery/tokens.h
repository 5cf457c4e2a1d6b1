// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Access tokens of clouds: asked for with a form, kept until shortly before they expire.
// Owner: a refresher. Threads: one at a time. Errors: ApiClient's, with what the token server said;
// Unavailable (an answer without a token). Tokens never stand in messages.
// Source: RFC 6749, sections 4.4 and 5; RFC 7523.
#pragma once

#include "core/discovery/api_client.h"

#include <optional>

namespace narthex::discovery {

struct AccessToken
{
    std::string text;
    base::Duration lifetime;
};

/// Reads `{"access_token": …, "expires_in": seconds}`; the number may be a text. Without one: an
/// hour.
absl::StatusOr<AccessToken> accessTokenOf(const Json& answer);

/// POSTs the form and reads the token from the answer.
absl::StatusOr<AccessToken> askToken(ApiClient& client, const std::string& url,
                                     const net::Parameters& form, const std::stop_token& stop);

/// What an RSA-signed assertion (JWT bearer grant) says.
struct JwtAssertion
{
    std::string issuer;
    /// Empty: none.
    std::string subject;
    std::string audience;
    std::string scope;
    /// Of the assertion; empty: none.
    std::string id;
    std::string keyId;
    base::Secret privateKey;
    /// "RS256" or "RS512".
    std::string algorithm = "RS256";
    base::Duration lifetime = base::Duration::fromMs(3'600'000);
};

/// The signed assertion. Errors: InvalidArgument, the key is none.
absl::StatusOr<std::string> assertionText(const JwtAssertion& assertion, base::Timestamp now);
/// The form that asks for a token with an assertion.
net::Parameters assertionForm(std::string assertion);

/// `a=1&b=2`, percent-encoded.
std::string formText(const net::Parameters& form);

class TokenCache
{
public:
    explicit TokenCache(const base::Clock& clock) : clock_(clock) {}

    /// The kept token, or the one that `ask()` gives (absl::StatusOr<AccessToken>).
    template <typename Ask>
    absl::StatusOr<std::string> get(const Ask& ask)
    {
        const base::Duration now = clock_.monotonic();
        if (!token_ || now >= renewAt_) {
            absl::StatusOr<AccessToken> fresh = ask();
            if (!fresh.ok()) {
                return std::move(fresh).status();
            }
            // Renewed when a tenth is left, so that it does not expire on its way.
            renewAt_ = now + fresh->lifetime / 10 * 9;
            token_ = std::move(fresh->text);
        }
        return *token_;
    }
    /// The server did not take it.
    void forget() { token_.reset(); }

private:
    const base::Clock& clock_;
    std::optional<std::string> token_;
    base::Duration renewAt_;
};

} // namespace narthex::discovery
