// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// sns_configs: Amazon's notification service, signed with keys from wherever this machine has them.
// Source: spec/alertmanager.md, 8.11.
#include "core/alertmanager/receivers/http_integration.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/base/clock.h"
#include "core/base/utf8.h"
#include "core/discovery/aws_credentials.h"
#include "core/discovery/metrics.h"
#include "core/httpconfig/cloud_auth.h"
#include "core/net/sigv4.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

#include <cstdlib>

namespace narthex::alertmanager {
namespace {

constexpr std::size_t kMessageBytes = 256 * 1024;
constexpr std::size_t kPhoneRunes = 1600;
constexpr std::string_view kBadText = "The message is not valid UTF-8 and cannot be shown.";

struct SnsConfig final : HttpReceiverOf<SnsConfig>
{
    static constexpr std::string_view kKind = "sns";
    std::string apiUrl;
    httpconfig::Sigv4Config sigv4;
    std::string topicArn;
    std::string phoneNumber;
    std::string targetArn;
    std::string subject = R"({{ template "sns.default.subject" . }})";
    std::string message = R"({{ template "sns.default.message" . }})";
    std::map<std::string, std::string> attributes;
    bool useAwsHttpClient = false;

    void describe(yaml::Fields& fields) override
    {
        describeCommon(fields);
        fields.field("api_url", &apiUrl);
        fields.section("sigv4", sigv4, true);
        fields.field("topic_arn", &topicArn);
        fields.field("phone_number", &phoneNumber);
        fields.field("target_arn", &targetArn);
        fields.field("subject", &subject);
        fields.field("message", &message);
        fields.field("attributes", &attributes);
        fields.field("use_aws_http_client", &useAwsHttpClient);
        const int targets = static_cast<int>(!topicArn.empty()) +
                            static_cast<int>(!phoneNumber.empty()) +
                            static_cast<int>(!targetArn.empty());
        fields.check(!fields.reading() || targets == 1,
                     "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config");
    }
    absl::Status complete(const GlobalConfig& global) override
    {
        inheritHttp(global);
        return absl::OkStatus();
    }
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const SnsConfig&, const SnsConfig&) = default;
};

class SnsIntegration final : public HttpIntegration<SnsConfig>
{
public:
    SnsIntegration(const SnsConfig& config, const IntegrationEnvironment& environment)
        : HttpIntegration(config, environment),
          provider_{.http = environment.http,
                    .clock = clock_,
                    .log = environment.log,
                    .metrics = metrics_,
                    .variable =
                        [](const std::string& name) {
                            const char* value = std::getenv(name.c_str());
                            return std::string(value == nullptr ? "" : value);
                        }},
          chain_(provider_, accessOf(config), 30_s)
    {}

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;

private:
    static discovery::AwsAccess accessOf(const SnsConfig& config)
    {
        return {.region = config.sigv4.region,
                .accessKey = config.sigv4.accessKey,
                .secretKey = config.sigv4.secretKey,
                .profile = config.sigv4.profile,
                .roleArn = config.sigv4.roleArn,
                .externalId = config.sigv4.externalId,
                .http = config.httpOrDefault()};
    }
    net::Parameters parameters(Renderer& r, const Notification& notification) const;
    absl::Status sign(net::HttpRequest& request, const std::stop_token& stop,
                      std::string_view apiUrl);

    const base::SystemClock clock_;
    discovery::Metrics metrics_;
    const discovery::ProviderEnvironment provider_;
    absl::Mutex mutex_;
    discovery::AwsCredentialChain chain_ ABSL_GUARDED_BY(mutex_);
};

net::Parameters SnsIntegration::parameters(Renderer& r, const Notification& notification) const
{
    net::Parameters form{{"Action", "Publish"}, {"Version", "2010-03-31"}};
    std::map<std::string, std::string> attributes;
    for (const auto& [name, value] : config_.attributes) {
        attributes[r.text(name)] = r.text(value);
    }
    const std::string topic = r.text(config_.topicArn);
    const std::string phone = r.text(config_.phoneNumber);
    if (!topic.empty()) {
        form.emplace_back("TopicArn", topic);
        if (topic.ends_with(".fifo")) {
            form.emplace_back("MessageDeduplicationId", hashOfKey(notification.groupKey));
            form.emplace_back("MessageGroupId", hashOfKey(notification.groupKey));
        }
    }
    if (!phone.empty()) {
        form.emplace_back("PhoneNumber", phone);
    }
    if (const std::string target = r.text(config_.targetArn); !target.empty()) {
        form.emplace_back("TargetArn", target);
    }
    std::string message = r.message(config_.message);
    if (!base::isValidUtf8(message)) {
        message = kBadText;
    }
    const std::string_view fitting = phone.empty()
                                         ? std::string_view(message).substr(0, kMessageBytes)
                                         : base::firstRunes(message, kPhoneRunes);
    if (fitting.size() < message.size()) {
        attributes["truncated"] = "true";
        std::size_t end = fitting.size();
        while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0U) == 0x80U) {
            --end; // not inside of a character
        }
        message.resize(end);
    }
    form.emplace_back("Message", message);
    if (const std::string subject = r.title(config_.subject); !subject.empty()) {
        form.emplace_back("Subject", subject);
    }
    int index = 0;
    for (const auto& [name, value] : attributes) {
        const std::string prefix = fmt::format("MessageAttributes.entry.{}.", ++index);
        form.emplace_back(prefix + "Name", name);
        form.emplace_back(prefix + "Value.DataType", "String");
        form.emplace_back(prefix + "Value.StringValue", value);
    }
    return form;
}

absl::Status SnsIntegration::sign(net::HttpRequest& request, const std::stop_token& stop,
                                  std::string_view apiUrl)
{
    const absl::MutexLock lock(&mutex_);
    NARTHEX_ASSIGN_OR_RETURN(const std::string region, chain_.region(stop));
    NARTHEX_ASSIGN_OR_RETURN(const net::SigV4Credentials keys, chain_.credentials(region, stop));
    request.url = apiUrl.empty() ? discovery::awsEndpoint("sns", region) : std::string(apiUrl);
    endWithSlash(request.url);
    return net::signSigV4(request, keys, {region, "sns"}, clock_.now());
}

SendResult SnsIntegration::send(const Notification& notification, base::Duration timeout,
                                std::stop_token stop)
{
    Renderer r = renderer(notification);
    const net::Parameters form = parameters(r, notification);
    const std::string apiUrl = r.text(config_.apiUrl);
    if (!r.status().ok()) {
        return retryable(r.status(), FailureReason::ClientError);
    }
    net::HttpRequest request{
        .method = "POST",
        .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
        .body = net::formEncode(form)};
    if (const absl::Status status = sign(request, stop, apiUrl); !status.ok()) {
        return retryable(status);
    }
    SendResult result = sender_.send(
        {.url = request.url, .body = request.body, .contentType = "", .headers = request.headers},
        {timeout, std::move(stop)});
    if (result.reason == FailureReason::AuthError) {
        const absl::MutexLock lock(&mutex_);
        chain_.forget();
    }
    return result;
}

absl::StatusOr<std::unique_ptr<Integration>>
SnsConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    return makeHttpIntegration<SnsIntegration>(*this, environment);
}

} // namespace

std::unique_ptr<ReceiverConfig> makeSnsConfig() { return std::make_unique<SnsConfig>(); }

} // namespace narthex::alertmanager
