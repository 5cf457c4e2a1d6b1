// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/smtp.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/net/crypto.h"
#include "core/relabel/expand.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <map>

namespace narthex::alertmanager {
namespace {

struct Reply
{
    int code = 0;
    /// Lines joined by newlines.
    std::string text;
};

std::string decodeBase64(std::string_view text)
{
    std::string out(text.size() / 4 * 3 + 3, '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
    if (length < 0) {
        return {};
    }
    out.resize(static_cast<std::size_t>(length));
    for (std::size_t i = text.size(); i > 0 && text[i - 1] == '=' && !out.empty(); --i) {
        out.pop_back();
    }
    return out;
}

std::string hmacMd5(std::string_view key, std::string_view bytes)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    HMAC(EVP_md5(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &size);
    return net::hex({reinterpret_cast<const char*>(digest.data()), size});
}

class Dialogue
{
public:
    Dialogue(const MailServer& server, net::LineStream& stream) : server_(server), stream_(stream)
    {}

    absl::Status run(const Mail& mail);

private:
    absl::StatusOr<Reply> read();
    /// Sends a line and reads the answer, whose code must begin with `expected`.
    absl::StatusOr<Reply> command(const std::string& line, int expected);
    absl::Status greet();
    absl::Status secure();
    absl::Status authenticate();
    absl::Status plain();
    absl::Status login();
    absl::Status cramMd5();
    absl::Status transmit(const Mail& mail);

    const MailServer& server_;
    net::LineStream& stream_;
    /// What the server offers: name in upper case, parameters.
    std::map<std::string, std::string, std::less<>> extensions_;
};

absl::StatusOr<Reply> Dialogue::read()
{
    Reply reply;
    for (int lines = 0; lines < 200; ++lines) {
        NARTHEX_ASSIGN_OR_RETURN(const std::string line, stream_.readLine());
        const auto code = base::parseUint(line.substr(0, 3));
        if (line.size() < 3 || !code) {
            return base::unavailable("this is no answer of a mail server: {}", line.substr(0, 100));
        }
        reply.code = static_cast<int>(*code);
        reply.text += (lines > 0 ? "\n" : "") + (line.size() > 4 ? line.substr(4) : std::string());
        if (line.size() == 3 || line[3] != '-') {
            return reply;
        }
    }
    return base::unavailable("an answer of more than 200 lines");
}

absl::StatusOr<Reply> Dialogue::command(const std::string& line, int expected)
{
    NARTHEX_RETURN_IF_ERROR(stream_.write(line + "\r\n"));
    NARTHEX_ASSIGN_OR_RETURN(Reply reply, read());
    const int divisor = expected >= 100 ? 1 : expected >= 10 ? 10 : 100;
    if (reply.code / divisor != expected) {
        return base::unavailable("{} {}", reply.code, reply.text);
    }
    return reply;
}

absl::Status Dialogue::greet()
{
    extensions_.clear();
    auto reply = command("EHLO " + server_.hello, 250);
    if (!reply.ok()) {
        reply = command("HELO " + server_.hello, 250);
        return base::annotate(reply.status(), "send EHLO command");
    }
    std::string_view rest = reply->text;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::size_t blank = std::min(line.find(' '), line.size());
        extensions_[relabel::mapCase(line.substr(0, blank), true)] =
            line.substr(std::min(blank + 1, line.size()));
    }
    return absl::OkStatus();
}

absl::Status Dialogue::secure()
{
    if (!server_.requireTls || stream_.isTls()) {
        return absl::OkStatus();
    }
    if (!extensions_.contains("STARTTLS")) {
        return base::unavailable("'require_tls' is true (default) but \"{}:{}\" does not advertise "
                                 "the STARTTLS extension",
                                 server_.host, server_.port);
    }
    auto reply = command("STARTTLS", 220);
    absl::Status status = reply.status();
    if (status.ok()) {
        status = stream_.startTls(server_.tls, server_.host);
    }
    if (!status.ok()) {
        return base::annotate(status, "send STARTTLS command");
    }
    return greet();
}

absl::Status Dialogue::plain()
{
    const bool local =
        server_.host == "localhost" || server_.host == "127.0.0.1" || server_.host == "::1";
    if (!stream_.isTls() && !local) {
        return base::unavailable("plain auth: unencrypted connection");
    }
    std::string answer = server_.identity;
    answer += '\0';
    answer += server_.username;
    answer += '\0';
    answer += server_.password.reveal();
    return base::annotate(command("AUTH PLAIN " + net::base64(answer), 235).status(), "plain auth");
}

absl::Status Dialogue::login()
{
    absl::StatusOr<Reply> reply = command("AUTH LOGIN", 334);
    for (int i = 0; reply.ok() && i < 2; ++i) {
        const std::string asked = relabel::mapCase(decodeBase64(reply->text), false);
        const bool name = asked.starts_with("username") || asked.starts_with("user name");
        if (!name && !asked.starts_with("password")) {
            return base::unavailable("login auth: unexpected server challenge");
        }
        reply = command(net::base64(name ? server_.username : server_.password.reveal()),
                        i == 0 ? 334 : 235);
    }
    return base::annotate(reply.status(), "login auth");
}

absl::Status Dialogue::cramMd5()
{
    const auto challenge = command("AUTH CRAM-MD5", 334);
    if (!challenge.ok()) {
        return base::annotate(challenge.status(), "cram-md5 auth");
    }
    const std::string digest = hmacMd5(server_.secret.reveal(), decodeBase64(challenge->text));
    return base::annotate(command(net::base64(server_.username + " " + digest), 235).status(),
                          "cram-md5 auth");
}

/// The first mechanism of the server's list that has its credentials.
absl::Status Dialogue::authenticate()
{
    const auto offered = extensions_.find("AUTH");
    if (server_.username.empty() || offered == extensions_.end()) {
        return absl::OkStatus();
    }
    std::vector<std::string> missing;
    std::string_view rest = offered->second;
    while (!rest.empty()) {
        const std::string_view mechanism = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), mechanism.size() + 1));
        if (mechanism.empty()) {
            continue;
        }
        if (mechanism == "CRAM-MD5") {
            if (!server_.secret.empty()) {
                return cramMd5();
            }
            missing.emplace_back("missing secret for CRAM-MD5 auth mechanism");
        } else if (mechanism == "PLAIN" || mechanism == "LOGIN") {
            if (!server_.password.empty()) {
                return mechanism == "PLAIN" ? plain() : login();
            }
            missing.push_back(fmt::format("missing password for {} auth mechanism", mechanism));
        } else {
            missing.push_back(fmt::format("unknown auth mechanism: {}", mechanism));
        }
    }
    return base::unavailable("find auth mechanism: {}", fmt::join(missing, "; "));
}

