// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/active_queries.h"

#include "core/base/file.h"
#include "core/base/json_writer.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace narthex::promql {
namespace {

constexpr std::size_t kSlotBytes = 1000;
/// Of a file that somebody else may have left.
constexpr std::uint64_t kReadAtMost = 16U << 20U;

std::string entryOf(std::string_view query, base::Timestamp now)
{
    std::string text;
    base::JsonWriter json(text);
    json.beginObject().member("query", query);
    json.key("timestamp_sec").integer(now.ms / 1000).endObject();
    return text;
}

bool continuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// What an earlier process left, as a JSON list; empty if it left nothing.
std::string leftovers(const std::filesystem::path& file)
{
    auto text = base::readFile(file, kReadAtMost);
    if (!text.ok()) {
        return {};
    }
    std::erase(*text, '\0');
    if (text->size() <= 1) {
        return {};
    }
    text->back() = ']'; // instead of the last comma
    return *std::move(text);
}

} // namespace

std::string activeQueryEntry(std::string_view query, base::Timestamp now)
{
    constexpr std::size_t kMost = kSlotBytes - 1; // the comma
    const auto cut = [query](std::size_t bytes) {
        while (bytes > 0 && bytes < query.size() && continuesCharacter(query[bytes])) {
            --bytes;
        }
        return query.substr(0, bytes);
    };
    // Escapes make an entry longer than its query, how much depends on the query: the longest
    // beginning that fits is searched for.
    std::size_t fits = 0;
    std::size_t tooLong = std::min(query.size(), kMost) + 1;
    while (fits + 1 < tooLong) {
        const std::size_t middle = fits + (tooLong - fits) / 2;
        (entryOf(cut(middle), now).size() <= kMost ? fits : tooLong) = middle;
    }
    return entryOf(cut(fits), now);
}

absl::StatusOr<std::shared_ptr<ActiveQueries>>
ActiveQueries::open(const std::filesystem::path& file, std::size_t maxConcurrent,
                    const base::Clock& clock, const base::Logger& log)
{
    if (const std::string queries = leftovers(file); !queries.empty()) {
        log->warn("promql: queries of the last run did not finish queries={}", queries);
    }
    const std::size_t slots = std::max<std::size_t>(maxConcurrent, 1);
    const std::size_t size = 1 + slots * kSlotBytes;
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) {
        return base::errnoStatus(errno, fmt::format("open {}", file.string()));
    }
    // Room on the disk for all of it: a mapped page without any would end the process.
    const int full = ::posix_fallocate(descriptor, 0, static_cast<off_t>(size));
    void* bytes = full == 0
                      ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
                      : MAP_FAILED;
    const int error = full == 0 ? errno : full;
    ::close(descriptor);
    if (bytes == MAP_FAILED) {
        return base::errnoStatus(error, fmt::format("map {}", file.string()));
    }
    return std::shared_ptr<ActiveQueries>(
        new ActiveQueries(static_cast<char*>(bytes), size, slots, clock));
}

ActiveQueries::ActiveQueries(char* bytes, std::size_t size, std::size_t slots,
                             const base::Clock& clock)
    : bytes_(bytes), size_(size), clock_(clock)
{
    bytes_[0] = '[';
    for (std::size_t slot = slots; slot > 0; --slot) {
        free_.push_back(slot - 1);
    }
}

ActiveQueries::~ActiveQueries() { ::munmap(bytes_, size_); }

ActiveQueries::Slot ActiveQueries::enter(std::string_view query)
{
    const std::string entry = activeQueryEntry(query, clock_.now());
    absl::MutexLock lock(&mutex_);
    if (free_.empty()) {
        return {};
    }
    const std::size_t slot = free_.back();
    free_.pop_back();
    char* place = bytes_ + 1 + slot * kSlotBytes;
    std::memcpy(place, entry.data(), entry.size());
    place[kSlotBytes - 1] = ',';
    return {shared_from_this(), slot};
}

void ActiveQueries::leave(std::size_t slot)
{
    absl::MutexLock lock(&mutex_);
    std::memset(bytes_ + 1 + slot * kSlotBytes, 0, kSlotBytes);
    free_.push_back(slot);
}

ActiveQueries::Slot::~Slot()
{
    if (owner_) {
        owner_->leave(number_);
    }
}

} // namespace narthex::promql
