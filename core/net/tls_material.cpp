// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/tls_material.h"

#include "core/base/status.h"
#include "core/net/small_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace narthex::net {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio bioOf(const std::string& text)
{
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

Certificate firstCertificate(const std::string& pem)
{
    return {PEM_read_bio_X509(bioOf(pem).get(), nullptr, nullptr, nullptr), X509_free};
}

absl::StatusOr<std::string> textOf(const std::string& inlined, const std::string& path,
                                   std::string_view what)
{
    if (path.empty()) {
        return inlined;
    }
    auto text = readSmallFile(path);
    if (!text.ok()) {
        return base::unavailable("unable to read {}: unable to read file {}: {}", what, path,
                                 base::messageOf(text.status()));
    }
    return text;
}

std::string placeOf(const std::string& path) { return path.empty() ? "inline" : path; }

/// Why the two are no pair; empty: they are.
std::string_view pairProblem(const TlsMaterial& material)
{
    const Certificate certificate = firstCertificate(material.certificate);
    if (!certificate) {
        return "failed to find any PEM data in certificate input";
    }
    const Key key{PEM_read_bio_PrivateKey(
                      bioOf(material.key.reveal()).get(), nullptr,
                      // Never ask at a terminal.
                      [](char*, int, int, void*) { return 0; }, nullptr),
                  EVP_PKEY_free};
    if (!key) {
        return "failed to find a private key in PEM form without passphrase in key input";
    }
    return X509_check_private_key(certificate.get(), key.get()) == 1
               ? std::string_view()
               : "private key does not match public key";
}

} // namespace

absl::StatusOr<std::shared_ptr<const TlsMaterial>>
loadTlsMaterial(const TlsConfig& config, const std::shared_ptr<const TlsMaterial>& previous)
{
    TlsMaterial material;
    NARTHEX_ASSIGN_OR_RETURN(material.authority, textOf(config.ca, config.caFile, "CA cert"));
    NARTHEX_ASSIGN_OR_RETURN(material.certificate,
                             textOf(config.cert, config.certFile, "specified client cert"));
    NARTHEX_ASSIGN_OR_RETURN(std::string key,
                             textOf(config.key.reveal(), config.keyFile, "specified client key"));
    material.key = base::Secret(std::move(key));
    if (previous && *previous == material) {
        return previous;
    }
    const bool wantsAuthority = !config.ca.empty() || !config.caFile.empty();
    if (wantsAuthority && !firstCertificate(material.authority)) {
        ERR_clear_error();
        return base::unavailable("unable to use specified CA cert {}", placeOf(config.caFile));
    }
    const bool wantsPair = !config.cert.empty() || !config.certFile.empty();
    if (const std::string_view problem = wantsPair ? pairProblem(material) : ""; !problem.empty()) {
        ERR_clear_error();
        return base::unavailable("unable to use specified client cert ({}) & key ({}): {}",
                                 placeOf(config.certFile), placeOf(config.keyFile), problem);
    }
    return std::make_shared<const TlsMaterial>(std::move(material));
}

absl::Status checkFiles(const HttpClientConfig& config)
{
    NARTHEX_RETURN_IF_ERROR(loadTlsMaterial(config.tls, nullptr).status());
    return config.oauth2 ? loadTlsMaterial(config.oauth2->tls, nullptr).status() : absl::OkStatus();
}

} // namespace narthex::net
