// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store with a receiver of remote write before it. Owner: a test. Threads: the test's own.
#pragma once

#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/remote/receiver/write_receiver.h"
#include "support/tsdb_fixture.h"
#include "support/write_messages.h"

#include <bit>
#include <memory>

namespace narthex::remote::receiver {

inline constexpr std::int64_t kNow = 1'700'000'000'000;
inline constexpr std::int64_t kMinute = 60'000;

using test::LabelList;
using test::requestV1;
using test::RequestV2;
using test::SeriesV1;

inline model::IntegerHistogram someHistogram()
{
    return {.schema = 1,
            .zeroThreshold = 0.001,
            .zeroCount = 2,
            .count = 8,
            .sum = 12.5,
            .positiveSpans = {{-2, 2}, {3, 1}},
            .positiveDeltas = {1, 1, 1}};
}

inline model::FloatHistogram customHistogram()
{
    return {.schema = model::kCustomBucketsSchema,
            .count = 3,
            .sum = 4,
            .positiveSpans = {{0, 2}},
            .positiveBuckets = {1, 2},
            .customValues = {0.5, 1}};
}

inline LabelList named(const std::string& name) { return {{"__name__", name}, {"job", "j"}}; }

/// A store and a receiver before it.
class World
{
public:
    explicit World(const WriteOptions& options = {}, tsdb::DbOptions store = {})
        : receiver_(options)
    {
        store.live.maxExemplars = 100;
        db_ = fixture_.open(store);
    }
    WriteResult v1(const std::vector<SeriesV1>& series) { return plainV1(requestV1(series)); }
    WriteResult plainV1(const std::string& body)
    {
        return receiver_.write(WriteMessage::V1, test::compressed(body), *db_, {kNow});
    }
    WriteResult v2(const RequestV2& request) { return plainV2(request.bytes()); }
    WriteResult plainV2(const std::string& body)
    {
        return receiver_.write(WriteMessage::V2, test::compressed(body), *db_, {kNow});
    }
    WriteResult raw(const std::string& body)
    {
        return receiver_.write(WriteMessage::V1, body, *db_, {kNow});
    }
    /// Series and their samples, `name{…} time=value …`, a line each.
    [[nodiscard]] std::string contents() const
    {
        std::string text;
        for (const auto& [name, samples] : test::contentsOf(*db_)) {
            if (samples.empty()) {
                continue;
            }
            text += name;
            for (const auto& [time, bits] : samples) {
                text += fmt::format(" {}={}", time - kNow, std::bit_cast<double>(bits));
            }
            text += "\n";
        }
        return text;
    }
    [[nodiscard]] std::size_t histograms() const
    {
        const auto querier = *db_->querier({0}, {kNow * 2});
        const auto set = *querier->select({}, {}, {});
        const auto all = *storage::collect(*set, 1000);
        storage::SampleColumns columns;
        for (const auto& series : all) {
            base::ignore(series->read({0}, {kNow * 2}, columns), "the count shows");
        }
        return columns.histograms.size();
    }
    [[nodiscard]] std::size_t exemplars() const
    {
        const model::Matchers all;
        std::size_t count = 0;
        for (const auto& series : db_->exemplars({0}, {kNow * 2}, {&all, 1})) {
            count += series.exemplars.size();
        }
        return count;
    }
    [[nodiscard]] std::string metrics() const
    {
        std::string text;
        exposition::TextWriter out(text);
        receiver_.writeMetrics(out);
        return text;
    }
    [[nodiscard]] tsdb::Db& db() { return *db_; }
    [[nodiscard]] test::TsdbFixture& fixture() { return fixture_; }

private:
    test::TsdbFixture fixture_;
    std::unique_ptr<tsdb::Db> db_;
    WriteReceiver receiver_;
};

inline bool says(const absl::Status& status, std::string_view text)
{
    return base::messageOf(status).find(text) != std::string_view::npos;
}

} // namespace narthex::remote::receiver
