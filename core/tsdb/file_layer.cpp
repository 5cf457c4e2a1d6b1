// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/file_layer.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <fcntl.h>

namespace narthex::tsdb {
namespace {

class SystemAppendFile final : public AppendFile
{
public:
    explicit SystemAppendFile(base::File file) : file_(std::move(file)) {}
    absl::Status append(std::string_view bytes) override { return file_.write(bytes); }
    // The file is opened with O_APPEND: the next write goes to the new end.
    absl::Status truncate(std::uint64_t sizeBytes) override { return file_.truncate(sizeBytes); }
    absl::Status sync() override { return file_.sync(); }
    absl::Status close() override { return file_.close(); }

private:
    base::File file_;
};

} // namespace

absl::StatusOr<std::unique_ptr<AppendFile>>
SystemFileLayer::create(const std::filesystem::path& path)
{
    NARTHEX_ASSIGN_OR_RETURN(base::File file,
                             base::File::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND));
    return std::make_unique<SystemAppendFile>(std::move(file));
}

} // namespace narthex::tsdb
