// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/http_client.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/net/io_loop_impl.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/cord.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <map>

namespace narthex::net {
namespace {

namespace asio = boost::asio;

constexpr char kTransportUrl[] = "narthex/transport";

absl::Status transportStatus(absl::StatusCode code, TransportError kind, const std::string& message)
{
    absl::Status status(code, message);
    status.SetPayload(kTransportUrl, absl::Cord(std::to_string(static_cast<int>(kind))));
    return status;
}

bool equalsIgnoreCase(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               const auto lower = [](char c) {
                   return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
               };
               return lower(x) == lower(y);
           });
}

TransportError classify(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return TransportError::NameResolution;
    case CURLE_COULDNT_CONNECT:
        return TransportError::Refused;
    case CURLE_OPERATION_TIMEDOUT:
        return TransportError::Timeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return TransportError::Tls;
    default:
        return TransportError::Other;
    }
}

std::string describe(CURLcode code, const char* detail)
{
    const std::string text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
    switch (classify(code)) {
    case TransportError::NameResolution:
        return "no such host (" + text + ")";
    case TransportError::Refused:
        return "connection refused (" + text + ")";
    case TransportError::Timeout:
        return "context deadline exceeded (" + text + ")";
    case TransportError::Tls:
        return "TLS: " + text;
    default:
        return text;
    }
}

struct Transfer
{
    RequestId id{};
    HttpRequest request;
    std::shared_ptr<const HttpClientConfig> config;
    HttpClient::Reply reply;
    HttpResponse response;
    std::string received;
    std::uint64_t receivedBytes = 0;
    bool streaming = false;
    bool limitReached = false;
    /// Runs when `idleTimeout` is set; the moment it waits for is behind the newest bytes.
    std::optional<asio::steady_timer> idleTimer;
    asio::steady_timer::time_point newestBytes;
    CURL* easy = nullptr;
    curl_slist* headers = nullptr;
    char error[CURL_ERROR_SIZE] = {};

    ~Transfer()
    {
        curl_slist_free_all(headers);
        curl_easy_cleanup(easy);
    }
};

std::size_t onBody(char* data, std::size_t size, std::size_t count, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    const std::size_t bytes = size * count;
    const std::uint64_t limit = transfer.request.bodyLimitBytes;
    transfer.newestBytes = asio::steady_timer::clock_type::now();
    transfer.receivedBytes += bytes;
    // A compressed body is checked again when it is inflated.
    if (limit != 0 && transfer.receivedBytes >= limit) {
        transfer.limitReached = true;
        return 0;
    }
    if (transfer.streaming) {
        transfer.request.onData({data, bytes});
    } else {
        transfer.received.append(data, bytes);
    }
    return bytes;
}

std::size_t onHeader(char* data, std::size_t size, std::size_t count, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.newestBytes = asio::steady_timer::clock_type::now();
    std::string_view line(data, size * count);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
        line.remove_suffix(1);
    }
    if (line.starts_with("HTTP/")) {
        // A new answer begins (after a redirect or 100 Continue).
        transfer.response.headers.clear();
        const std::size_t code = line.find(' ');
        transfer.streaming = transfer.request.onData != nullptr &&
                             line.substr(0, line.find(' ', code + 1)).ends_with(" 200");
        const std::size_t reason = code == std::string_view::npos ? code : line.find(' ', code + 1);
        transfer.response.reason = reason == std::string_view::npos ? "" : line.substr(reason + 1);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        std::string_view value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        transfer.response.headers.emplace_back(line.substr(0, colon), value);
    }
    return size * count;
}

long tlsVersion(const std::string& name, long fallback)
{
    static const std::map<std::string, long, std::less<>> kVersions = {
        {"TLS10", CURL_SSLVERSION_TLSv1_0},
        {"TLS11", CURL_SSLVERSION_TLSv1_1},
        {"TLS12", CURL_SSLVERSION_TLSv1_2},
        {"TLS13", CURL_SSLVERSION_TLSv1_3}};
    const auto found = kVersions.find(name);
    return found == kVersions.end() ? fallback : found->second;
}

absl::StatusOr<std::string> trimmedFile(const std::string& path, std::string_view what)
{
    auto text = base::readFile(path, 1 << 20);
    if (!text.ok()) {
        return base::annotate(text.status(), fmt::format("unable to read {}", what));
    }
    const std::size_t first = text->find_first_not_of(" \t\r\n");
    const std::size_t last = text->find_last_not_of(" \t\r\n");
    return first == std::string::npos ? std::string() : text->substr(first, last - first + 1);
}

