// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/resolve_hosts.h"

#include "core/base/status.h"

#include <ares.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <memory>
#include <netdb.h>
#include <optional>
#include <poll.h>

namespace narthex::discovery {
namespace {

using Clock = std::chrono::steady_clock;
using Addresses = absl::StatusOr<std::vector<std::string>>;

/// How soon a stop request or a deadline is seen while name servers are silent.
constexpr std::chrono::milliseconds kLook{100};

struct ChannelCloser
{
    void operator()(ares_channeldata* channel) const { ares_destroy(channel); }
};

/// One lookup with a channel of its own, so that it can be given up alone.
class Lookup
{
public:
    Lookup(const std::string& host, const ResolveOptions& options)
        : host_(host), end_(Clock::now() + std::chrono::nanoseconds(options.timeout.ns))
    {
        ares_options settings{};
        std::string file = options.resolverFile;
        settings.timeout = 2000;
        settings.tries = 3;
        settings.resolvconf_path = file.data();
        ares_channel channel = nullptr;
        const int status = ares_init_options(&channel, &settings,
                                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                                 (file.empty() ? 0 : ARES_OPT_RESOLVCONF));
        if (status != ARES_SUCCESS) {
            result_ = base::unavailable("cannot look up {}: {}", host, ares_strerror(status));
            return;
        }
        channel_.reset(channel);
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        ares_getaddrinfo(channel, host_.c_str(), nullptr, &hints, &Lookup::done, this);
    }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    void watch(std::vector<pollfd>& sockets) const
    {
        if (result_) {
            return;
        }
        std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> all{};
        const int bits = ares_getsock(channel_.get(), all.data(), ARES_GETSOCK_MAXNUM);
        const auto mask = static_cast<unsigned>(bits);
        for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
            const bool reads = ((mask >> i) & 1U) != 0;
            const bool writes = ((mask >> (i + ARES_GETSOCK_MAXNUM)) & 1U) != 0;
            if (reads || writes) {
                const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
                sockets.push_back({.fd = all[i], .events = static_cast<short>(events)});
            }
        }
    }
    /// Lets what arrived, and what timed out, have its effect.
    void work(const std::vector<pollfd>& sockets, bool stopping)
    {
        if (result_) {
            return;
        }
        for (const pollfd& socket : sockets) {
            if (socket.revents != 0 && !result_) {
                ares_process_fd(channel_.get(), socket.fd, socket.fd);
            }
        }
        if (!result_) {
            ares_process_fd(channel_.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        }
        if (!result_ && (stopping || Clock::now() >= end_)) {
            gaveUp_ = stopping ? base::cancelled("looking up {} was cancelled", host_)
                               : base::deadlineExceeded("no answer about {} in time", host_);
            ares_cancel(channel_.get());
        }
    }
    [[nodiscard]] bool finished() const { return result_.has_value(); }
    Addresses take() { return *std::move(result_); }

private:
    static void done(void* self, int status, int, ares_addrinfo* info)
    {
        const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(
            info, &ares_freeaddrinfo);
        auto& lookup = *static_cast<Lookup*>(self);
        if (lookup.gaveUp_) {
            lookup.result_ = *lookup.gaveUp_;
        } else if (status != ARES_SUCCESS) {
            lookup.result_ =
                base::unavailable("cannot look up {}: {}", lookup.host_, ares_strerror(status));
        } else {
            lookup.result_ = addressesOf(info);
        }
    }
    static std::vector<std::string> addressesOf(const ares_addrinfo* info)
    {
        std::vector<std::string> addresses;
        for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
            std::array<char, NI_MAXHOST> text{};
            if (getnameinfo(node->ai_addr, node->ai_addrlen, text.data(), text.size(), nullptr, 0,
                            NI_NUMERICHOST) == 0) {
                addresses.emplace_back(text.data());
            }
        }
        std::sort(addresses.begin(), addresses.end());
        addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
        return addresses;
    }

    const std::string host_;
    const Clock::time_point end_;
    std::optional<absl::Status> gaveUp_;
    std::optional<Addresses> result_;
    // Last: its end calls done() for a lookup that runs.
    std::unique_ptr<ares_channeldata, ChannelCloser> channel_;
};

} // namespace

std::vector<Addresses> resolveHosts(std::span<const std::string> hosts,
                                    const ResolveOptions& options, const std::stop_token& stop)
{
    std::vector<std::unique_ptr<Lookup>> lookups(hosts.size());
    std::size_t started = 0;
    std::size_t finished = 0;
    while (finished < hosts.size()) {
        while (started < hosts.size() && started - finished < options.atOnce) {
            lookups[started] = std::make_unique<Lookup>(hosts[started], options);
            ++started;
        }
        std::vector<pollfd> sockets;
        bool running = false;
        for (std::size_t i = 0; i < started; ++i) {
            running = running || !lookups[i]->finished();
            lookups[i]->watch(sockets);
        }
        if (running) {
            // Its result does not matter: every channel is asked below.
            poll(sockets.data(), sockets.size(), static_cast<int>(kLook.count()));
        }
        finished = 0;
        for (std::size_t i = 0; i < started; ++i) {
            lookups[i]->work(sockets, stop.stop_requested());
            finished += lookups[i]->finished() ? 1U : 0U;
        }
    }
    std::vector<Addresses> results;
    for (const auto& lookup : lookups) {
        results.push_back(lookup->take());
    }
    return results;
}

} // namespace narthex::discovery
