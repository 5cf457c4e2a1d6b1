// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/response_text.h"

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

namespace narthex::net {
namespace {

bool isToken(std::string_view name)
{
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::all_of(name.begin(), name.end(), [kOthers](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               kOthers.find(c) != std::string_view::npos;
    });
}

void appendHeader(std::string& out, std::string_view name, std::string_view value)
{
    if (!isToken(name)) {
        return;
    }
    out.append(name).append(": ");
    const std::size_t begin = out.size();
    out.append(value);
    // A line end, or a NUL that some take for one.
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
        [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
    out.append("\r\n");
}

} // namespace

bool mayHaveBody(int status) { return status >= 200 && status != 204 && status != 304; }

void appendResponseHead(std::string& out, const ServerResponse& response,
                        const BodyFraming& framing, std::string_view date)
{
    if (response.status == 200) {
        out.append("HTTP/1.1 200 OK\r\n");
    } else {
        const auto reason = boost::beast::http::obsolete_reason(
            static_cast<boost::beast::http::status>(response.status));
        fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status,
                       std::string_view(reason.data(), reason.size()));
    }
    if (!response.contentType.empty()) {
        appendHeader(out, "Content-Type", response.contentType);
    }
    for (const auto& [name, value] : response.headers) {
        appendHeader(out, name, value);
    }
    out.append("Date: ").append(date).append("\r\n");
    if (mayHaveBody(response.status)) {
        if (framing.lengthBytes) {
            fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *framing.lengthBytes);
        } else if (framing.http11) {
            out.append("Transfer-Encoding: chunked\r\n");
        }
    }
    if (!framing.keepAlive) {
        out.append("Connection: close\r\n");
    } else if (!framing.http11) {
        out.append("Connection: keep-alive\r\n");
    }
    out.append("\r\n");
}

std::string_view DateText::now()
{
    const std::time_t second = std::time(nullptr);
    if (second != second_) {
        std::tm parts{};
        gmtime_r(&second, &parts);
        constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                           "Thu", "Fri", "Sat"};
        constexpr std::array<std::string_view, 12> kMonths = {
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        text_ = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                            kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                            kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                            parts.tm_hour, parts.tm_min, parts.tm_sec);
        second_ = second;
    }
    return text_;
}

} // namespace narthex::net
