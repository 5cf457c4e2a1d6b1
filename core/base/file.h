// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Files as RAII values, whole-file reading, atomic replacement, locks.
// Threads: each object one at a time. Errors: base::errnoStatus with the path; a full disk is
// ResourceExhausted.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::base {

/// A file descriptor that closes itself.
class File
{
public:
    File() = default;
    explicit File(int descriptor, std::filesystem::path path)
        : descriptor_(descriptor), path_(std::move(path))
    {}
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    ~File();

    /// `flags` as open(2); O_CLOEXEC is added.
    static absl::StatusOr<File> open(const std::filesystem::path& path, int flags);

    [[nodiscard]] bool isOpen() const { return descriptor_ >= 0; }
    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Writes all of it at the current position.
    absl::Status write(std::string_view bytes) const;
    absl::Status writeAt(std::string_view bytes, std::uint64_t offset) const;
    absl::Status sync() const;
    absl::Status truncate(std::uint64_t size) const;
    [[nodiscard]] absl::StatusOr<std::uint64_t> size() const;
    absl::Status close();

private:
    int descriptor_ = -1;
    std::filesystem::path path_;
};

/// A whole file mapped read-only; stays valid when the file is unlinked.
class MappedFile
{
public:
    MappedFile() = default;
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    ~MappedFile();
    static absl::StatusOr<MappedFile> open(const std::filesystem::path& path);
    [[nodiscard]] std::string_view bytes() const { return {data_, size_}; }

private:
    const char* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A lock on a file, held by the process until destruction; names the holder's process in its
/// error.
class FileLock
{
public:
    /// Creates the file if it is missing. Errors: FailedPrecondition `… is in use by process 1234
    /// (prometheus)`.
    static absl::StatusOr<FileLock> acquire(const std::filesystem::path& path);

private:
    explicit FileLock(File file) : file_(std::move(file)) {}
    File file_;
};

/// `limitBytes` guards against a huge file. Errors: ResourceExhausted above it.
absl::StatusOr<std::string> readFile(const std::filesystem::path& path,
                                     std::uint64_t limitBytes = std::uint64_t{1} << 32U);

/// Writes beside the file, syncs, renames over it and syncs the folder: a reader sees the old or
/// the new bytes.
absl::Status writeFileAtomically(const std::filesystem::path& path, std::string_view bytes);

/// Moves a file or folder within its file system.
absl::Status renamePath(const std::filesystem::path& from, const std::filesystem::path& to);
/// Removes a file, or a folder with its contents, deepest first; what is not there is fine.
absl::Status removePath(const std::filesystem::path& path);
absl::Status syncDirectory(const std::filesystem::path& directory);
absl::Status makeDirectories(const std::filesystem::path& directory);
/// A second name for a file. Errors: AlreadyExists, Unavailable (another file system).
absl::Status linkFile(const std::filesystem::path& existing, const std::filesystem::path& link);

/// What changes a file system, as a FileFault sees it.
enum class FileOperation : std::uint8_t
{
    Create,
    Write,
    Truncate,
    Sync,
    Rename,
    Remove,
    MakeDirectory,
    Link
};

/// For tests of crashes and full disks: asked before every change that the functions and classes
/// above make anywhere in the process. What it returns instead of OK is returned, and the operation
/// left out. Unset it costs one relaxed load. Threads: it is called from any, several at once.
class FileFault
{
public:
    virtual ~FileFault() = default;
    virtual absl::Status before(FileOperation operation, const std::filesystem::path& path) = 0;
};

/// Null takes it away. It outlives its time as the fault; no file work is under way meanwhile.
void setFileFault(FileFault* fault);

/// A new empty folder below the system's temporary one, removed with its contents at destruction.
class TemporaryDirectory
{
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Files that match a pattern as a shell expands it, sorted; none is fine.
std::vector<std::string> matchFiles(const std::string& pattern);

} // namespace narthex::base
