// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/head_chunk_files.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

// Magic 0130BC91, version 1, three zero bytes.
constexpr std::string_view kHeader{"\x01\x30\xBC\x91\x01\0\0\0", 8};
constexpr std::size_t kMagicBytes = 4;
constexpr std::uint8_t kOutOfOrderBit = 0x80;
constexpr std::size_t kChecksumBytes = 4;
/// Reference, times, encoding, a length of one byte, checksum, and the least that a chunk can be:
/// what is left of a file and shorter than this must be zeros.
constexpr std::size_t kLeastEntryBytes = 34;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

std::optional<std::uint32_t> numberOf(const fs::path& path)
{
    const std::string name = path.filename().string();
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool whole = error == std::errc{} && end == name.data() + name.size();
    return whole ? std::optional(number) : std::nullopt;
}

bool isZero(std::string_view bytes)
{
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

/// Reads one entry. Nothing at the end of the data. Errors: DataLoss.
absl::StatusOr<std::optional<HeadChunk>> readEntry(std::string_view rest, std::size_t& entryBytes)
{
    if (rest.size() < kLeastEntryBytes) {
        if (isZero(rest)) {
            return std::nullopt;
        }
        return base::dataLoss("{} bytes are left behind the last chunk", rest.size());
    }
    base::ByteReader reader(rest);
    HeadChunk chunk;
    chunk.seriesRef = reader.u64();
    chunk.minTime = static_cast<std::int64_t>(reader.u64());
    chunk.maxTime = static_cast<std::int64_t>(reader.u64());
    if (chunk.seriesRef == 0 && chunk.minTime == 0 && chunk.maxTime == 0) {
        return std::nullopt; // space that was set aside and not used
    }
    const std::uint8_t encoding = reader.u8();
    chunk.isOutOfOrder = (encoding & kOutOfOrderBit) != 0;
    chunk.encoding = static_cast<ChunkEncoding>(encoding & ~kOutOfOrderBit);
    chunk.data = reader.uvarintString();
    const std::size_t checked = rest.size() - reader.remaining();
    const std::uint32_t expected = reader.u32();
    if (!reader.ok()) {
        return base::dataLoss("a chunk runs past the end of the file");
    }
    if (base::crc32c(rest.substr(0, checked)) != expected) {
        return base::dataLoss("checksum of a chunk does not match");
    }
    entryBytes = checked + kChecksumBytes;
    return chunk;
}

} // namespace

absl::Status
readHeadChunks(std::string_view bytes,
               absl::FunctionRef<void(const HeadChunk& chunk, std::uint64_t offset)> visit)
{
    if (!bytes.starts_with(kHeader.substr(0, kMagicBytes + 1))) {
        return base::dataLoss("not a file of head chunks in a known version");
    }
    for (std::size_t at = kHeader.size(); at < bytes.size();) {
        std::size_t entryBytes = 0;
        const auto chunk = readEntry(bytes.substr(at), entryBytes);
        if (!chunk.ok()) {
            return base::annotate(chunk.status(), fmt::format("offset {}", at));
        }
        if (!*chunk) {
            break;
        }
        visit(**chunk, at);
        at += entryBytes;
    }
    return absl::OkStatus();
}

/// A stretch of address space over a file; reaches beyond the file's end while it grows.
class HeadChunkFiles::Mapping
{
public:
    Mapping(const base::File& file, std::size_t reserved)
        : reserved_(std::max<std::size_t>(reserved, 1))
    {
        void* at = ::mmap(nullptr, reserved_, PROT_READ, MAP_SHARED, file.descriptor(), 0);
        at_ = at == MAP_FAILED ? nullptr : static_cast<const std::uint8_t*>(at);
    }
    Mapping(Mapping&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)), reserved_(other.reserved_), size(other.size)
    {}
    Mapping& operator=(Mapping&&) = delete;
    ~Mapping()
    {
        if (at_ != nullptr) {
            ::munmap(const_cast<std::uint8_t*>(at_), reserved_); // what mmap gave was not const
        }
    }
    [[nodiscard]] const std::uint8_t* at() const { return at_; }
    [[nodiscard]] std::size_t reserved() const { return reserved_; }

private:
    const std::uint8_t* at_ = nullptr;
    std::size_t reserved_ = 0;

public:
    /// Bytes of the file that may be looked at.
    std::uint64_t size = 0;
};

HeadChunkFiles::HeadChunkFiles(fs::path directory, bool readOnly, base::Logger log,
                               std::uint64_t fileBytes)
    : directory_(std::move(directory)),
      readOnly_(readOnly),
      log_(std::move(log)),
      fileBytes_(fileBytes)
{}

