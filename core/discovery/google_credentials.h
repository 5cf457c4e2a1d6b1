// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tokens of Google's cloud: from a named file of credentials, or the application default ones (a
// file that the environment names, gcloud's own file, the machine's metadata server). Owner:
// whoever asks. Threads: one at a time. Errors: ApiClient's; InvalidArgument (a file of an unknown
// kind). Source: spec/discovery.md, section 13.
#pragma once

#include "core/discovery/tokens.h"

#include <functional>
#include <string>

namespace narthex::discovery {

class GoogleCredentials
{
public:
    /// `scope`: what the token is for. `file` empty: the application default credentials.
    GoogleCredentials(const ProviderEnvironment& environment, std::string scope, std::string file,
                      base::Duration timeout);

    absl::StatusOr<std::string> token(const std::stop_token& stop);
    void forget() { cache_.forget(); }

private:
    absl::StatusOr<AccessToken> ask(const std::stop_token& stop);
    absl::StatusOr<AccessToken> askWithFile(const std::string& file, const std::stop_token& stop);
    absl::StatusOr<AccessToken> askMetadata(const std::stop_token& stop);
    [[nodiscard]] std::string variable(const char* name) const;

    ApiClient client_;
    const base::Clock& clock_;
    const std::function<std::string(const std::string&)> variable_;
    const std::string apiBase_;
    const std::string scope_;
    const std::string file_;
    TokenCache cache_;
};

} // namespace narthex::discovery
