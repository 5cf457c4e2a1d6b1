// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/aws_credentials.h"

#include "core/base/file.h"
#include "core/base/run_program.h"
#include "core/base/status.h"
#include "core/discovery/aws_xml.h"
#include "core/net/crypto.h"
#include "core/net/url.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <iterator>

namespace narthex::discovery {
namespace {

using namespace base::literals;

constexpr base::Duration kRenewBefore = 5_min;
constexpr base::Duration kLocalTimeout = 5_s;
constexpr base::Duration kCommandTimeout = 1_min;
constexpr int kMaxSourceProfiles = 8; // a chain that is longer is a ring
constexpr std::uint64_t kFileLimit = 1U << 20U;

std::string settingOf(const AwsProfiles::Settings& settings, const char* name)
{
    const auto found = settings.find(name);
    return found == settings.end() ? std::string() : found->second;
}

std::optional<base::Timestamp> expiryOf(const std::string& text)
{
    const auto time = base::parseTimestamp(text);
    return time.ok() ? std::optional(*time) : std::nullopt;
}

/// The form in which containers, instances and commands answer; the name of the token differs.
absl::StatusOr<AwsCredentials> fromJson(std::string_view text, const char* tokenName)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, Json::parse(text));
    const std::string code = json["Code"].text();
    if (!code.empty() && code != "Success") {
        return base::unavailable("no credentials: {}", code);
    }
    AwsCredentials result{.keys = {.accessKey = json["AccessKeyId"].text(),
                                   .secretKey = base::Secret(json["SecretAccessKey"].text()),
                                   .sessionToken = base::Secret(json[tokenName].text())},
                          .expiry = expiryOf(json["Expiration"].text())};
    if (result.keys.accessKey.empty() || result.keys.secretKey.empty()) {
        return base::unavailable("the answer has no AccessKeyId and SecretAccessKey");
    }
    return result;
}

std::string readTrimmed(const std::string& path)
{
    std::string text = base::readFile(path, kFileLimit).value_or("");
    absl::StripAsciiWhitespace(&text);
    return text;
}

/// Credentials are not handed to just any host of the plain network.
bool isContainerHost(const net::Url& url)
{
    constexpr std::string_view kHosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23",
                                           "localhost", "::1"};
    return url.isHttps() || url.host.starts_with("127.") ||
           std::find(std::begin(kHosts), std::end(kHosts), url.host) != std::end(kHosts);
}

} // namespace

std::string awsEndpoint(std::string_view service, std::string_view region)
{
    const std::string_view domain = region.starts_with("cn-")        ? "amazonaws.com.cn"
                                    : region.starts_with("us-iso-")  ? "c2s.ic.gov"
                                    : region.starts_with("us-isob-") ? "sc2s.sgov.gov"
                                                                     : "amazonaws.com";
    return fmt::format("https://{}.{}.{}", service, region, domain);
}

void AwsAccess::describe(yaml::Fields& fields, bool endpointFirst, yaml::Printing printing)
{
    if (endpointFirst) {
        fields.field("endpoint", &endpoint, printing);
        fields.field("region", &region, printing);
    } else {
        fields.field("region", &region, printing);
        fields.field("endpoint", &endpoint, printing);
    }
    fields.field("access_key", &accessKey);
    fields.field("secret_key", &secretKey);
    fields.field("profile", &profile);
    fields.field("role_arn", &roleArn);
    fields.field("external_id", &externalId);
}

AwsCredentialChain::AwsCredentialChain(const ProviderEnvironment& environment, AwsAccess access,
                                       base::Duration timeout)
    : environment_(environment),
      access_(std::move(access)),
      client_(environment, access_.http, timeout),
      local_(environment, net::HttpClientConfig{}, kLocalTimeout)
{}

std::string AwsCredentialChain::variable(const char* name) const
{
    return environment_.variable ? environment_.variable(name) : std::string();
}

std::string AwsCredentialChain::fixedAddress(std::string_view otherwise) const
{
    return environment_.apiBase.empty() ? std::string(otherwise) : environment_.apiBase;
}

std::string AwsCredentialChain::profileName() const
{
    for (const std::string& name :
         {access_.profile, variable("AWS_PROFILE"), variable("AWS_DEFAULT_PROFILE")}) {
        if (!name.empty()) {
            return name;
        }
    }
    return "default";
}

