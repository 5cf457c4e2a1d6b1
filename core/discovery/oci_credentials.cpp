// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/oci_credentials.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/discovery/refreshing.h"
#include "core/net/crypto.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>

namespace narthex::discovery {
namespace {

using namespace base::literals;

/// Of a token whose end cannot be read.
constexpr base::Duration kShortLife = 5_min;

/// What stands between the lines of a PEM text, as one line.
std::string pemBody(const std::string& pem)
{
    std::string body;
    for (std::size_t begin = 0; begin < pem.size();) {
        const std::size_t end = std::min(pem.find('\n', begin), pem.size());
        std::string line = pem.substr(begin, end - begin);
        std::erase(line, '\r');
        body += line.starts_with("-----") ? "" : line;
        begin = end + 1;
    }
    return body;
}

struct MachineCertificate
{
    std::string tenancy;
    /// SHA-1, "ab:cd:…".
    std::string fingerprint;
};

std::string tenancyIn(const X509* certificate)
{
    const X509_NAME* const subject = X509_get_subject_name(certificate);
    for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
        const ASN1_STRING* const data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i));
        const std::string_view value(
            reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
            static_cast<std::size_t>(std::max(0, ASN1_STRING_length(data))));
        for (const std::string_view prefix : {"opc-tenant:", "opc-identity:"}) {
            if (value.starts_with(prefix)) {
                return std::string(value.substr(prefix.size()));
            }
        }
    }
    return {};
}

absl::StatusOr<MachineCertificate> readCertificate(const std::string& pem)
{
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
    if (!certificate) {
        return base::invalidArgument("the machine's certificate is none");
    }
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    X509_digest(certificate.get(), EVP_sha1(), reinterpret_cast<unsigned char*>(digest.data()),
                &size);
    MachineCertificate result{.tenancy = tenancyIn(certificate.get())};
    for (unsigned i = 0; i < size; ++i) {
        result.fingerprint += (i == 0 ? "" : ":") + net::hex(digest.substr(i, 1));
    }
    if (result.tenancy.empty()) {
        return base::invalidArgument("the machine's certificate names no tenancy");
    }
    return result;
}

/// When a JSON web token expires; absent if it does not say.
std::optional<base::Timestamp> expiryOf(const std::string& token)
{
    const std::size_t begin = token.find('.') + 1;
    const std::size_t end = token.find('.', begin);
    if (begin == 0 || end == std::string::npos) {
        return std::nullopt;
    }
    std::string text = token.substr(begin, end - begin);
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    text.resize((text.size() + 3) / 4 * 4, '=');
    std::string claims(text.size(), '\0');
    if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(claims.data()),
                        reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size())) < 0) {
        return std::nullopt;
    }
    claims.resize(claims.find_last_of('}') + 1); // without the zeros of the padding
    const auto parsed = Json::parse(claims);
    if (!parsed.ok() || !(*parsed)["exp"].isNumber()) {
        return std::nullopt;
    }
    // Seconds far beyond any token's life would not fit in milliseconds.
    return base::Timestamp{std::clamp<std::int64_t>((*parsed)["exp"].integer(), 0, 1LL << 40U) *
                           1000};
}

} // namespace

OciCredentials::OciCredentials(const ProviderEnvironment& environment,
                               std::optional<OciApiKey> apiKey, const std::string& region,
                               const net::HttpClientConfig& http, base::Duration timeout)
    : authClient_(environment, http, timeout),
      localClient_(environment, {}, timeout),
      clock_(environment.clock),
      authUrl_((environment.apiBase.empty() ? "https://auth." + region + ".oraclecloud.com"
                                            : environment.apiBase) +
               "/v1/x509"),
      metadataBase_(environment.apiBase.empty() ? "http://169.254.169.254" : environment.apiBase),
      apiKey_(std::move(apiKey))
{}

absl::Status OciCredentials::renew(const std::stop_token& stop)
{
    if (apiKey_) {
        return readApiKey();
    }
    return signer_ && clock_.now() < renewAt_ ? absl::OkStatus() : askForToken(stop);
}

absl::Status OciCredentials::readApiKey()
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string pem, secretOf({}, apiKey_->keyFile, "OCI key file"));
    NARTHEX_ASSIGN_OR_RETURN(
        const std::string passphrase,
        secretOf(apiKey_->passphrase, apiKey_->passphraseFile, "OCI key passphrase file"));
    auto key = OciKey::fromPem(pem, passphrase);
    if (!key.ok()) {
        return base::annotate(key.status(), apiKey_->keyFile);
    }
    tenancy_ = apiKey_->tenancy;
    signer_ = OciSigner{
        .keyId = fmt::format("{}/{}/{}", apiKey_->tenancy, apiKey_->user, apiKey_->fingerprint),
        .key = *std::move(key)};
    return absl::OkStatus();
}

absl::StatusOr<std::string> OciCredentials::machineFile(const std::string& name,
                                                        const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(net::HttpResponse response,
                             localClient_.get(metadataBase_ + "/opc/v2/identity/" + name, stop,
                                              {{"Authorization", "Bearer Oracle"}}));
    return std::move(response.body);
}

absl::Status OciCredentials::askForToken(const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string leaf, machineFile("cert.pem", stop));
    NARTHEX_ASSIGN_OR_RETURN(const std::string leafKey, machineFile("key.pem", stop));
    NARTHEX_ASSIGN_OR_RETURN(const std::string between, machineFile("intermediate.pem", stop));
    NARTHEX_ASSIGN_OR_RETURN(const MachineCertificate certificate, readCertificate(leaf));
    NARTHEX_ASSIGN_OR_RETURN(OciKey machineKey, OciKey::fromPem(leafKey, ""));
    NARTHEX_ASSIGN_OR_RETURN(OciKey sessionKey, OciKey::generate());
    std::string body;
    base::JsonWriter json(body);
    json.beginObject()
        .member("certificate", pemBody(leaf))
        .member("publicKey", sessionKey.publicKey());
    json.key("intermediateCertificates").beginArray().string(pemBody(between)).endArray();
    json.endObject();
    net::HttpRequest request{.method = "POST",
                             .url = authUrl_,
                             .headers = {{"Accept", "application/json"}},
                             .body = std::move(body)};
    const OciSigner machine{
        .keyId = fmt::format("{}/fed-x509/{}", certificate.tenancy, certificate.fingerprint),
        .key = std::move(machineKey)};
    NARTHEX_RETURN_IF_ERROR(machine.sign(request, clock_.now(), false));
    NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                             authClient_.send(std::move(request), stop));
    if (response.status != 200) {
        return statusError(response);
    }
    NARTHEX_ASSIGN_OR_RETURN(const Json answer, Json::parse(response.body));
    const std::string token = answer["token"].text();
    if (token.empty()) {
        return base::unavailable("the token service sent no token");
    }
    tenancy_ = certificate.tenancy;
    signer_ = OciSigner{.keyId = "ST$" + token, .key = std::move(sessionKey)};
    // A minute before its end, so that it does not expire within a refresh.
    const auto expiry = expiryOf(token);
    renewAt_ = expiry ? *expiry - 1_min : clock_.now() + kShortLife;
    return absl::OkStatus();
}

} // namespace narthex::discovery
