// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// consul_sd_configs: services of a Consul catalog. Blocking queries: the server answers when
// something has changed, so that many questions are open at once; one thread handles their answers.
// Source: spec/discovery.md, section 11.
#include "core/base/status.h"
#include "core/discovery/api_client.h"
#include "core/discovery/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>

namespace narthex::discovery {
namespace {

constexpr std::string_view kFailures = "prometheus_sd_consul_rpc_failures_total";
constexpr std::string_view kDuration = "prometheus_sd_consul_rpc_duration_seconds";

constexpr base::Duration kRetry = base::Duration::fromMs(15'000);
// The server holds a question for so long at most; the answer gets a little more.
constexpr std::string_view kWait = "120000ms";
constexpr std::string_view kDatacenterPart = "retrieving the datacenter's name";
constexpr base::Duration kTimeout = base::Duration::fromMs(135'000);

struct ConsulConfig final : MechanismOf<ConsulConfig>
{
    static constexpr std::string_view kMechanism = "consul";
    std::string server = "localhost:8500";
    std::string pathPrefix;
    base::Secret token;
    std::string datacenter;
    std::string nameSpace;
    std::string partition;
    std::string tagSeparator = ",";
    std::string scheme = "http";
    std::string username;
    base::Secret password;
    bool allowStale = true;
    base::Duration refreshInterval = 30_s;
    std::vector<std::string> services;
    std::vector<std::string> tags;
    std::map<std::string, std::string> nodeMeta;
    std::string filter;
    std::string healthFilter;
    net::HttpClientConfig http;

    void describe(yaml::Fields& fields) override
    {
        fields.field("server", &server);
        fields.field("path_prefix", &pathPrefix);
        fields.field("token", &token);
        fields.field("datacenter", &datacenter);
        fields.field("namespace", &nameSpace);
        fields.field("partition", &partition);
        fields.field("tag_separator", &tagSeparator);
        fields.field("scheme", &scheme);
        fields.field("username", &username);
        fields.field("password", &password);
        fields.field("allow_stale", &allowStale, yaml::Printing::Always);
        fields.field("refresh_interval", &refreshInterval, yaml::Printing::Always);
        fields.field("services", &services);
        fields.field("tags", &tags);
        fields.field("node_meta", &nodeMeta);
        fields.field("filter", &filter);
        fields.field("health_filter", &healthFilter);
        httpconfig::describe(fields, http);
        if (!fields.reading()) {
            return;
        }
        fields.check(server.find_first_not_of(" \t") != std::string::npos,
                     "consul SD configuration requires a server address");
        const bool login = !username.empty() || !password.empty();
        fields.check(!login || !http.basicAuth,
                     "at most one of consul SD configuration username and password and basic auth "
                     "can be configured");
        fields.check(token.empty() || (!http.authorization && !http.oauth2),
                     "at most one of consul SD token, authorization, or oauth2 can be configured");
    }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override;
    friend bool operator==(const ConsulConfig&, const ConsulConfig&) = default;
};

/// Answers, from the loop's thread to ours.
struct Inbox
{
    struct Answer
    {
        std::uint64_t ticket = 0;
        absl::StatusOr<net::HttpResponse> response;
    };
    absl::Mutex mutex;
    absl::CondVar changed;
    std::deque<Answer> answers ABSL_GUARDED_BY(mutex);
};

/// One blocking query that is asked again and again.
struct Question
{
    std::string path;
    net::Parameters query;
    std::uint64_t index = 0;
    /// Of the request under way; 0: none.
    std::uint64_t ticket = 0;
    net::RequestId request{};
    base::Duration asked;
    base::Duration due; // when it may be asked again
};

std::string healthOf(const Json& checks)
{
    int worst = 0;
    constexpr const char* kNames[] = {"passing", "warning", "critical", "maintenance"};
    for (const Json& check : checks.items()) {
        const std::string id = check["CheckID"].text();
        const std::string status = check["Status"].text();
        int level = 0;
        if (id == "_node_maintenance" || id.starts_with("_service_maintenance:")) {
            level = 3;
        } else if (status == "critical" || status == "warning") {
            level = status == "critical" ? 2 : 1;
        } else if (status != "passing") {
            return {};
        }
        worst = std::max(worst, level);
    }
    return kNames[worst];
}

void metaOfAll(model::LabelsBuilder& labels, std::string_view prefix, const Json& members)
{
    for (const auto& [key, value] : members.members()) {
        meta(labels, fmt::format("consul_{}_{}", prefix, sanitizeLabelName(key)), value.text());
    }
}

class ConsulWatcher final : public Watcher
{
public:
    ConsulWatcher(const ProviderEnvironment& environment, const ConsulConfig& config)
        : environment_(environment), config_(config), datacenter_(config.datacenter)
    {
        net::HttpClientConfig http = config.http;
        if (!config.username.empty() || !config.password.empty()) {
            http.basicAuth = {.username = config.username, .password = config.password};
        }
        http_ = std::make_shared<const net::HttpClientConfig>(std::move(http));
        std::string server = config.server;
        constexpr std::string_view kUnix = "unix://";
        if (server.starts_with(kUnix)) {
            socket_ = server.substr(kUnix.size());
            server = "localhost";
        }
        const bool whole = server.starts_with("http://") || server.starts_with("https://");
        base_ = joinUrl(whole ? server : fmt::format("{}://{}", config.scheme, server),
                        config.pathPrefix);
        environment.metrics.add(kFailures, {}, 0);
    }

    void run(const std::stop_token& stop, const Send& send) override
    {
        const std::stop_callback onStop(stop, [this] {
            const absl::MutexLock lock(&inbox_->mutex);
            inbox_->changed.SignalAll();
        });
        if (!findDatacenter(stop)) {
            return;
        }
        if (config_.services.empty() || !config_.tags.empty() || !config_.filter.empty()) {
            catalog_ = catalogQuestion();
        } else {
            for (const std::string& name : config_.services) {
                services_.try_emplace(name, serviceQuestion(name));
            }
        }
        while (!stop.stop_requested()) {
            const base::Duration next = askWhatIsDue();
            if (auto answer = takeAnswer(next, stop)) {
                handle(*std::move(answer), send);
            }
        }
        for (auto& [name, question] : services_) {
            environment_.http.cancel(question.request);
        }
        if (catalog_) {
            environment_.http.cancel(catalog_->request);
        }
    }

private:
    [[nodiscard]] base::Duration now() const { return environment_.clock.monotonic(); }

    [[nodiscard]] net::HttpRequest request(const std::string& path,
                                           const net::Parameters& query) const
    {
        net::HttpRequest request{.url = joinUrl(base_, path, query),
                                 .timeout = kTimeout,
                                 .bodyLimitBytes = ApiClient::kBodyLimit,
                                 .unixSocket = socket_};
        if (!config_.token.empty()) {
            request.headers.emplace_back("X-Consul-Token", config_.token.reveal());
        }
        return request;
    }

    // What the server we ask says of itself, until it says so.
    bool findDatacenter(const std::stop_token& stop)
    {
        ApiClient client = ApiClient::sharing(environment_, http_, kTimeout);
        while (datacenter_.empty() && !stop.stop_requested()) {
            const auto response = client.send(request("/v1/agent/self", {}), stop);
            absl::Status status = response.status();
            if (response.ok() && response->status != 200) {
                status = statusError(*response);
            } else if (response.ok()) {
                const auto json = Json::parse(response->body);
                status = json.status();
                datacenter_ = json.ok() ? (*json)["Config"]["Datacenter"].text() : "";
            }
            if (datacenter_.empty() && !stop.stop_requested()) {
                fail(kDatacenterPart, status);
                waitFor(kRetry, stop);
            }
        }
        works(kDatacenterPart);
        return !stop.stop_requested();
    }

    void fail(std::string_view what, const absl::Status& cause)
    {
        const absl::Status status = cause.ok() ? base::unavailable("the answer lacks it") : cause;
        failing_.insert(std::string(what));
        reportPart(environment_, what, base::annotate(status, what));
        environment_.metrics.add(kFailures);
        environment_.log->error("discovery: consul: Error refreshing {} err=\"{}\"", what,
                                base::messageOf(status));
    }

    void works(std::string_view what)
    {
        if (failing_.erase(std::string(what)) > 0) {
            reportPart(environment_, what, absl::OkStatus());
        }
    }

    [[nodiscard]] net::Parameters commonQuery() const
    {
        net::Parameters query;
        for (const auto& [name, value] :
             {std::pair("dc", config_.datacenter), std::pair("ns", config_.nameSpace),
              std::pair("partition", config_.partition)}) {
            if (!value.empty()) {
                query.emplace_back(name, value);
            }
        }
        query.emplace_back("wait", kWait);
        if (config_.allowStale) {
            query.emplace_back("stale", "");
        }
        for (const auto& [key, value] : config_.nodeMeta) {
            query.emplace_back("node-meta", fmt::format("{}:{}", key, value));
        }
        return query;
    }

    [[nodiscard]] Question catalogQuestion() const
    {
        Question question{.path = "/v1/catalog/services", .query = commonQuery()};
        if (!config_.filter.empty()) {
            question.query.emplace_back("filter", config_.filter);
        }
        return question;
    }

    [[nodiscard]] Question serviceQuestion(const std::string& name) const
    {
        Question question{.path = fmt::format("/v1/health/service/{}", net::percentEncode(name)),
                          .query = commonQuery()};
        for (const std::string& tag : config_.tags) {
            question.query.emplace_back("tag", tag);
        }
        if (!config_.healthFilter.empty()) {
            question.query.emplace_back("filter", config_.healthFilter);
        }
        return question;
    }

    // The time of the next question that is not open.
    base::Duration askWhatIsDue()
    {
        base::Duration next = now() + kRetry;
        const auto consider = [&](Question& question) {
            if (question.ticket != 0) {
                return;
            }
            if (question.due <= now()) {
                ask(question);
            } else {
                next = std::min(next, question.due);
            }
        };
        if (catalog_) {
            consider(*catalog_);
        }
        for (auto& [name, question] : services_) {
            consider(question);
        }
        return next;
    }

    void ask(Question& question)
    {
        net::Parameters query = question.query;
        if (question.index != 0) {
            query.emplace_back("index", std::to_string(question.index));
        }
        question.ticket = ++lastTicket_;
        question.asked = now();
        question.request = environment_.http.send(
            request(question.path, query), http_,
            [inbox = inbox_, ticket = question.ticket](absl::StatusOr<net::HttpResponse> response) {
                const absl::MutexLock lock(&inbox->mutex);
                inbox->answers.push_back({.ticket = ticket, .response = std::move(response)});
                inbox->changed.SignalAll();
            });
    }

    std::optional<Inbox::Answer> takeAnswer(base::Duration until, const std::stop_token& stop)
    {
        const absl::MutexLock lock(&inbox_->mutex);
        const absl::Time deadline = absl::Now() + absl::Nanoseconds((until - now()).ns);
        while (inbox_->answers.empty() && !stop.stop_requested()) {
            if (inbox_->changed.WaitWithDeadline(&inbox_->mutex, deadline)) {
                return std::nullopt;
            }
        }
        if (stop.stop_requested()) {
            return std::nullopt;
        }
        Inbox::Answer answer = std::move(inbox_->answers.front());
        inbox_->answers.pop_front();
        return answer;
    }

    void handle(Inbox::Answer answer, const Send& send)
    {
        if (catalog_ && catalog_->ticket == answer.ticket) {
            if (const auto json = judge(*catalog_, answer.response, "catalog", "services")) {
                applyCatalog(*json, send);
            }
            return;
        }
        const auto at = std::find_if(services_.begin(), services_.end(), [&](const auto& service) {
            return service.second.ticket == answer.ticket;
        });
        if (at == services_.end()) {
            return; // it is no longer followed
        }
        if (const auto json = judge(at->second, answer.response, "health", "service")) {
            send({groupOf(at->first, *json)});
        }
    }

    // The answer, if it says something new; plans the next question.
    std::optional<Json> judge(Question& question, const absl::StatusOr<net::HttpResponse>& response,
                              std::string_view endpoint, std::string_view call)
    {
        question.ticket = 0;
        question.due = std::max(now(), question.asked + config_.refreshInterval);
        environment_.metrics.observe(kDuration,
                                     model::Labels{{"call", call}, {"endpoint", endpoint}},
                                     (now() - question.asked).seconds(), now());
        absl::Status status = response.status();
        if (status.ok() && response->status != 200) {
            status = statusError(*response);
        }
        auto json = status.ok() ? Json::parse(response->body) : absl::StatusOr<Json>(status);
        if (!json.ok()) {
            fail(question.path, json.status());
            question.due = std::max(question.due, now() + kRetry);
            return std::nullopt;
        }
        works(question.path);
        const std::string_view text = response->header("X-Consul-Index");
        std::uint64_t index = 0;
        std::from_chars(text.data(), text.data() + text.size(), index);
        if (index == question.index && index != 0) {
            return std::nullopt; // nothing happened while the server waited
        }
        // An index that went back belongs to another history: from the start.
        question.index = index < question.index ? 0 : index;
        return *std::move(json);
    }

    [[nodiscard]] bool isWanted(const std::string& name, const Json& tags) const
    {
        const std::vector<std::string> has = tags.texts();
        return (config_.services.empty() ||
                std::find(config_.services.begin(), config_.services.end(), name) !=
                    config_.services.end()) &&
               std::all_of(config_.tags.begin(), config_.tags.end(), [&](const std::string& tag) {
                   return std::find(has.begin(), has.end(), tag) != has.end();
               });
    }

    void applyCatalog(const Json& catalog, const Send& send)
    {
        std::set<std::string> listed;
        for (const auto& [name, tags] : catalog.members()) {
            listed.insert(name);
            if (!services_.contains(name) && isWanted(name, tags)) {
                services_.emplace(name, serviceQuestion(name));
            }
        }
        TargetGroups gone;
        std::erase_if(services_, [&](auto& service) {
            if (listed.contains(service.first)) {
                return false;
            }
            environment_.http.cancel(service.second.request);
            works(service.second.path);
            gone.push_back({.source = service.first});
            return true;
        });
        if (services_.empty()) {
            gone.emplace_back();
        }
        if (!gone.empty()) {
            send(std::move(gone));
        }
    }

    TargetGroup groupOf(const std::string& name, const Json& nodes) const
    {
        TargetGroup group{.source = name};
        model::LabelsBuilder common;
        meta(common, "consul_service", name);
        meta(common, "consul_dc", datacenter_);
        group.labels = common.build();
        for (const Json& each : nodes.items()) {
            group.entries.push_back(entryOf(each));
        }
        return group;
    }

    [[nodiscard]] model::Labels entryOf(const Json& each) const
    {
        const Json node = each["Node"];
        const Json service = each["Service"];
        const std::string address = service["Address"].text();
        const std::string port = std::to_string(service["Port"].integer());
        model::LabelsBuilder labels;
        labels.set(kAddressLabel,
                   joinHostPort(address.empty() ? node["Address"].text() : address, port));
        meta(labels, "consul_address", node["Address"].text());
        meta(labels, "consul_node", node["Node"].text());
        meta(labels, "consul_namespace", service["Namespace"].text());
        meta(labels, "consul_partition", service["Partition"].text());
        meta(labels, "consul_tags", surrounded(service["Tags"].texts(), config_.tagSeparator));
        meta(labels, "consul_service_address", address);
        meta(labels, "consul_service_port", port);
        meta(labels, "consul_service_id", service["ID"].text());
        meta(labels, "consul_health", healthOf(each["Checks"]));
        metaOfAll(labels, "metadata", node["Meta"]);
        metaOfAll(labels, "service_metadata", service["Meta"]);
        metaOfAll(labels, "tagged_address", node["TaggedAddresses"]);
        return labels.build();
    }

    // Fixed after construction.
    const ProviderEnvironment environment_;
    const ConsulConfig config_;
    std::shared_ptr<const net::HttpClientConfig> http_;
    std::string base_;
    std::string socket_;
    // Safe by itself; answers may come after the end.
    const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
    // Touched by run() only.
    std::string datacenter_;
    std::set<std::string> failing_;   // paths, as reported
    std::optional<Question> catalog_; // absent: all services are named
    std::map<std::string, Question> services_;
    std::uint64_t lastTicket_ = 0;
};

absl::StatusOr<Provider> ConsulConfig::makeProvider(const ProviderEnvironment& environment) const
{
    return std::make_unique<ConsulWatcher>(environment, *this);
}

} // namespace

std::unique_ptr<MechanismConfig> makeConsulConfig() { return std::make_unique<ConsulConfig>(); }

} // namespace narthex::discovery
