// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who asks Oracle's cloud: a user with an API key, or this machine (an instance principal, which
// shows its certificate for a token that goes with a key of its own). Owner: a refresher. Threads:
// one at a time. Errors: ApiClient's; InvalidArgument (keys and certificates that are none).
// Source: spec/discovery.md, section 21.
#pragma once

#include "core/discovery/api_client.h"
#include "core/discovery/oci_signer.h"

#include <optional>

namespace narthex::discovery {

struct OciApiKey
{
    std::string tenancy;
    std::string user;
    std::string fingerprint;
    std::string keyFile;
    base::Secret passphrase;
    std::string passphraseFile;
};

class OciCredentials
{
public:
    /// `apiKey` absent: the instance principal. `http`: how the token service is reached.
    OciCredentials(const ProviderEnvironment& environment, std::optional<OciApiKey> apiKey,
                   const std::string& region, const net::HttpClientConfig& http,
                   base::Duration timeout);

    /// Makes signer() and tenancy() good for the refresh that begins.
    absl::Status renew(const std::stop_token& stop);
    /// The cloud did not take them.
    void forget() { signer_.reset(); }
    [[nodiscard]] const OciSigner& signer() const { return *signer_; }
    [[nodiscard]] const std::string& tenancy() const { return tenancy_; }

private:
    absl::Status readApiKey();
    absl::Status askForToken(const std::stop_token& stop);
    absl::StatusOr<std::string> machineFile(const std::string& name, const std::stop_token& stop);

    ApiClient authClient_;
    /// Without proxies: the machine's own service.
    ApiClient localClient_;
    const base::Clock& clock_;
    const std::string authUrl_;
    const std::string metadataBase_;
    const std::optional<OciApiKey> apiKey_;
    std::optional<OciSigner> signer_;
    std::string tenancy_;
    base::Timestamp renewAt_;
};

} // namespace narthex::discovery
