// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/remote_config.h"

#include "core/httpconfig/http_client_keys.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <set>

namespace narthex::remote {
namespace {

using yaml::Fields;
using yaml::Printing;

constexpr std::string_view kMessages[] = {"prometheus.WriteRequest",
                                          "io.prometheus.write.v2.Request"};

/// MD5 as a plain hash: it makes names, no security.
std::string md5Hex(const std::string& text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
        hex += fmt::format("{:02x}", digest[i]);
    }
    return hex;
}

void checkOneAuth(Fields& fields, const RemoteWriteConfig& config)
{
    std::vector<std::string_view> set;
    const auto note = [&set](bool present, std::string_view name) {
        if (present) {
            set.push_back(name);
        }
    };
    note(config.http.basicAuth.has_value(), "basic_auth");
    note(config.http.authorization.has_value(), "authorization");
    note(config.http.oauth2.has_value(), "oauth2");
    note(config.sigv4.has_value(), "sigv4");
    note(config.azuread.has_value(), "azuread");
    note(config.googleIam.has_value(), "google_iam");
    const bool cloud = config.sigv4 || config.azuread || config.googleIam;
    if (set.size() > 1 && cloud) { // without a cloud the HTTP keys have reported it
        fields.fail(fmt::format("at most one of basic_auth, authorization, oauth2, sigv4, azuread "
                                "or google_iam must be configured. Currently configured: [{}]",
                                fmt::join(set, " ")));
    }
}

void checkUrlIsGiven(Fields& fields, const std::string& url, std::string_view section)
{
    if (url.empty()) {
        fields.fail(fmt::format("url for {} is empty", section));
    } else if (url.find("://") == std::string::npos) {
        // It is a URL by the letter: what stands before the colon is its scheme.
        fields.warn("url", fmt::format("\"{}\" has no host: https://host/path is needed",
                                       yaml::hidePassword(url)));
    }
}

/// Reads a list whose elements need more than a default; names must be unique.
template <typename T, typename Prepare>
void readList(Fields& fields, std::string_view key, std::string_view nullMessage,
              std::string_view what, std::vector<T>& configs, const Prepare& prepare)
{
    auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields);
    if (reader == nullptr) {
        fields.list(key, configs);
        return;
    }
    const auto value = fields.take(key);
    if (!value) {
        return;
    }
    std::set<std::string> names;
    for (const yaml::Value& element : value->elements()) {
        if (element.isNull()) {
            element.fail(std::string(nullMessage));
            continue;
        }
        T config;
        prepare(config);
        yaml::FieldReader each(element, std::string(key), reader->directory(), reader->warnings());
        config.describe(each);
        each.finish();
        if (!config.name.empty() && !names.insert(config.name).second) {
            element.fail(
                fmt::format("found multiple {} configs with job name \"{}\"", what, config.name));
        }
        configs.push_back(std::move(config));
    }
}

std::string trimmed(const std::string& text)
{
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first == std::string::npos
               ? std::string()
               : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Trims the attributes; all problems come as one message, a line each.
void checkAttributes(Fields& fields, std::string_view key, std::string_view participle,
                     std::vector<std::string>& attributes)
{
    std::set<std::string> seen;
    std::string problems;
    for (std::string& attribute : attributes) {
        attribute = trimmed(attribute);
        if (attribute.empty()) {
            problems += fmt::format("{}empty {} OTel resource attribute",
                                    problems.empty() ? "" : "\n", participle);
        } else if (!seen.insert(attribute).second) {
            problems += fmt::format("{}duplicated {} OTel resource attribute \"{}\"",
                                    problems.empty() ? "" : "\n", participle, attribute);
        }
    }
    if (!problems.empty()) {
        fields.failAt(key, fmt::format("invalid '{}': {}", key, problems));
    }
}

} // namespace

void QueueConfig::describe(Fields& fields)
{
    fields.field("capacity", &capacity);
    fields.field("max_shards", &maxShards);
    fields.field("min_shards", &minShards);
    fields.field("max_samples_per_send", &maxSamplesPerSend);
    fields.field("batch_send_deadline", &batchSendDeadline);
    fields.field("min_backoff", &minBackoff);
    fields.field("max_backoff", &maxBackoff);
    fields.field("retry_on_http_429", &retryOnHttp429);
    fields.field("sample_age_limit", &sampleAgeLimit);
    if (!fields.reading()) {
        return;
    }
    const auto positive = [&fields](std::string_view name, std::int64_t value) {
        if (value <= 0) {
            fields.failAt(name, fmt::format("remote write queue {} must be positive", name));
        }
    };
    positive("capacity", capacity);
    positive("max_shards", maxShards);
    positive("min_shards", minShards);
    positive("max_samples_per_send", maxSamplesPerSend);
    fields.check(minShards <= maxShards,
                 "remote write queue min_shards must not be greater than max_shards");
    fields.check(minBackoff <= maxBackoff,
                 "remote write queue max_backoff must not be less than min_backoff");
}

void MetadataConfig::describe(Fields& fields)
{
    fields.field("send", &send, Printing::Always);
    fields.field("send_interval", &sendInterval);
    fields.field("max_samples_per_send", &maxSamplesPerSend);
}

