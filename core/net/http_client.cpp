// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_client.h"

#include "core/base/status.h"
#include "core/net/curl_loop.h"
#include "core/net/io_loop_impl.h"
#include "core/net/request_headers.h"
#include "core/net/transfer.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

namespace narthex::net {
namespace {

using Clock = Transfer::Clock;

/// Handles that wait for the next request, with a receive buffer each.
constexpr std::size_t kIdleHandles = 32;
/// Idle connections a host: one more request at once leaves none behind.
constexpr int kIdlePerHost = 1000;

absl::Status cancelledStatus()
{
    return transportStatus(absl::StatusCode::kCancelled, TransportError::Cancelled,
                           "request was cancelled");
}

/// An error that happened before anything was sent, with a class.
absl::Status classified(const absl::Status& status)
{
    return transportErrorOf(status) != TransportError::None
               ? status
               : transportStatus(status.code(), TransportError::Other,
                                 std::string(base::messageOf(status)));
}

std::string processVariable(const char* name)
{
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

Clock::duration toChrono(base::Duration duration) { return std::chrono::nanoseconds(duration.ns); }

} // namespace

class HttpClient::Impl
{
public:
    Impl(IoLoop& loop, std::string userAgent)
        : loop_(loop),
          userAgent_(std::move(userAgent)),
          environment_(ProxyEnvironment::read(processVariable))
    {
        curl_global_init(CURL_GLOBAL_ALL);
        curl_.emplace(loop, [this](CURL* easy, CURLcode code) {
            Transfer* transfer = nullptr;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
            hopEnded(*transfer, code);
        });
    }

    ~Impl()
    {
        loop_.run([this] {
            *alive_ = false;
            while (!transfers_.empty()) {
                complete(*transfers_.begin()->second, cancelledStatus());
            }
            for (const Handle& handle : idle_) {
                curl_easy_cleanup(handle.easy);
            }
            curl_.reset();
        });
    }

    RequestId send(HttpRequest request, std::shared_ptr<const HttpClientConfig> config, Reply reply)
    {
        auto transfer = std::make_unique<Transfer>();
        transfer->id = RequestId{nextId_.fetch_add(1)};
        transfer->request = std::move(request);
        transfer->config = std::move(config);
        transfer->reply = std::move(reply);
        const RequestId id = transfer->id;
        // std::function wants something copyable.
        auto holder = std::make_shared<std::unique_ptr<Transfer>>(std::move(transfer));
        loop_.post([this, holder] { start(std::move(*holder)); });
        return id;
    }

    void cancel(RequestId id)
    {
        loop_.post([this, id] {
            if (Transfer* const transfer = find(id)) {
                complete(*transfer, cancelledStatus());
            }
        });
    }

private:
    Transfer* find(RequestId id)
    {
        const auto found = transfers_.find(static_cast<std::uint64_t>(id));
        return found == transfers_.end() ? nullptr : found->second.get();
    }

    void start(std::unique_ptr<Transfer> owned)
    {
        Transfer& transfer = *owned;
        transfers_.emplace(static_cast<std::uint64_t>(transfer.id), std::move(owned));
        transfer.received = std::move(transfer.request.buffer);
        transfer.received.clear();
        transfer.state = stateOf(transfer.config);
        transfer.start = Clock::now();
        auto url = parseUrl(transfer.request.url);
        if (!url.ok()) {
            complete(transfer, url.status());
            return;
        }
        transfer.url = *std::move(url);
        transfer.firstHost = transfer.url.host;
        beginHop(transfer);
    }

    /// What is kept for a configuration, while anybody holds on to it.
    std::shared_ptr<ConfigState> stateOf(const std::shared_ptr<const HttpClientConfig>& config)
    {
        auto& state = states_[config.get()];
        if (!state || state->config.expired()) {
            state = std::make_shared<ConfigState>(config, environment_);
            if (states_.size() > statesLimit_) {
                auto result = state;
                absl::erase_if(states_,
                               [](const auto& each) { return each.second->config.expired(); });
                statesLimit_ = states_.size() * 2 + 64;
                return result;
            }
        }
        return state;
    }

    void beginHop(Transfer& transfer)
    {
        if (const absl::Status status = prepareHop(transfer); !status.ok()) {
            complete(transfer, status);
        }
    }

