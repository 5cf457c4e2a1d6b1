// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::net {
namespace {

std::size_t onBody(char* data, std::size_t size, std::size_t count, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    const std::size_t bytes = size * count;
    const std::uint64_t limit = transfer.request.bodyLimitBytes;
    if (transfer.watchdog) {
        transfer.newestBytes = Transfer::Clock::now();
    }
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

void beginAnswer(Transfer& transfer, std::string_view line)
{
    transfer.response.headers.clear(); // of 100 Continue
    const std::size_t code = line.find(' ');
    const std::size_t reason = code == std::string_view::npos ? code : line.find(' ', code + 1);
    transfer.response.reason = reason == std::string_view::npos ? "" : line.substr(reason + 1);
    transfer.streaming =
        transfer.request.onData != nullptr && line.substr(0, reason).ends_with(" 200");
}

std::size_t onHeader(char* data, std::size_t size, std::size_t count, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.watchdog) {
        transfer.newestBytes = Transfer::Clock::now();
    }
    std::string_view line(data, size * count);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
        line.remove_suffix(1);
    }
    if (line.starts_with("HTTP/")) {
        beginAnswer(transfer, line);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        std::string_view value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        transfer.response.headers.emplace_back(line.substr(0, colon), value);
    }
    return size * count;
}

long tlsVersion(std::string_view name, long fallback)
{
    constexpr std::array<std::pair<std::string_view, long>, 4> kVersions{
        {{"TLS10", CURL_SSLVERSION_TLSv1_0},
         {"TLS11", CURL_SSLVERSION_TLSv1_1},
         {"TLS12", CURL_SSLVERSION_TLSv1_2},
         {"TLS13", CURL_SSLVERSION_TLSv1_3}}};
    const auto* const found = std::find_if(kVersions.begin(), kVersions.end(),
                                           [name](const auto& each) { return each.first == name; });
    return found == kVersions.end() ? fallback : found->second;
}

void setBlob(CURL* easy, CURLoption option, const std::string& pem)
{
    curl_blob blob{.data =
                       const_cast<char*>(pem.data()), // not written to; outlives the handle's use
                   .len = pem.size(),
                   .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, option, pem.empty() ? nullptr : &blob);
}

/// For the peer, and for an https proxy, which is verified alike.
void setTls(Handle& handle, const TlsConfig& tls)
{
    CURL* const easy = handle.easy;
    const long minimum = tlsVersion(tls.minVersion, CURL_SSLVERSION_TLSv1_2);
    const long maximum = tls.maxVersion.empty() ? 0 : tlsVersion(tls.maxVersion, 0) << 16;
    // A distribution's OpenSSL refuses the old versions at its default security level.
    const char* const ciphers = minimum < CURL_SSLVERSION_TLSv1_2 ? "DEFAULT@SECLEVEL=0" : nullptr;
    // A given authority takes the place of the system's.
    const bool system = handle.tls->authority.empty();
    const curl_version_info_data* const info = curl_version_info(CURLVERSION_NOW);
    struct Options
    {
        CURLoption version, verifyPeer, verifyHost, ciphers, ca, caFile, caPath, cert, key;
    };
    constexpr Options kPeer{CURLOPT_SSLVERSION,      CURLOPT_SSL_VERIFYPEER, CURLOPT_SSL_VERIFYHOST,
                            CURLOPT_SSL_CIPHER_LIST, CURLOPT_CAINFO_BLOB,    CURLOPT_CAINFO,
                            CURLOPT_CAPATH,          CURLOPT_SSLCERT_BLOB,   CURLOPT_SSLKEY_BLOB};
    constexpr Options kProxy{
        CURLOPT_PROXY_SSLVERSION,      CURLOPT_PROXY_SSL_VERIFYPEER, CURLOPT_PROXY_SSL_VERIFYHOST,
        CURLOPT_PROXY_SSL_CIPHER_LIST, CURLOPT_PROXY_CAINFO_BLOB,    CURLOPT_PROXY_CAINFO,
        CURLOPT_PROXY_CAPATH,          CURLOPT_PROXY_SSLCERT_BLOB,   CURLOPT_PROXY_SSLKEY_BLOB};
    for (const Options& options : {kPeer, kProxy}) {
        curl_easy_setopt(easy, options.version, minimum | maximum);
        curl_easy_setopt(easy, options.verifyPeer, tls.insecureSkipVerify ? 0L : 1L);
        curl_easy_setopt(easy, options.verifyHost, tls.insecureSkipVerify ? 0L : 2L);
        curl_easy_setopt(easy, options.ciphers, ciphers);
        curl_easy_setopt(easy, options.caFile, system ? info->cainfo : nullptr);
        curl_easy_setopt(easy, options.caPath, system ? info->capath : nullptr);
        setBlob(easy, options.ca, handle.tls->authority);
        setBlob(easy, options.cert, handle.tls->certificate);
        setBlob(easy, options.key, handle.tls->key.reveal());
    }
}

