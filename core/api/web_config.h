// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// web.config.file: TLS, headers, users and a rate limit of the HTTP interface, in the form of
// Prometheus' exporter toolkit. HTTP/2 is read and not offered.
// Owner: the front. Threads: a WebConfigFile from any. Errors: InvalidArgument with
// file:line:column for each mistake; NotFound and the like for the file.
// Source: spec/http-api.md, 14.
#pragma once

#include "core/net/server_tls.h"
#include "core/yaml/fields.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <filesystem>
#include <map>

namespace narthex::api {

struct TlsSection
{
    net::ServerTls tls;
    std::string clientAuth;

    void describe(yaml::Fields& fields);
    friend bool operator==(const TlsSection&, const TlsSection&) = default;
};

struct HttpSection
{
    bool http2 = true;
    std::map<std::string, std::string> headers;

    void describe(yaml::Fields& fields);
    friend bool operator==(const HttpSection&, const HttpSection&) = default;
};

struct RateLimitSection
{
    /// 0: no limit.
    base::Duration interval;
    std::int64_t burst = 0;

    void describe(yaml::Fields& fields);
    friend bool operator==(const RateLimitSection&, const RateLimitSection&) = default;
};

struct WebConfig
{
    TlsSection tls;
    HttpSection http;
    RateLimitSection rateLimit;
    /// Name to bcrypt hash.
    std::map<std::string, base::Secret> users;

    void describe(yaml::Fields& fields);
    [[nodiscard]] bool usesTls() const { return !(tls == TlsSection{}); }
    friend bool operator==(const WebConfig&, const WebConfig&) = default;
};

absl::StatusOr<WebConfig> parseWebConfig(const std::filesystem::path& file,
                                         const std::string& text);
/// Reads the file and, with TLS, what it names.
absl::StatusOr<WebConfig> loadWebConfig(const std::filesystem::path& file);

/// The file, read again when it has changed: a look costs one system call.
class WebConfigFile
{
public:
    explicit WebConfigFile(std::string file) : file_(std::move(file)) {}

    /// Errors: as parseWebConfig, for as long as the file is wrong.
    absl::StatusOr<std::shared_ptr<const WebConfig>> current();
    [[nodiscard]] const std::string& file() const { return file_; }

private:
    const std::string file_;
    absl::Mutex mutex_;
    std::string stamp_ ABSL_GUARDED_BY(mutex_);
    absl::StatusOr<std::shared_ptr<const WebConfig>> current_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::api
