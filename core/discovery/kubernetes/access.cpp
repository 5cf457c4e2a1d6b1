// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/access.h"

#include "core/base/file.h"
#include "core/base/json_writer.h"
#include "core/base/run_program.h"
#include "core/base/status.h"
#include "core/discovery/api_client.h"

#include <fmt/format.h>

#include <filesystem>

namespace narthex::discovery::kubernetes {
namespace {

constexpr std::string_view kAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";
constexpr std::uint64_t kFileLimitBytes = 16ULL << 20U;
constexpr base::Duration kPluginTimeout = base::Duration::fromMs(60'000);
// Credentials are renewed a little before they expire.
constexpr base::Duration kEarly = base::Duration::fromMs(10'000);

/// The text of a member; empty when it is not there.
std::string text(const YAML::Node& map, const char* key)
{
    const YAML::Node value = map.IsMap() ? map[key] : YAML::Node();
    return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string();
}

bool flag(const YAML::Node& map, const char* key) { return text(map, key) == "true"; }

YAML::Node member(const YAML::Node& map, const char* key)
{
    return map.IsMap() && map[key].IsDefined() ? map[key] : YAML::Node();
}

/// The element of `list` with that name, then its member `kind`.
absl::StatusOr<YAML::Node> named(const YAML::Node& root, const char* list, const std::string& name,
                                 const char* kind)
{
    const YAML::Node elements = member(root, list);
    if (elements.IsSequence()) {
        for (const YAML::Node& element : elements) {
            if (text(element, "name") == name) {
                return member(element, kind);
            }
        }
    }
    return base::invalidArgument("{} \"{}\" is not listed below {}", kind, name, list);
}

absl::StatusOr<std::string> decoded(const YAML::Node& map, const char* key)
{
    const std::string encoded = text(map, key);
    const std::vector<unsigned char> bytes = YAML::DecodeBase64(encoded);
    if (bytes.empty() && !encoded.empty()) {
        return base::invalidArgument("{} is no valid base64 text", key);
    }
    return std::string(bytes.begin(), bytes.end());
}

std::string resolved(const std::string& folder, const std::string& path)
{
    return path.empty() ? path : (std::filesystem::path(folder) / path).string();
}

ExecPlugin pluginOf(const YAML::Node& exec)
{
    ExecPlugin plugin{.apiVersion = text(exec, "apiVersion"),
                      .arguments = {text(exec, "command")},
                      .wantsClusterInfo = flag(exec, "provideClusterInfo")};
    for (const YAML::Node& argument : member(exec, "args")) {
        plugin.arguments.push_back(argument.IsScalar() ? argument.Scalar() : "");
    }
    for (const YAML::Node& variable : member(exec, "env")) {
        plugin.environment.emplace_back(text(variable, "name"), text(variable, "value"));
    }
    return plugin;
}

/// What the program is told of us.
std::string execInfo(const ExecPlugin& plugin, const std::string& server)
{
    std::string text;
    base::JsonWriter json(text);
    json.beginObject().member("apiVersion", plugin.apiVersion).member("kind", "ExecCredential");
    json.key("spec").beginObject().key("interactive").boolean(false);
    if (plugin.wantsClusterInfo) {
        json.key("cluster").beginObject().member("server", server).endObject();
    }
    json.endObject().endObject();
    return text;
}

} // namespace

absl::StatusOr<std::shared_ptr<Access>> Access::create(const Config& config,
                                                       const ProviderEnvironment& environment)
{
    const std::shared_ptr<Access> access(new Access);
    access->clock_ = &environment.clock;
    absl::Status status;
    if (!config.apiServer.empty()) {
        access->server_ = config.apiServer;
        access->http_ = config.http;
    } else if (!config.kubeconfigFile.empty()) {
        status = access->useKubeconfig(config.kubeconfigFile);
        if (!status.ok()) {
            status = base::annotate(status, config.kubeconfigFile);
        }
    } else {
        status = access->useServiceAccount(environment, config.namespaces.own);
    }
    NARTHEX_RETURN_IF_ERROR(status);
    while (access->server_.ends_with('/')) {
        access->server_.pop_back();
    }
    if (!access->plugin_) {
        const absl::MutexLock lock(&access->mutex_);
        access->settings_ = std::make_shared<const net::HttpClientConfig>(access->http_);
    }
    return access;
}

absl::Status Access::useServiceAccount(const ProviderEnvironment& environment, bool ownNamespace)
{
    const std::string folder = fmt::format("{}{}", environment.rootDirectory, kAccount);
    const auto variable = [&](const std::string& name) {
        return environment.variable ? environment.variable(name) : std::string();
    };
    const std::string host = variable("KUBERNETES_SERVICE_HOST");
    const std::string port = variable("KUBERNETES_SERVICE_PORT");
    if (host.empty() || port.empty()) {
        return absl::InvalidArgumentError(
            "this is no pod of a cluster (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
            "not set): give api_server or kubeconfig_file");
    }
    server_ =
        environment.apiBase.empty() ? "https://" + joinHostPort(host, port) : environment.apiBase;
    NARTHEX_RETURN_IF_ERROR(base::readFile(folder + "token", kFileLimitBytes).status());
    // Read again for each request: kubelet replaces it.
    http_.authorization = {.type = "Bearer", .credentialsFile = folder + "token"};
    std::error_code error;
    if (std::filesystem::exists(folder + "ca.crt", error)) {
        http_.tls.caFile = folder + "ca.crt";
    } else {
        environment.log->error("discovery: kubernetes: the service account has no ca.crt, the "
                               "system's authorities are trusted");
    }
    if (ownNamespace) {
        auto name = base::readFile(folder + "namespace", kFileLimitBytes);
        if (!name.ok()) {
            return base::annotate(name.status(), "could not determine the pod's namespace");
        }
        ownNamespace_ = *std::move(name);
        if (ownNamespace_.empty()) {
            return absl::InvalidArgumentError("could not read own namespace name (empty file)");
        }
    }
    return absl::OkStatus();
}

absl::Status Access::useKubeconfig(const std::string& path)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string file, base::readFile(path, kFileLimitBytes));
    NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(path, file));
    const YAML::Node root = document->root().node();
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const std::string current = text(root, "current-context");
    if (current.empty()) {
        return absl::InvalidArgumentError("current-context is not set");
    }
    NARTHEX_ASSIGN_OR_RETURN(const YAML::Node context, named(root, "contexts", current, "context"));
    NARTHEX_ASSIGN_OR_RETURN(const YAML::Node cluster,
                             named(root, "clusters", text(context, "cluster"), "cluster"));
    NARTHEX_RETURN_IF_ERROR(useCluster(cluster, folder));
    const std::string user = text(context, "user");
    if (user.empty()) {
        return absl::OkStatus();
    }
    NARTHEX_ASSIGN_OR_RETURN(const YAML::Node settings, named(root, "users", user, "user"));
    return useUser(settings, folder);
}

