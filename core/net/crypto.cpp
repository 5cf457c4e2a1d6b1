// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/crypto.h"

#include "core/base/status.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

namespace narthex::net {
namespace {

const unsigned char* unsignedBytes(std::string_view text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* unsignedBytes(std::string& text)
{
    return reinterpret_cast<unsigned char*>(text.data());
}

absl::StatusOr<std::string> signRsa(std::string_view text, const EVP_MD* digest,
                                    const base::Secret& privateKey)
{
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(privateKey.reveal().data(), static_cast<int>(privateKey.reveal().size())),
        BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
        return base::invalidArgument("the key must be an RSA private key in PEM form");
    }
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())), '\0');
    std::size_t size = signature.size();
    if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), unsignedBytes(signature), &size, unsignedBytes(text),
                       text.size()) != 1) {
        return base::invalidArgument("the private key cannot sign");
    }
    signature.resize(size);
    return signature;
}

} // namespace

std::string sha256(std::string_view bytes)
{
    std::string digest(32, '\0');
    EVP_Digest(bytes.data(), bytes.size(), unsignedBytes(digest), nullptr, EVP_sha256(), nullptr);
    return digest;
}

std::string hmacSha256(std::string_view key, std::string_view bytes)
{
    std::string digest(32, '\0');
    unsigned int size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), unsignedBytes(bytes), bytes.size(),
         unsignedBytes(digest), &size);
    return digest;
}

std::string hex(std::string_view bytes)
{
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 0x0FU];
    }
    return text;
}

std::string base64(std::string_view bytes)
{
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL ends it with a zero byte
    const int size =
        EVP_EncodeBlock(unsignedBytes(text), unsignedBytes(bytes), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string base64Url(std::string_view bytes)
{
    std::string text = base64(bytes);
    text.erase(text.find_last_not_of('=') + 1);
    for (char& c : text) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return text;
}

absl::StatusOr<std::string> decodeBase64Url(std::string_view text)
{
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const std::string_view digits = text.substr(0, text.find_last_not_of('=') + 1);
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const std::size_t digit = kAlphabet.find(digits[i]);
        if (digit == std::string_view::npos) {
            return base::invalidArgument("illegal base64 data at input byte {}", i);
        }
        bits = bits << 6U | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(static_cast<unsigned char>(bits >> count));
        }
    }
    if (digits.size() % 4 == 1) {
        return base::invalidArgument("illegal base64 data at input byte {}", digits.size() - 1);
    }
    return bytes;
}

std::string randomHex(std::size_t count)
{
    std::string bytes(count, '\0');
    NARTHEX_CHECK(RAND_bytes(unsignedBytes(bytes), static_cast<int>(count)) == 1);
    return hex(bytes);
}

absl::StatusOr<std::string> signedJwt(std::string_view headerJson, std::string_view claimsJson,
                                      std::string_view algorithm, const base::Secret& privateKey)
{
    const EVP_MD* const digest = algorithm == "RS512"   ? EVP_sha512()
                                 : algorithm == "RS384" ? EVP_sha384()
                                                        : EVP_sha256();
    const std::string text = base64Url(headerJson) + "." + base64Url(claimsJson);
    NARTHEX_ASSIGN_OR_RETURN(const std::string signature, signRsa(text, digest, privateKey));
    return text + "." + base64Url(signature);
}

} // namespace narthex::net