    /// Sends the request, or puts it off until there is a token.
    absl::Status prepareHop(Transfer& transfer)
    {
        ConfigState& state = *transfer.state;
        transfer.hopStart = transfer.newestBytes = Clock::now();
        if (state.tokens && transfer.token.empty() && !transfer.leftHost &&
            !bringsCredentials(transfer.request, transfer.url)) {
            NARTHEX_RETURN_IF_ERROR(state.tokens->refreshSecret());
            transfer.token = state.tokens->authorization(Clock::now());
            if (transfer.token.empty()) {
                state.waitingForToken.push_back(transfer.id);
                watch(transfer);
                fetchToken(transfer.state); // may end the transfer
                return absl::OkStatus();
            }
        }
        NARTHEX_ASSIGN_OR_RETURN(state.tls, loadTlsMaterial(transfer.config->tls, state.tls));
        NARTHEX_ASSIGN_OR_RETURN(const Parameters headers,
                                 composeHeaders(transfer.request, *transfer.config, transfer.url,
                                                transfer.token, transfer.leftHost));
        transfer.handle = takeHandle(transfer);
        setUpTransfer(transfer, headers, userAgent_);
        const int atOnce = ++perHost_[transfer.url.authority()];
        curl_easy_setopt(transfer.handle.easy, CURLOPT_FORBID_REUSE,
                         atOnce > kIdlePerHost ? 1L : 0L);
        watch(transfer);
        curl_->add(transfer.handle.easy);
        return absl::OkStatus();
    }

    Handle takeHandle(const Transfer& transfer)
    {
        if (idle_.empty()) {
            return {.easy = curl_->newHandle()};
        }
        // One that was set up for this configuration saves doing it again.
        auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Handle& handle) {
            return handle.state == transfer.state;
        });
        if (found != idle_.rend()) {
            std::swap(*found, idle_.back());
        }
        Handle handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
    }

    void giveBack(Transfer& transfer)
    {
        if (transfer.handle.easy == nullptr) {
            return;
        }
        curl_->remove(transfer.handle.easy);
        const auto active = perHost_.find(transfer.url.authority());
        if (active != perHost_.end() && --active->second == 0) {
            perHost_.erase(active);
        }
        Handle handle = std::exchange(transfer.handle, {});
        curl_easy_setopt(handle.easy, CURLOPT_ERRORBUFFER, nullptr);
        if (idle_.size() < kIdleHandles) {
            idle_.push_back(std::move(handle));
        } else {
            curl_easy_cleanup(handle.easy);
        }
    }

    void hopEnded(Transfer& transfer, CURLcode code)
    {
        const Url from = transfer.url;
        auto redirected = followRedirect(code, transfer);
        if (!redirected.ok()) {
            const std::string message(base::messageOf(redirected.status()));
            complete(transfer, base::unavailable("{}", describeFailure(transfer, message)));
            return;
        }
        if (!*redirected) {
            complete(transfer, finishTransfer(code, transfer));
            return;
        }
        Url next = std::exchange(transfer.url, from);
        giveBack(transfer);
        transfer.url = std::move(next);
        beginHop(transfer);
    }

    void complete(Transfer& transfer, absl::StatusOr<HttpResponse> result)
    {
        giveBack(transfer);
        const auto found = transfers_.find(static_cast<std::uint64_t>(transfer.id));
        const std::unique_ptr<Transfer> owned = std::move(found->second);
        transfers_.erase(found);
        std::erase(owned->state->waitingForToken, owned->id);
        if (result.ok()) {
            owned->reply(std::move(result));
        } else {
            owned->reply(classified(result.status()));
        }
    }

