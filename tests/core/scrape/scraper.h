// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A scrape of one target without a network: the test hands the pages over and looks at the store.
// Owner: a test. Threads: the test's own.
#pragma once

#include "core/scrape/page_appender.h"
#include "support/store_fixture.h"

#include <QString>

#include <memory>
#include <string>

namespace narthex::test {

inline constexpr std::int64_t kStart = 1700000000000;

inline scrape::FetchResult page(const std::string& body,
                                const std::string& contentType = "text/plain; version=0.0.4")
{
    return {.page = {.body = body, .contentType = contentType}};
}

inline scrape::FetchResult failure()
{
    return {.error = {.status = absl::UnavailableError("connection refused"),
                      .errorClass = scrape::ErrorClass::ConnectionRefused}};
}

/// One target whose pages the test hands over, 15 s apart.
class Scraper
{
public:
    explicit Scraper(scrape::JobConfig job = {.jobName = "j"}, const tsdb::DbOptions& options = {},
                     const scrape::StartTimes& startTimes = {})
        : job_(std::make_shared<const scrape::JobConfig>(std::move(job))),
          clock_({kStart}),
          store_(clock_, options),
          appender_({.job = job_, .target = targetOf(*job_), .startTimes = startTimes}, store_.db(),
                    counters_)
    {}

    static std::shared_ptr<const scrape::Target> targetOf(const scrape::JobConfig& job)
    {
        scrape::Target target{.job = job.jobName,
                              .labels = model::Labels{{"instance", "i"}, {"job", "j"}}};
        target.scrapeNativeHistograms = job.scrapeNativeHistograms;
        target.alwaysScrapeClassicHistograms = job.alwaysScrapeClassicHistograms;
        target.convertClassicHistograms = job.convertClassicHistograms;
        return std::make_shared<const scrape::Target>(std::move(target));
    }

    scrape::AppendOutcome scrape(scrape::FetchResult result)
    {
        const base::Timestamp time{kStart + 15000 * count_++};
        return appender_.append(std::move(result), time, job_->timeout,
                                [] { return base::Duration::fromMs(5); });
    }
    scrape::AppendOutcome scrape(const std::string& body) { return scrape(page(body)); }

    /// The samples of one series, times as the number of the scrape: "1@0 2@1 stale@2".
    std::string series(const std::string& name,
                       const std::string& labels = "instance=\"i\", job=\"j\"")
    {
        const auto content = store_.content(name);
        const auto found = content.find(name + "{" + labels + "}");
        if (found == content.end()) {
            return content.empty() ? "nothing" : "only " + content.begin()->first;
        }
        QString text = QString::fromStdString(found->second);
        for (int i = 0; i < count_; ++i) {
            text.replace("@" + QString::number(kStart + 15000 * i), "@" + QString::number(i));
        }
        return text.toStdString();
    }

    std::shared_ptr<const scrape::JobConfig> job_;
    base::ManualClock clock_;
    test::StoreFixture store_;
    scrape::ScrapeCounters counters_;
    scrape::PageAppender appender_;
    int count_ = 0;
};

} // namespace narthex::test
