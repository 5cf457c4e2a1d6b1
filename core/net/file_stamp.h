// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether a file has changed, for one system call: which file it is, its length and its times.
// Threads: pure.
#pragma once

#include <fmt/format.h>

#include <string>
#include <sys/stat.h>

namespace narthex::net {

/// Differs after every change of the file that its file system can tell. Empty: no such file.
inline std::string fileStamp(const std::string& path)
{
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) {
        return {};
    }
    return fmt::format("{}.{}.{}.{}.{}.{}.{};", info.st_dev, info.st_ino, info.st_size,
                       info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec,
                       info.st_ctim.tv_nsec);
}

} // namespace narthex::net