    /// Asks for a token, unless that is under way already.
    void fetchToken(std::shared_ptr<ConfigState> state)
    {
        TokenSource& tokens = *state->tokens;
        if (state->fetching == tokens.generation()) {
            return;
        }
        auto request = tokens.request(std::chrono::duration_cast<std::chrono::seconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
        if (!request.ok()) {
            failWaiting(*state, request.status());
            return;
        }
        const std::uint64_t generation = tokens.generation();
        state->fetching = generation;
        auto transfer = std::make_unique<Transfer>();
        transfer->id = RequestId{nextId_.fetch_add(1)};
        transfer->request = *std::move(request);
        transfer->config = tokens.client();
        transfer->reply = [this, state, generation](const absl::StatusOr<HttpResponse>& answer) {
            tokenCame(state, generation, answer);
        };
        start(std::move(transfer));
    }

    void tokenCame(const std::shared_ptr<ConfigState>& state, std::uint64_t generation,
                   const absl::StatusOr<HttpResponse>& answer)
    {
        if (state->fetching != generation || !*alive_) {
            return; // of a secret that has changed since
        }
        state->fetching.reset();
        const auto taken = state->tokens->take(answer, Clock::now());
        if (taken.ok() && !*taken) {
            fetchToken(state);
            return;
        }
        if (!taken.ok()) {
            failWaiting(*state, taken.status());
            return;
        }
        // Whatever its lifetime: one that is short would be fetched again for ever.
        const std::string token = state->tokens->authorization(Clock::time_point::min());
        for (const RequestId id : std::exchange(state->waitingForToken, {})) {
            if (Transfer* const transfer = find(id)) {
                transfer->token = token;
                beginHop(*transfer);
            }
        }
    }

    void failWaiting(ConfigState& state, const absl::Status& status)
    {
        for (const RequestId id : std::exchange(state.waitingForToken, {})) {
            if (Transfer* const transfer = find(id)) {
                const std::string message(base::messageOf(status));
                complete(*transfer,
                         transportStatus(absl::StatusCode::kUnavailable, TransportError::Other,
                                         describeFailure(*transfer, message)));
            }
        }
    }

    /// The next moment at which a limit that curl does not watch may be reached.
    static std::optional<Clock::time_point> nextCheck(const Transfer& transfer)
    {
        const HttpRequest& request = transfer.request;
        std::optional<Clock::time_point> next;
        const auto consider = [&next](Clock::time_point time) {
            next = next ? std::min(*next, time) : time;
        };
        if (request.idleTimeout.ns != 0) {
            consider(transfer.newestBytes + toChrono(request.idleTimeout));
        }
        if (transfer.handle.easy == nullptr && request.timeout.ns != 0) {
            consider(transfer.start + toChrono(request.timeout));
        }
        return next;
    }

    void watch(Transfer& transfer)
    {
        const auto next = nextCheck(transfer);
        if (!next) {
            transfer.watchdog.reset();
            return;
        }
        if (!transfer.watchdog) {
            transfer.watchdog.emplace(loop_.impl().context);
        }
        transfer.watchdog->expires_at(*next);
        transfer.watchdog->async_wait([this, alive = alive_, id = transfer.id](const auto& error) {
            Transfer* const found = error || !*alive ? nullptr : find(id);
            if (found != nullptr) {
                checkLimits(*found);
            }
        });
    }

    void checkLimits(Transfer& transfer)
    {
        const auto next = nextCheck(transfer);
        if (!next || *next > Clock::now()) {
            watch(transfer);
            return;
        }
        const std::string what =
            transfer.handle.easy == nullptr
                ? "context deadline exceeded (while waiting for an oauth2 token)"
                : fmt::format("context deadline exceeded (nothing came for {} ms)",
                              transfer.request.idleTimeout.ms());
        complete(transfer,
                 transportStatus(absl::StatusCode::kDeadlineExceeded, TransportError::Timeout,
                                 describeFailure(transfer, what)));
    }

    // Fixed after construction.
    IoLoop& loop_;
    const std::string userAgent_;
    const ProxyEnvironment environment_;
    // Safe by itself.
    std::atomic<std::uint64_t> nextId_{1};
    // Touched by the loop's thread only.
    /// False once the client is ending: timers that fire later find out.
    const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::optional<CurlLoop> curl_;
    absl::flat_hash_map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
    absl::flat_hash_map<const HttpClientConfig*, std::shared_ptr<ConfigState>> states_;
    std::size_t statesLimit_ = 64;
    std::vector<Handle> idle_;
    absl::flat_hash_map<std::string, int> perHost_;
};

HttpClient::HttpClient(IoLoop& loop, std::string userAgent)
    : impl_(std::make_unique<Impl>(loop, std::move(userAgent)))
{}

HttpClient::~HttpClient() = default;

RequestId HttpClient::send(HttpRequest request, std::shared_ptr<const HttpClientConfig> config,
                           Reply reply)
{
    return impl_->send(std::move(request), std::move(config), std::move(reply));
}

void HttpClient::cancel(RequestId id) { impl_->cancel(id); }

} // namespace narthex::net
