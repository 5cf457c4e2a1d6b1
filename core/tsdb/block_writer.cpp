// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_writer.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tsdb/metrics.h"
#include "core/tsdb/tombstones.h"

#include <fcntl.h>
#include <utility>

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

absl::Status writeSynced(const fs::path& path, std::string_view bytes)
{
    NARTHEX_ASSIGN_OR_RETURN(base::File file, base::File::open(path, O_WRONLY | O_CREAT | O_TRUNC));
    NARTHEX_RETURN_IF_ERROR(file.write(bytes));
    NARTHEX_RETURN_IF_ERROR(file.sync());
    return file.close();
}

absl::Status moveTo(const fs::path& from, const fs::path& to)
{
    NARTHEX_RETURN_IF_ERROR(base::renamePath(from, to));
    return base::syncDirectory(to.parent_path());
}

} // namespace

BlockWriter::BlockWriter(fs::path parent, std::string ulid, std::uint64_t chunkSegmentBytes)
    : parent_(std::move(parent)),
      ulid_(std::move(ulid)),
      temporary_(parent_ / (ulid_ + std::string(kCreationSuffix))),
      chunks_(temporary_ / "chunks", chunkSegmentBytes)
{}

BlockWriter::~BlockWriter()
{
    if (!finished_) {
        base::ignore(base::removePath(temporary_), "removed at the next start");
    }
}

absl::StatusOr<std::unique_ptr<BlockWriter>>
BlockWriter::create(const fs::path& parent, std::string ulid,
                    std::span<const std::string_view> symbols, std::uint64_t chunkSegmentBytes)
{
    std::unique_ptr<BlockWriter> writer(
        new BlockWriter(parent, std::move(ulid), chunkSegmentBytes));
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(writer->temporary_ / "chunks"));
    NARTHEX_ASSIGN_OR_RETURN(writer->index_,
                             IndexWriter::create(writer->temporary_ / "index", symbols));
    return writer;
}

absl::StatusOr<std::unique_ptr<BlockWriter>>
BlockWriter::create(const fs::path& parent, std::string ulid, std::span<const std::string> symbols,
                    std::uint64_t chunkSegmentBytes)
{
    const std::vector<std::string_view> views(symbols.begin(), symbols.end());
    return create(parent, std::move(ulid), views, chunkSegmentBytes);
}

void BlockWriter::noteChunk(const ChunkMeta& chunk, std::uint32_t samples, std::size_t bytes)
{
    pending_.push_back(chunk);
    stats_.samples += samples;
    if (metrics_ != nullptr) {
        metrics_->chunkBytes.observe(static_cast<double>(bytes));
        metrics_->chunkSamples.observe(samples);
        metrics_->chunkRange.observe(static_cast<double>(chunk.maxTime - chunk.minTime));
    }
}

absl::Status BlockWriter::addChunk(const ExportedChunk& chunk)
{
    NARTHEX_ASSIGN_OR_RETURN(const ChunkRef ref, chunks_.add(chunk.encoding, chunk.bytes));
    noteChunk({chunk.minTime, chunk.maxTime, ref}, chunk.samples, chunk.bytes.size());
    return absl::OkStatus();
}

absl::Status BlockWriter::addFrame(std::int64_t minTime, std::int64_t maxTime,
                                   const ChunkFrame& frame)
{
    NARTHEX_ASSIGN_OR_RETURN(const ChunkRef ref, chunks_.addFrame(frame.bytes));
    noteChunk({minTime, maxTime, ref}, frame.samples, frame.chunk.data.size());
    return absl::OkStatus();
}

absl::Status BlockWriter::addSeries(const model::Labels& labels,
                                    std::span<const ExportedChunk> chunks)
{
    if (chunks.empty()) {
        return absl::OkStatus();
    }
    for (const ExportedChunk& chunk : chunks) {
        NARTHEX_RETURN_IF_ERROR(addChunk(chunk));
    }
    stats_.chunks += pending_.size();
    ++stats_.series;
    const absl::Status status = index_->addSeries(labels, pending_);
    pending_.clear();
    return status;
}

absl::Status BlockWriter::endSeries(std::span<const SymbolPair> labels)
{
    if (pending_.empty()) {
        return absl::OkStatus();
    }
    stats_.chunks += pending_.size();
    ++stats_.series;
    const absl::Status status = index_->addSeries(labels, pending_);
    pending_.clear();
    return status;
}

absl::StatusOr<BlockMeta> BlockWriter::finish(BlockMeta meta)
{
    meta.ulid = ulid_;
    meta.stats = stats_;
    NARTHEX_RETURN_IF_ERROR(chunks_.finish());
    NARTHEX_RETURN_IF_ERROR(index_->finish());
    NARTHEX_RETURN_IF_ERROR(writeBlockMeta(temporary_, meta));
    NARTHEX_RETURN_IF_ERROR(writeSynced(temporary_ / "tombstones", encodeTombstones({})));
    NARTHEX_RETURN_IF_ERROR(base::syncDirectory(temporary_));
    NARTHEX_RETURN_IF_ERROR(moveTo(temporary_, parent_ / ulid_));
    finished_ = true;
    return meta;
}

absl::Status deleteBlock(const fs::path& directory)
{
    fs::path doomed = directory;
    doomed += kDeletionSuffix;
    NARTHEX_RETURN_IF_ERROR(moveTo(directory, doomed));
    return base::removePath(doomed);
}

} // namespace narthex::tsdb
