// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/web_config.h"

#include "core/api/login.h"
#include "core/base/status.h"
#include "core/net/file_stamp.h"
#include "core/net/small_file.h"
#include "core/yaml/field_reader.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace narthex::api {
namespace {

using yaml::Fields;

struct AuthName
{
    std::string_view name;
    net::ClientAuth value;
};
constexpr std::array<AuthName, 7> kAuthNames{
    {{"", net::ClientAuth::None},
     {"NoClientCert", net::ClientAuth::None},
     {"RequestClientCert", net::ClientAuth::Request},
     {"RequireAnyClientCert", net::ClientAuth::RequireAny},
     {"RequireClientCert", net::ClientAuth::RequireAny}, // an older name of it
     {"VerifyClientCertIfGiven", net::ClientAuth::VerifyIfGiven},
     {"RequireAndVerifyClientCert", net::ClientAuth::RequireAndVerify}}};

struct HeaderRule
{
    std::string_view name;
    /// Empty: any value.
    std::vector<std::string_view> values;
};

const std::vector<HeaderRule>& headerRules()
{
    static const std::vector<HeaderRule> rules{{"Content-Security-Policy", {}},
                                               {"Strict-Transport-Security", {}},
                                               {"X-Content-Type-Options", {"nosniff"}},
                                               {"X-Frame-Options", {"deny", "sameorigin"}},
                                               {"X-XSS-Protection", {}}};
    return rules;
}

/// What is wrong with a header; empty: nothing.
std::string headerProblem(const std::string& name, const std::string& value)
{
    const auto& rules = headerRules();
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const HeaderRule& each) { return each.name == name; });
    if (rule == rules.end()) {
        std::vector<std::string_view> names;
        for (const HeaderRule& each : rules) {
            names.push_back(each.name);
        }
        return fmt::format("HTTP header \"{}\" can not be configured; these can: {}", name,
                           fmt::join(names, ", "));
    }
    std::string lower = value;
    absl::AsciiStrToLower(&lower);
    if (!rule->values.empty() &&
        std::find(rule->values.begin(), rule->values.end(), lower) == rule->values.end()) {
        return fmt::format("invalid value for {}. Expected one of: {}, but got: \"{}\"", name,
                           fmt::join(rule->values, ", "), value);
    }
    return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos
               ? std::string()
               : fmt::format("the value of {} has a line end", name);
}

void checkVersion(Fields& fields, std::string_view key, const std::string& version)
{
    if (!net::isTlsVersion(version)) {
        fields.failAt(key, fmt::format("unknown TLS version: {} (TLS10, TLS11, TLS12 and TLS13 "
                                       "are known)",
                                       version));
    }
}

void checkTls(Fields& fields, TlsSection& section)
{
    const net::ServerTls& tls = section.tls;
    fields.check(!tls.cert.empty() || !tls.certFile.empty(), "missing one of cert or cert_file");
    fields.check(!tls.key.empty() || !tls.keyFile.empty(), "missing one of key or key_file");
    fields.check(tls.cert.empty() || tls.certFile.empty(),
                 "at most one of cert and cert_file must be configured");
    fields.check(tls.key.empty() || tls.keyFile.empty(),
                 "at most one of key and key_file must be configured");
    fields.check(tls.clientCa.empty() || tls.clientCaFile.empty(),
                 "at most one of client_ca and client_ca_file must be configured");
    const bool hasCa = !tls.clientCa.empty() || !tls.clientCaFile.empty();
    fields.check(!hasCa || tls.clientAuth != net::ClientAuth::None,
                 "client CA's have been configured without a client auth policy: set "
                 "client_auth_type");
    const bool requires_ = tls.clientAuth == net::ClientAuth::RequireAny ||
                           tls.clientAuth == net::ClientAuth::RequireAndVerify;
    if (!tls.allowedNames.empty() && !requires_) {
        fields.failAt("client_allowed_sans",
                      "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert or "
                      "RequireAnyClientCert");
    }
    checkVersion(fields, "min_version", tls.minVersion);
    checkVersion(fields, "max_version", tls.maxVersion);
    fields.check(tls.minVersion <= tls.maxVersion,
                 "max_version must be greater than or equal to min_version");
    for (const std::string& cipher : tls.ciphers) {
        if (!net::isTlsCipher(cipher)) {
            fields.failAt("cipher_suites", fmt::format("unknown cipher: {}", cipher));
        }
    }
    for (const std::string& curve : tls.curves) {
        if (!net::isTlsCurve(curve)) {
            fields.failAt("curve_preferences",
                          fmt::format("unknown curve: {} (CurveP256, CurveP384, CurveP521 and "
                                      "X25519 are known)",
                                      curve));
        }
    }
}

} // namespace

