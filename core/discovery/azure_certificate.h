// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How an application proves itself to Microsoft Entra ID by a certificate: a signed statement that
// takes the place of a secret. Threads: pure functions; files are read each time. Errors:
// InvalidArgument (no certificate or key in the files, a wrong password), naming the file.
// Source: RFC 7523, 2.2; RFC 7517, x5t and x5c.
#pragma once

#include "core/base/secret.h"
#include "core/base/time.h"

#include <absl/status/statusor.h>

#include <string>

namespace narthex::discovery {

struct AzureCertificate
{
    /// PEM, or PKCS #12.
    std::string path;
    /// PEM; empty: the key stands beside the certificate.
    std::string keyPath;
    base::Secret password;
    /// The certificates above this one go with it.
    bool sendChain = false;
};

/// `audience`: where tokens are asked for.
absl::StatusOr<std::string> certificateAssertion(const AzureCertificate& certificate,
                                                 const std::string& clientId,
                                                 const std::string& audience, base::Timestamp now);

} // namespace narthex::discovery
