// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What tests of receivers share: reading a kind's YAML, making its integration, a notification to
// send. Owner: the test. Threads: the test's.
#pragma once

#include "core/alertmanager/receivers/receiver_kind.h"
#include "core/alertmanager/receivers/templates.h"
#include "core/base/status.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <stdexcept>

namespace narthex::tests {

struct ReceiverWorld
{
    net::IoLoop loop;
    net::HttpClient http{loop, "Narthex/test"};
    base::LogSetup logSetup = base::LogSetup::create("error").value();
    base::Logger log = logSetup.logger("receivers");
    std::shared_ptr<const alertmanager::Templates> templates =
        alertmanager::Templates::load({}).value();
    std::string apiBase;
    std::stop_source stop;

    [[nodiscard]] alertmanager::IntegrationEnvironment environment()
    {
        return {.loop = loop,
                .http = http,
                .log = log,
                .templates = templates,
                .userAgent = "Narthex/test",
                .hostName = "host.example",
                .apiBase = apiBase};
    }

    template <typename T>
    static absl::Status readInto(T& config, const std::string& yamlText)
    {
        auto document = yaml::Document::parse("test.yml", yamlText);
        if (!document.ok()) {
            return document.status();
        }
        yaml::FieldReader reader((*document)->root(), "plain", "/etc/narthex");
        config.describe(reader);
        reader.finish();
        return (*document)->status();
    }

    /// A kind's settings, completed from those of the section `global`.
    static absl::StatusOr<std::shared_ptr<alertmanager::ReceiverConfig>>
    read(std::string_view kind, const std::string& yamlText, const std::string& globalText = "{}")
    {
        alertmanager::GlobalConfig global;
        if (absl::Status status = readInto(global, globalText); !status.ok()) {
            return status;
        }
        for (const alertmanager::ReceiverKind& each : alertmanager::receiverKinds()) {
            if (each.name != kind) {
                continue;
            }
            std::shared_ptr<alertmanager::ReceiverConfig> config = each.make();
            if (absl::Status status = readInto(*config, yamlText); !status.ok()) {
                return status;
            }
            if (absl::Status status = config->complete(global); !status.ok()) {
                return status;
            }
            return config;
        }
        return absl::NotFoundError("no such kind");
    }
    /// The message of the error of reading; empty: it reads fine.
    static std::string readError(std::string_view kind, const std::string& yamlText,
                                 const std::string& globalText = "{}")
    {
        const auto config = read(kind, yamlText, globalText);
        return config.ok() ? std::string() : std::string(base::messageOf(config.status()));
    }

    std::unique_ptr<alertmanager::Integration> integration(std::string_view kind,
                                                           const std::string& yamlText,
                                                           const std::string& globalText = "{}")
    {
        const auto config = read(kind, yamlText, globalText);
        if (!config.ok()) {
            throw std::runtime_error(config.status().ToString());
        }
        auto made = (*config)->makeIntegration(environment());
        if (!made.ok()) {
            throw std::runtime_error(made.status().ToString());
        }
        return *std::move(made);
    }
    alertmanager::SendResult send(std::string_view kind, const std::string& yamlText,
                                  const alertmanager::Notification& notification,
                                  base::Duration timeout = {20'000'000'000})
    {
        return integration(kind, yamlText)->send(notification, timeout, stop.get_token());
    }
};

/// One firing alert in a group.
inline alertmanager::Notification diskFull()
{
    alertmanager::Notification notification{
        .receiver = "team-X",
        .groupKey = R"({}/{severity="critical"}:{alertname="DiskFull"})",
        .groupLabels = {{"alertname", "DiskFull"}},
        .reason = alertmanager::Reason::First,
        .externalUrl = "http://am:9093",
        .now = {1'700'000'100'000},
        .repeatInterval = {14'400'000'000'000}};
    notification.alerts.push_back(
        {.labels = {{"alertname", "DiskFull"}, {"instance", "a"}, {"severity", "critical"}},
         .annotations = {{"summary", "root & <all>"}},
         .startsAt = {1'700'000'000'500},
         .generatorUrl = "http://p/g?a=1&b",
         .fingerprint = 0x3be05e6bf91375d8});
    return notification;
}

/// The same, resolved.
inline alertmanager::Notification diskFine()
{
    alertmanager::Notification notification = diskFull();
    notification.reason = alertmanager::Reason::AllResolved;
    notification.alerts[0].endsAt = base::Timestamp{1'700'000'090'000};
    return notification;
}

/// Lower-case hex of SHA-256 over the group's key.
inline constexpr const char* kDiskFullHash =
    "4c26a688747092baaccb8a2be623c6ee92dde0bb2d46ef34d57d6c6eb7c95dae";

} // namespace narthex::tests
