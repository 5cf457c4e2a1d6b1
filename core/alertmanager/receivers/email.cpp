// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// email_configs: one mail to all recipients. Source: spec/alertmanager.md, 8.2.
#include "core/alertmanager/receivers/email_config.h"
#include "core/alertmanager/receivers/mail_address.h"
#include "core/alertmanager/receivers/mime.h"
#include "core/alertmanager/receivers/sending.h"
#include "core/alertmanager/receivers/smtp.h"
#include "core/base/status.h"
#include "core/gotemplate/time_text.h"
#include "core/net/crypto.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

class EmailIntegration final : public Integration
{
public:
    EmailIntegration(EmailConfig config, const IntegrationEnvironment& environment)
        : config_(std::move(config)), environment_(environment)
    {}

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override;

private:
    [[nodiscard]] absl::StatusOr<MailServer> server() const;
    absl::Status addresses(Renderer& r, Mail& mail) const;
    [[nodiscard]] std::string message(Renderer& r, const Notification& notification) const;
    void threadHeaders(const Notification& notification, std::string& out) const;
    [[nodiscard]] static std::string part(std::string_view boundary, std::string_view type,
                                          std::string_view text);

    const EmailConfig config_;
    const IntegrationEnvironment environment_;
};

absl::StatusOr<MailServer> EmailIntegration::server() const
{
    NARTHEX_ASSIGN_OR_RETURN(const HostPort address, parseHostPort(config_.smarthost));
    NARTHEX_ASSIGN_OR_RETURN(std::string password,
                             reveal(config_.authPassword, config_.authPasswordFile));
    NARTHEX_ASSIGN_OR_RETURN(std::string secret,
                             reveal(config_.authSecret, config_.authSecretFile));
    return MailServer{.host = address.host,
                      .port = address.port,
                      .hello = config_.hello.empty() ? "localhost" : config_.hello,
                      .implicitTls = config_.forceImplicitTls.value_or(address.port == "465"),
                      .requireTls = config_.requireTls.value_or(true),
                      .tls = config_.tls.value_or(net::TlsConfig{}),
                      .username = config_.authUsername,
                      .password = base::Secret(std::move(password)),
                      .secret = base::Secret(std::move(secret)),
                      .identity = config_.authIdentity};
}

absl::Status EmailIntegration::addresses(Renderer& r, Mail& mail) const
{
    const std::string from = r.text(config_.from);
    if (!r.status().ok()) {
        return base::annotate(r.status(), "execute 'from' template");
    }
    const auto senders = parseAddresses(from);
    if (!senders.ok()) {
        return base::annotate(senders.status(), "parse 'from' addresses");
    }
    if (senders->size() != 1) {
        return base::invalidArgument("must be exactly one 'from' address (got: {})",
                                     senders->size());
    }
    const std::string to = r.text(config_.to);
    if (!r.status().ok()) {
        return base::annotate(r.status(), "execute 'to' template");
    }
    auto recipients = parseAddresses(to);
    if (!recipients.ok()) {
        return base::annotate(recipients.status(), "parse 'to' addresses");
    }
    mail.from = senders->front();
    mail.recipients = *std::move(recipients);
    return absl::OkStatus();
}

/// All mails of a group answer one that never was: mail programs put them together.
void EmailIntegration::threadHeaders(const Notification& notification, std::string& out) const
{
    if (!config_.threading.enabled) {
        return;
    }
    const std::string day =
        config_.threading.threadByDate == "daily"
            ? gotemplate::formatTime("2006-01-02", gotemplate::Time::of(notification.now))
            : std::string();
    const std::string root = fmt::format("<alert-{}-{}@alertmanager>",
                                         hashOfKey(notification.groupKey).substr(0, 16), day);
    out += fmt::format("References: {}\r\nIn-Reply-To: {}\r\n", root, root);
}

std::string EmailIntegration::part(std::string_view boundary, std::string_view type,
                                   std::string_view text)
{
    return fmt::format("--{}\r\nContent-Transfer-Encoding: quoted-printable\r\n"
                       "Content-Type: {}; charset=UTF-8\r\n\r\n{}\r\n",
                       boundary, type, quotedPrintable(text));
}

std::string EmailIntegration::message(Renderer& r, const Notification& notification) const
{
    std::string out;
    for (const auto& [name, value] : config_.headers) {
        out += fmt::format("{}: {}\r\n", name,
                           encodeHeader(name == "Subject" ? r.title(value) : r.text(value)));
    }
    if (!config_.headers.contains("Message-Id")) {
        out += fmt::format("Message-Id: <{}.{}@{}>\r\n", notification.now.ms * 1'000'000,
                           net::randomHex(8), environment_.hostName);
    }
    threadHeaders(notification, out);
    const std::string boundary = net::randomHex(30);
    out += fmt::format("Date: {}\r\nContent-Type: multipart/alternative; boundary={}\r\n"
                       "MIME-Version: 1.0\r\n\r\n",
                       gotemplate::formatTime("Mon, 02 Jan 2006 15:04:05 -0700",
                                              gotemplate::Time::of(notification.now)),
                       boundary);
    if (!config_.text.empty() || r.isShort()) {
        out += part(boundary, "text/plain", r.message(config_.text));
    }
    if (!config_.html.empty() && !r.isShort()) {
        out += part(boundary, "text/html", r.html(config_.html));
    }
    return out + fmt::format("--{}--\r\n", boundary);
}

SendResult EmailIntegration::send(const Notification& notification, base::Duration timeout,
                                  std::stop_token stop)
{
    Renderer r(*environment_.templates, notification);
    Mail mail;
    if (const absl::Status status = addresses(r, mail); !status.ok()) {
        return refused(status, FailureReason::ClientError);
    }
    mail.message = message(r, notification);
    if (!r.status().ok()) {
        return refused(base::annotate(r.status(), "execute mail templates"),
                       FailureReason::ClientError);
    }
    const auto server = this->server();
    if (!server.ok()) {
        return refused(server.status());
    }
    const absl::Status status =
        deliver(*server, mail, {.timeout = timeout, .stop = std::move(stop)});
    return status.ok() ? succeeded() : unanswered(status);
}

} // namespace

absl::StatusOr<std::unique_ptr<Integration>>
EmailConfig::makeIntegration(const IntegrationEnvironment& environment) const
{
    if (tls) {
        NARTHEX_RETURN_IF_ERROR(net::checkFiles({.tls = *tls}));
    }
    EmailConfig config = *this;
    config.headers.emplace("Subject", R"({{ template "email.default.subject" . }})");
    config.headers.emplace("To", to);
    config.headers.emplace("From", from);
    return std::make_unique<EmailIntegration>(std::move(config), environment);
}

} // namespace narthex::alertmanager
