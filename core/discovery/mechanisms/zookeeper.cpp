// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// serverset_sd_configs and nerve_sd_configs: members that services register in ZooKeeper. Both are
// the same but for what a node holds. Source: spec/discovery.md, section 15.
#include "core/discovery/registry.h"
#include "core/discovery/target_labels.h"
#include "core/discovery/zookeeper_tree.h"

#include <fmt/format.h>

namespace narthex::discovery {
namespace {

bool isText(const Json& value) { return value.isNull() || value.isString(); }
bool isNumber(const Json& value) { return value.isNull() || value.isNumber(); }

bool isEndpoint(const Json& value)
{
    return value.isNull() || (value.isObject() && isText(value["host"]) && isNumber(value["port"]));
}

void setEndpoint(TargetLabels& labels, const std::string& suffix, const Json& endpoint)
{
    labels.set("endpoint_host" + suffix, endpoint["host"]);
    labels.set("endpoint_port" + suffix, std::to_string(endpoint["port"].integer()));
}

std::string addressOf(const Json& endpoint)
{
    return joinHostPort(endpoint["host"].text(), std::to_string(endpoint["port"].integer()));
}

/// The member a node holds; absent: it holds something else.
using Parse = std::optional<model::Labels> (*)(const Json& member, const std::string& path);

std::optional<model::Labels> parseServerset(const Json& member, const std::string& path)
{
    const Json endpoint = member["serviceEndpoint"];
    const Json more = member["additionalEndpoints"];
    if (!member.isObject() || !isEndpoint(endpoint) || !isText(member["status"]) ||
        !isNumber(member["shard"]) || (!more.isNull() && !more.isObject())) {
        return std::nullopt;
    }
    TargetLabels labels("serverset");
    labels.set("path", path);
    labels.plain(kAddressLabel, addressOf(endpoint));
    setEndpoint(labels, "", endpoint);
    for (const auto& [name, each] : more.members()) {
        if (!isEndpoint(each)) {
            return std::nullopt;
        }
        setEndpoint(labels, "_" + sanitizeLabelName(name), each);
    }
    labels.set("status", member["status"]);
    labels.set("shard", std::to_string(member["shard"].integer()));
    return labels.build();
}

std::optional<model::Labels> parseNerve(const Json& member, const std::string& path)
{
    if (!member.isObject() || !isEndpoint(member) || !isText(member["name"])) {
        return std::nullopt;
    }
    TargetLabels labels("nerve");
    labels.set("path", path);
    labels.plain(kAddressLabel, addressOf(member));
    setEndpoint(labels, "", member);
    labels.set("endpoint_name", member["name"]);
    return labels.build();
}

/// The keys of both.
struct ZooKeeperKeys
{
    std::vector<std::string> servers;
    std::vector<std::string> paths;
    base::Duration timeout = 10_s;

    void describe(yaml::Fields& fields, std::string_view mechanism)
    {
        fields.field("servers", &servers);
        fields.field("paths", &paths);
        fields.field("timeout", &timeout, yaml::Printing::Always);
        if (!fields.reading()) {
            return;
        }
        fields.check(
            !servers.empty(),
            fmt::format("{} SD config must contain at least one Zookeeper server", mechanism));
        fields.check(!paths.empty(),
                     fmt::format("{} SD config must contain at least one path", mechanism));
        for (const std::string& path : paths) {
            if (!path.starts_with('/')) {
                fields.failAt("paths", fmt::format("{} SD config paths must begin with '/': {}",
                                                   mechanism, path));
            }
        }
    }
    friend bool operator==(const ZooKeeperKeys&, const ZooKeeperKeys&) = default;
};

class ZooKeeperWatcher final : public Watcher
{
public:
    ZooKeeperWatcher(const ProviderEnvironment& environment, const ZooKeeperKeys& keys, Parse parse)
        : environment_(environment), keys_(keys), parse_(parse)
    {}

    void run(const std::stop_token& stop, const Send& send) override
    {
        ZooKeeperSession session(keys_.servers, keys_.timeout);
        TargetGroups groups;
        ZooKeeperTrees trees(
            environment_, session, keys_.paths,
            [&](const std::string& path, const std::optional<std::string>& data) {
                groups.push_back(groupOf(path, data));
            },
            [&] {
                if (!groups.empty()) {
                    send(std::exchange(groups, {}));
                }
            });
        trees.run(stop);
    }

private:
    [[nodiscard]] TargetGroup groupOf(const std::string& path,
                                      const std::optional<std::string>& data) const
    {
        TargetGroup group{.source = path};
        if (data) {
            const auto json = Json::parse(*data);
            if (auto entry = json.ok() ? parse_(*json, path) : std::nullopt) {
                group.entries.push_back(*std::move(entry));
            }
        }
        return group;
    }

    const ProviderEnvironment environment_;
    const ZooKeeperKeys keys_;
    const Parse parse_;
};

struct ServersetConfig final : MechanismOf<ServersetConfig>
{
    static constexpr std::string_view kMechanism = "serverset";
    ZooKeeperKeys keys;
    void describe(yaml::Fields& fields) override { keys.describe(fields, kMechanism); }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return std::make_unique<ZooKeeperWatcher>(environment, keys, parseServerset);
    }
    friend bool operator==(const ServersetConfig&, const ServersetConfig&) = default;
};

struct NerveConfig final : MechanismOf<NerveConfig>
{
    static constexpr std::string_view kMechanism = "nerve";
    ZooKeeperKeys keys;
    void describe(yaml::Fields& fields) override { keys.describe(fields, kMechanism); }
    absl::StatusOr<Provider> makeProvider(const ProviderEnvironment& environment) const override
    {
        return std::make_unique<ZooKeeperWatcher>(environment, keys, parseNerve);
    }
    friend bool operator==(const NerveConfig&, const NerveConfig&) = default;
};

} // namespace

std::unique_ptr<MechanismConfig> makeServersetConfig()
{
    return std::make_unique<ServersetConfig>();
}
std::unique_ptr<MechanismConfig> makeNerveConfig() { return std::make_unique<NerveConfig>(); }

} // namespace narthex::discovery
