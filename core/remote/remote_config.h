// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote write, remote read and OTLP as configured. Threads: values.
// Source: spec/config.md, 3.7 to 3.9.
#pragma once

#include "core/base/time.h"
#include "core/httpconfig/cloud_auth.h"
#include "core/net/http_client.h"
#include "core/relabel/relabel.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace narthex::remote {

using namespace base::literals;

struct QueueConfig
{
    std::int64_t capacity = 10000;
    std::int64_t maxShards = 50;
    std::int64_t minShards = 1;
    std::int64_t maxSamplesPerSend = 2000;
    base::Duration batchSendDeadline = 5_s;
    base::Duration minBackoff = 30_ms;
    base::Duration maxBackoff = 5_s;
    bool retryOnHttp429 = false;
    /// 0: samples of any age are sent.
    base::Duration sampleAgeLimit;

    void describe(yaml::Fields& fields);
    friend bool operator==(const QueueConfig&, const QueueConfig&) = default;
};

struct MetadataConfig
{
    bool send = true;
    base::Duration sendInterval = 1_min;
    std::int64_t maxSamplesPerSend = 2000;

    void describe(yaml::Fields& fields);
    friend bool operator==(const MetadataConfig&, const MetadataConfig&) = default;
};

struct RemoteWriteConfig
{
    std::string url;
    base::Duration remoteTimeout = 30_s;
    std::map<std::string, std::string> headers;
    relabel::NameScheme nameScheme = relabel::NameScheme::Utf8;
    std::vector<relabel::Rule> writeRelabelRules;
    /// As written; empty: nameOrHash() makes one.
    std::string name;
    bool sendExemplars = false;
    bool sendNativeHistograms = false;
    bool roundRobinDns = false;
    bool failedRequestLogging = false;
    std::string protobufMessage = "prometheus.WriteRequest";
    QueueConfig queue;
    MetadataConfig metadata;
    std::optional<httpconfig::Sigv4Config> sigv4;
    std::optional<httpconfig::AzureAdConfig> azuread;
    std::optional<httpconfig::GoogleIamConfig> googleIam;
    /// HTTP/2 is off here unless asked for.
    net::HttpClientConfig http{.enableHttp2 = false};

    void describe(yaml::Fields& fields);
    /// The name, or the first six hexadecimal digits of the MD5 of the section as printed.
    [[nodiscard]] std::string nameOrHash() const;
    friend bool operator==(const RemoteWriteConfig&, const RemoteWriteConfig&) = default;
};

struct RemoteReadConfig
{
    std::string url;
    base::Duration remoteTimeout = 1_min;
    std::uint64_t chunkedReadLimit = 50'000'000;
    std::map<std::string, std::string> headers;
    bool readRecent = false;
    std::string name;
    std::map<std::string, std::string> requiredMatchers;
    bool filterExternalLabels = true;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields);
    /// As that of RemoteWriteConfig.
    [[nodiscard]] std::string nameOrHash() const;
    friend bool operator==(const RemoteReadConfig&, const RemoteReadConfig&) = default;
};

struct OtlpConfig
{
    bool promoteAllResourceAttributes = false;
    std::vector<std::string> promoteResourceAttributes;
    std::vector<std::string> ignoreResourceAttributes;
    std::string translationStrategy = "UnderscoreEscapingWithSuffixes";
    bool keepIdentifyingResourceAttributes = false;
    bool convertHistogramsToNhcb = false;
    bool promoteScopeMetadata = false;
    bool labelNameUnderscoreSanitization = true;
    bool labelNamePreserveMultipleUnderscores = true;

    void describe(yaml::Fields& fields);
    /// What an empty `otlp:` gives: a struct of zeros.
    static OtlpConfig zero();
    friend bool operator==(const OtlpConfig&, const OtlpConfig&) = default;
};

/// Reads or prints `remote_write`, `remote_read`; names are unique.
void describeRemoteWrite(yaml::Fields& fields, std::vector<RemoteWriteConfig>& configs,
                         relabel::NameScheme scheme);
void describeRemoteRead(yaml::Fields& fields, std::vector<RemoteReadConfig>& configs);

} // namespace narthex::remote
