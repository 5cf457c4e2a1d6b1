// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"

#include "core/base/number.h"
#include "core/base/status.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace narthex::base {
namespace {

/// The one mutable global: a test must reach the file work of threads that it does not know.
std::atomic<FileFault*> fileFault{nullptr};

absl::Status announce(FileOperation operation, const std::filesystem::path& path)
{
    // Relaxed: it is set while no file work is under way.
    FileFault* fault = fileFault.load(std::memory_order_relaxed);
    return fault == nullptr ? absl::OkStatus() : fault->before(operation, path);
}

std::string holderOf(const std::filesystem::path& lockPath)
{
    struct stat lockStat
    {};
    if (::stat(lockPath.c_str(), &lockStat) != 0) {
        return "another process";
    }
    // The kernel lists every flock with its process: "1: FLOCK ADVISORY WRITE 1234 08:01:5678 0
    // EOF".
    const auto locks = readFile("/proc/locks");
    if (!locks.ok()) {
        return "another process";
    }
    const std::string inode = fmt::format(":{} ", lockStat.st_ino);
    std::string_view rest = *locks;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const std::size_t write = line.find("WRITE ");
        if (line.find(inode) == std::string_view::npos || write == std::string_view::npos) {
            continue;
        }
        const std::string_view tail = line.substr(write + 6);
        const std::string pid(tail.substr(0, tail.find(' ')));
        auto name = readFile(fmt::format("/proc/{}/comm", pid));
        if (!name.ok()) {
            return fmt::format("process {}", pid);
        }
        name->erase(name->find_last_not_of('\n') + 1);
        return fmt::format("process {} ({})", pid, *name);
    }
    return "another process";
}

} // namespace

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_))
{}

File& File::operator=(File&& other) noexcept
{
    if (this != &other) {
        ignore(close(), "the old file is given up");
        descriptor_ = std::exchange(other.descriptor_, -1);
        path_ = std::move(other.path_);
    }
    return *this;
}

File::~File() { ignore(close(), "a writer that cares closes by itself"); }

absl::StatusOr<File> File::open(const std::filesystem::path& path, int flags)
{
    if ((flags & O_CREAT) != 0) {
        NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Create, path));
    }
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        return errnoStatus(errno, fmt::format("open {}", path.string()));
    }
    return File(descriptor, path);
}

absl::Status File::write(std::string_view bytes) const
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Write, path_));
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errnoStatus(errno, fmt::format("write {}", path_.string()));
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return absl::OkStatus();
}

absl::Status File::writeAt(std::string_view bytes, std::uint64_t offset) const
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Write, path_));
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errnoStatus(errno, fmt::format("write {}", path_.string()));
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return absl::OkStatus();
}

absl::Status File::sync() const
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Sync, path_));
    if (::fdatasync(descriptor_) != 0) {
        return errnoStatus(errno, fmt::format("sync {}", path_.string()));
    }
    return absl::OkStatus();
}

absl::Status File::truncate(std::uint64_t size) const
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Truncate, path_));
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
        return errnoStatus(errno, fmt::format("truncate {}", path_.string()));
    }
    return absl::OkStatus();
}

absl::StatusOr<std::uint64_t> File::size() const
{
    struct stat info
    {};
    if (::fstat(descriptor_, &info) != 0) {
        return errnoStatus(errno, fmt::format("stat {}", path_.string()));
    }
    return static_cast<std::uint64_t>(info.st_size);
}

absl::Status File::close()
{
    if (descriptor_ < 0) {
        return absl::OkStatus();
    }
    if (::close(std::exchange(descriptor_, -1)) != 0) {
        return errnoStatus(errno, fmt::format("close {}", path_.string()));
    }
    return absl::OkStatus();
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0))
{}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept
{
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

MappedFile::~MappedFile()
{
    if (data_ != nullptr) {
        ::munmap(const_cast<char*>(data_), size_); // munmap takes no const
    }
}

absl::StatusOr<MappedFile> MappedFile::open(const std::filesystem::path& path)
{
    NARTHEX_ASSIGN_OR_RETURN(const File file, File::open(path, O_RDONLY));
    NARTHEX_ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
    MappedFile mapped;
    if (size == 0) {
        return mapped;
    }
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
    if (data == MAP_FAILED) {
        return errnoStatus(errno, fmt::format("map {}", path.string()));
    }
    mapped.data_ = static_cast<const char*>(data);
    mapped.size_ = size;
    return mapped;
}

absl::StatusOr<FileLock> FileLock::acquire(const std::filesystem::path& path)
{
    NARTHEX_ASSIGN_OR_RETURN(File file, File::open(path, O_RDWR | O_CREAT));
    if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return failedPrecondition("{} is in use by {}", path.parent_path().string(),
                                      holderOf(path));
        }
        return errnoStatus(errno, fmt::format("lock {}", path.string()));
    }
    return FileLock(std::move(file));
}