absl::Status Access::useCluster(const YAML::Node& cluster, const std::string& folder)
{
    server_ = text(cluster, "server");
    if (!server_.starts_with("http://") && !server_.starts_with("https://")) {
        return base::invalidArgument("server \"{}\" is no URL", server_);
    }
    NARTHEX_ASSIGN_OR_RETURN(http_.tls.ca, decoded(cluster, "certificate-authority-data"));
    if (http_.tls.ca.empty()) {
        http_.tls.caFile = resolved(folder, text(cluster, "certificate-authority"));
    }
    http_.tls.insecureSkipVerify = flag(cluster, "insecure-skip-tls-verify");
    http_.tls.serverName = text(cluster, "tls-server-name");
    http_.proxy.url = text(cluster, "proxy-url");
    return absl::OkStatus();
}

absl::Status Access::useUser(const YAML::Node& user, const std::string& folder)
{
    const std::string token = text(user, "token");
    const std::string tokenFile = resolved(folder, text(user, "tokenFile"));
    if (!tokenFile.empty()) { // it wins over the token, as kubectl has it
        http_.authorization = {.type = "Bearer", .credentialsFile = tokenFile};
    } else if (!token.empty()) {
        http_.authorization = {.type = "Bearer", .credentials = base::Secret(token)};
    } else if (const std::string name = text(user, "username"); !name.empty()) {
        http_.basicAuth = {.username = name, .password = base::Secret(text(user, "password"))};
    }
    NARTHEX_ASSIGN_OR_RETURN(http_.tls.cert, decoded(user, "client-certificate-data"));
    if (http_.tls.cert.empty()) {
        http_.tls.certFile = resolved(folder, text(user, "client-certificate"));
    }
    NARTHEX_ASSIGN_OR_RETURN(std::string key, decoded(user, "client-key-data"));
    if (key.empty()) {
        http_.tls.keyFile = resolved(folder, text(user, "client-key"));
    }
    http_.tls.key = base::Secret(std::move(key));
    if (member(user, "auth-provider").IsMap()) {
        return absl::InvalidArgumentError("auth-provider is gone from Kubernetes: use exec");
    }
    if (const YAML::Node exec = member(user, "exec"); exec.IsMap()) {
        plugin_ = pluginOf(exec);
        if (plugin_->arguments[0].empty()) {
            return absl::InvalidArgumentError("exec has no command");
        }
        if (plugin_->arguments[0].find('/') != std::string::npos) {
            plugin_->arguments[0] = resolved(folder, plugin_->arguments[0]);
        }
    }
    return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const net::HttpClientConfig>>
Access::settings(const std::stop_token& stop)
{
    const absl::MutexLock lock(&mutex_);
    if (plugin_ && (!settings_ || clock_->now() + kEarly >= expires_)) {
        settings_.reset();
        // Others wait for it: all need what it gives.
        NARTHEX_RETURN_IF_ERROR(runPlugin(stop));
    }
    return settings_;
}

void Access::refused()
{
    const absl::MutexLock lock(&mutex_);
    if (plugin_) {
        settings_.reset();
    }
}

absl::Status Access::runPlugin(const std::stop_token& stop)
{
    base::ProgramCall call{.arguments = plugin_->arguments,
                           .environment = plugin_->environment,
                           .timeout = kPluginTimeout};
    call.environment.emplace_back("KUBERNETES_EXEC_INFO", execInfo(*plugin_, server_));
    NARTHEX_ASSIGN_OR_RETURN(const std::string output, base::runProgram(call, stop));
    NARTHEX_ASSIGN_OR_RETURN(const Json json, Json::parse(output));
    const Json status = json["status"];
    net::HttpClientConfig http = http_;
    if (const std::string token = status["token"].text(); !token.empty()) {
        http.authorization = {.type = "Bearer", .credentials = base::Secret(token)};
        http.basicAuth.reset();
    } else if (status["clientCertificateData"].text().empty()) {
        return base::unavailable("{} gave neither a token nor a certificate",
                                 plugin_->arguments[0]);
    }
    if (std::string certificate = status["clientCertificateData"].text(); !certificate.empty()) {
        http.tls.cert = std::move(certificate);
        http.tls.certFile.clear();
        http.tls.key = base::Secret(status["clientKeyData"].text());
        http.tls.keyFile.clear();
    }
    const auto expires = base::parseTimestamp(status["expirationTimestamp"].text());
    expires_ = expires.ok() ? *expires : base::Timestamp::max();
    settings_ = std::make_shared<const net::HttpClientConfig>(std::move(http));
    return absl::OkStatus();
}

} // namespace narthex::discovery::kubernetes