HeadChunkFiles::~HeadChunkFiles() = default;

absl::StatusOr<std::unique_ptr<HeadChunkFiles>>
HeadChunkFiles::open(fs::path directory, bool readOnly, base::Logger log, std::uint64_t fileBytes)
{
    std::unique_ptr<HeadChunkFiles> files(
        new HeadChunkFiles(std::move(directory), readOnly, std::move(log), fileBytes));
    NARTHEX_RETURN_IF_ERROR(files->mapFiles());
    return files;
}

fs::path HeadChunkFiles::pathOf(std::uint32_t number) const
{
    return directory_ / fmt::format("{:06}", number);
}

absl::Status HeadChunkFiles::mapFiles()
{
    std::vector<std::uint32_t> numbers;
    std::error_code error;
    for (fs::directory_iterator it(directory_, error), end; !error && it != end;
         it.increment(error)) {
        if (const auto number = numberOf(it->path())) {
            numbers.push_back(*number);
        }
    }
    std::sort(numbers.begin(), numbers.end());
    absl::MutexLock lock(&mutex_);
    for (const std::uint32_t number : numbers) {
        if (lastNumber_ != 0 && number != lastNumber_ + 1) {
            return base::dataLoss("{}: head chunk file {:06} is missing; move the folder away, "
                                  "the write-ahead log has its samples",
                                  directory_.string(), lastNumber_ + 1);
        }
        NARTHEX_ASSIGN_OR_RETURN(const base::File file, base::File::open(pathOf(number), O_RDONLY));
        NARTHEX_ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
        Mapping mapping(file, size);
        if (mapping.at() == nullptr) {
            return base::errnoStatus(errno, fmt::format("map {}", pathOf(number).string()));
        }
        mapping.size = size;
        files_.emplace(number, std::move(mapping));
        lastNumber_ = number;
    }
    return absl::OkStatus();
}

absl::Status HeadChunkFiles::load(Visitor visit)
{
    std::vector<std::pair<std::uint32_t, std::string_view>> files;
    {
        absl::MutexLock lock(&mutex_);
        for (const auto& [number, mapping] : files_) {
            files.emplace_back(number, std::string_view(reinterpret_cast<const char*>(mapping.at()),
                                                        mapping.size));
        }
    }
    std::vector<std::pair<Chunk, HeadChunkDiskRef>> found;
    for (const auto& [number, bytes] : files) {
        const bool isLast = number == files.back().first;
        // Created, and the machine stopped before the header was there.
        if (isLast && (bytes.size() < kMagicBytes || isZero(bytes.substr(0, kMagicBytes)))) {
            return removeFrom(number);
        }
        found.clear();
        const absl::Status status =
            readHeadChunks(bytes, [&, fileNumber = number](const Chunk& chunk, std::uint64_t at) {
                found.emplace_back(chunk, (HeadChunkDiskRef{fileNumber} << 32U) | at);
            });
        if (!status.ok()) {
            log_->warn(
                "tsdb: damaged head chunks are read from the log instead file={} error=\"{}\"",
                pathOf(number).string(), base::messageOf(status));
            {
                absl::MutexLock lock(&mutex_);
                ++corruptions_;
            }
            return removeFrom(number);
        }
        for (const auto& [chunk, ref] : found) {
            visit(chunk, ref);
        }
    }
    return absl::OkStatus();
}

absl::Status HeadChunkFiles::removeFrom(std::uint32_t number)
{
    absl::MutexLock lock(&mutex_);
    while (!files_.empty() && files_.rbegin()->first >= number) {
        const std::uint32_t last = files_.rbegin()->first;
        files_.erase(last);
        if (!readOnly_) {
            NARTHEX_RETURN_IF_ERROR(base::removePath(pathOf(last)));
        }
    }
    lastNumber_ = files_.empty() ? number - 1 : files_.rbegin()->first;
    return absl::OkStatus();
}

std::uint64_t HeadChunkFiles::corruptions() const
{
    absl::MutexLock lock(&mutex_);
    return corruptions_;
}

absl::Status HeadChunkFiles::startFileLocked()
{
    NARTHEX_RETURN_IF_ERROR(finishFileLocked());
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(directory_));
    const std::uint32_t number = lastNumber_ + 1;
    NARTHEX_ASSIGN_OR_RETURN(base::File file,
                             base::File::open(pathOf(number), O_RDWR | O_CREAT | O_TRUNC));
    Mapping mapping(file, fileBytes_);
    if (mapping.at() == nullptr) {
        return base::errnoStatus(errno, fmt::format("map {}", pathOf(number).string()));
    }
    files_.emplace(number, std::move(mapping));
    lastNumber_ = number;
    file_ = std::move(file);
    written_ = 0;
    buffer_.assign(kHeader);
    return absl::OkStatus();
}

