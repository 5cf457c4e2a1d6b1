// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the reader of a page puts what it finds: resolves series through the target's cache,
// collects samples into batches, counts what is refused, marks what is gone. Owner: PageAppender.
// Threads: one page at a time. Source: spec/scrape.md, sections 7 to 11.
#pragma once

#include "core/model/histogram.h"
#include "core/model/labels.h"
#include "core/model/sample.h"
#include "core/scrape/job_config.h"
#include "core/scrape/page_appender.h"
#include "core/scrape/series_cache.h"
#include "core/scrape/start_synthesis.h"
#include "core/storage/storage.h"

#include <absl/container/flat_hash_map.h>
#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace narthex::scrape {

class PageSink
{
public:
    PageSink(AppenderSettings settings, storage::Appendable& store, ScrapeCounters& counters);
    ~PageSink();

    // For the reader of a page.
    [[nodiscard]] SeriesCache& cache() { return cache_; }
    [[nodiscard]] std::uint64_t iteration() const { return iteration_; }
    [[nodiscard]] const JobConfig& job() const { return *settings_.job; }
    [[nodiscard]] const Target& target() const { return *settings_.target; }
    /// Classic histograms become native ones.
    [[nodiscard]] bool converts() const
    {
        return settings_.customBuckets && target().convertClassicHistograms;
    }
    [[nodiscard]] const StartTimes& startTimes() const { return settings_.startTimes; }
    /// The series with this raw text. When it is new, `labels` gives its labels as exposed; its
    /// family is `family` from now on. Errors: of `labels`, of the label limits, of the store.
    absl::StatusOr<std::uint32_t>
    resolve(std::string_view raw, std::uint32_t family,
            absl::FunctionRef<absl::Status(model::LabelsBuilder&)> labels);
    void add(std::uint32_t index, double value, std::optional<std::int64_t> timestampMs);
    template <typename Histogram>
    void addHistogram(std::uint32_t index, const Histogram& histogram,
                      std::optional<std::int64_t> timestampMs);
    /// When the counter behind the series began, ms since the epoch; to be called before the
    /// sample is added. 0: unknown.
    void addStart(std::uint32_t index, std::int64_t startMs);
    template <typename Histogram>
    void addStart(std::uint32_t index, std::int64_t startMs, const Histogram& shape);
    /// Exemplars of the sample that was added last; those without a time get the sample's, or are
    /// dropped where it is a native histogram. Sorts them.
    void addExemplars(std::uint32_t index, std::span<model::Exemplar> exemplars,
                      std::optional<std::int64_t> timestampMs, bool isHistogram);
    /// What the page says of a family.
    void setType(std::uint32_t family, model::MetricType type);
    void setHelp(std::uint32_t family, std::string_view help);
    void setUnit(std::uint32_t family, std::string_view unit);

    /// Takes over what another sink knows of the same pages.
    void inherit(PageSink&& other);

    // For the appender, in this order.
    void begin(base::Timestamp time);
    /// Hands over what is collected; the counts are right afterwards.
    void flush();
    /// Takes back what was appended, for a page that turned out bad.
    void rollback();
    /// Writes markers for what the page did not have, and forgets it if `wholePage`.
    void finish(bool wholePage);
    void markStale(base::Timestamp time);
    [[nodiscard]] storage::Appender& appender() { return *appender_; }
    absl::Status commit();

    [[nodiscard]] std::uint64_t scraped() const { return scraped_; }
    [[nodiscard]] std::uint64_t kept() const { return kept_; }
    [[nodiscard]] std::uint64_t added() const { return added_; }
    [[nodiscard]] const model::Labels& targetLabels() const { return settings_.target->labels; }
    /// What makes the whole page bad although it could be read (a histogram that is too large).
    [[nodiscard]] const absl::Status& failure() const { return failure_; }

private:
    struct Batch;

    /// Counts a sample and gives its time; absent when it goes no further.
    std::optional<base::Timestamp> admit(std::uint32_t index,
                                         std::optional<std::int64_t> timestampMs, bool& ownTime);
    void noteResult(std::uint32_t index, storage::AppendResult result, bool ownTime);
    void noteMetadata(std::uint32_t index);
    template <typename Field, typename Value>
    void setMetadata(std::uint32_t family, Field model::Metadata::*field, const Value& value);
    storage::AppendResult appendAgain(std::uint32_t index, base::Timestamp time, double value);
    bool renew(std::uint32_t index);
    void count(storage::AppendResult result);
    void forgetUnseen();

    /// Whether `startMs` is to be written, and before what is there.
    bool isFreshStart(std::uint32_t index, std::int64_t startMs);
    /// Makes the value count from a start that was seen, unless `start` is known. False: it is the
    /// first, and not stored.
    template <typename Value>
    bool synthesize(std::uint32_t index, Value& value, base::Timestamp time, std::int64_t& start);
    void setTypeAndUnit(std::uint32_t family);

    const AppenderSettings settings_;
    storage::Appendable& store_;
    ScrapeCounters& counters_;

    SeriesCache cache_;
    std::uint64_t iteration_ = 0;
    model::LabelsBuilder builder_;
    /// Newest start of a series that was written, by index.
    absl::flat_hash_map<std::uint32_t, std::int64_t> starts_;
    StartSynthesis synthesis_;
    /// Entries of the cache after the last whole page.
    std::size_t lastSize_ = 0;

    // Of the scrape in progress.
    std::unique_ptr<storage::Appender> appender_;
    std::unique_ptr<Batch> batch_;
    base::Timestamp time_;
    /// Of the sample that is added next; 0: unknown.
    std::int64_t start_ = 0;
    std::uint64_t scraped_ = 0;
    std::uint64_t kept_ = 0;
    std::uint64_t added_ = 0;
    std::uint64_t seen_ = 0;
    bool refused_ = false;
    absl::Status failure_;
    /// Some family's metadata changed on this page.
    bool metadataChanged_ = false;
};

} // namespace narthex::scrape
