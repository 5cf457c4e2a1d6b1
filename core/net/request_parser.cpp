// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/request_parser.h"

#include "core/base/status.h"

#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace narthex::net {
namespace {

namespace http = boost::beast::http;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// Room that is made at once on the word of a Content-Length; more only as bytes arrive.
constexpr std::uint64_t kTrustedLength = 1ULL << 20U;

RequestError errorOf(const boost::beast::error_code& error)
{
    if (error == http::error::header_limit) {
        return {.status = 431, .text = "request header too large"};
    }
    if (error == http::error::body_limit) {
        return {.status = 413, .text = "request body too large"};
    }
    if (error == http::error::bad_version) {
        return {.status = 505, .text = "unsupported HTTP version: HTTP/1.1 is spoken here"};
    }
    return {.status = 400, .text = "bad request: " + error.message()};
}

bool damagedEscape(std::string_view path)
{
    const auto isHex = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    for (std::size_t at = path.find('%'); at != std::string_view::npos;
         at = path.find('%', at + 1)) {
        if (at + 2 >= path.size() || !isHex(path[at + 1]) || !isHex(path[at + 2])) {
            return true;
        }
    }
    return false;
}

} // namespace

absl::Status splitTarget(std::string_view target, ServerRequest& request)
{
    std::string_view rest = target;
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (rest.starts_with(scheme)) {
            rest.remove_prefix(scheme.size());
            const std::size_t slash = rest.find_first_of("/?");
            rest.remove_prefix(std::min(slash, rest.size()));
            break;
        }
    }
    rest = rest.substr(0, rest.find('#'));
    const std::size_t question = rest.find('?');
    const std::string_view path = rest.substr(0, question);
    if (question != std::string_view::npos) {
        request.query = rest.substr(question + 1);
        request.parameters = parseQuery(request.query);
    }
    if (path.empty() && rest.size() != target.size()) {
        request.path = "/"; // "http://host"
        return absl::OkStatus();
    }
    if (path != "*" && !path.starts_with('/')) {
        return base::invalidArgument("bad request: the target must be a path, \"/…\"");
    }
    if (damagedEscape(path)) {
        return base::invalidArgument("bad request: damaged %-escape in the path");
    }
    request.path =
        path.find('%') == std::string_view::npos ? std::string(path) : percentDecode(path, false);
    return absl::OkStatus();
}

RequestParser::RequestParser(std::uint32_t headerLimitBytes, std::uint64_t bodyLimitBytes)
{
    header_limit(headerLimitBytes);
    body_limit(bodyLimitBytes);
    eager(true);
}

absl::StatusOr<std::size_t> RequestParser::put(std::string_view bytes)
{
    std::size_t used = 0;
    while (used < bytes.size() && !is_done()) {
        error_code error;
        const std::size_t taken = basic_parser::put(
            boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
        used += taken;
        if (error == http::error::need_more) {
            return used;
        }
        if (error) {
            if (problem_.text.empty()) {
                problem_ = errorOf(error);
            }
            return base::invalidArgument("{}", problem_.text);
        }
    }
    return used;
}

ServerRequest RequestParser::take()
{
    constexpr std::string_view kForm = "application/x-www-form-urlencoded";
    if (request_.header("Content-Type").starts_with(kForm)) {
        // Parameters of the body come first, as in Go's FormValue.
        Parameters all = parseQuery(request_.body);
        all.insert(all.end(), std::make_move_iterator(request_.parameters.begin()),
                   std::make_move_iterator(request_.parameters.end()));
        request_.parameters = std::move(all);
    }
    return std::move(request_);
}

void RequestParser::refuse(error_code& error, int status, std::string text)
{
    problem_ = {.status = status, .text = std::move(text)};
    error = http::error::bad_value;
}

void RequestParser::on_request_impl(http::verb /*known*/, string_view method, string_view target,
                                    int version, error_code& error)
{
    http11_ = version >= 11;
    request_.method = view(method);
    head_ = request_.method == "HEAD";
    request_.headers.reserve(8);
    if (const absl::Status status = splitTarget(view(target), request_); !status.ok()) {
        refuse(error, 400, std::string(base::messageOf(status)));
    }
}

void RequestParser::on_field_impl(field name, string_view nameText, string_view value,
                                  error_code& error)
{
    if (inBody_) {
        return; // trailers mean nothing here and must not pass for headers
    }
    if (name == field::content_length && ++lengths_ > 1) {
        return refuse(error, 400, "bad request: more than one Content-Length");
    }
    if (name == field::content_length && value.find(',') != string_view::npos) {
        return refuse(error, 400, "bad request: more than one length in Content-Length");
    }
    if (name == field::transfer_encoding) {
        if (++codings_ > 1 || !sameHeaderName(view(value), "chunked")) {
            return refuse(error, 501, "unsupported Transfer-Encoding: only \"chunked\" is");
        }
        if (!http11_) {
            return refuse(error, 400, "bad request: Transfer-Encoding in HTTP/1.0");
        }
    }
    if (lengths_ > 0 && codings_ > 0) {
        return refuse(error, 400, "bad request: both Content-Length and Transfer-Encoding");
    }
    if (name == field::host && ++hosts_ > 1) {
        return refuse(error, 400, "bad request: more than one Host");
    }
    if (name == field::expect) {
        if (!sameHeaderName(view(value), "100-continue")) {
            return refuse(error, 417, "unsupported Expect: only \"100-continue\" is");
        }
        expectsContinue_ = http11_;
    }
    request_.headers.emplace_back(view(nameText), view(value));
}

void RequestParser::on_header_impl(error_code& error)
{
    inBody_ = true;
    if (http11_ && hosts_ == 0) {
        refuse(error, 400, "bad request: missing required Host header");
    }
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                      error_code& /*error*/)
{
    if (length) {
        request_.body.reserve(std::min(*length, kTrustedLength));
    }
}

std::size_t RequestParser::on_body_impl(string_view body, error_code& /*error*/)
{
    request_.body.append(body.data(), body.size());
    return body.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t /*remain*/, string_view body,
                                              error_code& error)
{
    return on_body_impl(body, error);
}

} // namespace narthex::net
