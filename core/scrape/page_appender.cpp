// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/page_appender.h"

#include "core/base/status.h"
#include "core/scrape/content_type.h"
#include "core/scrape/page_sink.h"
#include "core/scrape/protobuf_page.h"
#include "core/scrape/synthetic_series.h"
#include "core/scrape/text_page.h"

#include <fmt/format.h>

#include <optional>

namespace narthex::scrape {

class PageAppender::Impl
{
public:
    Impl(AppenderSettings settings, storage::Appendable& store, ScrapeCounters& counters)
        : job_(settings.job), counters_(counters), sink_(std::move(settings), store, counters)
    {}

    void inherit(Impl&& other)
    {
        sink_.inherit(std::move(other.sink_));
        synthetic_ = other.synthetic_;
        text_ = std::move(other.text_);
        openMetrics_ = std::move(other.openMetrics_);
        format_ = other.format_;
        spare_ = std::move(other.spare_);
    }

    AppendOutcome append(FetchResult fetched, base::Timestamp time, base::Duration timeout,
                         const std::function<base::Duration()>& elapsed);
    absl::Status endRun(base::Timestamp time);
    std::string takeBuffer() { return std::move(spare_); }
    [[nodiscard]] std::vector<FamilyMetadata> metadata();
    [[nodiscard]] std::uint64_t iterations() const { return sink_.iteration(); }

private:
    void appendPage(const Page& page, AppendOutcome& outcome);
    absl::Status readPage(const Page& page);
    void keepPage(std::string body);

    const std::shared_ptr<const JobConfig> job_;
    ScrapeCounters& counters_;
    PageSink sink_;
    SyntheticSeries synthetic_;
    TextPage<exposition::TextParser> text_;
    TextPage<exposition::OpenMetricsParser> openMetrics_;
    ProtobufPage protobuf_;
    /// Of the page that was read last.
    std::optional<PageFormat> format_;
    std::string spare_; // memory for the next body
};

AppendOutcome PageAppender::Impl::append(FetchResult fetched, base::Timestamp time,
                                         base::Duration timeout,
                                         const std::function<base::Duration()>& elapsed)
{
    AppendOutcome outcome{.status = fetched.error.status, .errorClass = fetched.error.errorClass};
    const bool wasFetched = fetched.ok();
    sink_.begin(time);
    if (wasFetched) {
        outcome.errorClass = ErrorClass::None;
        outcome.bodyBytes = fetched.page.body.size();
        appendPage(fetched.page, outcome);
    } else if (fetched.error.errorClass == ErrorClass::LimitExceeded) {
        counters_.bodySizeLimit += 1;
    }
    const bool wholePage = wasFetched && outcome.status.ok();
    sink_.finish(wholePage);
    if (wholePage) {
        keepPage(std::move(fetched.page.body));
    } else {
        spare_ = std::move(fetched.page.body);
    }
    outcome.samplesScraped = sink_.scraped();
    outcome.samplesAfterRelabeling = sink_.kept();
    outcome.seriesAdded = sink_.added();
    synthetic_.append(sink_, outcome, time, timeout, elapsed(), wasFetched);
    const absl::Status committed = sink_.commit();
    if (!committed.ok() && outcome.status.ok()) {
        outcome.status = base::annotate(committed, "scrape commit failed");
        outcome.errorClass = ErrorClass::Storage;
    }
    return outcome;
}

void PageAppender::Impl::appendPage(const Page& page, AppendOutcome& outcome)
{
    if (page.body.empty()) {
        // Nothing is there, and the target says so: all series end, and no line is known any more.
        text_.forget();
        openMetrics_.forget();
        format_.reset();
        return;
    }
    outcome.status = readPage(page);
    sink_.flush();
    if (!outcome.status.ok()) {
        outcome.errorClass = absl::IsResourceExhausted(outcome.status) ? ErrorClass::LimitExceeded
                                                                       : ErrorClass::Parse;
        const auto position = base::positionOf(outcome.status);
        if (position && position->line) {
            outcome.status =
                base::annotate(outcome.status, fmt::format("line {}", *position->line));
        }
    } else if (job_->sampleLimit != 0 && sink_.kept() > job_->sampleLimit) {
        counters_.sampleLimit += 1;
        outcome.errorClass = ErrorClass::LimitExceeded;
        outcome.status = base::resourceExhausted("sample limit exceeded");
    } else if (!sink_.failure().ok()) {
        counters_.bucketLimit += 1;
        outcome.errorClass = ErrorClass::LimitExceeded;
        outcome.status = sink_.failure();
    }
    if (!outcome.status.ok()) {
        sink_.rollback();
    }
}

absl::Status PageAppender::Impl::readPage(const Page& page)
{
    NARTHEX_ASSIGN_OR_RETURN(const PageFormat format,
                             pageFormat(page.contentType, job_->fallbackProtocol));
    if (format_ != format) {
        text_.forget();
        openMetrics_.forget();
        format_ = format;
    }
    switch (format) {
    case PageFormat::Text:
        return text_.read(page.body, sink_);
    case PageFormat::OpenMetrics:
        return openMetrics_.read(page.body, sink_);
    case PageFormat::Protobuf:
        return protobuf_.read(page.body, sink_);
    }
    return absl::OkStatus();
}

void PageAppender::Impl::keepPage(std::string body)
{
    if (format_ == PageFormat::Text) {
        spare_ = text_.keep(std::move(body));
    } else if (format_ == PageFormat::OpenMetrics) {
        spare_ = openMetrics_.keep(std::move(body));
    } else {
        spare_ = std::move(body);
    }
}

absl::Status PageAppender::Impl::endRun(base::Timestamp time)
{
    if (sink_.iteration() == 0) {
        return absl::OkStatus();
    }
    sink_.begin(time);
    sink_.markStale(time);
    synthetic_.markStale(sink_, time);
    return sink_.commit();
}

std::vector<FamilyMetadata> PageAppender::Impl::metadata()
{
    constexpr std::uint64_t kForgetAfter = 10;
    std::vector<FamilyMetadata> result;
    for (const CachedFamily& family : sink_.cache().families()) {
        if (!family.name.empty() && family.seen + kForgetAfter >= sink_.iteration()) {
            result.push_back({.family = family.name, .metadata = family.metadata});
        }
    }
    return result;
}

PageAppender::PageAppender(AppenderSettings settings, storage::Appendable& store,
                           ScrapeCounters& counters)
    : impl_(std::make_unique<Impl>(std::move(settings), store, counters))
{}

void PageAppender::inherit(PageAppender&& predecessor)
{
    impl_->inherit(std::move(*predecessor.impl_));
}

PageAppender::~PageAppender() = default;

AppendOutcome PageAppender::append(FetchResult fetched, base::Timestamp time,
                                   base::Duration timeout,
                                   const std::function<base::Duration()>& elapsed)
{
    return impl_->append(std::move(fetched), time, timeout, elapsed);
}

absl::Status PageAppender::endRun(base::Timestamp time) { return impl_->endRun(time); }
std::string PageAppender::takeBuffer() { return impl_->takeBuffer(); }
std::vector<FamilyMetadata> PageAppender::metadata() const { return impl_->metadata(); }
std::uint64_t PageAppender::iterations() const { return impl_->iterations(); }

} // namespace narthex::scrape
