// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/proxy_rules.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <optional>

namespace narthex::net {
namespace {

using Address = std::array<unsigned char, 16>;

constexpr unsigned kV4Bits = 96;

struct ParsedAddress
{
    Address bytes{};
    bool isV4 = false;
};

std::optional<ParsedAddress> parseAddress(const std::string& text)
{
    ParsedAddress address;
    in_addr four{};
    if (::inet_pton(AF_INET, text.c_str(), &four) == 1) {
        address.isV4 = true;
        address.bytes[10] = address.bytes[11] = 0xFF;
        std::memcpy(address.bytes.data() + 12, &four, sizeof four);
        return address;
    }
    if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
        return address;
    }
    return std::nullopt;
}

bool isLoopback(const Address& address)
{
    constexpr Address kV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    constexpr Address kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127};
    return address == kV6 || std::equal(kV4Prefix.begin(), kV4Prefix.begin() + 13, address.begin());
}

bool samePrefix(const Address& a, const Address& b, unsigned bits)
{
    for (unsigned i = 0; i < 16 && bits > i * 8; ++i) {
        const unsigned left = std::min(8U, bits - i * 8);
        const unsigned mask = (0xFFU << (8U - left)) & 0xFFU;
        if ((a[i] & mask) != (b[i] & mask)) {
            return false;
        }
    }
    return true;
}

std::string trimmedLower(std::string_view text)
{
    std::string result(text);
    absl::StripAsciiWhitespace(&result);
    absl::AsciiStrToLower(&result);
    return result;
}

/// Takes ":port" off the end of an entry; "[…]" around an address goes with it.
std::string takePort(std::string& item)
{
    std::string port;
    const std::size_t colon = item.rfind(':');
    const bool bracketed = item.starts_with('[');
    const bool hasPort =
        colon != std::string::npos &&
        (bracketed ? colon > 0 && item[colon - 1] == ']' : item.find(':') == colon);
    if (hasPort) {
        port = item.substr(colon + 1);
        item.resize(colon);
    }
    if (bracketed && item.ends_with(']')) {
        item = item.substr(1, item.size() - 2);
    }
    return port;
}

} // namespace

ProxyEnvironment ProxyEnvironment::read(const std::function<std::string(const char*)>& variable)
{
    const auto either = [&](const char* upper, const char* lower) {
        std::string value = variable(upper);
        return value.empty() ? variable(lower) : value;
    };
    ProxyEnvironment result{.httpProxy = either("HTTP_PROXY", "http_proxy"),
                            .httpsProxy = either("HTTPS_PROXY", "https_proxy"),
                            .noProxy = either("NO_PROXY", "no_proxy")};
    for (std::string* const proxy : {&result.httpProxy, &result.httpsProxy}) {
        if (!proxy->empty() && proxy->find("://") == std::string::npos) {
            *proxy = "http://" + *proxy;
        }
    }
    return result;
}

NoProxyList::NoProxyList(std::string_view list)
{
    while (!list.empty()) {
        const std::string_view item = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), item.size() + 1));
        add(trimmedLower(item));
    }
}

void NoProxyList::add(std::string item)
{
    if (item == "*") {
        all_ = true;
        return;
    }
    if (const std::size_t slash = item.find('/'); slash != std::string::npos) {
        unsigned bits = 0;
        const auto address = parseAddress(item.substr(0, slash));
        if (address && absl::SimpleAtoi(item.substr(slash + 1), &bits) &&
            bits <= (address->isV4 ? 32U : 128U)) {
            networks_.push_back({address->bytes, bits + (address->isV4 ? kV4Bits : 0), {}});
            return;
        }
    }
    std::string port = takePort(item);
    if (item.empty()) {
        return;
    }
    if (const auto address = parseAddress(item)) {
        networks_.push_back({address->bytes, 128, std::move(port)});
        return;
    }
    if (item.starts_with("*.")) {
        item.erase(0, 1);
    }
    const bool itself = item[0] != '.';
    domains_.push_back({itself ? "." + item : std::move(item), std::move(port), itself});
}

bool NoProxyList::matches(const Url& url) const
{
    const auto address = parseAddress(url.host);
    if (all_ || url.host == "localhost" || (address && isLoopback(address->bytes))) {
        return true;
    }
    const std::string port = url.portOrDefault();
    const auto portFits = [&port](const auto& entry) {
        return entry.port.empty() || entry.port == port;
    };
    const auto inNetwork = [&](const Network& entry) {
        return portFits(entry) && samePrefix(address->bytes, entry.address, entry.bits);
    };
    if (address && std::any_of(networks_.begin(), networks_.end(), inNetwork)) {
        return true;
    }
    return std::any_of(domains_.begin(), domains_.end(), [&](const Domain& domain) {
        const bool named = std::string_view(domain.suffix).substr(1) == url.host;
        return portFits(domain) && (url.host.ends_with(domain.suffix) || (domain.itself && named));
    });
}

ProxyRules::ProxyRules(const ProxyConfig& config, const ProxyEnvironment& environment)
    : http_(config.fromEnvironment ? environment.httpProxy : config.url),
      https_(config.fromEnvironment ? environment.httpsProxy : config.url),
      always_(!config.fromEnvironment && config.noProxy.empty()),
      exceptions_(config.fromEnvironment ? environment.noProxy : config.noProxy)
{}

const std::string& ProxyRules::proxyFor(const Url& url) const
{
    static const std::string kNone;
    const std::string& proxy = url.isHttps() ? https_ : http_;
    return proxy.empty() || always_ || !exceptions_.matches(url) ? proxy : kNone;
}

} // namespace narthex::net
