// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/line_stream.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/net/tls_material.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace narthex::net {
namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

using Steady = std::chrono::steady_clock;
using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::string tlsErrorText()
{
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the connection was closed" : reason;
}

int versionOf(const std::string& name, int otherwise)
{
    return name == "TLS10"   ? TLS1_VERSION
           : name == "TLS11" ? TLS1_1_VERSION
           : name == "TLS12" ? TLS1_2_VERSION
           : name == "TLS13" ? TLS1_3_VERSION
                             : otherwise;
}

Bio memory(std::string_view text)
{
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

absl::Status useAuthority(SSL_CTX* context, const std::string& pem)
{
    if (pem.empty()) {
        return SSL_CTX_set_default_verify_paths(context) == 1
                   ? absl::OkStatus()
                   : base::unavailable("the system's certificates cannot be read");
    }
    const Bio bio = memory(pem);
    int count = 0;
    while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
        X509_free(certificate);
        ++count;
    }
    ERR_clear_error();
    return count > 0 ? absl::OkStatus() : base::unavailable("unable to use specified CA cert");
}

absl::Status useCertificate(SSL_CTX* context, const TlsMaterial& material)
{
    if (material.certificate.empty()) {
        return absl::OkStatus();
    }
    const Bio chain = memory(material.certificate);
    bool first = true;
    while (X509* certificate = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
        if (first) {
            SSL_CTX_use_certificate(context, certificate); // counts its own reference
            X509_free(certificate);
        } else {
            SSL_CTX_add_extra_chain_cert(context, certificate); // takes it over
        }
        first = false;
    }
    ERR_clear_error();
    const Bio key = memory(material.key.reveal());
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parsed(
        PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (first || parsed == nullptr || SSL_CTX_use_PrivateKey(context, parsed.get()) != 1) {
        return base::unavailable("unable to use specified client cert: {}", tlsErrorText());
    }
    return absl::OkStatus();
}

absl::StatusOr<Context> contextFor(const TlsConfig& config)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::shared_ptr<const TlsMaterial> material,
                             loadTlsMaterial(config, nullptr));
    Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_min_proto_version(context.get(), versionOf(config.minVersion, TLS1_2_VERSION));
    SSL_CTX_set_max_proto_version(context.get(), versionOf(config.maxVersion, 0));
    SSL_CTX_set_verify(context.get(), config.insecureSkipVerify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       nullptr);
    if (!config.insecureSkipVerify) {
        NARTHEX_RETURN_IF_ERROR(useAuthority(context.get(), material->authority));
    }
    NARTHEX_RETURN_IF_ERROR(useCertificate(context.get(), *material));
    return context;
}

} // namespace

struct LineStream::Impl
{
    explicit Impl(const DialogueLimits& limits)
        : end(Steady::now() + std::chrono::nanoseconds(limits.timeout.ns)),
          unlimited(limits.timeout.ns <= 0),
          stop(limits.stop),
          wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd"),
          onStop(limits.stop, [this] { eventfd_write(wake.descriptor(), 1); })
    {}