/// Lines that begin with a dot get another one.
std::string dotted(std::string_view message)
{
    std::string out = message.starts_with('.') ? "." : "";
    for (std::size_t i = 0; i < message.size(); ++i) {
        out += message[i];
        if (message[i] == '\n' && i + 1 < message.size() && message[i + 1] == '.') {
            out += '.';
        }
    }
    return out.ends_with("\r\n") ? out : out + "\r\n";
}

absl::Status Dialogue::transmit(const Mail& mail)
{
    if (const auto reply = command(fmt::format("MAIL FROM:<{}>", mail.from), 250); !reply.ok()) {
        return base::annotate(reply.status(), "send MAIL command");
    }
    for (const std::string& recipient : mail.recipients) {
        if (const auto reply = command(fmt::format("RCPT TO:<{}>", recipient), 25); !reply.ok()) {
            return base::annotate(reply.status(), "send RCPT command");
        }
    }
    if (const auto reply = command("DATA", 354); !reply.ok()) {
        return base::annotate(reply.status(), "send DATA command");
    }
    return base::annotate(command(dotted(mail.message) + ".", 250).status(), "delivery failure");
}

absl::Status Dialogue::run(const Mail& mail)
{
    NARTHEX_ASSIGN_OR_RETURN(const Reply welcome, read());
    if (welcome.code != 220) {
        return base::unavailable("create SMTP client: {} {}", welcome.code, welcome.text);
    }
    NARTHEX_RETURN_IF_ERROR(greet());
    NARTHEX_RETURN_IF_ERROR(secure());
    NARTHEX_RETURN_IF_ERROR(authenticate());
    NARTHEX_RETURN_IF_ERROR(transmit(mail));
    base::ignore(command("QUIT", 221).status(), "the mail is delivered");
    return absl::OkStatus();
}

} // namespace

absl::Status deliver(const MailServer& server, const Mail& mail, const net::DialogueLimits& limits)
{
    auto stream = net::LineStream::connect(server.host, server.port, limits);
    if (!stream.ok()) {
        return base::annotate(stream.status(), "establish connection to server");
    }
    if (server.implicitTls) {
        if (const absl::Status status = (*stream)->startTls(server.tls, server.host);
            !status.ok()) {
            return base::annotate(status, "establish TLS connection to server");
        }
    }
    return Dialogue(server, **stream).run(mail);
}

} // namespace narthex::alertmanager
