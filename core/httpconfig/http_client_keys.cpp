// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/httpconfig/http_client_keys.h"

#include "core/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::httpconfig {
namespace {

using yaml::Fields;
using yaml::Printing;

constexpr std::string_view kJwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A struct of `net` with a description of ours.
template <typename T, void (*Describe)(Fields&, T&)>
struct Described : T
{
    void describe(Fields& fields) { Describe(fields, *this); }
    friend bool operator==(const Described& a, const Described& b)
    {
        return static_cast<const T&>(a) == static_cast<const T&>(b);
    }
};

template <typename T, void (*Describe)(Fields&, T&)>
void section(Fields& fields, std::string_view name, T& value)
{
    Described<T, Describe> described{value};
    fields.section(name, described);
    value = std::move(static_cast<T&>(described));
}

template <typename T, void (*Describe)(Fields&, T&)>
void section(Fields& fields, std::string_view name, std::optional<T>& value)
{
    std::optional<Described<T, Describe>> described;
    if (value) {
        described.emplace(Described<T, Describe>{*value});
    }
    fields.section(name, described);
    value.reset();
    if (described) {
        value.emplace(std::move(static_cast<T&>(*described)));
    }
}

std::size_t countSet(std::initializer_list<bool> set)
{
    return static_cast<std::size_t>(std::count(set.begin(), set.end(), true));
}

/// Keys that ask a secret manager, which no server has.
bool refuseRef(Fields& fields, std::string_view name)
{
    std::string reference;
    fields.field(name, &reference);
    if (!reference.empty()) {
        fields.failAt(name, "cannot use secret ref without manager");
    }
    return !reference.empty();
}

void basicAuth(Fields& fields, net::BasicAuth& auth)
{
    fields.field("username", &auth.username);
    fields.path("username_file", auth.usernameFile);
    const bool userRef = refuseRef(fields, "username_ref");
    fields.field("password", &auth.password);
    fields.path("password_file", auth.passwordFile);
    const bool passwordRef = refuseRef(fields, "password_ref");
    fields.check(
        countSet({!auth.username.empty(), !auth.usernameFile.empty(), userRef}) <= 1,
        "at most one of basic_auth username, username_file & username_ref must be configured");
    fields.check(
        countSet({!auth.password.empty(), !auth.passwordFile.empty(), passwordRef}) <= 1,
        "at most one of basic_auth password, password_file & password_ref must be configured");
}

void authorization(Fields& fields, net::Authorization& auth)
{
    fields.field("type", &auth.type);
    fields.field("credentials", &auth.credentials);
    fields.path("credentials_file", auth.credentialsFile);
    refuseRef(fields, "credentials_ref");
    if (!fields.reading()) {
        return;
    }
    auth.type = base::trimmed(auth.type, " \t\r\n");
    if (auth.type.empty()) {
        auth.type = "Bearer";
    }
    fields.check(auth.credentials.empty() || auth.credentialsFile.empty(),
                 "at most one of authorization credentials & credentials_file must be configured");
    fields.check(base::lowered(auth.type) != "basic",
                 "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
}

void oauth2(Fields& fields, net::OAuth2Config& oauth)
{
    fields.field("client_id", &oauth.clientId);
    fields.field("client_secret", &oauth.clientSecret);
    fields.path("client_secret_file", oauth.clientSecretFile);
    const bool secretRef = refuseRef(fields, "client_secret_ref");
    fields.field("client_certificate_key_id", &oauth.certificateKeyId);
    fields.field("client_certificate_key", &oauth.certificateKey);
    fields.field("client_certificate_key_file", &oauth.certificateKeyFile);
    const bool keyRef = refuseRef(fields, "client_certificate_key_ref");
    fields.field("grant_type", &oauth.grantType);
    fields.field("signature_algorithm", &oauth.signatureAlgorithm);
    fields.field("iss", &oauth.iss);
    fields.field("audience", &oauth.audience);
    fields.field("claims", &oauth.claims);
    fields.field("scopes", &oauth.scopes);
    fields.field("token_url", &oauth.tokenUrl);
    fields.field("endpoint_params", &oauth.endpointParams);
    describeTlsSection(fields, oauth.tls);
    describeProxy(fields, oauth.proxy);
    if (!fields.reading()) {
        return;
    }
    fields.check(!oauth.clientId.empty(), "oauth2 client_id must be configured");
    fields.check(!oauth.tokenUrl.empty(), "oauth2 token_url must be configured");
    if (oauth.grantType == kJwtBearer) {
        fields.check(countSet({!oauth.certificateKey.empty(), !oauth.certificateKeyFile.empty(),
                               keyRef}) <= 1,
                     "at most one of oauth2 client_certificate_key, client_certificate_key_file & "
                     "client_certificate_key_ref must be configured using "
                     "grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer");
        constexpr std::array<std::string_view, 4> kAlgorithms{"", "RS256", "RS384", "RS512"};
        fields.check(std::find(kAlgorithms.begin(), kAlgorithms.end(), oauth.signatureAlgorithm) !=
                         kAlgorithms.end(),
                     "valid signature algorithms are RS256, RS384 and RS512");
    } else {
        fields.check(
            countSet({!oauth.clientSecret.empty(), !oauth.clientSecretFile.empty(), secretRef}) <=
                1,
            "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be "
            "configured using grant-type=client_credentials");
    }
}

void header(Fields& fields, net::HeaderConfig& header)
{
    fields.field("values", &header.values);
    fields.field("secrets", &header.secrets);
    fields.paths("files", header.files);
}

/// `x-api-KEY` → `X-Api-Key`.
std::string canonicalName(std::string name)
{
    bool first = true;
    for (char& c : name) {
        if (first && c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 32);
        } else if (!first && c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c + 32);
        }
        first = c == '-';
    }
    return name;
}

