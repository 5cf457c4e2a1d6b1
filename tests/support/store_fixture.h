// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A real store in a temporary folder, and its content as text, for tests of what writes into one.
// Threads: the test's own.
#pragma once

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/number.h"
#include "core/base/worker_pool.h"
#include "core/model/sample.h"
#include "core/tsdb/db.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace narthex::test {

class StoreFixture
{
public:
    explicit StoreFixture(const base::Clock& clock, const tsdb::DbOptions& options = {})
        : db_(tsdb::Db::open(directory_.path() / "data", options,
                             {.pool = pool_, .clock = clock, .log = base::nullLogger()}, {})
                  .value())
    {}

    [[nodiscard]] tsdb::Db& db() { return *db_; }
    [[nodiscard]] base::WorkerPool& pool() { return pool_; }
    [[nodiscard]] const base::TemporaryDirectory& directory() const { return directory_; }

    /// Every series of the metric: labels as text → "value@ms value@ms", "stale@ms" for markers,
    /// "{count,sum}@ms" for histograms, which come behind the floats.
    [[nodiscard]] std::map<std::string, std::string> content(const std::string& metric) const
    {
        std::map<std::string, std::string> result;
        const auto querier = db_->querier(base::Timestamp::min(), base::Timestamp::max()).value();
        const auto set =
            querier
                ->select({.from = base::Timestamp::min(), .to = base::Timestamp::max()},
                         {model::Matcher::equal(model::kMetricName, metric)}, {})
                .value();
        const auto all = storage::collect(*set, 100000).value();
        for (const auto& series : all) {
            storage::SampleColumns columns;
            if (!series->read(base::Timestamp::min(), base::Timestamp::max(), columns).ok()) {
                continue;
            }
            std::string text;
            for (std::size_t i = 0; i < columns.times.size(); ++i) {
                text += text.empty() ? "" : " ";
                text += model::isStale(columns.values[i]) ? "stale"
                                                          : base::formatFloat(columns.values[i]);
                text += "@" + std::to_string(columns.times[i]);
            }
            for (std::size_t i = 0; i < columns.histogramTimes.size(); ++i) {
                const model::FloatHistogram& histogram = *columns.histograms[i];
                text += text.empty() ? "" : " ";
                text += histogram.isStale() ? "stale"
                                            : "{" + base::formatFloat(histogram.count) + "," +
                                                  base::formatFloat(histogram.sum) + "}";
                text += "@" + std::to_string(columns.histogramTimes[i]);
            }
            if (!text.empty()) {
                result[series->labels().toString()] = text;
            }
        }
        return result;
    }

private:
    base::TemporaryDirectory directory_;
    base::WorkerPool pool_{2};
    std::unique_ptr<tsdb::Db> db_;
};

} // namespace narthex::test
