// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/server_tls.h"

#include "core/base/status.h"
#include "core/net/file_stamp.h"
#include "core/net/small_file.h"
#include "core/net/tls_material.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace narthex::net {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Names = std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)>;

/// What the check of a client's certificate needs; lives as long as the context.
struct ClientCheck
{
    bool verify = false;
    std::vector<std::string> allowedNames;
};

int checkIndex()
{
    static const int index = SSL_CTX_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* check, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<ClientCheck*>(check);
        });
    return index;
}

std::optional<int> versionOf(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, int>, 4> kVersions{
        {{"TLS10", TLS1_VERSION},
         {"TLS11", TLS1_1_VERSION},
         {"TLS12", TLS1_2_VERSION},
         {"TLS13", TLS1_3_VERSION}}};
    for (const auto& [text, version] : kVersions) {
        if (text == name) {
            return version;
        }
    }
    return std::nullopt;
}

std::string_view groupOf(std::string_view curve)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kGroups{
        {{"CurveP256", "P-256"},
         {"CurveP384", "P-384"},
         {"CurveP521", "P-521"},
         {"X25519", "X25519"}}};
    for (const auto& [name, group] : kGroups) {
        if (name == curve) {
            return group;
        }
    }
    return {};
}

bool isTls13Cipher(std::string_view name)
{
    return name == "TLS_AES_128_GCM_SHA256" || name == "TLS_AES_256_GCM_SHA384" ||
           name == "TLS_CHACHA20_POLY1305_SHA256";
}

std::string opensslProblem()
{
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    ERR_clear_error();
    return text.data();
}

/// Whether the certificate has one of the names; addresses are compared by their bytes.
bool hasAllowedName(X509* certificate, const std::vector<std::string>& allowed)
{
    const Names names(static_cast<GENERAL_NAMES*>(
                          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
                      GENERAL_NAMES_free);
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        const auto is = [&](const std::string& text) {
            return std::find(allowed.begin(), allowed.end(), text) != allowed.end();
        };
        if (name->type == GEN_IPADD) {
            const bool sameBytes =
                std::any_of(allowed.begin(), allowed.end(), [&](const std::string& text) {
                    using Octets = std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_STRING_free)>;
                    const Octets octets(a2i_IPADDRESS(text.c_str()), ASN1_STRING_free);
                    return octets && ASN1_STRING_cmp(octets.get(), name->d.iPAddress) == 0;
                });
            if (sameBytes) {
                return true;
            }
        } else if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI) {
            const ASN1_IA5STRING* text = name->d.ia5;
            const unsigned char* bytes = ASN1_STRING_get0_data(text);
            if (is({bytes, bytes + ASN1_STRING_length(text)})) {
                return true;
            }
        }
    }
    return false;
}

/// OpenSSL's callback for the peer's certificate: 1 goes on.
int checkClient(X509_STORE_CTX* store, void* data)
{
    const auto* check = static_cast<const ClientCheck*>(data);
    if (check->verify && X509_verify_cert(store) != 1) {
        return 0;
    }
    X509* leaf = X509_STORE_CTX_get0_cert(store);
    if (!check->allowedNames.empty() && !hasAllowedName(leaf, check->allowedNames)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return 1;
}

int chooseProtocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* outLength,
                   const unsigned char* in, unsigned int inLength, void* /*data*/)
{
    static constexpr std::array<unsigned char, 9> kHttp11 = {8,   'h', 't', 't', 'p',
                                                             '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, outLength, kHttp11.data(), kHttp11.size(), in, inLength) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

absl::Status usePair(SSL_CTX* context, const TlsMaterial& material)
{
    const auto bioOf = [](const std::string& text) {
        return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
    };
    const Bio chain = bioOf(material.certificate);
    const Certificate leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr), X509_free);
    if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
        return base::invalidArgument("TLS certificate: {}", opensslProblem());
    }
    while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
        SSL_CTX_add0_chain_cert(context, next);
    }
    ERR_clear_error(); // the end of the text is one
    const Key key(PEM_read_bio_PrivateKey(
                      bioOf(material.key.reveal()).get(), nullptr,
                      [](char*, int, int, void*) { return 0; }, nullptr),
                  EVP_PKEY_free);
    if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
        return base::invalidArgument("TLS key: {}", opensslProblem());
    }
    return absl::OkStatus();
}