AwsProfiles AwsCredentialChain::readProfiles() const
{
    const auto textOf = [this](const char* name, const std::string& usual) {
        const std::string path = variable(name);
        return base::readFile(!path.empty() ? path
                                            : environment_.rootDirectory + variable("HOME") + usual,
                              kFileLimit)
            .value_or("");
    };
    return {textOf("AWS_CONFIG_FILE", "/.aws/config"),
            textOf("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials")};
}

absl::StatusOr<std::string> AwsCredentialChain::region(const std::stop_token& stop)
{
    for (const std::string& name :
         {access_.region, variable("AWS_REGION"), variable("AWS_DEFAULT_REGION")}) {
        if (!name.empty()) {
            return name;
        }
    }
    const AwsProfiles profiles = readProfiles();
    if (const auto* const settings = profiles.find(profileName());
        settings != nullptr && !settingOf(*settings, "region").empty()) {
        return settingOf(*settings, "region");
    }
    stop_ = stop;
    auto region = askInstance("/latest/meta-data/placement/region");
    if (!region.ok() || region->empty()) {
        return base::unavailable(
            "could not determine AWS region: set the key region or AWS_REGION; the instance "
            "metadata say: {}",
            region.ok() ? "nothing" : base::messageOf(region.status()));
    }
    return region;
}

absl::StatusOr<net::SigV4Credentials> AwsCredentialChain::credentials(const std::string& region,
                                                                      const std::stop_token& stop)
{
    const base::Timestamp now = environment_.clock.now();
    if (kept_ && (!kept_->expiry || now + kRenewBefore < *kept_->expiry)) {
        return kept_->keys;
    }
    region_ = region;
    stop_ = stop;
    auto found = resolve();
    if (found.ok()) {
        kept_ = *std::move(found);
        return kept_->keys;
    }
    if (kept_ && now < *kept_->expiry) {
        return kept_->keys; // good for a while yet
    }
    return base::annotate(found.status(), "no AWS credentials");
}

AwsCredentialChain::Result AwsCredentialChain::resolve()
{
    const auto base = [this]() -> Result {
        if (!access_.accessKey.empty() && !access_.secretKey.empty()) {
            return AwsCredentials{
                .keys = {.accessKey = access_.accessKey, .secretKey = access_.secretKey}};
        }
        // A profile that the configuration names is meant.
        if (!access_.profile.empty()) {
            return fromProfile(access_.profile, 0);
        }
        if (auto found = fromEnvironment(); found.ok()) {
            return found;
        }
        if (const std::string file = variable("AWS_WEB_IDENTITY_TOKEN_FILE"); !file.empty()) {
            return fromWebIdentity(file, variable("AWS_ROLE_ARN"),
                                   variable("AWS_ROLE_SESSION_NAME"));
        }
        return fromProfile(profileName(), 0);
    };
    NARTHEX_ASSIGN_OR_RETURN(AwsCredentials credentials, base());
    return access_.roleArn.empty()
               ? Result(std::move(credentials))
               : assumeRole(credentials, access_.roleArn, access_.externalId, {});
}

AwsCredentialChain::Result AwsCredentialChain::fromEnvironment() const
{
    AwsCredentials found{.keys = {.accessKey = variable("AWS_ACCESS_KEY_ID"),
                                  .secretKey = base::Secret(variable("AWS_SECRET_ACCESS_KEY")),
                                  .sessionToken = base::Secret(variable("AWS_SESSION_TOKEN"))}};
    if (found.keys.accessKey.empty() || found.keys.secretKey.empty()) {
        return base::notFound("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set");
    }
    return found;
}

AwsCredentialChain::Result AwsCredentialChain::fromWebIdentity(const std::string& tokenFile,
                                                               const std::string& roleArn,
                                                               const std::string& sessionName)
{
    auto token = base::readFile(tokenFile, kFileLimit);
    if (!token.ok()) {
        return base::annotate(token.status(), "cannot read the web identity token");
    }
    return askTokenService(
        {{"Action", "AssumeRoleWithWebIdentity"},
         {"RoleArn", roleArn},
         {"RoleSessionName", sessionName.empty() ? "narthex-" + net::randomHex(8) : sessionName},
         {"WebIdentityToken", *std::move(token)}},
        nullptr);
}