absl::Status setAuthentication(Transfer& transfer)
{
    CURL* easy = transfer.easy;
    const HttpClientConfig& config = *transfer.config;
    if (config.basicAuth) {
        std::string user = config.basicAuth->username;
        std::string password = config.basicAuth->password.reveal();
        if (!config.basicAuth->usernameFile.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(
                user, trimmedFile(config.basicAuth->usernameFile, "basic auth username"));
        }
        if (!config.basicAuth->passwordFile.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(
                password, trimmedFile(config.basicAuth->passwordFile, "basic auth password"));
        }
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, user.c_str());
        curl_easy_setopt(easy, CURLOPT_PASSWORD, password.c_str());
    }
    if (config.authorization) {
        std::string credentials = config.authorization->credentials.reveal();
        if (!config.authorization->credentialsFile.empty()) {
            NARTHEX_ASSIGN_OR_RETURN(credentials, trimmedFile(config.authorization->credentialsFile,
                                                              "authorization credentials"));
        }
        const std::string header =
            fmt::format("Authorization: {} {}", config.authorization->type, credentials);
        transfer.headers = curl_slist_append(transfer.headers, header.c_str());
    }
    return absl::OkStatus();
}

void setTls(CURL* easy, const TlsConfig& tls)
{
    const long minimum = tlsVersion(tls.minVersion, CURL_SSLVERSION_TLSv1_2);
    const long maximum = tls.maxVersion.empty() ? 0 : tlsVersion(tls.maxVersion, 0) << 16;
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, minimum | maximum);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.insecureSkipVerify ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.insecureSkipVerify ? 0L : 2L);
    if (!tls.caFile.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, tls.caFile.c_str());
    }
    if (!tls.ca.empty()) {
        curl_blob blob{.data = const_cast<char*>(tls.ca.data()), // curl copies it
                       .len = tls.ca.size(),
                       .flags = CURL_BLOB_COPY};
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!tls.certFile.empty()) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.certFile.c_str());
        curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.keyFile.c_str());
    }
}

absl::Status setUp(Transfer& transfer, const std::string& userAgent)
{
    CURL* easy = transfer.easy;
    const HttpRequest& request = transfer.request;
    const HttpClientConfig& config = *transfer.config;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, userAgent.c_str());
    if (request.timeout.ns != 0) {
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                         static_cast<long>(std::max<std::int64_t>(1, request.timeout.ms())));
    }
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, config.followRedirects ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     config.enableHttp2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, onBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, onHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    if (request.method != "GET") {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
    }
    if (!request.unixSocket.empty()) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unixSocket.c_str());
    }
    // An empty proxy switches off what curl would take from the environment.
    if (!config.proxy.fromEnvironment) {
        curl_easy_setopt(easy, CURLOPT_PROXY, config.proxy.url.c_str());
        curl_easy_setopt(easy, CURLOPT_NOPROXY, config.proxy.noProxy.c_str());
    }
    setTls(easy, config.tls);
    const auto add = [&transfer](const std::string& name, const std::string& value) {
        transfer.headers =
            curl_slist_append(transfer.headers, fmt::format("{}: {}", name, value).c_str());
    };
    for (const auto& [name, value] : request.headers) {
        if (!request.onData || !equalsIgnoreCase(name, "Accept-Encoding")) {
            add(name, value);
        }
    }
    for (const auto& [name, header] : config.headers) {
        for (const std::string& value : header.values) {
            add(name, value);
        }
        for (const base::Secret& value : header.secrets) {
            add(name, value.reveal());
        }
        for (const std::string& path : header.files) {
            NARTHEX_ASSIGN_OR_RETURN(const std::string value,
                                     trimmedFile(path, "headers file " + path));
            add(name, value);
        }
    }
    NARTHEX_RETURN_IF_ERROR(setAuthentication(transfer));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
    return absl::OkStatus();
}

HttpTiming timingOf(CURL* easy)
{
    const auto get = [easy](CURLINFO info) {
        curl_off_t microseconds = 0;
        curl_easy_getinfo(easy, info, &microseconds);
        return base::Duration{static_cast<std::int64_t>(microseconds) * 1000};
    };
    return {.nameLookup = get(CURLINFO_NAMELOOKUP_TIME_T),
            .connect = get(CURLINFO_CONNECT_TIME_T),
            .tls = get(CURLINFO_APPCONNECT_TIME_T),
            .firstByte = get(CURLINFO_STARTTRANSFER_TIME_T),
            .total = get(CURLINFO_TOTAL_TIME_T)};
}

