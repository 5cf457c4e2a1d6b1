// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the settings of many kinds have in common: send_resolved, http_config, URLs, secrets that
// are given as text or as file, trees whose texts are templates. Threads: values; one at a time.
// Source: spec/alertmanager.md, 1.1, 1.8 and 8.
#pragma once

#include "core/alertmanager/receivers/receiver_kind.h"
#include "core/gotemplate/value.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::alertmanager {

/// `http_config` as a section.
void describeHttp(yaml::Fields& fields, std::optional<net::HttpClientConfig>& http);
/// `tls_config` of e-mail.
void describeTls(yaml::Fields& fields, std::string_view name, std::optional<net::TlsConfig>& tls);

/// An address whose scheme is http or https and which has a host: `unsupported scheme "x" for URL`,
/// `missing host for URL`.
void describeUrl(yaml::Fields& fields, std::string_view name, std::string& url);
void describeUrl(yaml::Fields& fields, std::string_view name, base::Secret& url);
absl::Status checkUrl(std::string_view url);

/// `at most one of <a> & <b> must be configured`.
void atMostOne(yaml::Fields& fields, std::string_view a, bool hasA, std::string_view b, bool hasB);
/// A secret and its file, as two keys.
void describeSecret(yaml::Fields& fields, std::string_view name, base::Secret& secret,
                    std::string& file);
/// The same for an address.
void describeSecretUrl(yaml::Fields& fields, std::string_view name, base::Secret& url,
                       std::string& file);

/// Any YAML as a value of templates. Equal when it prints the same.
struct Tree
{
    gotemplate::Value value;
    [[nodiscard]] bool empty() const { return value.isNil(); }
    friend bool operator==(const Tree& a, const Tree& b);
};
gotemplate::Value treeOf(const YAML::Node& node);
void describeTree(yaml::Fields& fields, std::string_view name, Tree& tree);
/// A text that a template made, read as YAML: a structure, a number; absent: a plain text.
std::optional<gotemplate::Value> readInline(const std::string& text);

/// Fills what is empty.
inline void inherit(std::string& own, const std::string& global)
{
    own = own.empty() ? global : own;
}
/// A pair of secret and file, which belong together.
inline void inherit(base::Secret& own, std::string& ownFile, const base::Secret& global,
                    const std::string& globalFile)
{
    if (own.empty() && ownFile.empty()) {
        own = global;
        ownFile = globalFile;
    }
}
/// An address that ends with '/'.
inline void endWithSlash(std::string& url)
{
    if (!url.ends_with('/')) {
        url += '/';
    }
}

/// Settings of a kind that speaks HTTP.
template <typename T>
class HttpReceiverOf : public ReceiverOf<T>
{
public:
    bool resolvedToo = true;
    std::optional<net::HttpClientConfig> http;

    [[nodiscard]] bool sendResolved() const final { return resolvedToo; }
    /// Of the receiver, or the global ones.
    [[nodiscard]] net::HttpClientConfig httpOrDefault() const
    {
        return http.value_or(net::HttpClientConfig{});
    }
    friend bool operator==(const HttpReceiverOf&, const HttpReceiverOf&) = default;

protected:
    void describeCommon(yaml::Fields& fields)
    {
        fields.field("send_resolved", &resolvedToo, yaml::Printing::Always);
        describeHttp(fields, http);
    }
    void inheritHttp(const GlobalConfig& global)
    {
        if (!http) {
            http = global.http;
        }
    }
};

} // namespace narthex::alertmanager
