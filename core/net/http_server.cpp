// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_server.h"

#include "core/base/status.h"
#include "core/net/http_session.h"
#include "core/net/io_loop_impl.h"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <netinet/tcp.h>
#include <poll.h>
#include <unordered_set>

namespace narthex::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// A listener that cannot take a connection (no file descriptors) tries again after this.
constexpr std::chrono::milliseconds kAcceptPause{100};

/// How often connections are looked at for time-outs: often enough for the shortest of these.
std::chrono::milliseconds sweepPeriod(const HttpServerOptions& options)
{
    const std::int64_t shortest =
        std::min({options.idleTimeout.ms(), options.readTimeout.ms(), options.writeTimeout.ms(),
                  options.idleGrace.ms()});
    return std::chrono::milliseconds(std::clamp<std::int64_t>(shortest / 4, 10, 500));
}

/// A machine that vanished without a word is noticed in about two minutes, also by connections
/// that only wait.
void setUp(Tcp::socket& socket)
{
    error_code error;
    socket.set_option(Tcp::no_delay(true), error);
    socket.set_option(asio::socket_base::keep_alive(true), error);
    const int descriptor = socket.native_handle();
    for (const auto& [option, value] :
         {std::pair{TCP_KEEPIDLE, 60}, {TCP_KEEPINTVL, 15}, {TCP_KEEPCNT, 4}}) {
        (void)::setsockopt(descriptor, IPPROTO_TCP, option, &value, sizeof value);
    }
}

std::string printed(const std::string& host, std::uint16_t port)
{
    const bool isIpv6 = host.empty() || host.find(':') != std::string::npos;
    return isIpv6 ? fmt::format("[{}]:{}", host.empty() ? "::" : host, port)
                  : fmt::format("{}:{}", host, port);
}

} // namespace

class HttpServer::Impl final : public SessionHost, public std::enable_shared_from_this<Impl>
{
public:
    Impl(IoLoop& loop, HttpServerOptions options, Handler handler)
        : loop_(loop),
          options_(std::move(options)),
          handler_(std::move(handler)),
          sweeper_(loop.impl().context)
    {}

    absl::Status listen();
    void stop();

    [[nodiscard]] const HttpServerOptions& options() const override { return options_; }
    void handle(ServerRequest request, Responder respond) override;
    void remove(const std::shared_ptr<Session>& session) override;
    [[nodiscard]] std::string_view date() override { return date_.now(); }
    [[nodiscard]] asio::io_context& context() override { return loop_.impl().context; }

    [[nodiscard]] IoLoop& loop() { return loop_; }
    [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] ConnectionCounts counts() const
    {
        return {.accepted = accepted_.load(std::memory_order_relaxed),
                .closed = closed_.load(std::memory_order_relaxed)};
    }

private:
    struct Listener
    {
        explicit Listener(asio::io_context& context) : acceptor(context), pause(context) {}
        Tcp::acceptor acceptor;
        asio::steady_timer pause;
        bool accepting = false;
    };

    absl::Status listenOn(const std::string& host, std::uint16_t port);
    void accept(Listener& listener);
    void onAccepted(Listener& listener, error_code error, Tcp::socket socket);
    void open(Tcp::socket socket);
    void sweep();
    [[nodiscard]] bool someWait() const;
    void makeRoom(SteadyTime now);

    IoLoop& loop_;
    // Fixed after listen().
    const HttpServerOptions options_;
    std::vector<std::string> addresses_;
    std::uint16_t port_ = 0;
    // Touched by the loop's thread only.
    Handler handler_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unordered_set<std::shared_ptr<Session>> sessions_;
    asio::steady_timer sweeper_;
    bool sweeping_ = false;
    bool stopped_ = false;
    DateText date_;
    // Counters, read by any thread; nothing hangs on their order.
    std::atomic<std::uint64_t> accepted_{0};
    std::atomic<std::uint64_t> closed_{0};
};

absl::Status HttpServer::Impl::listen()
{
    NARTHEX_RETURN_IF_ERROR(listenOn(options_.address, options_.port));
    for (const auto& [host, port] : options_.moreAddresses) {
        NARTHEX_RETURN_IF_ERROR(listenOn(host, port));
    }
    for (const auto& listener : listeners_) {
        accept(*listener);
    }
    return absl::OkStatus();
}

absl::Status HttpServer::Impl::listenOn(const std::string& host, std::uint16_t port)
{
    error_code error;
    const auto address = asio::ip::make_address(host.empty() ? "::" : host, error);
    if (error) {
        return base::invalidArgument("listen address \"{}\": {} (an IP address is needed)", host,
                                     error.message());
    }
    auto listener = std::make_unique<Listener>(context());
    Tcp::acceptor& acceptor = listener->acceptor;
    const Tcp::endpoint endpoint(address, port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.set_option(asio::socket_base::reuse_address(true), error);
    }
    if (!error && address.is_v6()) {
        acceptor.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error == asio::error::address_in_use) {
        const auto owner = listenerOf(port);
        return base::alreadyExists("listen {}:{}: address already in use{}", host, port,
                                   owner ? " by " + *owner : std::string());
    }
    if (error) {
        return base::unavailable("listen {}:{}: {}", host, port, error.message());
    }
    const std::uint16_t bound = acceptor.local_endpoint(error).port();
    addresses_.push_back(printed(host, bound));
    port_ = listeners_.empty() ? bound : port_;
    listeners_.push_back(std::move(listener));
    return absl::OkStatus();
}

