// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/chunk_file.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"

#include <algorithm>
#include <fcntl.h>

namespace narthex::tsdb {
namespace {

// Magic 85BD40DD, version 1, three zero bytes.
constexpr std::string_view kHeader{"\x85\xBD\x40\xDD\x01\0\0\0", 8};
constexpr std::string_view kMagic = kHeader.substr(0, 4);
constexpr char kVersion = 1;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

std::uint32_t samplesIn(const StoredChunk& chunk)
{
    if (chunk.data.size() < 2) {
        return 0;
    }
    // Histograms with start times share the field with the kind of reset.
    constexpr std::uint16_t kCountBits = 0x3FFF;
    const auto field = base::loadBigEndian<std::uint16_t>(chunk.data.data());
    const bool isShared = chunk.encoding == ChunkEncoding::HistogramSt ||
                          chunk.encoding == ChunkEncoding::FloatHistogramSt;
    return isShared ? field & kCountBits : field;
}

} // namespace

absl::Status ChunkFileWriter::startSegment()
{
    if (file_.isOpen()) {
        NARTHEX_RETURN_IF_ERROR(flush());
        NARTHEX_RETURN_IF_ERROR(file_.sync());
    }
    const std::filesystem::path path = directory_ / fmt::format("{:06}", ++segments_);
    NARTHEX_ASSIGN_OR_RETURN(file_, base::File::open(path, O_WRONLY | O_CREAT | O_EXCL));
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(directory_));
    buffer_.assign(kHeader);
    offset_ = buffer_.size();
    return absl::OkStatus();
}

absl::Status ChunkFileWriter::flush()
{
    NARTHEX_RETURN_IF_ERROR(file_.write(buffer_));
    buffer_.clear();
    return absl::OkStatus();
}

absl::Status ChunkFileWriter::makeRoom(std::size_t bytes)
{
    return !file_.isOpen() || offset_ + bytes > segmentBytes_ ? startSegment() : absl::OkStatus();
}

absl::StatusOr<ChunkRef> ChunkFileWriter::addFrame(std::string_view bytes)
{
    NARTHEX_RETURN_IF_ERROR(makeRoom(bytes.size()));
    const ChunkRef ref{((segments_ - 1) << 32U) | offset_};
    buffer_.append(bytes);
    offset_ += bytes.size();
    if (buffer_.size() > kBufferBytes) {
        NARTHEX_RETURN_IF_ERROR(flush());
    }
    return ref;
}

absl::StatusOr<ChunkRef> ChunkFileWriter::add(ChunkEncoding encoding, std::string_view data)
{
    constexpr std::size_t kFrameBytes = 10; // at most: length, encoding, checksum
    NARTHEX_RETURN_IF_ERROR(makeRoom(data.size() + kFrameBytes));
    const ChunkRef ref{((segments_ - 1) << 32U) | offset_};
    const std::size_t before = buffer_.size();
    // | uvarint length | encoding | data | CRC32C of encoding and data |
    base::appendUvarint(buffer_, data.size());
    const std::size_t checked = buffer_.size();
    buffer_.push_back(static_cast<char>(encoding));
    buffer_.append(data);
    base::appendBigEndian(buffer_, base::crc32c(std::string_view(buffer_).substr(checked)));
    offset_ += buffer_.size() - before;
    if (buffer_.size() > kBufferBytes) {
        NARTHEX_RETURN_IF_ERROR(flush());
    }
    return ref;
}

absl::Status ChunkFileWriter::finish()
{
    if (!file_.isOpen()) {
        return absl::OkStatus();
    }
    NARTHEX_RETURN_IF_ERROR(flush());
    NARTHEX_RETURN_IF_ERROR(file_.sync());
    NARTHEX_RETURN_IF_ERROR(file_.close());
    return base::syncDirectory(directory_);
}

absl::StatusOr<ChunkFileReader> ChunkFileReader::open(const std::filesystem::path& directory)
{
    std::vector<std::filesystem::path> paths;
    std::error_code error;
    for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
            paths.push_back(it->path());
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return base::errnoStatus(error.value(), fmt::format("list {}", directory.string()));
    }
    std::sort(paths.begin(), paths.end());
    ChunkFileReader reader;
    for (const std::filesystem::path& path : paths) {
        NARTHEX_ASSIGN_OR_RETURN(base::MappedFile segment, base::MappedFile::open(path));
        if (segment.bytes().size() < kHeader.size() || !segment.bytes().starts_with(kMagic)) {
            return base::dataLoss("{}: no header of a chunk file", path.string());
        }
        if (const char version = segment.bytes()[kMagic.size()]; version != kVersion) {
            return base::failedPrecondition(
                "{}: chunk file of version {}, this program reads {}; open it with what wrote it",
                path.string(), static_cast<int>(version), static_cast<int>(kVersion));
        }
        reader.segments_.push_back(std::move(segment));
    }
    return reader;
}

absl::StatusOr<StoredChunk> ChunkFileReader::read(ChunkRef ref) const
{
    NARTHEX_ASSIGN_OR_RETURN(const ChunkFrame found, frame(ref));
    return found.chunk;
}

absl::StatusOr<ChunkFrame> ChunkFileReader::frame(ChunkRef ref) const
{
    const std::uint64_t segment = static_cast<std::uint64_t>(ref) >> 32U;
    const std::uint64_t offset = static_cast<std::uint64_t>(ref) & 0xFFFFFFFFU;
    if (segment >= segments_.size() || offset < kHeader.size() ||
        offset >= segments_[segment].bytes().size()) {
        return base::dataLoss("chunk {}:{} is outside the files", segment, offset);
    }
    base::ByteReader reader(segments_[segment].bytes().substr(offset));
    const std::uint64_t length = reader.uvarint();
    if (!reader.ok() || length > reader.remaining() ||
        reader.remaining() - length < 1 + kChecksumBytes) {
        return base::dataLoss("chunk {}:{} reaches behind its file", segment, offset);
    }
    const std::string_view checked = reader.bytes(static_cast<std::size_t>(length) + 1);
    const std::uint32_t expected = reader.u32();
    if (const std::uint32_t actual = base::crc32c(checked); actual != expected) {
        return base::dataLoss("chunk {}:{}: checksum is {:#x}, file says {:#x}", segment, offset,
                              actual, expected);
    }
    ChunkFrame frame{.chunk = {static_cast<ChunkEncoding>(checked.front()), checked.substr(1)}};
    frame.samples = samplesIn(frame.chunk);
    const char* begin = segments_[segment].bytes().data() + offset;
    frame.bytes = {
        begin, static_cast<std::size_t>(checked.data() + checked.size() + kChecksumBytes - begin)};
    return frame;
}

std::uint64_t ChunkFileReader::sizeBytes() const
{
    std::uint64_t size = 0;
    for (const base::MappedFile& segment : segments_) {
        size += segment.bytes().size();
    }
    return size;
}

} // namespace narthex::tsdb
