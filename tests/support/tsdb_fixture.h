// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the tests of the store share: opening one in a temporary directory, and whole answers as
// text. Owner: a test. Threads: one at a time.
#pragma once

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/worker_pool.h"
#include "core/tsdb/db.h"

#include <bit>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace narthex::test {

/// Series text to its samples, values as bits: what a store holds.
using Contents = std::map<std::string, std::vector<std::pair<std::int64_t, std::uint64_t>>>;

class TsdbFixture
{
public:
    explicit TsdbFixture(std::size_t threads = 2) : pool_(threads) {}

    absl::StatusOr<std::unique_ptr<tsdb::Db>> tryOpen(const std::filesystem::path& directory,
                                                      const tsdb::DbOptions& options = {},
                                                      tsdb::FileLayer* files = nullptr)
    {
        return tsdb::Db::open(directory, options, {pool_, clock_, base::nullLogger(), {}, files},
                              {});
    }
    std::unique_ptr<tsdb::Db> open(const tsdb::DbOptions& options = {},
                                   tsdb::FileLayer* files = nullptr)
    {
        auto db = tryOpen(path(), options, files);
        if (!db.ok()) {
            std::fprintf(stderr, "open: %s\n", db.status().ToString().c_str());
            std::abort();
        }
        return *std::move(db);
    }
    [[nodiscard]] std::filesystem::path path() const { return directory_.path() / "data"; }
    [[nodiscard]] std::filesystem::path other(const std::string& name) const
    {
        return directory_.path() / name;
    }
    [[nodiscard]] base::ManualClock& clock() { return clock_; }
    [[nodiscard]] base::WorkerPool& pool() { return pool_; }

private:
    base::TemporaryDirectory directory_;
    base::ManualClock clock_{base::Timestamp{1'700'000'000'000}};
    base::WorkerPool pool_;
};

inline model::Matcher matcher(model::MatchType type, std::string_view name, std::string_view value)
{
    return *model::Matcher::create(type, name, value);
}

inline Contents contentsOf(const storage::Querier& querier, const model::Matchers& matchers = {},
                           std::int64_t from = INT64_MIN, std::int64_t to = INT64_MAX)
{
    Contents contents;
    auto set = querier.select({}, matchers, {});
    if (!set.ok()) {
        return {{"error: " + set.status().ToString(), {}}};
    }
    auto series = storage::collect(**set, 10'000'000);
    if (!series.ok()) {
        return {{"error: " + series.status().ToString(), {}}};
    }
    for (const auto& one : *series) {
        storage::SampleColumns columns;
        const absl::Status status = one->read({from}, {to}, columns);
        auto& samples = contents[one->labels().toString()];
        if (!status.ok()) {
            contents["error: " + status.ToString()] = {};
        }
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            samples.emplace_back(columns.times[i], std::bit_cast<std::uint64_t>(columns.values[i]));
        }
    }
    return contents;
}

inline Contents contentsOf(const tsdb::Db& db, const model::Matchers& matchers = {},
                           std::int64_t from = INT64_MIN, std::int64_t to = INT64_MAX)
{
    return contentsOf(**db.querier({from}, {to}), matchers, from, to);
}

/// Labels of the series that match, one a line.
inline std::string seriesOf(const tsdb::Db& db, const model::Matchers& matchers)
{
    std::string text;
    for (const auto& [name, samples] : contentsOf(db, matchers)) {
        text += name + "\n";
    }
    return text;
}

/// One sample, committed.
inline storage::AppendResult put(tsdb::Db& db, const model::Labels& labels, std::int64_t time,
                                 double value)
{
    const auto appender = db.appender();
    const storage::AppendResult result =
        appender->append(*appender->seriesFor(labels), {time}, value);
    base::ignore(appender->commit(), "the test looks at what is there");
    return result;
}

} // namespace narthex::test
