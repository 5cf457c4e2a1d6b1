// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How one Alertmanager is asked: over a network, or in this process. Owner: an AlertApiClient.
// Threads: send() from any thread; replies come on a worker, where decoding may take its time.
// Errors: those of alertError(), with the server's URL; Cancelled; what the network adds.
#pragma once

#include "core/client/monitoring_client.h"
#include "core/net/parameters.h"

#include <string>

namespace narthex::client {

struct AlertApiRequest
{
    std::string method = "GET";
    /// "/api/v2/alerts"; what stands in it is not encoded.
    std::string path;
    net::Parameters query;
    /// JSON, or empty.
    std::string body;
};

class AlertTransport
{
public:
    virtual ~AlertTransport() = default;
    /// What servers are called in answers; empty for the one in this process.
    [[nodiscard]] virtual const std::string& url() const = 0;
    /// The body of an answer with success.
    virtual void send(AlertApiRequest request, std::stop_token stop, Reply<std::string> reply) = 0;
    /// Waits until every reply was given; whoever asks from now on gets Cancelled at once.
    virtual void close() = 0;
};

} // namespace narthex::client
