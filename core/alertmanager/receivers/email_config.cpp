// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/email_config.h"

#include "core/alertmanager/receivers/mail_address.h"
#include "core/alertmanager/receivers/registry.h"
#include "core/base/status.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

/// `x-my-HEADER` → `X-My-Header`; names with other characters stay.
std::string canonicalName(const std::string& name)
{
    std::string out = name;
    bool first = true;
    for (char& c : out) {
        const bool upper = c >= 'A' && c <= 'Z';
        const bool lower = c >= 'a' && c <= 'z';
        if (static_cast<unsigned char>(c) <= 0x20 || c == ':' ||
            static_cast<unsigned char>(c) > 0x7E) {
            return name;
        }
        if (first ? lower : upper) {
            c = static_cast<char>(c ^ 0x20);
        }
        first = c == '-';
    }
    return out;
}

} // namespace

void MailThreading::describe(yaml::Fields& fields)
{
    fields.field("enabled", &enabled);
    fields.field("thread_by_date", &threadByDate);
}

void EmailConfig::describe(yaml::Fields& fields)
{
    fields.field("send_resolved", &resolvedToo, yaml::Printing::Always);
    fields.field("to", &to);
    fields.field("from", &from);
    fields.field("hello", &hello);
    describeSmarthost(fields, "smarthost", smarthost);
    fields.field("auth_username", &authUsername);
    describeSecret(fields, "auth_password", authPassword, authPasswordFile);
    describeSecret(fields, "auth_secret", authSecret, authSecretFile);
    fields.field("auth_identity", &authIdentity);
    fields.field("headers", &headers);
    fields.field("html", &html);
    fields.field("text", &text);
    fields.field("require_tls", requireTls, yaml::Printing::Always);
    describeTls(fields, "tls_config", tls);
    fields.field("force_implicit_tls", forceImplicitTls, yaml::Printing::Always);
    fields.section("threading", threading);
    if (!fields.reading()) {
        return;
    }
    fields.check(!to.empty(), "missing to address in email config");
    normalizeHeaders(fields);
    if (!threading.enabled) {
        return;
    }
    fields.check(!headers.contains("References"), "conflicting configuration: threading.enabled "
                                                  "conflicts with custom References header");
    fields.check(!headers.contains("In-Reply-To"), "conflicting configuration: threading.enabled "
                                                   "conflicts with custom In-Reply-To header");
    fields.check(threading.threadByDate == "none" || threading.threadByDate == "daily",
                 "threading.thread_by_date must be either 'none' or 'daily'");
}

void EmailConfig::normalizeHeaders(yaml::Fields& fields)
{
    std::map<std::string, std::string> canonical;
    for (const auto& [name, value] : headers) {
        if (!canonical.emplace(canonicalName(name), value).second) {
            fields.failAt("headers", fmt::format("duplicate header \"{}\" in email config",
                                                 canonicalName(name)));
        }
    }
    headers = std::move(canonical);
}

absl::Status EmailConfig::complete(const GlobalConfig& global)
{
    if (!tls) {
        tls = global.smtpTls;
    }
    inherit(smarthost, global.smtpSmarthost);
    if (smarthost.empty()) {
        return base::invalidArgument("no global SMTP smarthost set");
    }
    inherit(from, global.smtpFrom);
    if (from.empty()) {
        return base::invalidArgument("no global SMTP from set");
    }
    inherit(hello, global.smtpHello);
    inherit(authUsername, global.smtpAuthUsername);
    inherit(authPassword, authPasswordFile, global.smtpAuthPassword, global.smtpAuthPasswordFile);
    inherit(authSecret, authSecretFile, global.smtpAuthSecret, global.smtpAuthSecretFile);
    inherit(authIdentity, global.smtpAuthIdentity);
    requireTls = requireTls.value_or(global.smtpRequireTls);
    if (!forceImplicitTls) {
        forceImplicitTls = global.smtpForceImplicitTls;
    }
    return absl::OkStatus();
}

std::unique_ptr<ReceiverConfig> makeEmailConfig() { return std::make_unique<EmailConfig>(); }

} // namespace narthex::alertmanager
