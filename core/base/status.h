// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What every module uses to fail: helpers around absl::Status, with the place of an error as a
// typed payload. Threads: pure functions.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace narthex::base {

/// Where in a text an error is. Lines and columns count from 1 (column in bytes), offsets from 0;
/// [begin, end) in bytes. A member that does not apply is absent.
struct Position
{
    std::string file;
    std::optional<std::uint32_t> line;
    std::optional<std::uint32_t> column;
    std::optional<std::uint32_t> begin;
    std::optional<std::uint32_t> end;

    friend bool operator==(const Position&, const Position&) = default;
};

/// The status with `position` attached; an older position is replaced.
absl::Status withPosition(absl::Status status, const Position& position);
std::optional<Position> positionOf(const absl::Status& status);

/// The message without the code. The view lives as long as `status`.
inline std::string_view messageOf(const absl::Status& status ABSL_ATTRIBUTE_LIFETIME_BOUND)
{
    return {status.message().data(), status.message().size()};
}

/// Same code and payloads, message "`context`: message".
absl::Status annotate(const absl::Status& status, std::string_view context);

/// Drops a status on purpose; `why` is for the reader.
inline void ignore(const absl::Status&, std::string_view /*why*/) {}

// clang-format off
#define NARTHEX_STATUS_HELPER(name, Code)                                                                  \
    template <typename... Args>                                                                            \
    absl::Status name(fmt::format_string<Args...> format, Args&&... args)                                  \
    {                                                                                                      \
        return absl::Status(absl::StatusCode::Code, fmt::format(format, std::forward<Args>(args)...));     \
    }
NARTHEX_STATUS_HELPER(invalidArgument, kInvalidArgument)      // the user's text or request
NARTHEX_STATUS_HELPER(notFound, kNotFound)
NARTHEX_STATUS_HELPER(alreadyExists, kAlreadyExists)          // duplicate sample
NARTHEX_STATUS_HELPER(outOfRange, kOutOfRange)                // too old or too far ahead
NARTHEX_STATUS_HELPER(resourceExhausted, kResourceExhausted)  // a limit, with its value
NARTHEX_STATUS_HELPER(deadlineExceeded, kDeadlineExceeded)
NARTHEX_STATUS_HELPER(cancelled, kCancelled)
NARTHEX_STATUS_HELPER(unavailable, kUnavailable)              // the other side
NARTHEX_STATUS_HELPER(dataLoss, kDataLoss)                    // bytes fail their checksum
NARTHEX_STATUS_HELPER(internalError, kInternal)               // our bug
NARTHEX_STATUS_HELPER(failedPrecondition, kFailedPrecondition)
NARTHEX_STATUS_HELPER(unauthenticated, kUnauthenticated)
NARTHEX_STATUS_HELPER(unimplemented, kUnimplemented)          // the other side does not offer it
#undef NARTHEX_STATUS_HELPER
// clang-format on

/// A status from errno: NotFound, AlreadyExists, ResourceExhausted (disk full, quota), Unavailable
/// for the rest.
absl::Status errnoStatus(int errorNumber, std::string_view what);

/// Prints the broken condition with its place and aborts.
[[noreturn]] void checkFailed(const char* condition, const char* file, int line);

} // namespace narthex::base

#define NARTHEX_CONCAT_INNER(a, b) a##b
#define NARTHEX_CONCAT(a, b) NARTHEX_CONCAT_INNER(a, b)

/// Leaves the function with the status of `expr` unless it is OK.
#define NARTHEX_RETURN_IF_ERROR(expr)                                                              \
    do {                                                                                           \
        if (::absl::Status narthexStatus_ = (expr); !narthexStatus_.ok()) {                        \
            return narthexStatus_;                                                                 \
        }                                                                                          \
    } while (false)

/// NARTHEX_ASSIGN_OR_RETURN(const Duration step, parseDuration(text));
#define NARTHEX_ASSIGN_OR_RETURN(declaration, expr)                                                \
    NARTHEX_ASSIGN_OR_RETURN_INNER(NARTHEX_CONCAT(narthexResult_, __LINE__), declaration, expr)
#define NARTHEX_ASSIGN_OR_RETURN_INNER(result, declaration, expr)                                  \
    auto result = (expr);                                                                          \
    if (!result.ok()) {                                                                            \
        return std::move(result).status();                                                         \
    }                                                                                              \
    declaration = *std::move(result)

/// An invariant whose break would harm data. Never on input.
#define NARTHEX_CHECK(condition)                                                                   \
    (static_cast<bool>(condition) ? static_cast<void>(0)                                           \
                                  : ::narthex::base::checkFailed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define NARTHEX_DCHECK(condition) static_cast<void>(0)
#else
#define NARTHEX_DCHECK(condition) NARTHEX_CHECK(condition)
#endif
