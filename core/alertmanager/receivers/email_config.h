// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The settings of email_configs. Threads: values. Source: spec/alertmanager.md, 8.2.
#pragma once

#include "core/alertmanager/receivers/config_keys.h"

namespace narthex::alertmanager {

struct MailThreading
{
    bool enabled = false;
    /// none or daily.
    std::string threadByDate;
    void describe(yaml::Fields& fields);
    friend bool operator==(const MailThreading&, const MailThreading&) = default;
};

struct EmailConfig final : ReceiverOf<EmailConfig>
{
    static constexpr std::string_view kKind = "email";
    bool resolvedToo = false;
    std::string to;
    std::string from;
    std::string hello;
    std::string smarthost;
    std::string authUsername;
    base::Secret authPassword;
    std::string authPasswordFile;
    base::Secret authSecret;
    std::string authSecretFile;
    std::string authIdentity;
    /// Canonical names.
    std::map<std::string, std::string> headers;
    std::string html = R"({{ template "email.default.html" . }})";
    std::string text;
    std::optional<bool> requireTls;
    std::optional<net::TlsConfig> tls;
    std::optional<bool> forceImplicitTls;
    MailThreading threading;

    [[nodiscard]] bool sendResolved() const override { return resolvedToo; }
    void describe(yaml::Fields& fields) override;
    absl::Status complete(const GlobalConfig& global) override;
    absl::StatusOr<std::unique_ptr<Integration>>
    makeIntegration(const IntegrationEnvironment& environment) const override;
    friend bool operator==(const EmailConfig&, const EmailConfig&) = default;

private:
    void normalizeHeaders(yaml::Fields& fields);
};

} // namespace narthex::alertmanager
