// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The little cryptography that requests need: digests, base64, signatures of tokens and of cloud
// requests. Threads: pure functions. Errors: InvalidArgument for a key that is none.
#pragma once

#include "core/base/secret.h"

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace narthex::net {

/// 32 bytes.
std::string sha256(std::string_view bytes);
std::string hmacSha256(std::string_view key, std::string_view bytes);
/// Lower case.
std::string hex(std::string_view bytes);
std::string base64(std::string_view bytes);
/// RFC 4648, section 5, without padding.
std::string base64Url(std::string_view bytes);
/// What base64Url() gives, and padding at the end, which says nothing. Errors: InvalidArgument
/// `illegal base64 data at input byte <n>`.
absl::StatusOr<std::string> decodeBase64Url(std::string_view text);
/// `count` random bytes as lower-case hexadecimal digits.
std::string randomHex(std::size_t count);

/// A JSON web token (RFC 7519) of this header and these claims, signed with RSA as `algorithm`
/// (RS256, RS384, RS512) says. `privateKey`: PEM.
absl::StatusOr<std::string> signedJwt(std::string_view headerJson, std::string_view claimsJson,
                                      std::string_view algorithm, const base::Secret& privateKey);

} // namespace narthex::net
