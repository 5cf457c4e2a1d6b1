// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an Alertmanager's configuration does before it does it: checking, the route tree, who would
// get an alert, and how a template looks. Source: spec/alertmanager.md, 12.
#include "amtool.h"

#include "core/alertmanager/config.h"
#include "core/alertmanager/receivers/templates.h"
#include "core/alertmanager/route.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/config/config.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <cstdio>

namespace narthex::ctl {
namespace {

using client::AlertmanagerClient;
using client::Json;

struct RoutingFlags
{
    AmSettings settings;
    std::string configFile;
    bool tree = false;
    std::string expected;
    std::vector<std::string> labels;
};

/// The file, or what the server has in force.
absl::StatusOr<alertmanager::Config> configOf(const RoutingFlags& flags)
{
    if (!flags.configFile.empty()) {
        return alertmanager::loadConfig(flags.configFile);
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto session, AmSession::open(flags.settings));
    NARTHEX_ASSIGN_OR_RETURN(const Json status, session->client().get("/api/v2/status"));
    return alertmanager::parseConfig("the server's configuration",
                                     status["config"]["original"].text());
}

int run(const absl::Status& status)
{
    if (!status.ok()) {
        fmt::print(stderr, "narthexctl: {}\n", base::messageOf(status));
    }
    return status.ok() ? kOk : kFailed;
}

std::string describeNode(const alertmanager::RouteNode& node)
{
    const std::string matchers =
        node.matchers.empty() ? "default-route" : alertmanager::toText(node.matchers);
    return fmt::format("{}{}  receiver: {}", matchers,
                       node.continueMatching ? "  continue: true" : "", node.receiver);
}

/// Lines drawn like those of `tree`; nodes in `kept` only, if it is not empty.
void drawTree(const alertmanager::RouteNode& node, const std::string& indent,
              const std::vector<const alertmanager::RouteNode*>& kept)
{
    const auto leads = [&kept](const alertmanager::RouteNode& from, const auto& self) -> bool {
        return kept.empty() || std::find(kept.begin(), kept.end(), &from) != kept.end() ||
               std::any_of(from.children.begin(), from.children.end(),
                           [&](const auto& child) { return self(*child, self); });
    };
    std::vector<const alertmanager::RouteNode*> shown;
    for (const auto& child : node.children) {
        if (leads(*child, leads)) {
            shown.push_back(child.get());
        }
    }
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const bool isLast = i + 1 == shown.size();
        fmt::print("{}{}{}\n", indent, isLast ? "└── " : "├── ", describeNode(*shown[i]));
        drawTree(*shown[i], indent + (isLast ? "    " : "│   "), kept);
    }
}

absl::Status showRoutes(const RoutingFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const alertmanager::Config config, configOf(flags));
    const alertmanager::RouteTree tree(config.route);
    fmt::print("Routing tree:\n.\n└── {}\n", describeNode(tree.root()));
    drawTree(tree.root(), "    ", {});
    return absl::OkStatus();
}

absl::Status testRoutes(const RoutingFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const model::Labels labels, readLabels(flags.labels, false));
    NARTHEX_ASSIGN_OR_RETURN(const alertmanager::Config config, configOf(flags));
    const alertmanager::RouteTree tree(config.route);
    std::vector<const alertmanager::RouteNode*> nodes;
    tree.match(labels, nodes);
    if (flags.tree) {
        fmt::print("Matching routes:\n.\n└── {}\n", describeNode(tree.root()));
        drawTree(tree.root(), "    ", nodes);
    }
    const std::string receivers =
        absl::StrJoin(nodes, ",", [](std::string* out, const alertmanager::RouteNode* node) {
            out->append(node->receiver);
        });
    fmt::print("{}\n", receivers);
    if (!flags.expected.empty() && receivers != flags.expected) {
        return base::invalidArgument(
            "expected receivers did not match resolved receivers: expected {}, got {}",
            flags.expected, receivers);
    }
    return absl::OkStatus();
}

absl::Status showConfig(const RoutingFlags& flags)
{
    if (!flags.configFile.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(const alertmanager::Config config, configOf(flags));
        fmt::print("{}\n", config.toYaml());
        return absl::OkStatus();
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto session, AmSession::open(flags.settings));
    NARTHEX_ASSIGN_OR_RETURN(const Json status, session->client().get("/api/v2/status"));
    fmt::print("{}\n", flags.settings.output == "json" ? status["config"].json()
                                                       : status["config"]["original"].text());
    return absl::OkStatus();
}

