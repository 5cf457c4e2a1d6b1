// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Signature Version 4 of Amazon's web services: for discovery, remote write and Alertmanagers.
// Threads: pure functions. Errors: InvalidArgument (a URL that is none).
// Source: spec/discovery.md, section 7; AWS, "Create a signed AWS API request".
#pragma once

#include "core/base/secret.h"
#include "core/base/time.h"
#include "core/net/http_client.h"

namespace narthex::net {

struct SigV4Credentials
{
    std::string accessKey;
    base::Secret secretKey;
    /// Of temporary credentials; may be empty.
    base::Secret sessionToken;
    friend bool operator==(const SigV4Credentials&, const SigV4Credentials&) = default;
};

struct SigV4Scope
{
    std::string region;
    std::string service;
};

/// Adds X-Amz-Date, X-Amz-Security-Token (if there is a token) and Authorization. All headers that
/// the request has are signed, but for User-Agent, Authorization, Expect and tracing headers.
absl::Status signSigV4(HttpRequest& request, const SigV4Credentials& credentials,
                       const SigV4Scope& scope, base::Timestamp time);

} // namespace narthex::net