absl::Status failure(CURLcode code, const Transfer& transfer)
{
    if (transfer.limitReached) {
        return transportStatus(absl::StatusCode::kResourceExhausted, TransportError::BodyLimit,
                               "body size limit exceeded");
    }
    const TransportError kind = classify(code);
    const auto statusCode = kind == TransportError::Timeout ? absl::StatusCode::kDeadlineExceeded
                                                            : absl::StatusCode::kUnavailable;
    return transportStatus(statusCode, kind,
                           fmt::format("{} \"{}\": {}",
                                       transfer.request.method == "GET" ? "Get" : "Post",
                                       transfer.request.url, describe(code, transfer.error)));
}

absl::StatusOr<HttpResponse> finish(CURLcode code, Transfer& transfer)
{
    if (code != CURLE_OK) {
        return failure(code, transfer);
    }
    HttpResponse response = std::move(transfer.response);
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    response.timing = timingOf(transfer.easy);
    if (!transfer.streaming && response.header("Content-Encoding") == "gzip") {
        response.body = std::move(transfer.request.buffer);
        const absl::Status inflated =
            inflateGzip(transfer.received, transfer.request.bodyLimitBytes, response.body);
        if (!inflated.ok()) {
            const bool limit = absl::IsResourceExhausted(inflated);
            return transportStatus(inflated.code(),
                                   limit ? TransportError::BodyLimit : TransportError::Other,
                                   std::string(base::messageOf(inflated)));
        }
    } else {
        response.body = std::move(transfer.received);
    }
    return response;
}

} // namespace

std::string_view HttpResponse::header(std::string_view name) const
{
    for (const auto& [headerName, value] : headers) {
        if (equalsIgnoreCase(headerName, name)) {
            return value;
        }
    }
    return {};
}

TransportError transportErrorOf(const absl::Status& status)
{
    const auto payload = status.GetPayload(kTransportUrl);
    return payload ? static_cast<TransportError>(std::stoi(std::string(*payload)))
                   : TransportError::None;
}

// curl's multi interface driven by Asio: curl says which descriptors and which timer it waits for,
// we wait for them.
class HttpClient::Impl
{
public:
    Impl(IoLoop& loop, std::string userAgent)
        : loop_(loop), userAgent_(std::move(userAgent)), timer_(loop.impl().context)
    {
        curl_global_init(CURL_GLOBAL_ALL);
        multi_ = curl_multi_init();
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, onSocket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, onTimer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        constexpr long kIdleConnections = 2000;
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
    }

    ~Impl()
    {
        loop_.run([this] {
            while (!transfers_.empty()) {
                complete(transfers_.begin()->first, cancelledStatus());
            }
            timer_.cancel();
            curl_multi_cleanup(multi_);
            for (auto& [socket, watch] : watches_) {
                watch->descriptor.release();
            }
            watches_.clear();
        });
    }

    RequestId send(HttpRequest request, std::shared_ptr<const HttpClientConfig> config, Reply reply)
    {
        const RequestId id{nextId_.fetch_add(1)};
        auto transfer = std::make_unique<Transfer>();
        transfer->id = id;
        transfer->request = std::move(request);
        transfer->config = std::move(config);
        transfer->reply = std::move(reply);
        // std::function wants something copyable.
        auto holder = std::make_shared<std::unique_ptr<Transfer>>(std::move(transfer));
        loop_.post([this, holder] { start(std::move(*holder)); });
        return id;
    }

    void cancel(RequestId id)
    {
        loop_.post([this, id] {
            if (transfers_.contains(static_cast<std::uint64_t>(id))) {
                complete(static_cast<std::uint64_t>(id), cancelledStatus());
            }
        });
    }

private:
    struct Watch
    {
        explicit Watch(asio::io_context& context, curl_socket_t socket)
            : descriptor(context, socket)
        {}
        asio::posix::stream_descriptor descriptor;
        int events = 0;
        bool reading = false;
        bool writing = false;
        bool removed = false;
    };

    static absl::Status cancelledStatus()
    {
        return transportStatus(absl::StatusCode::kCancelled, TransportError::Cancelled,
                               "request was cancelled");
    }

    void start(std::unique_ptr<Transfer> transfer)
    {
        transfer->easy = curl_easy_init();
        transfer->received = std::move(transfer->request.buffer);
        transfer->received.clear();
        if (absl::Status status = setUp(*transfer, userAgent_); !status.ok()) {
            transfer->reply(std::move(status));
            return;
        }
        Transfer& added = *transfer;
        transfers_.emplace(static_cast<std::uint64_t>(added.id), std::move(transfer));
        if (added.request.idleTimeout.ns != 0) {
            added.idleTimer.emplace(loop_.impl().context);
            added.newestBytes = asio::steady_timer::clock_type::now();
            watchIdle(added);
        }
        curl_multi_add_handle(multi_, added.easy);
    }

