// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Proves to a cloud who sends: Signature Version 4 of AWS, tokens of Microsoft Entra ID and of
// Google. Owner: WriteClient, shared with its requests. Threads: any; one asks for credentials at a
// time. Errors: of the service that gives credentials; FailedPrecondition (nowhere to look for
// them). Source: spec/config.md, 3.10.
#pragma once

#include "core/discovery/provider.h"
#include "core/net/http_client.h"
#include "core/remote/remote_config.h"

#include <memory>
#include <stop_token>

namespace narthex::remote {

class RequestSigner
{
public:
    virtual ~RequestSigner() = default;
    /// The last thing that happens to a request. May block while credentials are asked for.
    virtual absl::Status sign(net::HttpRequest& request, const std::stop_token& stop) = 0;
    /// The receiver did not take the credentials: they are asked for again.
    virtual void forget() = 0;
};

/// Null: the configuration names no cloud. `environment` null: signing fails.
std::shared_ptr<RequestSigner> makeRequestSigner(const RemoteWriteConfig& config,
                                                 const discovery::ProviderEnvironment* environment);

} // namespace narthex::remote
