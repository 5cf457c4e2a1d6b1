// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Receivers that an Alertmanager does not have: notes on this machine's desktop, and programs of
// one's own. They are no part of the configuration file, which stays one that an Alertmanager
// loads. Threads: values; integrations as Integration. Source: spec/alertmanager.md, 8.14.
#pragma once

#include "core/alertmanager/receivers/receiver_kind.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace narthex::alertmanager {

enum class Urgency : std::uint8_t
{
    Low,
    Normal,
    Critical
};

struct DesktopNote
{
    /// The same for all notes of a group: a newer one takes the place of an older one.
    std::string key;
    std::string title;
    /// Plain text.
    std::string body;
    Urgency urgency = Urgency::Normal;
    bool sound = false;
    /// Nothing of the group fires any more: a note about it goes away.
    bool resolved = false;
    /// Offers "Acknowledge": something fires that nobody looks after.
    bool canAcknowledge = false;
    /// Of the alerts that the action is about.
    std::vector<std::uint64_t> fingerprints;
};

/// Shows notes; the application has one, over D-Bus. Threads: any.
class DesktopNotifier
{
public:
    virtual ~DesktopNotifier() = default;
    /// Errors: Unavailable, there is no desktop.
    /// Returns when the desktop has taken it, or after some seconds.
    virtual absl::Status show(const DesktopNote& note) = 0;
};

struct DesktopConfig
{
    bool sendResolved = true;
    std::string title = R"({{ template "__subject" . }})";
    std::string body = R"({{ template "narthex.desktop.body" . }})";
    bool sound = false;
    void describe(yaml::Fields& fields);
    friend bool operator==(const DesktopConfig&, const DesktopConfig&) = default;
};

/// What the most severe firing alert deserves; what resolves is of no hurry.
Urgency urgencyOf(const Notification& notification);

/// `notifier` outlives the integration.
std::unique_ptr<Integration> makeDesktopIntegration(const DesktopConfig& config,
                                                    const IntegrationEnvironment& environment,
                                                    DesktopNotifier& notifier);

struct CommandConfig
{
    bool sendResolved = true;
    /// The program and its arguments, which are no templates: nothing that an alert says becomes
    /// part of a command line.
    std::vector<std::string> arguments;
    base::Duration timeout = 30_s;
    void describe(yaml::Fields& fields);
    friend bool operator==(const CommandConfig&, const CommandConfig&) = default;
};

/// Runs a program with the webhook's JSON on its standard input; its exit code decides: 0 is
/// success. Errors: InvalidArgument, no program is named.
absl::StatusOr<std::unique_ptr<Integration>> makeCommandIntegration(const CommandConfig& config);

/// "desktop" and "command", in the order in which they run, after those of the file.
std::span<const ReceiverKind> ownReceiverKinds();

} // namespace narthex::alertmanager
