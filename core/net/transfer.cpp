// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/transfer.h"

#include "core/base/status.h"

#include <absl/strings/ascii.h>
#include <absl/strings/cord.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace narthex::net {
namespace {

constexpr char kTransportUrl[] = "narthex/transport";
constexpr int kMaxRedirects = 10;

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
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED:
        return TransportError::Tls;
    default:
        return TransportError::Other;
    }
}

/// CURLE_COULDNT_CONNECT is more than a refusal: networks without a way, too many open files.
bool isRefusal(const Transfer& transfer)
{
    long error = 0;
    curl_easy_getinfo(transfer.handle.easy, CURLINFO_OS_ERRNO, &error);
    return error == 0 || error == ECONNREFUSED;
}

std::string describe(CURLcode code, TransportError kind, const char* detail)
{
    const std::string text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
    switch (kind) {
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

absl::Status failure(CURLcode code, const Transfer& transfer)
{
    if (transfer.limitReached) {
        return transportStatus(absl::StatusCode::kResourceExhausted, TransportError::BodyLimit,
                               "body size limit exceeded");
    }
    const TransportError kind = code == CURLE_COULDNT_CONNECT && !isRefusal(transfer)
                                    ? TransportError::Other
                                    : classify(code);
    const auto statusCode = kind == TransportError::Timeout ? absl::StatusCode::kDeadlineExceeded
                                                            : absl::StatusCode::kUnavailable;
    return transportStatus(statusCode, kind,
                           describeFailure(transfer, describe(code, kind, transfer.error)));
}

/// Of the last hop, seen from the start of the first.
HttpTiming timingOf(const Transfer& transfer)
{
    const std::int64_t before =
        std::chrono::duration_cast<std::chrono::nanoseconds>(transfer.hopStart - transfer.start)
            .count();
    const auto get = [&](CURLINFO info) {
        curl_off_t microseconds = 0;
        curl_easy_getinfo(transfer.handle.easy, info, &microseconds);
        return base::Duration{
            microseconds == 0 ? 0 : before + static_cast<std::int64_t>(microseconds) * 1000};
    };
    return {.nameLookup = get(CURLINFO_NAMELOOKUP_TIME_T),
            .connect = get(CURLINFO_CONNECT_TIME_T),
            .tls = get(CURLINFO_APPCONNECT_TIME_T),
            .firstByte = get(CURLINFO_STARTTRANSFER_TIME_T),
            .total = get(CURLINFO_TOTAL_TIME_T)};
}

int statusOf(const Transfer& transfer)
{
    long status = 0;
    curl_easy_getinfo(transfer.handle.easy, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
}

/// `host` itself or a name below it.
bool isSameOrBelow(const std::string& name, const std::string& host)
{
    if (name == host) {
        return true;
    }
    // An address has no names below it.
    return name.find(':') == std::string::npos && name.ends_with("." + host);
}

/// After 301, 302 and 303 the next request is a GET; 307 and 308 repeat what was sent.
void rewriteForRedirect(HttpRequest& request, int status)
{
    if (status >= 307 || request.method == "GET" || request.method == "HEAD") {
        return;
    }
    request.method = "GET";
    request.body.clear();
    std::erase_if(request.headers, [](const auto& header) {
        constexpr std::array<std::string_view, 4> kOfBody{"Content-Type", "Content-Length",
                                                          "Content-Encoding", "Content-Language"};
        return std::any_of(kOfBody.begin(), kOfBody.end(), [&header](std::string_view name) {
            return sameHeaderName(name, header.first);
        });
    });
}

std::string_view reasonOf(int status)
{
    constexpr std::array<std::pair<int, std::string_view>, 28> kReasons{
        {{200, "OK"},
         {201, "Created"},
         {202, "Accepted"},
         {204, "No Content"},
         {301, "Moved Permanently"},
         {302, "Found"},
         {303, "See Other"},
         {304, "Not Modified"},
         {307, "Temporary Redirect"},
         {308, "Permanent Redirect"},
         {400, "Bad Request"},
         {401, "Unauthorized"},
         {402, "Payment Required"},
         {403, "Forbidden"},
         {404, "Not Found"},
         {405, "Method Not Allowed"},
         {406, "Not Acceptable"},
         {408, "Request Timeout"},
         {409, "Conflict"},
         {410, "Gone"},
         {413, "Request Entity Too Large"},
         {422, "Unprocessable Entity"},
         {429, "Too Many Requests"},
         {500, "Internal Server Error"},
         {501, "Not Implemented"},
         {502, "Bad Gateway"},
         {503, "Service Unavailable"},
         {504, "Gateway Timeout"}}};
    const auto* const found =
        std::find_if(kReasons.begin(), kReasons.end(),
                     [status](const auto& reason) { return reason.first == status; });
    return found == kReasons.end() ? std::string_view() : found->second;
}

} // namespace

std::string_view HttpResponse::header(std::string_view name) const
{
    for (const auto& [headerName, value] : headers) {
        if (sameHeaderName(headerName, name)) {
            return value;
        }
    }
    return {};
}

absl::Status transportStatus(absl::StatusCode code, TransportError kind, const std::string& message)
{
    absl::Status status(code, message);
    status.SetPayload(kTransportUrl, absl::Cord(std::to_string(static_cast<int>(kind))));
    return status;
}

TransportError transportErrorOf(const absl::Status& status)
{
    const auto payload = status.GetPayload(kTransportUrl);
    return payload ? static_cast<TransportError>(std::stoi(std::string(*payload)))
                   : TransportError::None;
}

std::string describeFailure(const Transfer& transfer, std::string_view message)
{
    std::string method = transfer.request.method;
    absl::AsciiStrToLower(&method);
    if (!method.empty()) {
        method[0] = absl::ascii_toupper(static_cast<unsigned char>(method[0]));
    }
    return fmt::format("{} \"{}\": {}", method, transfer.url.text(), message);
}

absl::StatusOr<HttpResponse> finishTransfer(CURLcode code, Transfer& transfer)
{
    if (code != CURLE_OK) {
        return failure(code, transfer);
    }
    HttpResponse response = std::move(transfer.response);
    response.status = statusOf(transfer);
    if (response.reason.empty()) { // HTTP/2 has none
        response.reason = reasonOf(response.status);
    }
    response.timing = timingOf(transfer);
    if (transfer.streaming || response.header("Content-Encoding") != "gzip") {
        response.body = std::move(transfer.received);
        return response;
    }
    response.body = std::move(transfer.request.buffer);
    const absl::Status inflated =
        inflateGzip(transfer.received, transfer.request.bodyLimitBytes, response.body);
    if (!inflated.ok()) {
        const bool limit = absl::IsResourceExhausted(inflated);
        return transportStatus(inflated.code(),
                               limit ? TransportError::BodyLimit : TransportError::Other,
                               std::string(base::messageOf(inflated)));
    }
    return response;
}

absl::StatusOr<bool> followRedirect(CURLcode code, Transfer& transfer)
{
    const int status = code == CURLE_OK ? statusOf(transfer) : 0;
    const bool redirects =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    const std::string location(redirects ? transfer.response.header("Location") : "");
    if (location.empty() || !transfer.config->followRedirects) {
        return false;
    }
    if (++transfer.redirects > kMaxRedirects) {
        return base::unavailable("stopped after {} redirects", kMaxRedirects);
    }
    NARTHEX_ASSIGN_OR_RETURN(Url next, resolveUrl(transfer.url, location));
    if (next.scheme != "http" && next.scheme != "https") {
        return base::unavailable("redirect to unsupported scheme \"{}\"", next.scheme);
    }
    transfer.leftHost = transfer.leftHost || !isSameOrBelow(next.host, transfer.firstHost);
    transfer.url = std::move(next);
    rewriteForRedirect(transfer.request, status);
    transfer.response = {};
    transfer.received.clear();
    transfer.receivedBytes = 0;
    return true;
}

} // namespace narthex::net
