// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What clients run on, and waiting for their replies. Owner: a test. Threads: the test's own waits;
// replies come on the pool.
#pragma once

#include "core/client/http/http_alerts.h"
#include "core/client/http/http_client.h"

#include <absl/synchronization/notification.h>
#include <absl/time/time.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace narthex::test {

/// The reply to what `start(reply)` asks.
template <typename T, typename Start>
absl::StatusOr<T> await(const Start& start)
{
    struct Shared
    {
        absl::Notification done;
        absl::StatusOr<T> result = absl::UnavailableError("no reply");
    };
    auto shared = std::make_shared<Shared>();
    start(client::Reply<T>([shared](absl::StatusOr<T> result) {
        shared->result = std::move(result);
        shared->done.Notify();
    }));
    if (!shared->done.WaitForNotificationWithTimeout(absl::Seconds(30))) {
        return absl::DeadlineExceededError("the reply did not come");
    }
    return std::move(shared->result);
}

struct ClientWorld
{
    std::unique_ptr<client::HttpClient> client(const std::string& url,
                                               client::LinkSettings link = {})
    {
        return std::make_unique<client::HttpClient>(
            client::HttpClientSettings{.url = url, .link = std::move(link)},
            client::HttpClient::Environment{.loop = loop, .pool = pool, .timers = timers});
    }
    std::unique_ptr<client::AlertClient> alerts(std::vector<std::string> urls)
    {
        return client::makeHttpAlertClient({.urls = std::move(urls)},
                                           {.loop = loop, .pool = pool, .timers = timers});
    }

    net::IoLoop loop;
    base::WorkerPool pool{2};
    base::ManualTimers timers{{1'700'000'000'000}};
};

} // namespace narthex::test
