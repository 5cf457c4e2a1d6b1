// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/net/content_encoding.h"
#include "core/net/request_text.h"
#include "core/net/response_text.h"

#include <cstdint>
#include <string>

// Any bytes as a request: in one piece and byte by byte they say the same, limits hold, and what it
// makes us say in a header stays in that header.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::net;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const HttpServerOptions limits{.bodyLimitBytes = 1000, .headerLimitBytes = 2000};
    const auto whole = readRequest(bytes, size, limits);
    const auto slow = readRequest(bytes, 1, limits);
    // One that does not end may be refused sooner or later.
    const bool complete = whole.ok() && whole->has_value();
    NARTHEX_CHECK(complete == (slow.ok() && slow->has_value()));
    if (!complete) {
        return 0;
    }
    const ServerRequest& request = **whole;
    NARTHEX_CHECK(request.path == (*slow)->path && request.body == (*slow)->body &&
                  request.headers == (*slow)->headers && request.parameters == (*slow)->parameters);
    NARTHEX_CHECK(request.body.size() <= limits.bodyLimitBytes);
    NARTHEX_CHECK(parseQuery(formEncode(request.parameters)) == request.parameters);
    const std::string_view accepted = request.header("Accept-Encoding");
    ServerResponse response{.body = "x", .headers = {{"X-Path", request.path}}};
    compress(response, codingForApi(accepted));
    response.headers.emplace_back("X-Gzip", takesGzip(accepted) ? "1" : "0");
    std::string head;
    appendResponseHead(head, response, {.lengthBytes = 1}, "now");
    std::size_t lines = 0;
    for (const char c : head) {
        lines += c == '\n' ? 1U : 0U;
    }
    // Status, type, our two, the coding if there is one, Date, Content-Length, the empty line.
    NARTHEX_CHECK(lines == 5 + response.headers.size());
    return 0;
}
