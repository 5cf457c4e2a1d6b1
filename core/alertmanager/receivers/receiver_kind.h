// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One way to tell people, as a value behind an interface: its settings are read from the
// configuration, printed, compared, and made into an integration. A kind is one file
// (`<kind>.cpp`) with a struct derived from ReceiverOf and a maker that the registry lists.
// Threads: configurations are values, shared read-only once loaded; an integration is used by
// several threads at once. Source: spec/alertmanager.md, 1.7 and 8.
#pragma once

#include "core/alertmanager/receivers/global_config.h"
#include "core/alertmanager/receivers/notification.h"
#include "core/base/log.h"
#include "core/net/http_client.h"
#include "core/yaml/fields.h"

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace narthex::alertmanager {

class DesktopNotifier;
class Templates;

/// What integrations use; all of it outlives them.
struct IntegrationEnvironment
{
    net::IoLoop& loop;
    net::HttpClient& http;
    const base::Logger& log;
    std::shared_ptr<const Templates> templates;
    /// "Narthex/0.1.0".
    std::string userAgent;
    /// This machine's name, for Message-Id.
    std::string hostName;
    /// Takes the place of fixed addresses of services; empty: none (tests).
    std::string apiBase;
    /// Null: this program has no desktop.
    DesktopNotifier* desktop = nullptr;
};

/// A running integration. send() blocks its thread until the answer is there, `stop` is asked for
/// or `timeout` is over; it is called by several threads at once, each with its own notification.
class Integration
{
public:
    virtual ~Integration() = default;
    virtual SendResult send(const Notification& notification, base::Duration timeout,
                            std::stop_token stop) = 0;
    /// Tells the service that everything firing in the group is acknowledged; the reason of the
    /// notification is `Acknowledged` if people asked for that. What has no such notion gets a
    /// short message then. Absent: nothing is to be told.
    virtual std::optional<SendResult> acknowledge(const Notification& notification,
                                                  const AcknowledgementNote& note,
                                                  base::Duration timeout, std::stop_token stop);
};

class ReceiverConfig
{
public:
    virtual ~ReceiverConfig() = default;
    /// "webhook": the label `integration`; the key of a receiver is `<kind>_configs`.
    [[nodiscard]] virtual std::string_view kind() const = 0;
    virtual void describe(yaml::Fields& fields) = 0;
    /// Takes what is not given from the section `global`; errors: InvalidArgument with the texts
    /// of the specification (`no global SMTP smarthost set`).
    virtual absl::Status complete(const GlobalConfig& global) = 0;
    [[nodiscard]] virtual bool sendResolved() const = 0;
    [[nodiscard]] virtual std::unique_ptr<ReceiverConfig> clone() const = 0;
    [[nodiscard]] virtual bool equals(const ReceiverConfig& other) const = 0;
    /// Errors: what stands in the way of sending at all (an unreadable CA file).
    [[nodiscard]] virtual absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const = 0;
};

/// kind(), clone() and equals() by `T::kKind`, the copy constructor and `operator==` of T.
template <typename T>
class ReceiverOf : public ReceiverConfig
{
public:
    [[nodiscard]] std::string_view kind() const final { return T::kKind; }
    [[nodiscard]] std::unique_ptr<ReceiverConfig> clone() const final
    {
        return std::make_unique<T>(static_cast<const T&>(*this));
    }
    [[nodiscard]] bool equals(const ReceiverConfig& other) const final
    {
        const auto* same = dynamic_cast<const T*>(&other);
        return same != nullptr && *same == static_cast<const T&>(*this);
    }
    friend bool operator==(const ReceiverOf&, const ReceiverOf&) { return true; }
};

struct ReceiverKind
{
    /// "webhook".
    std::string_view name;
    std::unique_ptr<ReceiverConfig> (*make)();
    /// Whether a null entry of the list means defaults instead of an error.
    bool nullMeansDefaults = false;
};
/// All kinds of the file, in the order in which a receiver's integrations run.
std::span<const ReceiverKind> receiverKinds();

} // namespace narthex::alertmanager
