// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/server_link.h"

#include "core/client/http/answer_error.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

namespace narthex::client {
namespace {

std::string withoutSlash(std::string url)
{
    while (url.ends_with('/')) {
        url.pop_back();
    }
    return url;
}

} // namespace

/// Requests under way.
struct ServerLink::Pending
{
    absl::Mutex mutex;
    std::size_t count ABSL_GUARDED_BY(mutex) = 0;
    std::stop_source stopAll;

    bool begin()
    {
        absl::MutexLock lock(&mutex);
        if (stopAll.stop_requested()) {
            return false;
        }
        ++count;
        return true;
    }
    void end()
    {
        absl::MutexLock lock(&mutex);
        --count;
    }
};

/// One request, until its reply was given and the last who knows it has let go.
struct ServerLink::Exchange
{
    struct Cancel
    {
        net::HttpClient* client;
        net::RequestId id;
        void operator()() const { client->cancel(id); }
    };

    Exchange(std::shared_ptr<Pending> owner, Reply<net::HttpResponse> answer, std::string address)
        : pending(std::move(owner)), reply(std::move(answer)), url(std::move(address))
    {}
    ~Exchange()
    {
        // Their callbacks use the client, which stays until nothing is pending.
        onStop.reset();
        onEnd.reset();
        pending->end();
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    const std::shared_ptr<Pending> pending;
    Reply<net::HttpResponse> reply;
    const std::string url;
    // Touched by send() alone until the end.
    std::optional<std::stop_callback<Cancel>> onStop;
    std::optional<std::stop_callback<Cancel>> onEnd;
};

ServerLink::ServerLink(std::string url, const LinkSettings& settings, Environment environment)
    : url_(withoutSlash(std::move(url))),
      config_(std::make_shared<const net::HttpClientConfig>(settings.http)),
      headers_(settings.headers),
      timeout_(settings.timeout),
      limitBytes_(settings.answerLimitBytes),
      pool_(environment.pool),
      pending_(std::make_shared<Pending>()),
      client_(environment.loop, "Narthex")
{}

ServerLink::~ServerLink() { close(); }

void ServerLink::close()
{
    pending_->stopAll.request_stop();
    absl::MutexLock lock(&pending_->mutex);
    pending_->mutex.Await(absl::Condition(
        +[](Pending* pending) ABSL_NO_THREAD_SAFETY_ANALYSIS { return pending->count == 0; },
        pending_.get()));
}

void ServerLink::send(LinkRequest request, std::stop_token stop, Reply<net::HttpResponse> reply)
{
    if (stop.stop_requested() || !pending_->begin()) {
        reply(absl::CancelledError("request was cancelled"));
        return;
    }
    net::HttpRequest http{.method = std::move(request.method), .url = url_ + request.path};
    http.headers = headers_;
    http.timeout = request.timeout.value_or(timeout_);
    http.bodyLimitBytes = limitBytes_;
    auto exchange = std::make_shared<Exchange>(pending_, std::move(reply), http.url);
    if (!request.json.empty()) {
        http.headers.emplace_back("Content-Type", "application/json");
        http.body = std::move(request.json);
    } else if (http.method == "POST") {
        http.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        http.body = net::formEncode(request.parameters);
    } else if (!request.parameters.empty()) {
        http.url += '?' + net::formEncode(request.parameters);
    }
    const net::RequestId id = client_.send(
        std::move(http), config_,
        [exchange, &pool = pool_](absl::StatusOr<net::HttpResponse> got) mutable {
            auto response = std::make_shared<absl::StatusOr<net::HttpResponse>>(std::move(got));
            // The loop's thread lets go of it here: its end may wait for a cancel() under way.
            pool.submit([exchange = std::move(exchange), response] {
                exchange->reply(response->ok() ? std::move(*response)
                                               : absl::StatusOr<net::HttpResponse>(transportProblem(
                                                     response->status(), exchange->url)));
                exchange->reply = nullptr;
            });
        });
    exchange->onStop.emplace(std::move(stop), Exchange::Cancel{&client_, id});
    exchange->onEnd.emplace(pending_->stopAll.get_token(), Exchange::Cancel{&client_, id});
}

} // namespace narthex::client
