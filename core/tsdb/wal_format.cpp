// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/wal_format.h"

#include "core/base/status.h"

#include <algorithm>
#include <charconv>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kCheckpointPrefix = "checkpoint.";

std::optional<std::uint32_t> parseNumber(std::string_view text)
{
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
        return std::nullopt;
    }
    return number;
}

} // namespace

std::string walSegmentName(std::uint32_t number) { return fmt::format("{:08}", number); }

absl::StatusOr<std::vector<WalSegmentFile>> listWalSegments(const std::filesystem::path& directory)
{
    std::vector<WalSegmentFile> segments;
    std::error_code error;
    for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
        const auto number = parseNumber(it->path().filename().string());
        std::error_code ignored;
        if (number && it->is_regular_file(ignored)) {
            segments.push_back({*number, it->path(), it->file_size(ignored)});
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return base::errnoStatus(error.value(), fmt::format("list {}", directory.string()));
    }
    std::sort(segments.begin(), segments.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    for (std::size_t i = 1; i < segments.size(); ++i) {
        if (segments[i].number != segments[i - 1].number + 1) {
            return base::dataLoss("{}: segments are not consecutive: {} follows {}",
                                  directory.string(), segments[i].number, segments[i - 1].number);
        }
    }
    return segments;
}

absl::StatusOr<std::vector<WalCheckpoint>>
listCheckpoints(const std::filesystem::path& walDirectory)
{
    std::vector<WalCheckpoint> checkpoints;
    std::error_code error;
    for (std::filesystem::directory_iterator it(walDirectory, error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        std::error_code ignored;
        if (!name.starts_with(kCheckpointPrefix) || !it->is_directory(ignored)) {
            continue;
        }
        if (const auto number =
                parseNumber(std::string_view(name).substr(kCheckpointPrefix.size()))) {
            checkpoints.push_back({*number, it->path()});
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return base::errnoStatus(error.value(), fmt::format("list {}", walDirectory.string()));
    }
    std::sort(checkpoints.begin(), checkpoints.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    return checkpoints;
}

} // namespace narthex::tsdb