void TlsSection::describe(Fields& fields)
{
    fields.field("cert", &tls.cert);
    fields.path("cert_file", tls.certFile);
    fields.field("key", &tls.key);
    fields.path("key_file", tls.keyFile);
    fields.field("client_auth_type", &clientAuth);
    fields.field("client_ca", &tls.clientCa);
    fields.path("client_ca_file", tls.clientCaFile);
    fields.field("client_allowed_sans", &tls.allowedNames);
    fields.field("min_version", &tls.minVersion);
    fields.field("max_version", &tls.maxVersion);
    fields.field("cipher_suites", &tls.ciphers);
    fields.field("prefer_server_cipher_suites", &tls.preferServerCiphers, yaml::Printing::Always);
    fields.field("curve_preferences", &tls.curves);
    if (!fields.reading()) {
        return;
    }
    const auto* known = std::find_if(kAuthNames.begin(), kAuthNames.end(),
                                     [this](AuthName each) { return each.name == clientAuth; });
    if (known == kAuthNames.end()) {
        fields.failAt("client_auth_type", fmt::format("Invalid ClientAuth: {}", clientAuth));
    } else {
        tls.clientAuth = known->value;
    }
    if (!(*this == TlsSection{})) {
        checkTls(fields, *this);
    }
}

void HttpSection::describe(Fields& fields)
{
    fields.field("http2", &http2, yaml::Printing::Always);
    fields.field("headers", &headers);
    if (!fields.reading()) {
        return;
    }
    for (const auto& [name, value] : headers) {
        if (std::string problem = headerProblem(name, value); !problem.empty()) {
            fields.failAt("headers", std::move(problem));
        }
    }
}

void RateLimitSection::describe(Fields& fields)
{
    fields.field("interval", &interval);
    fields.field("burst", &burst);
    if (fields.reading()) {
        fields.check(burst >= 0, "burst must not be negative");
    }
}

void WebConfig::describe(Fields& fields)
{
    fields.section("tls_server_config", tls);
    fields.section("http_server_config", http);
    fields.section("rate_limit", rateLimit);
    fields.field("basic_auth_users", &users);
    if (!fields.reading()) {
        return;
    }
    for (const auto& [name, hash] : users) {
        if (!isBcryptHash(hash.reveal())) {
            fields.failAt("basic_auth_users",
                          fmt::format("the password of \"{}\" is no bcrypt hash (\"$2y$10$…\", 60 "
                                      "characters): make one with `htpasswd -nBC 10 \"\"`",
                                      name));
        }
    }
}

absl::StatusOr<WebConfig> parseWebConfig(const std::filesystem::path& file, const std::string& text)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(file.string(), text));
    auto config = yaml::readStruct<WebConfig>(document->root(), "web.Config", file.parent_path());
    NARTHEX_RETURN_IF_ERROR(document->status());
    return config;
}

absl::StatusOr<WebConfig> loadWebConfig(const std::filesystem::path& file)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, net::readSmallFile(file.string()));
    NARTHEX_ASSIGN_OR_RETURN(WebConfig config, parseWebConfig(file, text));
    if (config.usesTls()) {
        NARTHEX_RETURN_IF_ERROR(
            base::annotate(net::makeServerContext(config.tls.tls).status(), file.string()));
    }
    return config;
}

absl::StatusOr<std::shared_ptr<const WebConfig>> WebConfigFile::current()
{
    std::string stamp = net::fileStamp(file_);
    const absl::MutexLock lock(&mutex_);
    if (stamp.empty()) {
        stamp_.clear();
        return base::notFound("{}: no such file", file_);
    }
    if (stamp != stamp_) {
        stamp_ = std::move(stamp);
        const auto text = net::readSmallFile(file_);
        auto config =
            text.ok() ? parseWebConfig(file_, *text) : absl::StatusOr<WebConfig>(text.status());
        if (config.ok()) {
            current_ = std::make_shared<const WebConfig>(*std::move(config));
        } else {
            current_ = config.status();
        }
    }
    return current_;
}

} // namespace narthex::api