void RemoteWriteConfig::describe(Fields& fields)
{
    fields.field("url", &url);
    fields.field("remote_timeout", &remoteTimeout);
    httpconfig::describeCustomHeaders(
        fields, headers,
        "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, "
        "azuread or google_iam parameter");
    relabel::describeRules(fields, "write_relabel_configs", writeRelabelRules, nameScheme,
                           "empty or null relabeling rule in remote write config");
    fields.field("name", &name);
    fields.field("send_exemplars", &sendExemplars);
    fields.field("send_native_histograms", &sendNativeHistograms);
    fields.field("round_robin_dns", &roundRobinDns);
    fields.field("failed_request_logging", &failedRequestLogging);
    fields.field("protobuf_message", &protobufMessage);
    httpconfig::describe(fields, http);
    fields.section("queue_config", queue, true);
    fields.section("metadata_config", metadata, true);
    fields.section("sigv4", sigv4);
    fields.section("azuread", azuread);
    fields.section("google_iam", googleIam);
    if (!fields.reading()) {
        return;
    }
    checkUrlIsGiven(fields, url, "remote_write");
    checkOneAuth(fields, *this);
    if (std::find(std::begin(kMessages), std::end(kMessages), protobufMessage) ==
        std::end(kMessages)) {
        fields.failAt("protobuf_message",
                      fmt::format("invalid protobuf_message value: unknown type for remote write "
                                  "protobuf message {}, supported: {}",
                                  protobufMessage, fmt::join(kMessages, ", ")));
    }
}

std::string RemoteWriteConfig::nameOrHash() const
{
    return name.empty() ? md5Hex(yaml::printStruct(*this)).substr(0, 6) : name;
}

void RemoteReadConfig::describe(Fields& fields)
{
    fields.field("url", &url);
    fields.field("remote_timeout", &remoteTimeout);
    fields.field("chunked_read_limit", &chunkedReadLimit);
    httpconfig::describeCustomHeaders(
        fields, headers,
        "authorization header must be changed via the basic_auth, authorization, or oauth2 "
        "parameter");
    fields.field("read_recent", &readRecent);
    fields.field("name", &name);
    httpconfig::describe(fields, http);
    fields.field("required_matchers", &requiredMatchers);
    fields.field("filter_external_labels", &filterExternalLabels, Printing::Always);
    if (fields.reading()) {
        checkUrlIsGiven(fields, url, "remote_read");
    }
}

std::string RemoteReadConfig::nameOrHash() const
{
    return name.empty() ? md5Hex(yaml::printStruct(*this)).substr(0, 6) : name;
}

OtlpConfig OtlpConfig::zero()
{
    OtlpConfig config;
    config.translationStrategy.clear();
    config.labelNameUnderscoreSanitization = false;
    config.labelNamePreserveMultipleUnderscores = false;
    return config;
}

void OtlpConfig::describe(Fields& fields)
{
    fields.field("promote_all_resource_attributes", &promoteAllResourceAttributes);
    fields.field("promote_resource_attributes", &promoteResourceAttributes);
    fields.field("ignore_resource_attributes", &ignoreResourceAttributes);
    fields.field("translation_strategy", &translationStrategy, Printing::Always);
    fields.field("keep_identifying_resource_attributes", &keepIdentifyingResourceAttributes);
    fields.field("convert_histograms_to_nhcb", &convertHistogramsToNhcb);
    fields.field("promote_scope_metadata", &promoteScopeMetadata);
    fields.field("label_name_underscore_sanitization", &labelNameUnderscoreSanitization,
                 Printing::Always);
    fields.field("label_name_preserve_multiple_underscores", &labelNamePreserveMultipleUnderscores,
                 Printing::Always);
    if (!fields.reading()) {
        return;
    }
    fields.check(!promoteAllResourceAttributes || promoteResourceAttributes.empty(),
                 "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be "
                 "configured simultaneously");
    fields.check(promoteAllResourceAttributes || ignoreResourceAttributes.empty(),
                 "'ignore_resource_attributes' cannot be configured unless "
                 "'promote_all_resource_attributes' is true");
    checkAttributes(fields, "promote_resource_attributes", "promoted", promoteResourceAttributes);
    checkAttributes(fields, "ignore_resource_attributes", "ignored", ignoreResourceAttributes);
    constexpr std::string_view kStrategies[] = {"UnderscoreEscapingWithSuffixes",
                                                "UnderscoreEscapingWithoutSuffixes",
                                                "NoUTF8EscapingWithSuffixes", "NoTranslation"};
    if (fields.written("translation_strategy") && !translationStrategy.empty() &&
        std::find(std::begin(kStrategies), std::end(kStrategies), translationStrategy) ==
            std::end(kStrategies)) {
        fields.failAt("translation_strategy",
                      fmt::format("unsupported OTLP translation strategy \"{}\" ({})",
                                  translationStrategy, fmt::join(kStrategies, ", ")));
    }
}

void describeRemoteWrite(Fields& fields, std::vector<RemoteWriteConfig>& configs,
                         relabel::NameScheme scheme)
{
    readList(fields, "remote_write", "empty or null remote write config section", "remote write",
             configs, [scheme](RemoteWriteConfig& config) { config.nameScheme = scheme; });
}

void describeRemoteRead(Fields& fields, std::vector<RemoteReadConfig>& configs)
{
    readList(fields, "remote_read", "empty or null remote read config section", "remote read",
             configs, [](RemoteReadConfig&) {});
}

} // namespace narthex::remote
