// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A fresh RSA key, for tests of what is signed with one. Owner: the test. Threads: any, after
// construction.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <QByteArray>
#include <QList>

#include <memory>
#include <string>
#include <string_view>

namespace narthex::tests {

class RsaKey
{
public:
    RsaKey() : key_(EVP_RSA_gen(2048), EVP_PKEY_free) {}
    /// The key in a PEM text.
    explicit RsaKey(const std::string& pem) : key_(nullptr, EVP_PKEY_free)
    {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
            BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
        key_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    }
    /// Of a public key in DER: it verifies, and cannot sign.
    explicit RsaKey(const QByteArray& publicDer) : key_(nullptr, EVP_PKEY_free)
    {
        const auto* at = reinterpret_cast<const unsigned char*>(publicDer.constData());
        key_.reset(d2i_PUBKEY(nullptr, &at, static_cast<long>(publicDer.size())));
    }

    /// PKCS#8; encrypted when there is a passphrase.
    [[nodiscard]] std::string pem(const std::string& passphrase = {}) const
    {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(),
                                      passphrase.empty() ? nullptr : EVP_aes_256_cbc(),
                                      passphrase.empty() ? nullptr : passphrase.data(),
                                      static_cast<int>(passphrase.size()), nullptr, nullptr);
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }

    [[nodiscard]] bool verifies(std::string_view text, const QByteArray& signature,
                                const EVP_MD* digest) const
    {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                              EVP_MD_CTX_free);
        return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
               EVP_DigestVerify(
                   context.get(), reinterpret_cast<const unsigned char*>(signature.constData()),
                   static_cast<std::size_t>(signature.size()),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    }

    /// Header and claims of a token that this key signed, as JSON; empty: it did not.
    [[nodiscard]] QList<QByteArray> openJwt(const QByteArray& token, const EVP_MD* digest) const
    {
        const QList<QByteArray> parts = token.split('.');
        const auto decoded = [](const QByteArray& text) {
            return QByteArray::fromBase64(text, QByteArray::Base64UrlEncoding);
        };
        if (parts.size() != 3 ||
            !verifies((parts[0] + '.' + parts[1]).toStdString(), decoded(parts[2]), digest)) {
            return {};
        }
        return {decoded(parts[0]), decoded(parts[1])};
    }

private:
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

/// The text as a JSON string, quotes included.
inline std::string jsonString(const std::string& text)
{
    return "\"" + QByteArray::fromStdString(text).replace("\n", "\\n").toStdString() + "\"";
}

} // namespace narthex::tests
