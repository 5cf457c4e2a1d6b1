// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a folder looks like, as text: to prove that something left it alone. Threads: any.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <sys/stat.h>

namespace narthex::test {

/// Name, size, links and time of change of everything below the folder, one a line.
inline std::string stateOf(const std::filesystem::path& directory)
{
    std::set<std::string> lines;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        struct stat info
        {};
        ::lstat(entry.path().c_str(), &info);
        lines.insert(entry.path().string() + " size=" + std::to_string(info.st_size) +
                     " links=" + std::to_string(info.st_nlink) +
                     " changed=" + std::to_string(info.st_mtim.tv_sec) + "." +
                     std::to_string(info.st_mtim.tv_nsec) + "/" +
                     std::to_string(info.st_ctim.tv_sec) + "." +
                     std::to_string(info.st_ctim.tv_nsec));
    }
    std::string text;
    for (const std::string& line : lines) {
        text += line + "\n";
    }
    return text;
}

} // namespace narthex::test
