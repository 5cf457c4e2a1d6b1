// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/oci_signer.h"

#include "core/base/status.h"
#include "core/net/crypto.h"
#include "core/net/parameters.h"
#include "core/net/url.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace narthex::discovery {
namespace {

const unsigned char* unsignedBytes(std::string_view text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

/// Gives OpenSSL the passphrase; without one it would ask at the terminal.
int passphraseOf(char* buffer, int size, int /*writing*/, void* passphrase)
{
    const auto& text = *static_cast<const std::string*>(passphrase);
    const auto length = std::min(text.size(), static_cast<std::size_t>(size));
    std::copy_n(text.begin(), length, buffer);
    return static_cast<int>(length);
}

} // namespace

absl::StatusOr<OciKey> OciKey::fromPem(const std::string& pem, const std::string& passphrase)
{
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    std::string secret = passphrase;
    OciKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, passphraseOf, &secret));
    if (!key.key_ || EVP_PKEY_get_base_id(key.key_.get()) != EVP_PKEY_RSA) {
        return base::invalidArgument("the key must be an RSA private key in PEM form, and the "
                                     "passphrase must be the key's");
    }
    return key;
}

absl::StatusOr<OciKey> OciKey::generate()
{
    OciKey key(EVP_RSA_gen(2048));
    if (!key.key_) {
        return base::internalError("no RSA key could be made");
    }
    return key;
}

absl::StatusOr<std::string> OciKey::sign(std::string_view text) const
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
    std::size_t size = signature.size();
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       unsignedBytes(text), text.size()) != 1) {
        return base::invalidArgument("the private key cannot sign");
    }
    signature.resize(size);
    return net::base64(signature);
}

std::string OciKey::publicKey() const
{
    std::string der(static_cast<std::size_t>(std::max(0, i2d_PUBKEY(key_.get(), nullptr))), '\0');
    auto* at = reinterpret_cast<unsigned char*>(der.data());
    i2d_PUBKEY(key_.get(), &at);
    return net::base64(der);
}

absl::Status OciSigner::sign(net::HttpRequest& request, base::Timestamp now, bool withHost) const
{
    NARTHEX_ASSIGN_OR_RETURN(const net::Url url, net::parseUrl(request.url));
    const bool hasBody = request.method == "POST" || request.method == "PUT";
    std::string method = request.method;
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(c + ('a' - 'A')); });
    net::Parameters lines = {{"date", httpDate(now)},
                             {"(request-target)", method + " " + url.path}};
    request.headers.emplace_back("Date", lines.front().second);
    if (withHost) {
        lines.emplace_back("host", url.authority());
    }
    if (hasBody) {
        lines.emplace_back("content-length", std::to_string(request.body.size()));
        lines.emplace_back("content-type", "application/json");
        lines.emplace_back("x-content-sha256", net::base64(net::sha256(request.body)));
        request.headers.emplace_back("Content-Type", "application/json");
        request.headers.emplace_back("X-Content-SHA256", lines.back().second);
    }
    std::string text;
    std::string names;
    for (const auto& [name, value] : lines) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", name, value);
        names += (names.empty() ? "" : " ") + name;
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::string signature, key.sign(text));
    request.headers.emplace_back(
        "Authorization",
        fmt::format(R"(Signature version="1",headers="{}",keyId="{}",algorithm="rsa-sha256",)"
                    R"(signature="{}")",
                    names, keyId, signature));
    return absl::OkStatus();
}

std::string httpDate(base::Timestamp time)
{
    // The C library would write the names in the user's language.
    constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = time.ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                       kDays.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                       kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

} // namespace narthex::discovery
