// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_writer.h"

#include "core/base/file.h"
#include "core/base/status.h"
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
    std::error_code error;
    fs::rename(from, to, error);
    if (error) {
        return base::errnoStatus(error.value(), fmt::format("rename {}", from.string()));
    }
    return base::syncDirectory(to.parent_path());
}

} // namespace

BlockWriter::BlockWriter(fs::path parent, std::string ulid, std::span<const std::string> symbols)
    : parent_(std::move(parent)),
      ulid_(std::move(ulid)),
      temporary_(parent_ / (ulid_ + std::string(kCreationSuffix))),
      chunks_(temporary_ / "chunks"),
      index_(symbols)
{}

BlockWriter::~BlockWriter()
{
    if (!finished_) {
        std::error_code error;
        fs::remove_all(temporary_, error);
    }
}

absl::StatusOr<std::unique_ptr<BlockWriter>>
BlockWriter::create(const fs::path& parent, std::string ulid, std::span<const std::string> symbols)
{
    std::unique_ptr<BlockWriter> writer(new BlockWriter(parent, std::move(ulid), symbols));
    NARTHEX_RETURN_IF_ERROR(base::makeDirectories(writer->temporary_ / "chunks"));
    return writer;
}

absl::Status BlockWriter::addSeries(const model::Labels& labels,
                                    std::span<const ExportedChunk> chunks)
{
    if (chunks.empty()) {
        return absl::OkStatus();
    }
    std::vector<ChunkMeta> metas;
    metas.reserve(chunks.size());
    for (const ExportedChunk& chunk : chunks) {
        NARTHEX_ASSIGN_OR_RETURN(const ChunkRef ref, chunks_.add(chunk.encoding, chunk.bytes));
        metas.push_back({chunk.minTime, chunk.maxTime, ref});
        stats_.samples += chunk.samples;
    }
    stats_.chunks += chunks.size();
    ++stats_.series;
    return index_.addSeries(labels, metas);
}

absl::StatusOr<BlockMeta> BlockWriter::finish(BlockMeta meta)
{
    meta.ulid = ulid_;
    meta.stats = stats_;
    NARTHEX_RETURN_IF_ERROR(chunks_.finish());
    NARTHEX_ASSIGN_OR_RETURN(const std::string index, index_.finish());
    NARTHEX_RETURN_IF_ERROR(writeSynced(temporary_ / "index", index));
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
    std::error_code error;
    fs::remove_all(doomed, error);
    return error ? base::errnoStatus(error.value(), fmt::format("remove {}", doomed.string()))
                 : absl::OkStatus();
}

} // namespace narthex::tsdb