    /// Until the socket is ready for `events`.
    absl::Status wait(short events) const
    {
        while (true) {
            if (stop.stop_requested()) {
                return base::cancelled("stopped");
            }
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now()).count();
            if (!unlimited && left <= 0) {
                return base::deadlineExceeded("the peer did not answer in time");
            }
            std::array<pollfd, 2> ready{pollfd{wake.descriptor(), POLLIN, 0},
                                        pollfd{socket.descriptor(), events, 0}};
            const int timeout =
                unlimited ? -1 : static_cast<int>(std::min<std::int64_t>(left + 1, 60'000));
            poll(ready.data(), ready.size(), timeout);
            if (ready[1].revents != 0) {
                return absl::OkStatus();
            }
        }
    }

    absl::Status connectTo(const addrinfo& address)
    {
        socket = base::File(::socket(address.ai_family,
                                     address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                     address.ai_protocol),
                            "socket");
        if (!socket.isOpen()) {
            return base::errnoStatus(errno, "socket");
        }
        if (::connect(socket.descriptor(), address.ai_addr, address.ai_addrlen) == 0) {
            return absl::OkStatus();
        }
        if (errno != EINPROGRESS) {
            return base::errnoStatus(errno, "connect");
        }
        NARTHEX_RETURN_IF_ERROR(wait(POLLOUT));
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
        return error == 0 ? absl::OkStatus() : base::errnoStatus(error, "connect");
    }

    /// What a TLS call that did not succeed waits for.
    absl::Status afterTls(int result) const
    {
        switch (SSL_get_error(session.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return wait(POLLIN);
        case SSL_ERROR_WANT_WRITE:
            return wait(POLLOUT);
        default:
            break;
        }
        const long verdict = SSL_get_verify_result(session.get());
        if (verdict != X509_V_OK) {
            ERR_clear_error();
            return base::unavailable("tls: failed to verify certificate: {}",
                                     X509_verify_cert_error_string(verdict));
        }
        return base::unavailable("tls: {}", tlsErrorText());
    }

    /// Some bytes into `buffer_`.
    absl::Status receive()
    {
        std::array<char, 4096> chunk{};
        while (true) {
            if (session != nullptr) {
                const int got = SSL_read(session.get(), chunk.data(), chunk.size());
                if (got > 0) {
                    buffer.append(chunk.data(), static_cast<std::size_t>(got));
                    return absl::OkStatus();
                }
                NARTHEX_RETURN_IF_ERROR(afterTls(got));
                continue;
            }
            const ssize_t got = ::recv(socket.descriptor(), chunk.data(), chunk.size(), 0);
            if (got > 0) {
                buffer.append(chunk.data(), static_cast<std::size_t>(got));
                return absl::OkStatus();
            }
            if (got == 0) {
                return base::unavailable("EOF");
            }
            if (errno != EAGAIN && errno != EINTR) {
                return base::errnoStatus(errno, "receive");
            }
            NARTHEX_RETURN_IF_ERROR(wait(POLLIN));
        }
    }

    absl::Status sendSome(std::string_view& bytes)
    {
        if (session != nullptr) {
            const int sent =
                SSL_write(session.get(), bytes.data(),
                          static_cast<int>(std::min<std::size_t>(bytes.size(), 16'384)));
            if (sent <= 0) {
                return afterTls(sent);
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            return absl::OkStatus();
        }
        const ssize_t sent = ::send(socket.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            return absl::OkStatus();
        }
        return errno == EAGAIN || errno == EINTR ? wait(POLLOUT) : base::errnoStatus(errno, "send");
    }

    const Steady::time_point end;
    const bool unlimited;
    const std::stop_token stop;
    const base::File wake;
    const std::stop_callback<std::function<void()>> onStop;
    base::File socket;
    Context context{nullptr, SSL_CTX_free};
    Session session{nullptr, SSL_free};
    std::string buffer;
};

LineStream::LineStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineStream::~LineStream() = default;

absl::StatusOr<std::unique_ptr<LineStream>>
LineStream::connect(const std::string& host, const std::string& port, const DialogueLimits& limits)
{
    auto impl = std::make_unique<Impl>(limits);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
        return base::unavailable("lookup {}: {}", host, gai_strerror(error));
    }
    const Addresses addresses(found, freeaddrinfo);
    absl::Status status = base::unavailable("{} has no address", host);
    for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
        status = impl->connectTo(*each);
        if (status.ok()) {
            return std::unique_ptr<LineStream>(new LineStream(std::move(impl)));
        }
        if (status.code() == absl::StatusCode::kCancelled ||
            status.code() == absl::StatusCode::kDeadlineExceeded) {
            break;
        }
    }
    return base::annotate(status, host + ":" + port);
}

bool LineStream::isTls() const { return impl_->session != nullptr; }

absl::Status LineStream::startTls(const TlsConfig& config, const std::string& host)
{
    if (!impl_->buffer.empty()) {
        return base::unavailable("the peer spoke before TLS was agreed on");
    }
    NARTHEX_ASSIGN_OR_RETURN(impl_->context, contextFor(config));
    const std::string& name = config.serverName.empty() ? host : config.serverName;
    impl_->session = Session(SSL_new(impl_->context.get()), SSL_free);
    SSL* const session = impl_->session.get();
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) != 1) {
        ERR_clear_error();
        SSL_set1_host(session, name.c_str());
        std::string mutableName = name; // the C interface asks for it, and copies
        SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 mutableName.data());
    }
    SSL_set_fd(session, impl_->socket.descriptor());
    while (true) {
        const int result = SSL_connect(session);
        if (result == 1) {
            return absl::OkStatus();
        }
        NARTHEX_RETURN_IF_ERROR(impl_->afterTls(result));
    }
}

absl::Status LineStream::write(std::string_view bytes)
{
    while (!bytes.empty()) {
        NARTHEX_RETURN_IF_ERROR(impl_->sendSome(bytes));
    }
    return absl::OkStatus();
}

absl::StatusOr<std::string> LineStream::readLine()
{
    while (true) {
        const std::size_t newline = impl_->buffer.find('\n');
        if (newline != std::string::npos) {
            std::string line = impl_->buffer.substr(0, newline);
            impl_->buffer.erase(0, newline + 1);
            if (line.ends_with('\r')) {
                line.pop_back();
            }
            return line;
        }
        if (impl_->buffer.size() > kLongestLine) {
            return base::resourceExhausted("a line of more than {} bytes", kLongestLine);
        }
        NARTHEX_RETURN_IF_ERROR(impl_->receive());
    }
}

} // namespace narthex::net
