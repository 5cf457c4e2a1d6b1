// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/small_file.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <filesystem>

namespace narthex::net {

absl::StatusOr<std::string> readSmallFile(const std::string& path)
{
    constexpr std::uint64_t kLimit = 8U << 20U;
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        return base::failedPrecondition("{} is no regular file", path);
    }
    return base::readFile(path, kLimit);
}

} // namespace narthex::net