bool isReservedHeader(std::string_view canonical)
{
    constexpr std::array<std::string_view, 18> kReserved{"Authorization",
                                                         "Host",
                                                         "Content-Encoding",
                                                         "Content-Length",
                                                         "Content-Type",
                                                         "User-Agent",
                                                         "Connection",
                                                         "Keep-Alive",
                                                         "Proxy-Authenticate",
                                                         "Proxy-Authorization",
                                                         "Www-Authenticate",
                                                         "Accept-Encoding",
                                                         "X-Prometheus-Remote-Write-Version",
                                                         "X-Prometheus-Remote-Read-Version",
                                                         "X-Prometheus-Scrape-Timeout-Seconds",
                                                         "X-Amz-Date",
                                                         "X-Amz-Security-Token",
                                                         "X-Amz-Content-Sha256"};
    return std::find(kReserved.begin(), kReserved.end(), canonical) != kReserved.end();
}

/// http_headers is a mapping whose keys are header names.
struct Headers
{
    std::map<std::string, net::HeaderConfig> entries;
    std::vector<std::string> names;

    void describe(Fields& fields)
    {
        for (const std::string& name : names) {
            section<net::HeaderConfig, header>(fields, name, entries[name]);
            if (fields.reading() && isReservedHeader(canonicalName(name))) {
                fields.failAt(
                    name, fmt::format("setting header \"{}\" is not allowed", canonicalName(name)));
            }
        }
    }
    friend bool operator==(const Headers& a, const Headers& b) { return a.entries == b.entries; }
};

void describeHeaders(Fields& fields, std::map<std::string, net::HeaderConfig>& entries)
{
    Headers headers{.entries = entries, .names = {}};
    if (const auto value = fields.take("http_headers"); value && value->isMap()) {
        headers.entries.clear();
        for (const auto& entry : value->node()) {
            headers.names.push_back(entry.first.Scalar());
        }
    }
    for (const auto& [name, config] : entries) {
        if (!fields.reading()) {
            headers.names.push_back(name);
        }
    }
    fields.section("http_headers", headers);
    entries = std::move(headers.entries);
}

void checkAuthentication(Fields& fields, net::HttpClientConfig& http, base::Secret& token,
                         std::string& tokenFile)
{
    const bool bearer = !token.empty() || !tokenFile.empty();
    fields.check(token.empty() || tokenFile.empty(),
                 "at most one of bearer_token & bearer_token_file must be configured");
    fields.check(!bearer || (!http.basicAuth && !http.oauth2),
                 "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be "
                 "configured");
    fields.check(!http.authorization || !bearer,
                 "authorization is not compatible with bearer_token & bearer_token_file");
    fields.check(countSet({http.basicAuth.has_value(), http.oauth2.has_value(),
                           http.authorization.has_value()}) <= 1,
                 "at most one of basic_auth, oauth2 & authorization must be configured");
    if (bearer) {
        http.authorization = net::Authorization{.credentials = std::move(token),
                                                .credentialsFile = std::move(tokenFile)};
    }
}

} // namespace

