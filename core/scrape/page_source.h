// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a target's page comes from: over HTTP, or from a collector in this process.
// Threads: fetch() from any thread; the reply arrives on a thread of the source and must be short.
#pragma once

#include "core/base/time.h"
#include "core/net/http_client.h"
#include "core/scrape/job_config.h"
#include "core/scrape/target.h"

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace narthex::scrape {

/// Why a scrape failed, so that a view can offer a remedy.
enum class ErrorClass : std::uint8_t
{
    None,
    NameResolution,
    ConnectionRefused,
    Timeout,
    Tls,
    Unauthorized,
    NotFound,
    HttpStatus,
    Parse,
    LimitExceeded,
    Storage,
    Other
};

struct Page
{
    std::string body;
    std::string contentType;
};

struct FetchError
{
    absl::Status status;
    ErrorClass errorClass = ErrorClass::Other;
};

/// A page, or why there is none.
struct FetchResult
{
    Page page;
    FetchError error;
    [[nodiscard]] bool ok() const { return error.status.ok(); }
};

class PageSource
{
public:
    using Reply = absl::AnyInvocable<void(FetchResult)>;
    virtual ~PageSource() = default;
    /// `buffer` is memory for the body. The reply comes once.
    virtual void fetch(const Target& target, std::string buffer, Reply reply) = 0;
    /// Answers the running fetch with Cancelled, if there is one.
    virtual void cancel() = 0;
};

/// GET with Prometheus' headers and the job's client settings. `client` outlives the source.
std::unique_ptr<PageSource> makeHttpSource(net::HttpClient& client,
                                           std::shared_ptr<const JobConfig> job);

} // namespace narthex::scrape