absl::Status useAuthorities(SSL_CTX* context, const std::string& pem)
{
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    int count = 0;
    while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        const Certificate authority(next, X509_free);
        X509_STORE_add_cert(store, authority.get());
        SSL_CTX_add_client_CA(context, authority.get());
        ++count;
    }
    ERR_clear_error();
    return count > 0 ? absl::OkStatus()
                     : base::invalidArgument("client CA: no certificate in PEM form");
}

absl::Status setClients(SSL_CTX* context, const ServerTls& tls, const std::string& authorities)
{
    if (tls.clientAuth == ClientAuth::None) {
        return absl::OkStatus();
    }
    const bool required =
        tls.clientAuth == ClientAuth::RequireAny || tls.clientAuth == ClientAuth::RequireAndVerify;
    auto check = std::make_unique<ClientCheck>();
    check->verify = tls.clientAuth == ClientAuth::VerifyIfGiven ||
                    tls.clientAuth == ClientAuth::RequireAndVerify;
    check->allowedNames = tls.allowedNames;
    if (!authorities.empty()) {
        NARTHEX_RETURN_IF_ERROR(useAuthorities(context, authorities));
    } else if (check->verify) {
        SSL_CTX_set_default_verify_paths(context);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
    SSL_CTX_set_cert_verify_callback(context, checkClient, check.get());
    SSL_CTX_set_ex_data(context, checkIndex(), check.release());
    // A resumed session would not show its certificate again, and who may come can change.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return absl::OkStatus();
}

absl::Status setProtocol(SSL_CTX* context, const ServerTls& tls)
{
    const int least = versionOf(tls.minVersion).value_or(TLS1_2_VERSION);
    if (least < TLS1_2_VERSION) {
        SSL_CTX_set_security_level(context, 0); // Debian forbids these versions otherwise
    }
    SSL_CTX_set_min_proto_version(context, least);
    SSL_CTX_set_max_proto_version(context, versionOf(tls.maxVersion).value_or(TLS1_3_VERSION));
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    if (tls.preferServerCiphers) {
        SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
    std::string ciphers;
    for (const std::string& name : tls.ciphers) {
        if (!isTls13Cipher(name)) {
            ciphers +=
                (ciphers.empty() ? "" : ":") + std::string(OPENSSL_cipher_name(name.c_str()));
        }
    }
    if (!ciphers.empty() && SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1) {
        return base::invalidArgument("cipher_suites: {}", opensslProblem());
    }
    std::string groups;
    for (const std::string& curve : tls.curves) {
        groups += (groups.empty() ? "" : ":") + std::string(groupOf(curve));
    }
    if (!groups.empty() && SSL_CTX_set1_groups_list(context, groups.c_str()) != 1) {
        return base::invalidArgument("curve_preferences: {}", opensslProblem());
    }
    SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nullptr);
    return absl::OkStatus();
}

} // namespace

bool isTlsVersion(std::string_view name) { return versionOf(name).has_value(); }

bool isTlsCipher(const std::string& name)
{
    return isTls13Cipher(name) || std::string_view(OPENSSL_cipher_name(name.c_str())) != "(NONE)";
}

bool isTlsCurve(std::string_view name) { return !groupOf(name).empty(); }

absl::StatusOr<std::shared_ptr<ssl_ctx_st>> makeServerContext(const ServerTls& tls)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto material, loadTlsMaterial({.ca = tls.clientCa,
                                                                   .caFile = tls.clientCaFile,
                                                                   .cert = tls.cert,
                                                                   .certFile = tls.certFile,
                                                                   .key = tls.key,
                                                                   .keyFile = tls.keyFile},
                                                                  nullptr));
    std::shared_ptr<ssl_ctx_st> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) {
        return base::internalError("TLS: {}", opensslProblem());
    }
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS); // idle connections keep little
    NARTHEX_RETURN_IF_ERROR(setProtocol(context.get(), tls));
    NARTHEX_RETURN_IF_ERROR(usePair(context.get(), *material));
    NARTHEX_RETURN_IF_ERROR(setClients(context.get(), tls, material->authority));
    return context;
}

absl::StatusOr<std::shared_ptr<ssl_ctx_st>> ServerContextSource::contextFor(const ServerTls& tls)
{
    std::string stamps;
    for (const std::string* file : {&tls.certFile, &tls.keyFile, &tls.clientCaFile}) {
        stamps += file->empty() ? ";" : fileStamp(*file);
    }
    if (!context_ || stamps != stamps_ || !(tls == tls_)) {
        NARTHEX_ASSIGN_OR_RETURN(context_, makeServerContext(tls));
        tls_ = tls;
        stamps_ = std::move(stamps);
    }
    return context_;
}

} // namespace narthex::net