absl::StatusOr<std::string> readFile(const std::filesystem::path& path, std::uint64_t limitBytes)
{
    NARTHEX_ASSIGN_OR_RETURN(const File file, File::open(path, O_RDONLY));
    std::string bytes;
    constexpr std::size_t kStep = 64 * 1024; // files below /proc have no size
    while (true) {
        const std::size_t have = bytes.size();
        bytes.resize(have + kStep);
        const ssize_t got = ::read(file.descriptor(), bytes.data() + have, kStep);
        if (got < 0 && errno != EINTR) {
            return errnoStatus(errno, fmt::format("read {}", path.string()));
        }
        bytes.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got == 0) {
            return bytes;
        }
        if (bytes.size() > limitBytes) {
            return resourceExhausted("read {}: more than {} bytes", path.string(), limitBytes);
        }
    }
}

absl::Status writeFileAtomically(const std::filesystem::path& path, std::string_view bytes)
{
    std::filesystem::path temporary = path;
    temporary += ".tmp";
    {
        NARTHEX_ASSIGN_OR_RETURN(File file, File::open(temporary, O_WRONLY | O_CREAT | O_TRUNC));
        absl::Status status = file.write(bytes);
        status.Update(file.sync());
        status.Update(file.close());
        if (!status.ok()) {
            ::unlink(temporary.c_str());
            return status;
        }
    }
    NARTHEX_RETURN_IF_ERROR(renamePath(temporary, path));
    return syncDirectory(path.has_parent_path() ? path.parent_path() : ".");
}

absl::Status syncDirectory(const std::filesystem::path& directory)
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Sync, directory));
    NARTHEX_ASSIGN_OR_RETURN(const File file, File::open(directory, O_RDONLY | O_DIRECTORY));
    if (::fsync(file.descriptor()) != 0) {
        return errnoStatus(errno, fmt::format("sync {}", directory.string()));
    }
    return absl::OkStatus();
}

absl::Status makeDirectories(const std::filesystem::path& directory)
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::MakeDirectory, directory));
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
        return errnoStatus(error.value(), fmt::format("create {}", directory.string()));
    }
    return absl::OkStatus();
}

absl::Status renamePath(const std::filesystem::path& from, const std::filesystem::path& to)
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Rename, from));
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return errnoStatus(errno, fmt::format("rename {} to {}", from.string(), to.string()));
    }
    return absl::OkStatus();
}

absl::Status removePath(const std::filesystem::path& path)
{
    namespace fs = std::filesystem;
    std::error_code error;
    if (fs::symlink_status(path, error).type() == fs::file_type::directory) {
        std::vector<fs::path> entries; // listed first: what is removed must not move the listing
        for (fs::directory_iterator it(path, error), end; !error && it != end;
             it.increment(error)) {
            entries.push_back(it->path());
        }
        if (error && error != std::errc::no_such_file_or_directory) {
            return errnoStatus(error.value(), fmt::format("list {}", path.string()));
        }
        for (const fs::path& entry : entries) {
            NARTHEX_RETURN_IF_ERROR(removePath(entry));
        }
    }
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Remove, path));
    if (::remove(path.c_str()) != 0 && errno != ENOENT) {
        return errnoStatus(errno, fmt::format("remove {}", path.string()));
    }
    return absl::OkStatus();
}

absl::Status linkFile(const std::filesystem::path& existing, const std::filesystem::path& link)
{
    NARTHEX_RETURN_IF_ERROR(announce(FileOperation::Link, link));
    if (::link(existing.c_str(), link.c_str()) != 0) {
        return errnoStatus(errno, fmt::format("link {} as {}", existing.string(), link.string()));
    }
    return absl::OkStatus();
}

void setFileFault(FileFault* fault) { fileFault.store(fault, std::memory_order_relaxed); }

TemporaryDirectory::TemporaryDirectory()
{
    std::error_code error;
    std::string pattern = (std::filesystem::temp_directory_path(error) / "narthex-XXXXXX").string();
    NARTHEX_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory()
{
    std::error_code error;
    std::filesystem::remove_all(path_, error);
}

std::vector<std::string> matchFiles(const std::string& pattern)
{
    std::vector<std::string> files;
    glob_t matches{};
    if (::glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
        files.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
    }
    ::globfree(&matches);
    return files;
}

} // namespace narthex::base
