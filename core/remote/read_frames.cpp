// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The frames around the messages of a streamed answer, and the chunks inside. Format:
// spec/remote.md, 4: uvarint length, CRC32C of the message big-endian, message.
#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/remote/read_messages.h"
#include "core/tsdb/histogram_chunk.h"
#include "core/tsdb/xor2_chunk.h"
#include "core/tsdb/xor_chunk.h"

namespace narthex::remote {

namespace {

constexpr std::size_t kLengthBytesMax = 10;
constexpr std::size_t kChecksumBytes = 4;

/// A length as varint; absent: more bytes are needed, or what is there is none.
struct Length
{
    std::uint64_t value = 0;
    std::size_t bytes = 0;
};

std::optional<Length> lengthOf(std::string_view bytes)
{
    base::ByteReader reader(bytes.substr(0, kLengthBytesMax));
    const std::size_t before = reader.remaining();
    const std::uint64_t value = reader.uvarint();
    return reader.ok() ? std::optional(Length{value, before - reader.remaining()}) : std::nullopt;
}

} // namespace

std::string encodeReadFrame(const model::Labels& labels, std::span<const ReadChunk> chunks,
                            std::int64_t queryIndex)
{
    const std::string message = encodeReadMessage(labels, chunks, queryIndex);
    std::string frame;
    frame.reserve(message.size() + kLengthBytesMax + kChecksumBytes);
    base::appendUvarint(frame, message.size());
    base::appendBigEndian(frame, base::crc32c(message));
    frame += message;
    return frame;
}

void FrameReader::feed(std::string_view bytes)
{
    buffer_.erase(0, done_);
    done_ = 0;
    buffer_.append(bytes);
}

absl::StatusOr<std::optional<std::string_view>> FrameReader::next()
{
    const std::string_view rest = std::string_view(buffer_).substr(done_);
    const auto length = lengthOf(rest);
    if (!length) {
        if (rest.size() >= kLengthBytesMax) {
            return base::dataLoss("a frame of the streamed answer begins with no length");
        }
        return std::nullopt;
    }
    if (length->value > limitBytes_) {
        return base::resourceExhausted("a frame of the streamed answer has {} bytes, the limit is "
                                       "{} (chunked_read_limit)",
                                       length->value, limitBytes_);
    }
    const std::size_t head = length->bytes + kChecksumBytes;
    if (rest.size() < head || rest.size() - head < length->value) {
        return std::nullopt;
    }
    const auto expected = base::loadBigEndian<std::uint32_t>(rest.data() + length->bytes);
    const std::string_view message = rest.substr(head, length->value);
    const std::uint32_t actual = base::crc32c(message);
    if (actual != expected) {
        return base::dataLoss("a frame of the streamed answer has checksum {:#010x}, it says "
                              "{:#010x}",
                              actual, expected);
    }
    done_ += head + message.size();
    return message;
}

absl::Status FrameReader::finish() const
{
    return done_ == buffer_.size()
               ? absl::OkStatus()
               : base::dataLoss("the streamed answer ends within a frame, {} bytes behind its "
                                "beginning",
                                buffer_.size() - done_);
}

absl::Status appendChunk(const ReadChunk& chunk, base::Timestamp from, base::Timestamp to,
                         storage::SampleColumns& out)
{
    switch (chunk.encoding) {
    case tsdb::ChunkEncoding::None:
        break;
    case tsdb::ChunkEncoding::Xor:
        return tsdb::xorDecode(chunk.data, from.ms, to.ms, out.times, out.values);
    case tsdb::ChunkEncoding::Xor2:
        out.startTimes.resize(out.times.size(), 0);
        return tsdb::xor2Decode(chunk.data, from.ms, to.ms, out.times, out.values, &out.startTimes);
    case tsdb::ChunkEncoding::Histogram:
    case tsdb::ChunkEncoding::FloatHistogram:
    case tsdb::ChunkEncoding::HistogramSt:
    case tsdb::ChunkEncoding::FloatHistogramSt:
        out.histogramStartTimes.resize(out.histogramTimes.size(), 0);
        return tsdb::decodeHistogramChunk(chunk.encoding, chunk.data, from.ms, to.ms,
                                          out.histogramTimes, out.histograms,
                                          &out.histogramStartTimes);
    }
    return base::dataLoss("a chunk of {} bytes has an encoding that is not known",
                          chunk.data.size());
}

} // namespace narthex::remote