/// What stays the same between the requests of a configuration.
void configure(Handle& handle, const HttpClientConfig& config, const std::string& userAgent)
{
    CURL* const easy = handle.easy;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, userAgent.c_str());
    // Redirects are followed by us: credentials, proxies and names are decided for each hop.
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     config.enableHttp2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, onBody);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, onHeader);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, CURLHEADER_SEPARATE);
    // A page of some thousand series in one or two pieces; kept with the handle.
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 128L * 1024);
    constexpr long kIdleSeconds = 300;
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleSeconds);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    // What no_proxy means was decided before; an empty text keeps curl from the environment.
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    setTls(handle, config.tls);
}

void setMethod(CURL* easy, const HttpRequest& request)
{
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    const bool hasBody =
        !request.body.empty() || request.method == "POST" || request.method == "PUT";
    const char* custom = request.method.c_str();
    if (hasBody) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
        custom = request.method == "POST" ? nullptr : custom;
    } else if (request.method == "GET") {
        custom = nullptr;
    } else if (request.method == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        custom = nullptr;
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, custom);
}

void append(CurlList& list, const std::string& line)
{
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer != nullptr) {
        static_cast<void>(list.release()); // part of the longer one
        list.reset(longer);
    }
}

void appendHeader(CurlList& list, const std::string& name, std::string_view value)
{
    // curl's way to write a header without a value.
    append(list, value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
}

void setHeaders(Transfer& transfer, const Parameters& headers)
{
    transfer.headers.reset();
    const auto has = [&headers](std::string_view name) {
        return std::any_of(headers.begin(), headers.end(), [name](const auto& header) {
            return sameHeaderName(header.first, name);
        });
    };
    for (const auto& [name, value] : headers) {
        appendHeader(transfer.headers, name, value);
    }
    // What curl would add by itself.
    for (const char* const name : {"Accept", "Content-Type", "Expect"}) {
        if (!has(name)) {
            append(transfer.headers, std::string(name) + ":");
        }
    }
}

/// Names and verifies the peer as `serverName`, while connecting to, and talking of, the URL's
/// host.
std::string urlFor(Transfer& transfer)
{
    const std::string& name = transfer.config->tls.serverName;
    transfer.connectTo.reset();
    if (name.empty() || !transfer.url.isHttps() || name == transfer.url.host) {
        return transfer.url.text();
    }
    Url real = transfer.url;
    real.port = real.portOrDefault();
    append(transfer.connectTo, "::" + real.authority());
    append(transfer.headers, "Host: " + transfer.url.authority());
    Url named = real;
    named.host = name;
    return named.text();
}

void setProxy(Transfer& transfer)
{
    CURL* const easy = transfer.handle.easy;
    const bool local = !transfer.request.unixSocket.empty();
    std::string proxy = local ? std::string() : transfer.state->proxies.proxyFor(transfer.url);
    // As with Go's client the proxy looks up names for both.
    if (proxy.starts_with("socks5://")) {
        proxy.replace(0, 9, "socks5h://");
    }
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());
    transfer.proxyHeaders.reset();
    if (!proxy.empty() && transfer.url.isHttps()) {
        for (const auto& [name, values] : transfer.config->proxy.connectHeader) {
            for (const base::Secret& value : values) {
                appendHeader(transfer.proxyHeaders, name, value.reveal());
            }
        }
    }
    curl_easy_setopt(easy, CURLOPT_PROXYHEADER, transfer.proxyHeaders.get());
}

long remainingMs(const Transfer& transfer)
{
    const std::int64_t limit = transfer.request.timeout.ms();
    if (transfer.request.timeout.ns == 0) {
        return 0;
    }
    const auto used =
        std::chrono::duration_cast<std::chrono::milliseconds>(transfer.hopStart - transfer.start);
    return static_cast<long>(std::max<std::int64_t>(1, limit - used.count()));
}

} // namespace

void setUpTransfer(Transfer& transfer, const Parameters& headers, const std::string& userAgent)
{
    Handle& handle = transfer.handle;
    CURL* const easy = handle.easy;
    if (handle.state != transfer.state || handle.tls != transfer.state->tls) {
        handle.state = transfer.state;
        handle.tls = transfer.state->tls;
        configure(handle, *transfer.config, userAgent);
    }
    setHeaders(transfer, headers);
    const std::string url = urlFor(transfer);
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.connectTo.get());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, remainingMs(transfer));
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
                     transfer.request.unixSocket.empty() ? nullptr
                                                         : transfer.request.unixSocket.c_str());
    // For connecting and the handshake together; without TLS the whole limit is enough.
    constexpr long kHandshakeMs = 10'000;
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, transfer.url.isHttps() ? kHandshakeMs : 0L);
    constexpr long kRememberedSeconds = 60; // curl's own default
    const bool shuffle = transfer.request.shuffleAddresses;
    curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, shuffle ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, shuffle ? 0L : kRememberedSeconds);
    setMethod(easy, transfer.request);
    setProxy(transfer);
    transfer.error[0] = '\0';
}

} // namespace narthex::net
