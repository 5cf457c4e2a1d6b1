// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The keys that say how to reach a server (basic_auth, authorization, oauth2, tls_config, proxies,
// headers, redirects), inline in jobs, discovery, alertmanagers and remote storage: one description
// for all. Threads: one at a time. Source: spec/config.md, HTTP client configuration.
#pragma once

#include "core/net/http_client.h"
#include "core/yaml/fields.h"

namespace narthex::httpconfig {

/// All keys, with their checks. bearer_token and bearer_token_file become `authorization`.
void describe(yaml::Fields& fields, net::HttpClientConfig& http);

/// The keys below tls_config; to be called inside a section of its own.
void describeTls(yaml::Fields& fields, net::TlsConfig& tls);

/// `tls_config` as a section of `fields`.
void describeTlsSection(yaml::Fields& fields, net::TlsConfig& tls);

/// proxy_url, no_proxy, proxy_from_environment, proxy_connect_header.
void describeProxy(yaml::Fields& fields, net::ProxyConfig& proxy);

} // namespace narthex::httpconfig
