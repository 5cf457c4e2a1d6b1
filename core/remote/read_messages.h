// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The messages of remote read, both ways: the request, the answer of samples, and the frames of the
// streamed answer. Threads: values and pure functions; a FrameReader one at a time. Units:
// milliseconds, closed ranges. Errors: InvalidArgument (bytes that are no such message),
// ResourceExhausted (a frame above the limit), DataLoss (a checksum or a chunk is wrong).
// Format: spec/remote.md, 1.1 and 4.
#pragma once

#include "core/model/matcher.h"
#include "core/storage/storage.h"
#include "core/tsdb/chunk_file.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::remote {

/// How an answer may be given. A request may name others, which nobody knows yet.
enum class ReadResponseType : std::int32_t
{
    Samples = 0,
    StreamedXorChunks = 1
};

struct ReadQuery
{
    base::Timestamp from;
    base::Timestamp to;
    model::Matchers matchers;
    std::optional<storage::SelectHints> hints;
};

struct ReadRequest
{
    std::vector<ReadQuery> queries;
    /// In order of preference; none means Samples.
    std::vector<ReadResponseType> accepted;
};

/// Not compressed.
std::string encodeReadRequest(const ReadRequest& request);
absl::StatusOr<ReadRequest> decodeReadRequest(std::string_view bytes);

/// A series of an answer; the samples in the order in which they came.
struct ReadSeries
{
    model::Labels labels;
    storage::SampleColumns samples;
};

/// Writes an answer of samples, a query after the other: series are added to the query begun last.
class ReadResponseWriter
{
public:
    /// Appends to `out`, which outlives the writer.
    explicit ReadResponseWriter(std::string& out) : out_(out) {}
    void addSeries(const model::Labels& labels, const storage::SampleColumns& samples);
    /// Of the query begun last.
    [[nodiscard]] std::size_t pendingBytes() const { return query_.size(); }
    /// Ends a query; one without series is one result, too.
    void endQuery();

private:
    std::string& out_;
    std::string query_;
    std::string series_;
    std::string histogram_;
};

/// The series of each query. Floats and histograms stand in their columns; labels are in order and
/// without repeats, times are not looked at.
absl::StatusOr<std::vector<std::vector<ReadSeries>>> decodeReadResponse(std::string_view bytes);

/// A chunk in a frame. The bytes are those of the frame, or of whoever encodes.
struct ReadChunk
{
    std::int64_t minTime = 0;
    std::int64_t maxTime = 0;
    tsdb::ChunkEncoding encoding = tsdb::ChunkEncoding::None;
    std::string_view data;
};

struct ChunkedSeries
{
    model::Labels labels;
    std::vector<ReadChunk> chunks;
};

/// One frame of a streamed answer, decoded.
struct ReadFrame
{
    std::vector<ChunkedSeries> series;
    /// Which of the request's queries it answers.
    std::int64_t queryIndex = 0;
};

/// The message of one frame: part of one series.
std::string encodeReadMessage(const model::Labels& labels, std::span<const ReadChunk> chunks,
                              std::int64_t queryIndex);
/// The whole frame: length, checksum, message.
std::string encodeReadFrame(const model::Labels& labels, std::span<const ReadChunk> chunks,
                            std::int64_t queryIndex);
/// The message of a frame, as FrameReader gives it; its chunks view it.
absl::StatusOr<ReadFrame> decodeReadFrame(std::string_view message);

/// Appends the samples in [from, to] of a chunk of any known encoding.
absl::Status appendChunk(const ReadChunk& chunk, base::Timestamp from, base::Timestamp to,
                         storage::SampleColumns& out);

/// Takes a streamed answer as it comes and gives its messages, length and checksum checked.
class FrameReader
{
public:
    /// No message may be longer.
    explicit FrameReader(std::uint64_t limitBytes) : limitBytes_(limitBytes) {}

    void feed(std::string_view bytes);
    /// The next whole message, valid until feed(); absent: more bytes are needed. Errors:
    /// ResourceExhausted, DataLoss; then nothing more comes.
    absl::StatusOr<std::optional<std::string_view>> next();
    /// At the end of the answer. Errors: DataLoss, it ends within a frame.
    [[nodiscard]] absl::Status finish() const;

private:
    const std::uint64_t limitBytes_;
    std::string buffer_;
    std::size_t done_ = 0; // bytes of the buffer that were given out
};

} // namespace narthex::remote
