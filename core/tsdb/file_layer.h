// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The files that the store appends to, as a parameter: a test makes them fail, tear or fill up.
// Owner: whoever opens the store; it outlives the store. Threads: create from any; a file one at a
// time. Errors: as base::File; a full disk is ResourceExhausted.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace narthex::tsdb {

class AppendFile
{
public:
    virtual ~AppendFile() = default;
    /// Writes behind the last byte. After an error the file may hold a part of `bytes`.
    virtual absl::Status append(std::string_view bytes) = 0;
    /// Cuts the file; the next append goes there.
    virtual absl::Status truncate(std::uint64_t sizeBytes) = 0;
    virtual absl::Status sync() = 0;
    virtual absl::Status close() = 0;
};

class FileLayer
{
public:
    virtual ~FileLayer() = default;
    /// A new empty file; an existing one is emptied.
    virtual absl::StatusOr<std::unique_ptr<AppendFile>>
    create(const std::filesystem::path& path) = 0;
};

/// The operating system's files.
class SystemFileLayer final : public FileLayer
{
public:
    absl::StatusOr<std::unique_ptr<AppendFile>> create(const std::filesystem::path& path) override;
};

} // namespace narthex::tsdb
