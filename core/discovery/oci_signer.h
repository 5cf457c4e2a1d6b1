// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// RSA keys and the signatures of requests to Oracle's cloud. Owner: the credentials. Threads:
// values; const members from any. Errors: InvalidArgument (no RSA key, a wrong passphrase, a URL
// that is none). Format: HTTP signatures, draft-cavage-http-signatures-08, version 1.
#pragma once

#include "core/base/time.h"
#include "core/net/http_client.h"

#include <openssl/evp.h>

#include <memory>

namespace narthex::discovery {

class OciKey
{
public:
    /// `pem`: a private key, encrypted or not.
    static absl::StatusOr<OciKey> fromPem(const std::string& pem, const std::string& passphrase);
    /// A new one of 2048 bits.
    static absl::StatusOr<OciKey> generate();

    /// With SHA-256, in base64.
    [[nodiscard]] absl::StatusOr<std::string> sign(std::string_view text) const;
    /// DER in base64.
    [[nodiscard]] std::string publicKey() const;

private:
    explicit OciKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}
    std::shared_ptr<EVP_PKEY> key_;
};

/// A key and the name that the cloud knows it by.
struct OciSigner
{
    std::string keyId;
    OciKey key;

    /// Adds Date, for bodies X-Content-SHA256 and what goes with it, and Authorization. The host is
    /// signed but for the service that gives tokens.
    [[nodiscard]] absl::Status sign(net::HttpRequest& request, base::Timestamp now,
                                    bool withHost = true) const;
};

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string httpDate(base::Timestamp time);

} // namespace narthex::discovery
