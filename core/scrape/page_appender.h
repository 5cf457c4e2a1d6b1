// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Turns pages of one target into samples: reads them in whatever format they come, appends one
// batch, writes stale markers for what is gone, and the synthetic series. Owner: a scrape loop.
// Threads: one page at a time. Source: spec/scrape.md, sections 7 to 10.
#pragma once

#include "core/model/labels.h"
#include "core/model/sample.h"
#include "core/scrape/job_config.h"
#include "core/scrape/metrics.h"
#include "core/scrape/page_source.h"
#include "core/scrape/target.h"
#include "core/storage/storage.h"

#include <absl/status/status.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::scrape {

/// What is done with the times at which counters began.
struct StartTimes
{
    /// A zero is written at the start, when it is newer than what is there.
    bool writeZero = false;
    /// Counters without a start count from their first sample on.
    bool synthesize = false;
    /// Starts are looked for; `_created` lines of counters, summaries and histograms are theirs.
    [[nodiscard]] bool parsed() const { return writeZero || store; }
    bool store = false;
};

/// What an appender is made for.
struct AppenderSettings
{
    std::shared_ptr<const JobConfig> job;
    std::shared_ptr<const Target> target;
    StartTimes startTimes;
    /// __type__ and __unit__ stand on series.
    bool typeAndUnitLabels = false;
    /// The store takes histograms with custom buckets; otherwise classic ones stay as they are.
    bool customBuckets = true;
};

struct AppendOutcome
{
    absl::Status status;
    ErrorClass errorClass = ErrorClass::None;
    std::uint64_t samplesScraped = 0;
    std::uint64_t samplesAfterRelabeling = 0;
    std::uint64_t seriesAdded = 0;
    std::uint64_t bodyBytes = 0;
};

struct FamilyMetadata
{
    std::string family;
    model::Metadata metadata;
};

class PageAppender
{
public:
    /// `store` and `counters` outlive the object.
    PageAppender(AppenderSettings settings, storage::Appendable& store, ScrapeCounters& counters);
    ~PageAppender();
    /// Takes over what another appender knows of the same target's pages; its configuration
    /// differs in interval, timeout, sample limit and client settings only.
    void inherit(PageAppender&& predecessor);

    /// One scrape: the page (or the failure to fetch it), the synthetic series, one commit.
    /// `elapsed` gives the time since the scrape began. The page's body is kept for the next scrape
    /// and handed back through takeBuffer().
    AppendOutcome append(FetchResult fetched, base::Timestamp time, base::Duration timeout,
                         const std::function<base::Duration()>& elapsed);

    /// End of run: stale markers at `time` for everything, `up` included.
    absl::Status endRun(base::Timestamp time);

    /// Memory of the last but one page, for the next fetch.
    std::string takeBuffer();
    [[nodiscard]] std::vector<FamilyMetadata> metadata() const;
    [[nodiscard]] std::uint64_t iterations() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace narthex::scrape
