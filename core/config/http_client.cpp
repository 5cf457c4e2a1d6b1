// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/config/decode.h"

#include <fmt/format.h>

namespace narthex::config {
namespace {

void decodeBasicAuth(const yaml::Value& value, const DecodeContext& context, net::BasicAuth& auth)
{
    yaml::Object object(value, "config.BasicAuth");
    object.field("username", auth.username);
    object.field("username_file", auth.usernameFile);
    object.field("password", auth.password);
    object.field("password_file", auth.passwordFile);
    object.finish();
    if (!auth.username.empty() && !auth.usernameFile.empty()) {
        value.fail(
            "at most one of basic_auth username, username_file & username_ref must be configured");
    }
    if (!auth.password.empty() && !auth.passwordFile.empty()) {
        value.fail(
            "at most one of basic_auth password, password_file & password_ref must be configured");
    }
    auth.usernameFile = context.resolve(auth.usernameFile);
    auth.passwordFile = context.resolve(auth.passwordFile);
}

void decodeAuthorization(const yaml::Value& value, const DecodeContext& context,
                         net::Authorization& auth)
{
    yaml::Object object(value, "config.Authorization");
    object.field("type", auth.type);
    object.field("credentials", auth.credentials);
    object.field("credentials_file", auth.credentialsFile);
    object.finish();
    if (!auth.credentials.empty() && !auth.credentialsFile.empty()) {
        value.fail("at most one of authorization credentials, credentials_file & credentials_ref "
                   "must be configured");
    }
    if (auth.type == "Basic" || auth.type == "basic") {
        value.fail("authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
    }
    auth.credentialsFile = context.resolve(auth.credentialsFile);
}

void decodeTls(const yaml::Value& value, const DecodeContext& context, net::TlsConfig& tls)
{
    yaml::Object object(value, "config.TLSConfig");
    object.field("ca", tls.ca);
    object.field("ca_file", tls.caFile);
    object.field("cert_file", tls.certFile);
    object.field("key_file", tls.keyFile);
    object.field("server_name", tls.serverName);
    object.field("insecure_skip_verify", tls.insecureSkipVerify);
    object.field("min_version", tls.minVersion);
    object.field("max_version", tls.maxVersion);
    object.finish();
    for (const std::string* version : {&tls.minVersion, &tls.maxVersion}) {
        const bool known = version->empty() || *version == "TLS10" || *version == "TLS11" ||
                           *version == "TLS12" || *version == "TLS13";
        if (!known) {
            value.fail(
                fmt::format("unknown TLS version: {} (TLS10, TLS11, TLS12 or TLS13)", *version));
        }
    }
    if (!tls.ca.empty() && !tls.caFile.empty()) {
        value.fail("at most one of ca, ca_file & ca_ref must be configured");
    }
    if (tls.certFile.empty() != tls.keyFile.empty()) {
        value.fail("exactly one of key or key_file must be configured when a client certificate is "
                   "configured");
    }
    if (!tls.serverName.empty()) {
        context.warn(value, "tls_config.server_name has no effect yet: the certificate is checked "
                            "against the address");
    }
    tls.caFile = context.resolve(tls.caFile);
    tls.certFile = context.resolve(tls.certFile);
    tls.keyFile = context.resolve(tls.keyFile);
}

void decodeHeaders(const yaml::Value& value, const DecodeContext& context,
                   net::HttpClientConfig& http)
{
    if (!value.isMap()) {
        return;
    }
    for (const auto& entry : value.node()) {
        const std::string name = entry.first.Scalar();
        yaml::Object header(yaml::Value(entry.second, value.document()), "config.Header");
        net::HeaderConfig& config = http.headers[name];
        header.field("values", config.values);
        header.field("files", config.files);
        header.finish();
        for (std::string& file : config.files) {
            file = context.resolve(file);
        }
    }
}

void decodeProxy(yaml::Object& object, net::HttpClientConfig& http)
{
    object.field("proxy_url", http.proxy.url);
    object.field("no_proxy", http.proxy.noProxy);
    object.field("proxy_from_environment", http.proxy.fromEnvironment);
    if (http.proxy.fromEnvironment && !http.proxy.url.empty()) {
        object.value().fail(
            "if proxy_from_environment is configured, proxy_url must not be configured");
    }
    if (http.proxy.fromEnvironment && !http.proxy.noProxy.empty()) {
        object.value().fail(
            "if proxy_from_environment is configured, no_proxy must not be configured");
    }
    if (http.proxy.url.empty() && !http.proxy.noProxy.empty()) {
        object.value().fail("if no_proxy is configured, proxy_url must also be configured");
    }
}

} // namespace

void decodeHttpClient(yaml::Object& object, const DecodeContext& context,
                      net::HttpClientConfig& http)
{
    if (const auto value = object.take("basic_auth"); value && !value->isNull()) {
        decodeBasicAuth(*value, context, http.basicAuth.emplace());
    }
    if (const auto value = object.take("authorization"); value && !value->isNull()) {
        decodeAuthorization(*value, context, http.authorization.emplace());
    }
    base::Secret bearerToken;
    std::string bearerTokenFile;
    object.field("bearer_token", bearerToken);
    object.field("bearer_token_file", bearerTokenFile);
    if (const auto value = object.take("tls_config"); value && !value->isNull()) {
        decodeTls(*value, context, http.tls);
    }
    if (const auto value = object.take("http_headers")) {
        decodeHeaders(*value, context, http);
    }
    decodeProxy(object, http);
    object.field("follow_redirects", http.followRedirects);
    object.field("enable_http2", http.enableHttp2);
    const auto oauth2 = object.take("oauth2");
    if (oauth2) {
        context.warn(*oauth2, "oauth2 is not supported yet: requests go out without a token");
    }
    const bool bearer = !bearerToken.empty() || !bearerTokenFile.empty();
    if (!bearerToken.empty() && !bearerTokenFile.empty()) {
        object.value().fail("at most one of bearer_token & bearer_token_file must be configured");
    }
    if (bearer && (http.basicAuth || oauth2)) {
        object.value().fail("at most one of basic_auth, oauth2, bearer_token & bearer_token_file "
                            "must be configured");
    }
    if (http.authorization && bearer) {
        object.value().fail(
            "authorization is not compatible with bearer_token & bearer_token_file");
    }
    if (http.authorization && (http.basicAuth || oauth2)) {
        object.value().fail("at most one of basic_auth, oauth2 & authorization must be configured");
    }
    if (bearer) {
        http.authorization = net::Authorization{
            .credentials = bearerToken, .credentialsFile = context.resolve(bearerTokenFile)};
    }
}

} // namespace narthex::config
