// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The keys of the receivers that an Alertmanager does not have. Threads: values.
// Source: spec/alertmanager.md, 8.14.
#include "core/alertmanager/receivers/desktop.h"
#include "core/base/status.h"

namespace narthex::alertmanager {
namespace {

struct DesktopReceiver final : ReceiverOf<DesktopReceiver>
{
    static constexpr std::string_view kKind = "desktop";
    DesktopConfig config;

    void describe(yaml::Fields& fields) override { config.describe(fields); }
    absl::Status complete(const GlobalConfig&) override { return absl::OkStatus(); }
    [[nodiscard]] bool sendResolved() const override { return config.sendResolved; }
    [[nodiscard]] absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override
    {
        if (environment.desktop == nullptr) {
            return base::failedPrecondition("this program has no desktop to show notes on");
        }
        return makeDesktopIntegration(config, environment, *environment.desktop);
    }
    friend bool operator==(const DesktopReceiver&, const DesktopReceiver&) = default;
};

struct CommandReceiver final : ReceiverOf<CommandReceiver>
{
    static constexpr std::string_view kKind = "command";
    CommandConfig config;

    void describe(yaml::Fields& fields) override { config.describe(fields); }
    absl::Status complete(const GlobalConfig&) override { return absl::OkStatus(); }
    [[nodiscard]] bool sendResolved() const override { return config.sendResolved; }
    [[nodiscard]] absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment&) const override
    {
        return makeCommandIntegration(config);
    }
    friend bool operator==(const CommandReceiver&, const CommandReceiver&) = default;
};

template <typename T>
std::unique_ptr<ReceiverConfig> make()
{
    return std::make_unique<T>();
}

// A note says all by default; a program has to be named.
constexpr ReceiverKind kOwnKinds[] = {
    {DesktopReceiver::kKind, make<DesktopReceiver>, true},
    {CommandReceiver::kKind, make<CommandReceiver>},
};

} // namespace

void DesktopConfig::describe(yaml::Fields& fields)
{
    fields.field("send_resolved", &sendResolved, yaml::Printing::Always);
    fields.field("title", &title);
    fields.field("body", &body);
    fields.field("sound", &sound);
}

void CommandConfig::describe(yaml::Fields& fields)
{
    fields.field("send_resolved", &sendResolved, yaml::Printing::Always);
    fields.field("command", &arguments, yaml::Printing::Flow);
    fields.field("timeout", &timeout);
    if (!fields.reading()) {
        return;
    }
    fields.check(!arguments.empty() && !arguments[0].empty(),
                 "a command receiver names no program: command: [<program>, <argument>, ...]");
    if (timeout.ns <= 0) {
        fields.failAt("timeout", "timeout must be longer than 0s");
    }
}

std::span<const ReceiverKind> ownReceiverKinds() { return kOwnKinds; }

} // namespace narthex::alertmanager