    void watchIdle(Transfer& transfer)
    {
        const auto end =
            transfer.newestBytes + std::chrono::nanoseconds(transfer.request.idleTimeout.ns);
        if (end <= asio::steady_timer::clock_type::now()) {
            complete(static_cast<std::uint64_t>(transfer.id), idleStatus(transfer));
            return;
        }
        transfer.idleTimer->expires_at(end);
        transfer.idleTimer->async_wait(
            [this, id = transfer.id](const boost::system::error_code& error) {
                const auto found = transfers_.find(static_cast<std::uint64_t>(id));
                if (!error && found != transfers_.end()) {
                    watchIdle(*found->second);
                }
            });
    }

    static absl::Status idleStatus(const Transfer& transfer)
    {
        return transportStatus(
            absl::StatusCode::kDeadlineExceeded, TransportError::Timeout,
            fmt::format("{} \"{}\": context deadline exceeded (nothing came for {} ms)",
                        transfer.request.method == "GET" ? "Get" : "Post", transfer.request.url,
                        transfer.request.idleTimeout.ms()));
    }

    void complete(std::uint64_t id, absl::StatusOr<HttpResponse> result)
    {
        const auto found = transfers_.find(id);
        std::unique_ptr<Transfer> transfer = std::move(found->second);
        transfers_.erase(found);
        curl_multi_remove_handle(multi_, transfer->easy);
        transfer->reply(std::move(result));
    }

    void collect()
    {
        int left = 0;
        while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) {
                continue;
            }
            Transfer* transfer = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            complete(static_cast<std::uint64_t>(transfer->id),
                     finish(message->data.result, *transfer));
        }
    }

    void act(curl_socket_t socket, int events)
    {
        int running = 0;
        curl_multi_socket_action(multi_, socket, events, &running);
        collect();
    }

    static int onTimer(CURLM*, long timeoutMs, void* user)
    {
        auto& self = *static_cast<Impl*>(user);
        self.timer_.cancel();
        if (timeoutMs >= 0) {
            self.timer_.expires_after(std::chrono::milliseconds(timeoutMs));
            self.timer_.async_wait([&self](const boost::system::error_code& error) {
                if (!error) {
                    self.act(CURL_SOCKET_TIMEOUT, 0);
                }
            });
        }
        return 0;
    }

    static int onSocket(CURL*, curl_socket_t socket, int events, void* user, void*)
    {
        auto& self = *static_cast<Impl*>(user);
        if (events == CURL_POLL_REMOVE) {
            if (const auto found = self.watches_.find(socket); found != self.watches_.end()) {
                found->second->removed = true;
                found->second->descriptor.release(); // curl closes it
                self.watches_.erase(found);
            }
            return 0;
        }
        auto& watch = self.watches_[socket];
        if (!watch) {
            watch = std::make_shared<Watch>(self.loop_.impl().context, socket);
        }
        watch->events = events;
        self.arm(watch, socket);
        return 0;
    }

    void arm(const std::shared_ptr<Watch>& watch, curl_socket_t socket)
    {
        if ((watch->events & CURL_POLL_IN) != 0 && !watch->reading) {
            watch->reading = true;
            watch->descriptor.async_wait(
                asio::posix::stream_descriptor::wait_read,
                [this, watch, socket](const boost::system::error_code& error) {
                    watch->reading = false;
                    fired(watch, socket, CURL_CSELECT_IN, CURL_POLL_IN, error);
                });
        }
        if ((watch->events & CURL_POLL_OUT) != 0 && !watch->writing) {
            watch->writing = true;
            watch->descriptor.async_wait(
                asio::posix::stream_descriptor::wait_write,
                [this, watch, socket](const boost::system::error_code& error) {
                    watch->writing = false;
                    fired(watch, socket, CURL_CSELECT_OUT, CURL_POLL_OUT, error);
                });
        }
    }

    void fired(const std::shared_ptr<Watch>& watch, curl_socket_t socket, int select, int poll,
               const boost::system::error_code& error)
    {
        if (watch->removed || error == asio::error::operation_aborted) {
            return;
        }
        if ((watch->events & poll) != 0) {
            act(socket, error ? CURL_CSELECT_ERR : select);
        }
        if (!watch->removed) {
            arm(watch, socket);
        }
    }

    IoLoop& loop_;
    const std::string userAgent_;
    std::atomic<std::uint64_t> nextId_{1};
    // Touched by the loop's thread only.
    CURLM* multi_ = nullptr;
    asio::steady_timer timer_;
    absl::flat_hash_map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
    absl::flat_hash_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
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
