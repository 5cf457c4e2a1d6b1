// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Outgoing HTTP and HTTPS: requests with authentication, TLS, proxies and limits, many at once on
// the loop. Owner: the engine. Threads: send() and cancel() from any thread; replies arrive on the
// loop's thread and must be short. Errors: DeadlineExceeded (timeout), Cancelled, ResourceExhausted
// (body limit), Unavailable (everything between here and the peer); the transport class tells
// which. A status code is no error. Source: spec/config.md, HTTP client configuration.
#pragma once

#include "core/base/secret.h"
#include "core/base/time.h"
#include "core/net/io_loop.h"

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::net {

using namespace base::literals;

struct BasicAuth
{
    std::string username;
    std::string usernameFile;
    base::Secret password;
    std::string passwordFile;
    friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
};

struct Authorization
{
    std::string type = "Bearer";
    base::Secret credentials;
    std::string credentialsFile;
    friend bool operator==(const Authorization&, const Authorization&) = default;
};

/// Each of ca, cert and key is given as text or as a file.
struct TlsConfig
{
    std::string ca;
    std::string caFile;
    std::string cert;
    std::string certFile;
    base::Secret key;
    std::string keyFile;
    std::string serverName;
    bool insecureSkipVerify = false;
    /// "TLS10" … "TLS13", empty: TLS 1.2 and up.
    std::string minVersion;
    std::string maxVersion;
    friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

struct ProxyConfig
{
    /// http, https, socks5 or socks5h; empty: none.
    std::string url;
    /// Comma list of hosts, domain suffixes, addresses, CIDRs, with ports or without, or "*".
    std::string noProxy;
    /// HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case forms.
    bool fromEnvironment = false;
    /// Sent on CONNECT.
    std::map<std::string, std::vector<base::Secret>> connectHeader;
    friend bool operator==(const ProxyConfig&, const ProxyConfig&) = default;
};

/// RFC 6749, client credentials; RFC 7523, JWT bearer.
struct OAuth2Config
{
    std::string clientId;
    base::Secret clientSecret;
    std::string clientSecretFile;
    std::string certificateKeyId;
    base::Secret certificateKey;
    std::string certificateKeyFile;
    /// Empty: client_credentials.
    std::string grantType;
    /// RS256, RS384 or RS512; empty: RS256.
    std::string signatureAlgorithm;
    std::string iss;
    std::string audience;
    std::map<std::string, std::string> claims;
    std::vector<std::string> scopes;
    std::string tokenUrl;
    std::map<std::string, std::string> endpointParams;
    TlsConfig tls;
    ProxyConfig proxy;
    friend bool operator==(const OAuth2Config&, const OAuth2Config&) = default;
};

/// One name of http_headers: values are sent in the order values, secrets, files.
struct HeaderConfig
{
    std::vector<std::string> values;
    std::vector<base::Secret> secrets;
    std::vector<std::string> files;
    friend bool operator==(const HeaderConfig&, const HeaderConfig&) = default;
};

/// How to reach a server; secrets in files are read again for every request.
struct HttpClientConfig
{
    std::optional<BasicAuth> basicAuth;
    std::optional<Authorization> authorization;
    std::optional<OAuth2Config> oauth2;
    TlsConfig tls;
    ProxyConfig proxy;
    bool followRedirects = true;
    bool enableHttp2 = true;
    std::map<std::string, HeaderConfig> headers;
    friend bool operator==(const HttpClientConfig&, const HttpClientConfig&) = default;
};

struct HttpRequest
{
    std::string method = "GET";
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// From start to the last byte; zero: no limit (a watch).
    base::Duration timeout = 30_s;
    /// Fails when nothing arrives for so long; zero: no limit.
    base::Duration idleTimeout;
    /// The answer's bytes after decompression; 0: no limit. Reaching the limit fails.
    std::uint64_t bodyLimitBytes = 0;
    /// Path of a Unix socket to connect to instead of the URL's host.
    std::string unixSocket;
    /// Memory for the answer's body, from an earlier answer.
    std::string buffer;
    /// Gets the body of an answer with status 200 piece by piece, on the loop's thread, as it comes
    /// from the wire (no gzip is asked for); the response's body stays empty. Other answers are
    /// collected as without it.
    std::function<void(std::string_view)> onData;
    /// A new connection looks the name up anew and takes its addresses in an order of chance.
    bool shuffleAddresses = false;
};

/// When each step was done, since the start; zero for steps that did not happen.
struct HttpTiming
{
    base::Duration nameLookup;
    base::Duration connect;
    base::Duration tls;
    base::Duration firstByte;
    base::Duration total;
};

struct HttpResponse
{
    int status = 0;
    std::string reason;
    std::vector<std::pair<std::string, std::string>> headers;
    /// Decompressed when the answer said `Content-Encoding: gzip`.
    std::string body;
    HttpTiming timing;
    /// Value of the first header of that name, in any case; empty if there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Where a request broke.
enum class TransportError : std::uint8_t
{
    None,
    NameResolution,
    Refused,
    Timeout,
    Tls,
    BodyLimit,
    Cancelled,
    Other
};

/// The class of an error that HttpClient returned.
TransportError transportErrorOf(const absl::Status& status);

enum class RequestId : std::uint64_t
{
};

/// Reads the authority, certificates and keys of a configuration, so that an unreadable file shows
/// when the configuration is loaded. Errors: Unavailable `unable to read CA cert: …`, `unable to
/// use specified CA cert <path>`, `unable to use specified client cert (…) & key (…): …`.
absl::Status checkFiles(const HttpClientConfig& config);

class HttpClient
{
public:
    using Reply = absl::AnyInvocable<void(absl::StatusOr<HttpResponse>)>;

    /// `userAgent`: "Narthex/0.1.0". `loop` outlives the client.
    HttpClient(IoLoop& loop, std::string userAgent);
    /// Running requests are answered with Cancelled.
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Starts a request; `reply` is called once.
    RequestId send(HttpRequest request, std::shared_ptr<const HttpClientConfig> config,
                   Reply reply);
    /// The reply comes at once with Cancelled, unless it has come.
    void cancel(RequestId id);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// gzip and zlib streams, whole. `limitBytes` 0: none. Errors: InvalidArgument (damaged),
/// ResourceExhausted (limit reached).
absl::Status inflateGzip(std::string_view compressed, std::uint64_t limitBytes, std::string& out);
std::string deflateGzip(std::string_view bytes);

} // namespace narthex::net
