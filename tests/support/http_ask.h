// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A request of a test that waits for its answer. Threads: the test's own.
#pragma once

#include "core/base/status.h"
#include "core/net/http_client.h"

#include <semaphore>

namespace narthex::tests {

inline absl::StatusOr<net::HttpResponse> ask(net::HttpClient& client, net::HttpRequest request,
                                             const net::HttpClientConfig& config = {})
{
    std::binary_semaphore done(0); // the thread sanitizer sees it, unlike Abseil's
    absl::StatusOr<net::HttpResponse> result;
    client.send(std::move(request), std::make_shared<const net::HttpClientConfig>(config),
                [&](absl::StatusOr<net::HttpResponse> response) {
                    result = std::move(response);
                    done.release();
                });
    done.acquire();
    return result;
}

/// The message of a request that fails; throws when it does not.
inline std::string messageOfFailure(const absl::StatusOr<net::HttpResponse>& answer)
{
    if (answer.ok()) {
        throw std::runtime_error("the request did not fail: " + std::to_string(answer->status));
    }
    return std::string(base::messageOf(answer.status()));
}

} // namespace narthex::tests