AwsCredentialChain::Result AwsCredentialChain::fromProfile(const std::string& name, int depth)
{
    const AwsProfiles profiles = readProfiles();
    const AwsProfiles::Settings* const settings = profiles.find(name);
    if (settings == nullptr) {
        return name == "default"
                   ? fromMachine()
                   : Result(base::notFound("the shared files have no profile \"{}\"", name));
    }
    const std::string role = settingOf(*settings, "role_arn");
    const std::string session = settingOf(*settings, "role_session_name");
    if (const std::string file = settingOf(*settings, "web_identity_token_file"); !file.empty()) {
        return fromWebIdentity(file, role, session);
    }
    NARTHEX_ASSIGN_OR_RETURN(AwsCredentials source,
                             fromProfileSource(profiles, *settings, name, depth));
    return role.empty() ? Result(std::move(source))
                        : assumeRole(source, role, settingOf(*settings, "external_id"), session);
}

AwsCredentialChain::Result
AwsCredentialChain::fromProfileSource(const AwsProfiles& profiles,
                                      const AwsProfiles::Settings& settings,
                                      const std::string& name, int depth)
{
    const std::string source = settingOf(settings, "source_profile");
    // A profile that names itself has keys of its own.
    if (!source.empty() && source != name && !settingOf(settings, "role_arn").empty()) {
        if (depth == kMaxSourceProfiles) {
            return base::invalidArgument("source_profile of \"{}\" goes in a ring", name);
        }
        if (profiles.find(source) == nullptr) {
            return base::notFound("source_profile \"{}\" of \"{}\" is not in the shared files",
                                  source, name);
        }
        return fromProfile(source, depth + 1);
    }
    if (const std::string key = settingOf(settings, "aws_access_key_id"); !key.empty()) {
        return AwsCredentials{
            .keys = {.accessKey = key,
                     .secretKey = base::Secret(settingOf(settings, "aws_secret_access_key")),
                     .sessionToken = base::Secret(settingOf(settings, "aws_session_token"))}};
    }
    if (const std::string named = settingOf(settings, "credential_source"); !named.empty()) {
        return fromNamedSource(named);
    }
    if (const std::string command = settingOf(settings, "credential_process"); !command.empty()) {
        return fromProcess(command);
    }
    if (settings.contains("sso_session") || settings.contains("sso_start_url")) {
        return base::unimplemented("profile \"{}\" signs in with a browser (sso), which a server "
                                   "cannot do; use keys, a role or credential_process",
                                   name);
    }
    return fromMachine();
}

AwsCredentialChain::Result AwsCredentialChain::fromNamedSource(const std::string& source)
{
    if (source == "Environment") {
        return fromEnvironment();
    }
    if (source == "EcsContainer") {
        return fromContainer();
    }
    if (source == "Ec2InstanceMetadata") {
        return fromInstance();
    }
    return base::invalidArgument("credential_source \"{}\" is none of Environment, EcsContainer, "
                                 "Ec2InstanceMetadata",
                                 source);
}

AwsCredentialChain::Result AwsCredentialChain::fromProcess(const std::string& command)
{
    const auto text = base::runProgram(
        {.arguments = {"/bin/sh", "-c", command}, .timeout = kCommandTimeout}, stop_);
    if (!text.ok()) {
        return base::annotate(text.status(), "credential_process");
    }
    const auto credentials = fromJson(*text, "SessionToken");
    return credentials.ok() ? credentials
                            : base::annotate(credentials.status(), "credential_process");
}

AwsCredentialChain::Result AwsCredentialChain::fromMachine()
{
    const bool container = !variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() ||
                           !variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty();
    return container ? fromContainer() : fromInstance();
}

