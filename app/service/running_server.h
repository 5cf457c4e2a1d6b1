// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A note in the data directory that says where the process that has it can be reached, so that a
// second one can offer to connect instead. Threads: pure functions on files. Errors: none; a note
// that cannot be written or read is no note.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace narthex::app {

struct RunningServer
{
    std::int64_t processId = 0;
    /// "http://127.0.0.1:9090"
    std::string url;
};

/// Says that this process is reached at `url`.
void writeServerNote(const std::filesystem::path& dataDirectory, const std::string& url);
void removeServerNote(const std::filesystem::path& dataDirectory);

/// Another process that has the directory now and can be reached.
std::optional<RunningServer> runningServer(const std::filesystem::path& dataDirectory);

} // namespace narthex::app
