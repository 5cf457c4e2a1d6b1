// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bodies in the framed form of snappy. Threads: pure functions. Errors: InvalidArgument with the
// byte, ResourceExhausted beyond the limit (nothing of that size is taken into memory).
// Format: google/snappy framing_format.txt.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::net {

absl::StatusOr<std::string> decodeSnappyFrames(std::string_view frames, std::uint64_t limitBytes);

} // namespace narthex::net
