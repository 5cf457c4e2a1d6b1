// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/azure_certificate.h"

#include "core/base/file.h"
#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/net/crypto.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace narthex::discovery {
namespace {

constexpr std::uint64_t kFileLimitBytes = 1U << 20U;

template <auto Free>
struct Freed
{
    template <typename T>
    void operator()(T* object) const
    {
        Free(object);
    }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

struct Material
{
    /// Its own first.
    std::vector<Certificate> certificates;
    Key key;
};

Bio bioOf(const std::string& text)
{
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Key pemKey(const std::string& text, const base::Secret& password)
{
    const Bio bio = bioOf(text);
    // A text that is handed over as the callback's argument is the password.
    return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr,
                                       const_cast<char*>(password.reveal().c_str())));
}

Material fromPem(const std::string& text, const base::Secret& password)
{
    Material material;
    const Bio bio = bioOf(text);
    while (X509* const each = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        material.certificates.emplace_back(each);
    }
    material.key = pemKey(text, password);
    return material;
}

Material fromPkcs12(const std::string& bytes, const base::Secret& password)
{
    Material material;
    const Bio bio = bioOf(bytes);
    const std::unique_ptr<PKCS12, Freed<PKCS12_free>> store(d2i_PKCS12_bio(bio.get(), nullptr));
    EVP_PKEY* key = nullptr;
    X509* own = nullptr;
    STACK_OF(X509)* others = nullptr;
    if (store && PKCS12_parse(store.get(), password.reveal().c_str(), &key, &own, &others) == 1) {
        material.key.reset(key);
        if (own != nullptr) {
            material.certificates.emplace_back(own);
        }
        while (others != nullptr && sk_X509_num(others) > 0) {
            material.certificates.emplace_back(sk_X509_shift(others));
        }
        sk_X509_free(others);
    }
    return material;
}

std::string derOf(X509* certificate)
{
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    std::string der(reinterpret_cast<const char*>(bytes),
                    static_cast<std::size_t>(std::max(size, 0)));
    OPENSSL_free(bytes);
    return der;
}

/// SHA-1 of the certificate, as the header x5t asks for; it names, it does not protect.
std::string thumbprint(X509* certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    X509_digest(certificate, EVP_sha1(), digest, &size);
    return net::base64Url({reinterpret_cast<const char*>(digest), size});
}

absl::StatusOr<Material> load(const AzureCertificate& files)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(files.path, kFileLimitBytes));
    Material material = text.find("-----BEGIN") == std::string::npos
                            ? fromPkcs12(text, files.password)
                            : fromPem(text, files.password);
    if (!files.keyPath.empty()) {
        NARTHEX_ASSIGN_OR_RETURN(const std::string keyText,
                                 base::readFile(files.keyPath, kFileLimitBytes));
        material.key = pemKey(keyText, files.password);
    }
    ERR_clear_error();
    if (material.certificates.empty()) {
        return base::invalidArgument(
            "{}: no certificate can be read (PEM or PKCS #12 is needed, and its password)",
            files.path);
    }
    if (!material.key) {
        return base::invalidArgument("{}: no private key can be read (is the password right?)",
                                     files.keyPath.empty() ? files.path : files.keyPath);
    }
    return material;
}

} // namespace

absl::StatusOr<std::string> certificateAssertion(const AzureCertificate& certificate,
                                                 const std::string& clientId,
                                                 const std::string& audience, base::Timestamp now)
{
    NARTHEX_ASSIGN_OR_RETURN(const Material material, load(certificate));
    std::string header;
    base::JsonWriter head(header);
    head.beginObject().member("alg", "RS256").member("typ", "JWT");
    head.member("x5t", thumbprint(material.certificates.front().get()));
    if (certificate.sendChain) {
        head.key("x5c").beginArray();
        for (const Certificate& each : material.certificates) {
            head.string(net::base64(derOf(each.get())));
        }
        head.endArray();
    }
    head.endObject();
    constexpr std::int64_t kLifetimeSeconds = 600;
    const std::int64_t seconds = now.ms / 1000;
    std::string claims;
    base::JsonWriter json(claims);
    json.beginObject().member("aud", audience).member("iss", clientId).member("sub", clientId);
    json.member("jti", fmt::format("{:x}-{}", now.ms, clientId));
    json.key("nbf").integer(seconds);
    json.key("iat").integer(seconds);
    json.key("exp").integer(seconds + kLifetimeSeconds);
    json.endObject();
    const Bio pem(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(pem.get(), material.key.get(), nullptr, nullptr, 0, nullptr,
                                  nullptr);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(pem.get(), &bytes);
    return net::signedJwt(
        header, claims, "RS256",
        base::Secret(std::string(bytes, static_cast<std::size_t>(std::max(size, 0L)))));
}

} // namespace narthex::discovery
