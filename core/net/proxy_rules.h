// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which proxy, if any, a request goes through. Threads: a value. Source: spec/config.md, HTTP
// client configuration; the rules of no_proxy are those of Go's HTTP client.
#pragma once

#include "core/net/http_client.h"
#include "core/net/url.h"

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace narthex::net {

/// The variables HTTP_PROXY, HTTPS_PROXY, NO_PROXY (else their lower-case forms) of a process.
struct ProxyEnvironment
{
    std::string httpProxy;
    std::string httpsProxy;
    std::string noProxy;

    /// `variable` gives an empty text for what is not set.
    static ProxyEnvironment read(const std::function<std::string(const char* name)>& variable);
};

/// The hosts of a no_proxy list.
class NoProxyList
{
public:
    explicit NoProxyList(std::string_view list);
    /// localhost and loopback addresses always match.
    [[nodiscard]] bool matches(const Url& url) const;

private:
    struct Domain
    {
        /// With a leading dot.
        std::string suffix;
        std::string port;
        /// Whether the name without the dot matches, too.
        bool itself;
    };
    struct Network
    {
        /// IPv4 in its IPv6 form.
        std::array<unsigned char, 16> address;
        unsigned bits;
        std::string port;
    };

    void add(std::string item);

    bool all_ = false;
    std::vector<Domain> domains_;
    std::vector<Network> networks_;
};

class ProxyRules
{
public:
    ProxyRules(const ProxyConfig& config, const ProxyEnvironment& environment);
    /// URL of the proxy for this request; empty: none.
    [[nodiscard]] const std::string& proxyFor(const Url& url) const;

private:
    std::string http_;
    std::string https_;
    /// A fixed proxy without exceptions takes everything, localhost, too.
    bool always_ = false;
    NoProxyList exceptions_;
};

} // namespace narthex::net