absl::StatusOr<HeadChunkFiles::Place> HeadChunkFiles::write(const Chunk& chunk)
{
    constexpr std::size_t kFrameBytes = 3 * 8 + 1 + 10 + kChecksumBytes;
    absl::MutexLock lock(&mutex_);
    if (!file_.isOpen() ||
        written_ + buffer_.size() + kFrameBytes + chunk.data.size() > fileBytes_) {
        NARTHEX_RETURN_IF_ERROR(startFileLocked());
    }
    if (buffer_.size() > kBufferBytes) {
        NARTHEX_RETURN_IF_ERROR(flushLocked());
    }
    // | ref | first time | last time | encoding | uvarint length | data | CRC32C of all this |
    const std::size_t at = buffer_.size();
    base::appendBigEndian(buffer_, chunk.seriesRef);
    base::appendBigEndian(buffer_, static_cast<std::uint64_t>(chunk.minTime));
    base::appendBigEndian(buffer_, static_cast<std::uint64_t>(chunk.maxTime));
    buffer_.push_back(static_cast<char>(static_cast<std::uint8_t>(chunk.encoding) |
                                        (chunk.isOutOfOrder ? kOutOfOrderBit : 0U)));
    base::appendUvarint(buffer_, chunk.data.size());
    const std::size_t dataAt = buffer_.size();
    buffer_.append(chunk.data);
    base::appendBigEndian(buffer_, base::crc32c(std::string_view(buffer_).substr(at)));
    return Place{files_.at(lastNumber_).at() + written_ + dataAt,
                 (HeadChunkDiskRef{lastNumber_} << 32U) | (written_ + at)};
}

absl::Status HeadChunkFiles::flushLocked()
{
    if (buffer_.empty()) {
        return absl::OkStatus();
    }
    const absl::Status status = file_.writeAt(buffer_, written_);
    if (status.ok()) {
        written_ += buffer_.size();
        files_.at(lastNumber_).size = written_;
        buffer_.clear();
        return absl::OkStatus();
    }
    // The next chunk starts a file of its own; what is left of this write is cut off.
    buffer_.clear();
    if (written_ > 0) {
        base::ignore(file_.truncate(written_), "a reader stops at what is torn");
        base::ignore(file_.close(), "the write's error counts");
    } else {
        base::ignore(file_.close(), "the write's error counts");
        files_.erase(lastNumber_);
        base::ignore(base::removePath(pathOf(lastNumber_)), "it is emptied at the next start");
        --lastNumber_;
    }
    return status;
}

absl::Status HeadChunkFiles::flush()
{
    absl::MutexLock lock(&mutex_);
    return flushLocked();
}

absl::Status HeadChunkFiles::finishFileLocked()
{
    if (!file_.isOpen()) {
        return absl::OkStatus();
    }
    NARTHEX_RETURN_IF_ERROR(flushLocked());
    absl::Status status = file_.sync();
    status.Update(file_.close());
    return status;
}

std::vector<HeadChunkFiles::Range> HeadChunkFiles::ranges() const
{
    absl::MutexLock lock(&mutex_);
    std::vector<Range> ranges;
    for (const auto& [number, mapping] : files_) {
        ranges.push_back({number, mapping.at(), mapping.at() + mapping.reserved()});
    }
    return ranges;
}

absl::Status HeadChunkFiles::removeBelow(std::uint32_t number)
{
    absl::MutexLock lock(&mutex_);
    NARTHEX_RETURN_IF_ERROR(finishFileLocked());
    while (!files_.empty() && files_.begin()->first < number) {
        const std::uint32_t first = files_.begin()->first;
        NARTHEX_RETURN_IF_ERROR(base::removePath(pathOf(first)));
        files_.erase(first);
    }
    return absl::OkStatus();
}

absl::Status HeadChunkFiles::close()
{
    absl::MutexLock lock(&mutex_);
    return finishFileLocked();
}

std::uint64_t HeadChunkFiles::sizeBytes() const
{
    absl::MutexLock lock(&mutex_);
    std::uint64_t bytes = 0;
    for (const auto& [number, mapping] : files_) {
        bytes += mapping.size;
    }
    return bytes;
}

} // namespace narthex::tsdb
