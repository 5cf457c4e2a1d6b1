// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/blocking_call.h"

#include <absl/synchronization/mutex.h>

namespace narthex::net {
namespace {

/// What the waiting thread and the reply share; the reply may come after the wait was given up.
struct Exchange
{
    absl::Mutex mutex;
    absl::CondVar done;
    std::optional<absl::StatusOr<HttpResponse>> result ABSL_GUARDED_BY(mutex);
};

} // namespace

absl::StatusOr<HttpResponse> sendAndWait(HttpClient& client, HttpRequest request,
                                         std::shared_ptr<const HttpClientConfig> config,
                                         const std::stop_token& stop)
{
    if (stop.stop_requested()) {
        return absl::CancelledError("request was cancelled");
    }
    const auto exchange = std::make_shared<Exchange>();
    const RequestId id = client.send(std::move(request), std::move(config),
                                     [exchange](absl::StatusOr<HttpResponse> response) {
                                         absl::MutexLock lock(&exchange->mutex);
                                         exchange->result = std::move(response);
                                         exchange->done.SignalAll();
                                     });
    const std::stop_callback onStop(stop, [&client, id] { client.cancel(id); });
    absl::MutexLock lock(&exchange->mutex);
    while (!exchange->result) {
        exchange->done.Wait(&exchange->mutex);
    }
    return *std::move(exchange->result);
}

} // namespace narthex::net