void describeTls(Fields& fields, net::TlsConfig& tls)
{
    fields.field("ca", &tls.ca);
    fields.field("cert", &tls.cert);
    fields.field("key", &tls.key);
    fields.path("ca_file", tls.caFile);
    fields.path("cert_file", tls.certFile);
    fields.path("key_file", tls.keyFile);
    const bool caRef = refuseRef(fields, "ca_ref");
    const bool certRef = refuseRef(fields, "cert_ref");
    const bool keyRef = refuseRef(fields, "key_ref");
    fields.field("server_name", &tls.serverName);
    fields.field("insecure_skip_verify", &tls.insecureSkipVerify, Printing::Always);
    fields.field("min_version", &tls.minVersion);
    fields.field("max_version", &tls.maxVersion);
    if (!fields.reading()) {
        return;
    }
    const std::size_t certs = countSet({!tls.cert.empty(), !tls.certFile.empty(), certRef});
    const std::size_t keys = countSet({!tls.key.empty(), !tls.keyFile.empty(), keyRef});
    fields.check(countSet({!tls.ca.empty(), !tls.caFile.empty(), caRef}) <= 1,
                 "at most one of ca, ca_file & ca_ref must be configured");
    fields.check(certs <= 1, "at most one of cert, cert_file & cert_ref must be configured");
    fields.check(keys <= 1, "at most one of key and key_file must be configured");
    fields.check(certs == 0 || keys != 0,
                 "exactly one of key or key_file must be configured when a client certificate is "
                 "configured");
    fields.check(keys == 0 || certs != 0,
                 "exactly one of cert or cert_file must be configured when a client key is "
                 "configured");
    for (const std::string_view key : {"min_version", "max_version"}) {
        const std::string& version = key == "min_version" ? tls.minVersion : tls.maxVersion;
        constexpr std::array<std::string_view, 5> kVersions{"", "TLS10", "TLS11", "TLS12", "TLS13"};
        if (std::find(kVersions.begin(), kVersions.end(), version) == kVersions.end()) {
            fields.failAt(key, fmt::format("unknown TLS version: {}", version));
        }
    }
    fields.check(tls.minVersion.empty() || tls.maxVersion.empty() ||
                     tls.minVersion <= tls.maxVersion,
                 "tls_config.max_version must be greater than or equal to tls_config.min_version "
                 "if both are specified");
}

void describeTlsSection(Fields& fields, net::TlsConfig& tls)
{
    section<net::TlsConfig, describeTls>(fields, "tls_config", tls);
}

void describeProxy(Fields& fields, net::ProxyConfig& proxy)
{
    fields.field("proxy_url", &proxy.url);
    fields.field("no_proxy", &proxy.noProxy);
    fields.field("proxy_from_environment", &proxy.fromEnvironment);
    fields.field("proxy_connect_header", &proxy.connectHeader);
    if (!fields.reading()) {
        return;
    }
    fields.check(proxy.connectHeader.empty() || proxy.fromEnvironment || !proxy.url.empty(),
                 "if proxy_connect_header is configured, proxy_url or proxy_from_environment must "
                 "also be configured");
    fields.check(!proxy.fromEnvironment || proxy.url.empty(),
                 "if proxy_from_environment is configured, proxy_url must not be configured");
    fields.check(!proxy.fromEnvironment || proxy.noProxy.empty(),
                 "if proxy_from_environment is configured, no_proxy must not be configured");
    fields.check(proxy.noProxy.empty() || proxy.fromEnvironment || !proxy.url.empty(),
                 "if no_proxy is configured, proxy_url must also be configured");
    constexpr std::array<std::string_view, 4> kSchemes{"http", "https", "socks5", "socks5h"};
    // Without a scheme it is the name of an HTTP proxy.
    const std::size_t scheme = proxy.url.find("://");
    if (scheme != std::string::npos && std::find(kSchemes.begin(), kSchemes.end(),
                                                 proxy.url.substr(0, scheme)) == kSchemes.end()) {
        fields.failAt("proxy_url", "unsupported scheme of the proxy: http, https, socks5 or "
                                   "socks5h is needed, as in http://proxy:3128");
    }
}

void describe(Fields& fields, net::HttpClientConfig& http)
{
    section<net::BasicAuth, basicAuth>(fields, "basic_auth", http.basicAuth);
    section<net::Authorization, authorization>(fields, "authorization", http.authorization);
    section<net::OAuth2Config, oauth2>(fields, "oauth2", http.oauth2);
    base::Secret bearerToken;
    std::string bearerTokenFile;
    fields.field("bearer_token", &bearerToken);
    fields.path("bearer_token_file", bearerTokenFile);
    describeTlsSection(fields, http.tls);
    fields.field("follow_redirects", &http.followRedirects, Printing::Always);
    fields.field("enable_http2", &http.enableHttp2, Printing::Always);
    describeProxy(fields, http.proxy);
    describeHeaders(fields, http.headers);
    if (fields.reading()) {
        checkAuthentication(fields, http, bearerToken, bearerTokenFile);
    }
}

} // namespace narthex::httpconfig