absl::Status showCluster(const RoutingFlags& flags)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto session, AmSession::open(flags.settings));
    NARTHEX_ASSIGN_OR_RETURN(const Json status, session->client().get("/api/v2/status"));
    const Json cluster = status["cluster"];
    if (flags.settings.output == "json") {
        fmt::print("{}\n", cluster.json());
        return absl::OkStatus();
    }
    fmt::print("Cluster Status:  {}\nNode Name:       {}\n", cluster["status"].text(),
               cluster["name"].text());
    std::vector<std::vector<std::string>> rows{{"Address", "Name"}};
    for (const Json& peer : cluster["peers"].items()) {
        rows.push_back({peer["address"].text(), peer["name"].text()});
    }
    if (rows.size() > 1) {
        fmt::print("\n");
        printTable(flags.settings, rows);
    }
    return absl::OkStatus();
}

int checkFiles(const std::vector<std::string>& files)
{
    int exitCode = kOk;
    for (const std::string& file : files) {
        const auto config = alertmanager::loadConfig(file);
        if (!config.ok()) {
            fmt::print("Checking '{}'  FAILED: {}\n", file, base::messageOf(config.status()));
            exitCode = kFailed;
            continue;
        }
        fmt::print("Checking '{}'  SUCCESS\nFound:\n", file);
        for (const std::string& warning : config->warnings) {
            fmt::print(" - WARNING: {}\n", warning);
        }
        const auto templates = config->templateFiles();
        fmt::print(" - global config\n - route\n - {} inhibit rules\n - {} receivers\n"
                   " - {} templates\n",
                   config->inhibitRules.size(), config->receivers.size(), templates.size());
        for (const auto& path : templates) {
            const auto loaded = alertmanager::Templates::load({path});
            fmt::print("  {}\n", loaded.ok()
                                     ? "SUCCESS"
                                     : fmt::format("FAILED: {}", base::messageOf(loaded.status())));
            exitCode = loaded.ok() ? exitCode : kFailed;
        }
    }
    return exitCode;
}

struct TemplateFlags
{
    std::vector<std::string> globs;
    std::string text;
    std::string type = "text";
    std::string dataFile;
};

/// What a notification of two alerts looks like, for who brings no data.
alertmanager::Notification example()
{
    alertmanager::Notification notification{.receiver = "receiver",
                                            .groupKey = "{}:{alertname=\"DiskFull\"}",
                                            .groupLabels = model::Labels{{"alertname", "DiskFull"}},
                                            .routeLabels = {},
                                            .alerts = {},
                                            .reason = alertmanager::Reason::First,
                                            .externalUrl = "http://localhost:9090",
                                            .now = now(),
                                            .repeatInterval = base::Duration::fromMs(4 * 3'600'000),
                                            .memory = {}};
    for (const char* device : {"sda1", "sdb1"}) {
        notification.alerts.push_back(
            {.labels = model::Labels{{"alertname", "DiskFull"},
                                     {"device", device},
                                     {"instance", "laptop"},
                                     {"severity", "warning"}},
             .annotations = model::Labels{{"summary", "The disk is nearly full"}},
             .startsAt = now(),
             .endsAt = std::nullopt,
             .generatorUrl = "http://localhost:9090/graph",
             .acknowledgement = std::nullopt});
    }
    return notification;
}

model::Labels labelsOf(const Json& pairs)
{
    model::LabelsBuilder labels;
    for (const auto& [name, value] : pairs.members()) {
        labels.set(name, value.text());
    }
    return labels.build();
}

/// The data of a notification as webhooks get it.
absl::StatusOr<alertmanager::Notification> readData(const std::string& text)
{
    NARTHEX_ASSIGN_OR_RETURN(const Json json, Json::parse(text));
    if (!json.isObject()) {
        return base::invalidArgument("the data is no JSON object");
    }
    alertmanager::Notification notification = example();
    notification.receiver = json["receiver"].text();
    notification.groupKey = json["groupKey"].text();
    notification.groupLabels = labelsOf(json["groupLabels"]);
    notification.externalUrl = json["externalURL"].text();
    for (const auto& [name, value] : json["routeLabels"].members()) {
        notification.routeLabels[name] = value.text();
    }
    notification.alerts.clear();
    for (const Json& each : json["alerts"].items()) {
        alertmanager::NotifiedAlert alert{.labels = labelsOf(each["labels"]),
                                          .annotations = labelsOf(each["annotations"]),
                                          .startsAt = notification.now,
                                          .endsAt = std::nullopt,
                                          .generatorUrl = each["generatorURL"].text(),
                                          .acknowledgement = std::nullopt};
        if (const auto time = base::parseTimestamp(each["startsAt"].text()); time.ok()) {
            alert.startsAt = *time;
        }
        if (each["status"].text() == "resolved") {
            const auto time = base::parseTimestamp(each["endsAt"].text());
            alert.endsAt = time.ok() ? *time : notification.now;
        }
        notification.alerts.push_back(std::move(alert));
    }
    return notification;
}