void HttpServer::Impl::accept(Listener& listener)
{
    if (stopped_ || listener.accepting || sessions_.size() >= options_.maxConnections) {
        return; // further ones wait in the kernel; remove() comes back
    }
    listener.accepting = true;
    listener.acceptor.async_accept(
        [self = shared_from_this(), &listener](error_code error, Tcp::socket socket) {
            if (!self->stopped_) {
                self->onAccepted(listener, error, std::move(socket));
            }
        });
}

void HttpServer::Impl::onAccepted(Listener& listener, error_code error, Tcp::socket socket)
{
    listener.accepting = false;
    if (!error) {
        open(std::move(socket));
    }
    if (!error || error == asio::error::connection_aborted) {
        accept(listener);
        return;
    }
    listener.accepting = true;
    listener.pause.expires_after(kAcceptPause);
    listener.pause.async_wait([self = shared_from_this(), &listener](error_code /*cancelled*/) {
        listener.accepting = false;
        self->accept(listener);
    });
}

void HttpServer::Impl::open(Tcp::socket socket)
{
    error_code error;
    const auto endpoint = socket.remote_endpoint(error);
    std::string remote = error ? "" : endpoint.address().to_string();
    setUp(socket);
    accepted_.fetch_add(1, std::memory_order_relaxed);
    std::shared_ptr<Session> session;
    if (options_.tls) {
        const auto context = options_.tls();
        if (!context.ok()) {
            closed_.fetch_add(1, std::memory_order_relaxed);
            return; // the source has told why; the handshake fails
        }
        session =
            tlsSession(shared_from_this(), std::move(socket), context->get(), std::move(remote));
    } else {
        session = plainSession(shared_from_this(), std::move(socket), std::move(remote));
    }
    sessions_.insert(session);
    session->start();
    if (!sweeping_) {
        sweep();
    }
}

void HttpServer::Impl::sweep()
{
    sweeping_ = !stopped_ && !sessions_.empty(); // without connections nothing wakes up
    if (!sweeping_) {
        return;
    }
    sweeper_.expires_after(sweepPeriod(options_));
    sweeper_.async_wait([self = shared_from_this()](error_code error) {
        if (error) {
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        // Those that are too slow leave the set while it is walked.
        const std::vector<std::shared_ptr<Session>> all(self->sessions_.begin(),
                                                        self->sessions_.end());
        for (const auto& session : all) {
            session->checkTime(now);
        }
        if (self->sessions_.size() >= self->options_.maxConnections && self->someWait()) {
            self->makeRoom(now);
        }
        self->sweep();
    });
}

bool HttpServer::Impl::someWait() const
{
    return std::any_of(listeners_.begin(), listeners_.end(), [](const auto& listener) {
        pollfd waiting{.fd = listener->acceptor.native_handle(), .events = POLLIN, .revents = 0};
        return ::poll(&waiting, 1, 0) > 0;
    });
}

void HttpServer::Impl::makeRoom(SteadyTime now)
{
    // A few at a time, the longest idle first: those that come need not all be many.
    constexpr std::size_t kAtOnce = 64;
    std::vector<std::pair<SteadyTime, std::shared_ptr<Session>>> idle;
    for (const auto& session : sessions_) {
        const auto since = session->idleSince();
        if (since && now - *since >= std::chrono::milliseconds(options_.idleGrace.ms())) {
            idle.emplace_back(*since, session);
        }
    }
    std::sort(idle.begin(), idle.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < std::min(kAtOnce, idle.size()); ++i) {
        idle[i].second->makeRoom();
    }
}

void HttpServer::Impl::handle(ServerRequest request, Responder respond)
{
    if (!handler_) {
        return;
    }
    try {
        handler_(std::move(request), std::move(respond));
    } catch (const std::exception&) {
        // The responder went with it and has answered 500; the loop lives.
    }
}

void HttpServer::Impl::remove(const std::shared_ptr<Session>& session)
{
    if (sessions_.erase(session) == 0) {
        return;
    }
    closed_.fetch_add(1, std::memory_order_relaxed);
    for (const auto& listener : listeners_) {
        accept(*listener);
    }
}

void HttpServer::Impl::stop()
{
    stopped_ = true;
    handler_ = nullptr;
    sweeper_.cancel();
    error_code error;
    for (const auto& listener : listeners_) {
        listener->acceptor.close(error);
        listener->pause.cancel();
    }
    const auto sessions = std::move(sessions_);
    sessions_.clear();
    for (const auto& session : sessions) {
        session->close();
    }
}

absl::StatusOr<std::unique_ptr<HttpServer>>
HttpServer::start(IoLoop& loop, const HttpServerOptions& options, Handler handler)
{
    auto impl = std::make_shared<Impl>(loop, options, std::move(handler));
    absl::Status status;
    loop.run([&] {
        status = impl->listen();
        if (!status.ok()) {
            impl->stop();
        }
    });
    NARTHEX_RETURN_IF_ERROR(status);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer()
{
    impl_->loop().run([this] { impl_->stop(); });
}

std::uint16_t HttpServer::port() const { return impl_->port(); }

std::string HttpServer::address() const { return impl_->addresses().front(); }

std::vector<std::string> HttpServer::addresses() const { return impl_->addresses(); }

ConnectionCounts HttpServer::connections() const { return impl_->counts(); }

} // namespace narthex::net
