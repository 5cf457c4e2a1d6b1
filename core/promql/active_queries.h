// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// queries.active: a mapped file that names the queries under way, so that one that took the process
// down can be named at the next start. Owner: the engine of the program; slots share it. Threads:
// any. Format: `[`, then slots of 1,000 bytes, each empty (zeros) or a JSON object {query,
// timestamp_sec}, zeros, and a comma as the last byte. Source: spec/promql.md, Limits, engine,
// statistics.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

namespace narthex::promql {

class ActiveQueries : public std::enable_shared_from_this<ActiveQueries>
{
public:
    /// Logs the queries that an earlier process left, then begins anew. `clock` outlives it.
    /// Errors: of the file system.
    static absl::StatusOr<std::shared_ptr<ActiveQueries>> open(const std::filesystem::path& file,
                                                               std::size_t maxConcurrent,
                                                               const base::Clock& clock,
                                                               const base::Logger& log);
    ~ActiveQueries();
    ActiveQueries(const ActiveQueries&) = delete;
    ActiveQueries& operator=(const ActiveQueries&) = delete;

    /// The place of one query; empty again when this is destroyed.
    class Slot
    {
    public:
        Slot() = default;
        Slot(std::shared_ptr<ActiveQueries> owner, std::size_t number)
            : owner_(std::move(owner)), number_(number)
        {}
        Slot(Slot&&) noexcept = default;
        Slot& operator=(Slot&&) = delete;
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;
        ~Slot();

    private:
        std::shared_ptr<ActiveQueries> owner_;
        std::size_t number_ = 0;
    };
    /// A slot without effect when all are taken.
    [[nodiscard]] Slot enter(std::string_view query);

private:
    ActiveQueries(char* bytes, std::size_t size, std::size_t slots, const base::Clock& clock);
    void leave(std::size_t slot);

    // Fixed after construction.
    char* const bytes_;
    const std::size_t size_;
    const base::Clock& clock_;

    absl::Mutex mutex_;
    std::vector<std::size_t> free_ ABSL_GUARDED_BY(mutex_);
};

/// The entry of a query, cut at a character so that it fits a slot.
std::string activeQueryEntry(std::string_view query, base::Timestamp now);

} // namespace narthex::promql
