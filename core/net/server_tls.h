// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The server's side of TLS: certificate and key, who may come with a certificate of its own, and
// which versions, ciphers and curves are spoken. Protocol by ALPN: http/1.1.
// Owner: the listener's settings; handshakes keep a reference of their context. Threads: a source
// belongs to one thread, contexts to any. Errors: Unavailable (a file), InvalidArgument (its
// content or a name). Source: spec/http-api.md, 14.
#pragma once

#include "core/base/secret.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace narthex::net {

enum class ClientAuth : std::uint8_t
{
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify
};

struct ServerTls
{
    /// PEM, or the file that has it.
    std::string cert;
    std::string certFile;
    base::Secret key;
    std::string keyFile;
    ClientAuth clientAuth = ClientAuth::None;
    std::string clientCa;
    std::string clientCaFile;
    /// Names, mail and IP addresses, URIs of which a client's certificate has one; empty: any.
    std::vector<std::string> allowedNames;
    /// "TLS10" … "TLS13"
    std::string minVersion = "TLS12";
    std::string maxVersion = "TLS13";
    /// IANA's names; empty: OpenSSL's choice. Those of TLS 1.3 cannot be chosen.
    std::vector<std::string> ciphers;
    bool preferServerCiphers = true;
    /// "CurveP256", …; empty: OpenSSL's choice.
    std::vector<std::string> curves;
    friend bool operator==(const ServerTls&, const ServerTls&) = default;
};

[[nodiscard]] bool isTlsVersion(std::string_view name);
[[nodiscard]] bool isTlsCipher(const std::string& name);
[[nodiscard]] bool isTlsCurve(std::string_view name);

/// Reads what it names and makes the context.
absl::StatusOr<std::shared_ptr<ssl_ctx_st>> makeServerContext(const ServerTls& tls);

/// The context of each handshake: a new one when a file has changed.
class ServerContextSource
{
public:
    absl::StatusOr<std::shared_ptr<ssl_ctx_st>> contextFor(const ServerTls& tls);

private:
    ServerTls tls_;
    std::string stamps_; // of the files, as they were
    std::shared_ptr<ssl_ctx_st> context_;
};

} // namespace narthex::net
