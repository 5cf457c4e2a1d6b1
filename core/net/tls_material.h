// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The authority, certificate and key of a tls_config as texts, from wherever they come. Owner: the
// state of a client configuration; running transfers keep a reference. Threads: immutable values.
// Errors: Unavailable. Source: spec/config.md, HTTP client configuration.
#pragma once

#include "core/net/http_client.h"

#include <memory>

namespace narthex::net {

/// PEM; empty: not given.
struct TlsMaterial
{
    std::string authority;
    std::string certificate;
    base::Secret key;
    friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

/// Reads the files. The same object as `previous` when nothing changed; else the contents are
/// checked: the authority holds a certificate, the key belongs to the certificate.
absl::StatusOr<std::shared_ptr<const TlsMaterial>>
loadTlsMaterial(const TlsConfig& config, const std::shared_ptr<const TlsMaterial>& previous);

} // namespace narthex::net