AwsCredentialChain::Result AwsCredentialChain::fromContainer()
{
    std::string address = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    if (!address.empty()) {
        address = joinUrl(fixedAddress("http://169.254.170.2"), address);
    } else {
        address = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        NARTHEX_ASSIGN_OR_RETURN(const net::Url url, net::parseUrl(address));
        if (!isContainerHost(url)) {
            return base::invalidArgument("AWS_CONTAINER_CREDENTIALS_FULL_URI: {} is neither this "
                                         "machine nor https",
                                         url.host);
        }
    }
    std::string token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        !file.empty()) {
        token = readTrimmed(file);
    }
    net::Parameters headers;
    if (!token.empty()) {
        headers.emplace_back("Authorization", token);
    }
    const auto answer = local_.get(address, stop_, headers);
    if (!answer.ok()) {
        return base::annotate(answer.status(), "credentials of the container");
    }
    return fromJson(answer->body, "Token");
}

absl::StatusOr<std::string> AwsCredentialChain::askInstance(const std::string& path)
{
    if (std::string off = variable("AWS_EC2_METADATA_DISABLED"); !off.empty()) {
        absl::AsciiStrToLower(&off);
        if (off == "true") {
            return base::unavailable("instance metadata are switched off by "
                                     "AWS_EC2_METADATA_DISABLED");
        }
    }
    const std::string endpoint = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const std::string address =
        endpoint.empty() ? fixedAddress("http://169.254.169.254") : endpoint;
    net::Parameters headers;
    const auto token = local_.send({.method = "PUT",
                                    .url = joinUrl(address, "/latest/api/token"),
                                    .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}},
                                   stop_);
    if (!token.ok()) {
        return base::annotate(token.status(), "instance metadata");
    }
    if (token->status == 200) {
        headers.emplace_back("X-aws-ec2-metadata-token", token->body);
    }
    auto answer = local_.get(joinUrl(address, path), stop_, headers);
    if (!answer.ok()) {
        return base::annotate(answer.status(), "instance metadata");
    }
    std::string text = std::move(answer->body);
    absl::StripAsciiWhitespace(&text);
    return text;
}

AwsCredentialChain::Result AwsCredentialChain::fromInstance()
{
    const std::string path = "/latest/meta-data/iam/security-credentials/";
    NARTHEX_ASSIGN_OR_RETURN(const std::string roles, askInstance(path));
    const std::vector<std::string> names = absl::StrSplit(roles, '\n');
    if (names.front().empty()) {
        return base::notFound("the instance has no role");
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::string answer, askInstance(path + names.front()));
    return fromJson(answer, "Token");
}

AwsCredentialChain::Result AwsCredentialChain::assumeRole(const AwsCredentials& with,
                                                          const std::string& roleArn,
                                                          const std::string& externalId,
                                                          const std::string& sessionName)
{
    net::Parameters form{
        {"Action", "AssumeRole"},
        {"RoleArn", roleArn},
        {"RoleSessionName", sessionName.empty() ? "narthex-" + net::randomHex(8) : sessionName},
        {"DurationSeconds", "900"}};
    if (!externalId.empty()) {
        form.emplace_back("ExternalId", externalId);
    }
    return askTokenService(std::move(form), &with);
}

AwsCredentialChain::Result AwsCredentialChain::askTokenService(net::Parameters form,
                                                               const AwsCredentials* with)
{
    const std::string action = form.front().second;
    form.emplace_back("Version", "2011-06-15");
    net::HttpRequest request{.method = "POST",
                             .url = joinUrl(fixedAddress(awsEndpoint("sts", region_)), "/"),
                             .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                             .body = net::formEncode(form)};
    if (with != nullptr) {
        NARTHEX_RETURN_IF_ERROR(
            net::signSigV4(request, with->keys, {region_, "sts"}, environment_.clock.now()));
    }
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse answer,
                             client_.send(std::move(request), stop_));
    const auto document = parseAwsXml(answer, action);
    if (!document.ok()) {
        return base::annotate(document.status(), action);
    }
    const pugi::xml_node credentials = (*document)->child("Credentials");
    AwsCredentials result{
        .keys = {.accessKey = xmlText(credentials, "AccessKeyId"),
                 .secretKey = base::Secret(xmlText(credentials, "SecretAccessKey")),
                 .sessionToken = base::Secret(xmlText(credentials, "SessionToken"))},
        .expiry = expiryOf(xmlText(credentials, "Expiration"))};
    if (result.keys.accessKey.empty()) {
        return base::unavailable("{}: the answer has no credentials", action);
    }
    return result;
}

} // namespace narthex::discovery
