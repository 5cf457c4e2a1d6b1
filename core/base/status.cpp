// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"

#include <absl/strings/cord.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace narthex::base {
namespace {

constexpr char kPositionUrl[] = "narthex/position";

void appendNumber(std::string& out, const std::optional<std::uint32_t>& number)
{
    out += number ? std::to_string(*number) : std::string("-");
    out += ' ';
}

std::optional<std::uint32_t> takeNumber(std::string_view& text)
{
    const std::size_t end = text.find(' ');
    const std::string token(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (token == "-") {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(std::strtoul(token.c_str(), nullptr, 10));
}

} // namespace

absl::Status withPosition(absl::Status status, const Position& position)
{
    std::string bytes;
    appendNumber(bytes, position.line);
    appendNumber(bytes, position.column);
    appendNumber(bytes, position.begin);
    appendNumber(bytes, position.end);
    bytes += position.file;
    status.SetPayload(kPositionUrl, absl::Cord(bytes));
    return status;
}

std::optional<Position> positionOf(const absl::Status& status)
{
    const auto payload = status.GetPayload(kPositionUrl);
    if (!payload) {
        return std::nullopt;
    }
    const std::string bytes(*payload);
    std::string_view rest = bytes;
    Position position;
    position.line = takeNumber(rest);
    position.column = takeNumber(rest);
    position.begin = takeNumber(rest);
    position.end = takeNumber(rest);
    position.file = rest;
    return position;
}

absl::Status annotate(const absl::Status& status, std::string_view context)
{
    if (status.ok()) {
        return status;
    }
    absl::Status result(status.code(), fmt::format("{}: {}", context, messageOf(status)));
    status.ForEachPayload(
        [&result](auto url, const absl::Cord& payload) { result.SetPayload(url, payload); });
    return result;
}

absl::Status errnoStatus(int errorNumber, std::string_view what)
{
    absl::StatusCode code = absl::StatusCode::kUnavailable;
    switch (errorNumber) {
    case ENOENT:
        code = absl::StatusCode::kNotFound;
        break;
    case EEXIST:
        code = absl::StatusCode::kAlreadyExists;
        break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        code = absl::StatusCode::kResourceExhausted;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        code = absl::StatusCode::kPermissionDenied;
        break;
    default:
        break;
    }
    return absl::Status(code,
                        fmt::format("{}: {}", what, std::generic_category().message(errorNumber)));
}

// The place comes as macros: clang 14 has no std::source_location with GCC 12's library.
void checkFailed(const char* condition, const char* file, int line)
{
    std::fprintf(stderr, "narthex: broken invariant %s at %s:%d\n", condition, file, line);
    std::abort();
}

} // namespace narthex::base
