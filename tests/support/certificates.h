// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Certificates that a test makes for itself: an authority, and pairs that it signs. Owner: the
// test. Threads: the test's own.
#pragma once

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace narthex::tests {

/// PEM texts.
struct CertificatePair
{
    std::string certificate;
    std::string key;
};

class CertificateAuthority
{
public:
    explicit CertificateAuthority(const std::string& name)
        : key_(newKey()), certificate_(X509_new(), X509_free), name_(name)
    {
        describe(certificate_.get(), key_.get(), name, 0, 3600);
        addExtension(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
        addExtension(certificate_.get(), NID_subject_key_identifier, "hash");
        X509_sign(certificate_.get(), key_.get(), EVP_sha256());
    }

    [[nodiscard]] std::string pem() const { return pemOf(certificate_.get()); }

    /// `alternatives`: "DNS:a.example,IP:127.0.0.1". Times in seconds from now.
    [[nodiscard]] CertificatePair issue(const std::string& name, const std::string& alternatives,
                                        long begins = -60, long ends = 3600,
                                        bool rsa = false) const
    {
        const Key key = rsa ? Key(EVP_RSA_gen(2048), EVP_PKEY_free) : newKey();
        const Certificate certificate(X509_new(), X509_free);
        describe(certificate.get(), key.get(), name, begins, ends);
        if (!alternatives.empty()) {
            addExtension(certificate.get(), NID_subject_alt_name, alternatives);
        }
        X509_sign(certificate.get(), key_.get(), EVP_sha256());
        return {pemOf(certificate.get()), pemOf(key.get())};
    }

    /// A private key of the older kind; making one takes a while.
    static std::string newRsaKey()
    {
        const Key key(EVP_RSA_gen(2048), EVP_PKEY_free);
        return pemOf(key.get());
    }

private:
    using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
    using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
    using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

    static Key newKey() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

    void describe(X509* certificate, EVP_PKEY* key, const std::string& name, long begins,
                  long ends) const
    {
        static long serial = 1;
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(certificate), begins);
        X509_gmtime_adj(X509_getm_notAfter(certificate), ends);
        X509_set_pubkey(certificate, key);
        setName(X509_get_subject_name(certificate), name);
        setName(X509_get_issuer_name(certificate), name_);
    }

    static void setName(X509_NAME* entry, const std::string& name)
    {
        X509_NAME_add_entry_by_txt(entry, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    }

    static void addExtension(X509* certificate, int kind, const std::string& value)
    {
        X509V3_CTX context;
        X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* const extension =
            X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }

    static std::string textOf(BIO* bio)
    {
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        return {data, static_cast<std::size_t>(size)};
    }
    static std::string pemOf(X509* certificate)
    {
        const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
        PEM_write_bio_X509(bio.get(), certificate);
        return textOf(bio.get());
    }
    static std::string pemOf(EVP_PKEY* key)
    {
        const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
        PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
        return textOf(bio.get());
    }

    const Key key_;
    const Certificate certificate_;
    const std::string name_;
};

} // namespace narthex::tests