absl::Status render(const TemplateFlags& flags)
{
    std::vector<std::filesystem::path> files;
    for (const std::string& glob : flags.globs) {
        for (const std::string& file : base::matchFiles(glob)) {
            files.emplace_back(file);
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto templates, alertmanager::Templates::load(files));
    gotemplate::Value data = alertmanager::templateData(example());
    if (!flags.dataFile.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(const std::string json, base::readFile(flags.dataFile));
        NARTHEX_ASSIGN_OR_RETURN(const alertmanager::Notification notification, readData(json));
        data = alertmanager::templateData(notification);
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::string result, flags.type == "html"
                                                           ? templates->html(flags.text, data)
                                                           : templates->text(flags.text, data));
    fmt::print("{}\n", result);
    return absl::OkStatus();
}

void addTemplate(CLI::App& app, int& exitCode)
{
    CLI::App* group = app.add_subcommand("template", "Templates of notifications.");
    group->require_subcommand(1);
    CLI::App* command = group->add_subcommand("render", "Show what a template gives.");
    auto flags = std::make_shared<TemplateFlags>();
    command->add_option("--template.glob", flags->globs, "Files with templates")->required();
    command->add_option("--template.text", flags->text, "What to render")->required();
    command->add_option("--template.type", flags->type, "text or html")
        ->check(CLI::IsMember({"text", "html"}))
        ->capture_default_str();
    command->add_option("--template.data", flags->dataFile,
                        "JSON of a notification, as webhooks get it; none: an example");
    command->footer("Example: narthexctl template render --template.glob 'templates/*' "
                    "--template.text '{{ template \"slack.default.title\" . }}'");
    command->callback([flags, &exitCode] { exitCode = run(render(*flags)); });
}

} // namespace

void addRouting(CLI::App& app, int& exitCode)
{
    const auto add = [&exitCode](CLI::App& parent, const char* name, const char* help,
                                 const char* example, absl::Status (*work)(const RoutingFlags&)) {
        CLI::App* command = parent.add_subcommand(name, help);
        auto flags = std::make_shared<RoutingFlags>();
        command->add_option("--config.file", flags->configFile,
                            "Alertmanager configuration file instead of the server's");
        addAmOptions(*command, flags->settings);
        command->footer(fmt::format("Example: narthexctl {}", example));
        command->callback([flags, &exitCode, work, command] {
            if (command->get_subcommands().empty()) {
                fillIn(flags->settings);
                exitCode = run(work(*flags));
            }
        });
        return std::pair(command, flags);
    };
    CLI::App* config =
        app.add_subcommand("config", "The configuration of an Alertmanager or of our server.");
    config->require_subcommand(1);
    add(*config, "show", "Print it, secrets hidden.", "config show", showConfig);
    CLI::App* routes = add(*config, "routes", "Draw the route tree, or test it.",
                           "config routes --config.file alertmanager.yml", showRoutes)
                           .first;
    add(*routes, "show", "Draw the route tree.", "config routes show", showRoutes);
    const auto [test, flags] =
        add(*routes, "test", "Which receivers get an alert with these labels.",
            "config routes test --tree alertname=DiskFull instance=db1", testRoutes);
    test->add_flag("--tree", flags->tree, "Draw the routes that it takes");
    test->add_option("--verify.receivers", flags->expected,
                     "Exit with 1 unless these receive it, comma-separated, in this order");
    test->add_option("LABELS", flags->labels, "name=value");
    CLI::App* cluster = app.add_subcommand("cluster", "The cluster of an Alertmanager.");
    cluster->require_subcommand(1);
    add(*cluster, "show", "Its members.", "cluster show", showCluster);
    addTemplate(app, exitCode);
}

void addCheckAlertmanager(CLI::App& check, int& exitCode)
{
    CLI::App* command = check.add_subcommand(
        "alertmanager-config", "Check Alertmanager configuration files and their templates.");
    auto files = std::make_shared<std::vector<std::string>>();
    command->add_option("FILE", *files, "Configuration files")->required();
    command->footer("Example: narthexctl check alertmanager-config alertmanager.yml");
    command->callback([files, &exitCode] { exitCode = checkFiles(*files); });
}

} // namespace narthex::ctl
