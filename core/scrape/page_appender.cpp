// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/page_appender.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/scrape/sample_labels.h"
#include "core/scrape/series_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::scrape {
namespace {

using storage::AppendResult;

constexpr base::Duration kFutureLimit = base::Duration::fromMs(10 * 60 * 1000);
/// Samples handed over at once: enough to spread the cost of a call, small enough to stay in the
/// first-level cache.
constexpr std::size_t kBatch = 512;

enum class Synthetic : std::uint8_t
{
    Up,
    Duration,
    Scraped,
    PostRelabel,
    SeriesAdded,
    Timeout,
    SampleLimit,
    BodySize
};
constexpr std::array<std::string_view, 8> kSyntheticNames = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes"};
constexpr std::size_t kPlainSynthetic = 5;

/// Samples on their way to the appender.
struct Batch
{
    std::array<model::SeriesRef, kBatch> refs;
    std::array<base::Timestamp, kBatch> times;
    std::array<double, kBatch> values;
    std::array<AppendResult, kBatch> results;
    std::array<std::uint32_t, kBatch> series;
    std::array<bool, kBatch> ownTime;
    std::size_t size = 0;
};

} // namespace

absl::Status checkContentType(std::string_view contentType, std::string_view fallbackProtocol)
{
    const std::string_view media = contentType.substr(0, contentType.find(';'));
    const std::size_t last = media.find_last_not_of(" \t");
    const std::string_view trimmed =
        last == std::string_view::npos ? "" : media.substr(0, last + 1);
    if (trimmed == "text/plain" || fallbackProtocol.starts_with("PrometheusText")) {
        return absl::OkStatus();
    }
    if (trimmed == "application/openmetrics-text" || trimmed == "application/vnd.google.protobuf") {
        return base::invalidArgument(
            "the target answered in {}, which was not asked for and is not read yet", trimmed);
    }
    if (contentType.empty()) {
        return base::invalidArgument(
            "non-compliant scrape target sending blank Content-Type and no "
            "fallback_scrape_protocol specified for target");
    }
    return base::invalidArgument(
        "received unsupported Content-Type {} and no fallback_scrape_protocol specified for target",
        model::quote(contentType));
}

class PageAppender::Impl
{
public:
    Impl(std::shared_ptr<const JobConfig> job, model::Labels targetLabels,
         storage::Appendable& store, ScrapeCounters& counters)
        : job_(std::move(job)),
          targetLabels_(std::move(targetLabels)),
          store_(store),
          counters_(counters)
    {}

    AppendOutcome append(FetchResult fetched, base::Timestamp time, base::Duration timeout,
                         const std::function<base::Duration()>& elapsed);
    absl::Status endRun(base::Timestamp time);
    std::string takeBuffer() { return std::move(spare_); }
    [[nodiscard]] std::vector<FamilyMetadata> metadata() const;
    [[nodiscard]] std::uint64_t iterations() const { return iteration_; }

private:
    absl::Status appendPage(std::string_view body, base::Timestamp time, AppendOutcome& outcome);
    absl::Status appendLine(exposition::TextParser& parser, bool& done);
    bool tryFastLine(exposition::TextParser& parser);
    absl::StatusOr<std::uint32_t> resolve(const exposition::TextParser& parser);
    void noteMetadata(const exposition::TextParser& parser, exposition::EntryKind kind);
    void addSample(std::uint32_t index, const exposition::TextParser& parser);
    void flush();
    AppendResult appendAgain(std::uint32_t index, base::Timestamp time, double value);
    void count(AppendResult result);
    void markStale(base::Timestamp time);
    void forgetUnseen();
    void appendSynthetic(const AppendOutcome& outcome, base::Timestamp time, base::Duration timeout,
                         base::Duration elapsed, bool fetched);
    void appendSyntheticSample(std::size_t which, base::Timestamp time, double value);
    AppendOutcome conclude(AppendOutcome outcome);

    const std::shared_ptr<const JobConfig> job_;
    const model::Labels targetLabels_;
    storage::Appendable& store_;
    ScrapeCounters& counters_;

    SeriesCache cache_;
    std::string page_;  // the last page that was read to its end
    std::string spare_; // memory for the next body
    std::vector<CachedLine> lines_;
    std::vector<CachedLine> nextLines_;
    std::array<model::SeriesRef, kSyntheticNames.size()> syntheticRefs_{};
    std::uint64_t iteration_ = 0;
    model::LabelsBuilder builder_;

    // Of the scrape in progress.
    std::unique_ptr<storage::Appender> appender_;
    Batch batch_;
    base::Timestamp time_;
    std::size_t cursor_ = 0; // the line of the last page that is expected next
    std::uint64_t scraped_ = 0;
    std::uint64_t kept_ = 0;
    std::uint64_t added_ = 0;
    std::uint64_t seen_ = 0;
    bool refused_ = false;
};

AppendOutcome PageAppender::Impl::append(FetchResult fetched, base::Timestamp time,
                                         base::Duration timeout,
                                         const std::function<base::Duration()>& elapsed)
{
    ++iteration_;
    AppendOutcome outcome{.status = fetched.error.status, .errorClass = fetched.error.errorClass};
    const bool wasFetched = fetched.ok();
    appender_ = store_.appender();
    scraped_ = kept_ = added_ = seen_ = 0;
    refused_ = false;
    if (wasFetched) {
        outcome.errorClass = ErrorClass::None;
        outcome.bodyBytes = fetched.page.body.size();
        if (!fetched.page.body.empty()) {
            outcome.status = checkContentType(fetched.page.contentType, job_->fallbackProtocol);
            if (outcome.status.ok()) {
                outcome.status = appendPage(fetched.page.body, time, outcome);
            }
            if (!outcome.status.ok() && outcome.errorClass == ErrorClass::None) {
                outcome.errorClass = ErrorClass::Parse;
            }
        }
        if (!outcome.status.ok()) {
            appender_->rollback();
            appender_ = store_.appender();
        }
    } else if (fetched.error.errorClass == ErrorClass::LimitExceeded) {
        counters_.bodySizeLimit += 1;
    }
    const bool wholePage = wasFetched && outcome.status.ok();
    if (!wholePage || seen_ != cache_.size() || refused_) {
        markStale(time);
    }
    if (wholePage) {
        forgetUnseen();
        spare_ = std::exchange(page_, std::move(fetched.page.body));
        std::swap(lines_, nextLines_);
    } else {
        spare_ = std::move(fetched.page.body);
    }
    outcome.samplesScraped = scraped_;
    outcome.samplesAfterRelabeling = kept_;
    outcome.seriesAdded = added_;
    appendSynthetic(outcome, time, timeout, elapsed(), wasFetched);
    return conclude(std::move(outcome));
}

AppendOutcome PageAppender::Impl::conclude(AppendOutcome outcome)
{
    const absl::Status committed = appender_->commit();
    appender_.reset();
    if (!committed.ok() && outcome.status.ok()) {
        outcome.status = base::annotate(committed, "scrape commit failed");
        outcome.errorClass = ErrorClass::Storage;
    }
    if (committed.ok()) {
        counters_.samples += kept_;
    }
    return outcome;
}

absl::Status PageAppender::Impl::appendPage(std::string_view body, base::Timestamp time,
                                            AppendOutcome& outcome)
{
    if (body.size() >= CachedLine::kMetadata) {
        return base::invalidArgument("page of {} bytes is too large", body.size());
    }
    time_ = time;
    cursor_ = 0;
    nextLines_.clear();
    nextLines_.reserve(lines_.size());
    exposition::TextParser parser(body);
    absl::Status status;
    bool done = false;
    while (status.ok() && !done) {
        if (!tryFastLine(parser)) {
            status = appendLine(parser, done);
        }
    }
    flush();
    if (!status.ok()) {
        const bool limit = absl::IsResourceExhausted(status);
        outcome.errorClass = limit ? ErrorClass::LimitExceeded : ErrorClass::Parse;
        if (const auto position = base::positionOf(status); position && position->line) {
            return base::annotate(status, fmt::format("line {}", *position->line));
        }
        return status;
    }
    if (job_->sampleLimit != 0 && kept_ > job_->sampleLimit) {
        counters_.sampleLimit += 1;
        outcome.errorClass = ErrorClass::LimitExceeded;
        return base::resourceExhausted("sample limit exceeded");
    }
    return absl::OkStatus();
}

// The next line if it is the one that followed in the last page: no lookup by text.
bool PageAppender::Impl::tryFastLine(exposition::TextParser& parser)
{
    if (cursor_ >= lines_.size()) {
        return false;
    }
    const CachedLine& old = lines_[cursor_];
    const std::string_view text = std::string_view(page_).substr(old.offset, old.length);
    if (old.series == CachedLine::kMetadata) {
        if (!parser.tryMetadataLine(text, old.type)) {
            return false;
        }
        cache_.familyAt(old.family).seen = iteration_;
    } else if (old.hasTimestamp || (!parser.trySameLine(text, old.seriesLength, old.value) &&
                                    !parser.trySeries(text.substr(0, old.seriesLength)))) {
        return false;
    }
    CachedLine line = old;
    line.offset = static_cast<std::uint32_t>(parser.entryOffset());
    line.length = static_cast<std::uint32_t>(parser.line().size());
    if (line.series != CachedLine::kMetadata) {
        line.value = parser.value();
        line.hasTimestamp = parser.line().back() != '\n';
        cache_.at(line.series).line = static_cast<std::uint32_t>(nextLines_.size());
        addSample(line.series, parser);
    }
    nextLines_.push_back(line);
    ++cursor_;
    return true;
}

absl::Status PageAppender::Impl::appendLine(exposition::TextParser& parser, bool& done)
{
    NARTHEX_ASSIGN_OR_RETURN(const exposition::EntryKind kind, parser.next());
    if (kind == exposition::EntryKind::End) {
        done = true;
        return absl::OkStatus();
    }
    CachedLine line{.offset = static_cast<std::uint32_t>(parser.entryOffset()),
                    .length = static_cast<std::uint32_t>(parser.line().size()),
                    .type = parser.type()};
    const bool whole = parser.line().back() == '\n';
    if (kind != exposition::EntryKind::Series) {
        noteMetadata(parser, kind);
        line.family = cache_.family(parser.name());
        if (whole) {
            nextLines_.push_back(line);
        }
        return absl::OkStatus();
    }
    NARTHEX_ASSIGN_OR_RETURN(line.series, resolve(parser));
    line.seriesLength = static_cast<std::uint32_t>(parser.seriesText().size());
    line.value = parser.value();
    line.hasTimestamp = parser.timestampMs().has_value() || !whole;
    CachedSeries& series = cache_.at(line.series);
    // Fall back into step behind the place where the last page had this series.
    if (series.line < lines_.size() && lines_[series.line].series == line.series) {
        cursor_ = series.line + 1;
    }
    series.line = static_cast<std::uint32_t>(nextLines_.size());
    nextLines_.push_back(line);
    addSample(line.series, parser);
    return absl::OkStatus();
}

void PageAppender::Impl::noteMetadata(const exposition::TextParser& parser,
                                      exposition::EntryKind kind)
{
    CachedFamily& family = cache_.familyAt(cache_.family(parser.name()));
    family.seen = iteration_;
    if (kind == exposition::EntryKind::Type) {
        family.metadata.type = parser.type();
    } else {
        family.metadata.help = parser.help();
    }
}

absl::StatusOr<std::uint32_t> PageAppender::Impl::resolve(const exposition::TextParser& parser)
{
    if (const auto known = cache_.find(parser.seriesText())) {
        return *known;
    }
    NARTHEX_RETURN_IF_ERROR(parser.labels(builder_));
    const bool kept = finishLabels(*job_, targetLabels_, builder_);
    if (!kept) {
        const std::uint32_t index = cache_.add(parser.seriesText());
        cache_.at(index).dropped = true;
        return index;
    }
    if (absl::Status status = checkLabels(*job_, builder_); !status.ok()) {
        if (absl::IsResourceExhausted(status)) {
            counters_.labelLimit += 1;
        }
        return base::withPosition(std::move(status), {.line = parser.lineNumber()});
    }
    NARTHEX_ASSIGN_OR_RETURN(const model::SeriesRef ref, appender_->seriesFor(builder_.build()));
    const std::uint32_t index = cache_.add(parser.seriesText());
    cache_.at(index).ref = ref;
    ++added_;
    return index;
}

void PageAppender::Impl::addSample(std::uint32_t index, const exposition::TextParser& parser)
{
    CachedSeries& series = cache_.at(index);
    ++scraped_;
    const bool again = series.seen == iteration_;
    seen_ += again ? 0 : 1;
    series.seen = iteration_;
    if (series.dropped) {
        return;
    }
    ++kept_;
    const bool ownTime = parser.timestampMs().has_value() && job_->honorTimestamps;
    const base::Timestamp time = ownTime ? base::Timestamp{*parser.timestampMs()} : time_;
    if (again && !ownTime) {
        counters_.duplicate += 1;
        return;
    }
    if (time > time_ + kFutureLimit) {
        counters_.outOfBounds += 1;
        refused_ = true;
        return;
    }
    const std::size_t at = batch_.size;
    batch_.refs[at] = series.ref;
    batch_.times[at] = time;
    batch_.values[at] = parser.value();
    batch_.series[at] = index;
    batch_.ownTime[at] = ownTime;
    if (++batch_.size == kBatch) {
        flush();
    }
}

void PageAppender::Impl::flush()
{
    const std::size_t size = std::exchange(batch_.size, 0);
    if (size == 0) {
        return;
    }
    appender_->appendBatch(std::span(batch_.refs).first(size), std::span(batch_.times).first(size),
                           std::span(batch_.values).first(size),
                           std::span(batch_.results).first(size));
    for (std::size_t i = 0; i < size; ++i) {
        AppendResult result = batch_.results[i];
        if (result == AppendResult::UnknownSeries) {
            result = appendAgain(batch_.series[i], batch_.times[i], batch_.values[i]);
        }
        if (result != AppendResult::Appended && result != AppendResult::SameAgain) {
            count(result);
            continue;
        }
        if (!batch_.ownTime[i] || job_->trackTimestampsStaleness) {
            cache_.at(batch_.series[i]).tracked = iteration_;
        }
    }
}

// The store has collected the series since the last page: it gets a new reference.
AppendResult PageAppender::Impl::appendAgain(std::uint32_t index, base::Timestamp time,
                                             double value)
{
    CachedSeries& series = cache_.at(index);
    const std::string line = cache_.rawOf(index) + " 0\n";
    exposition::TextParser again(line);
    model::LabelsBuilder labels;
    if (!again.next().ok() || !again.labels(labels).ok() ||
        !finishLabels(*job_, targetLabels_, labels)) {
        return AppendResult::UnknownSeries;
    }
    const auto ref = appender_->seriesFor(labels.build());
    if (!ref.ok()) {
        return AppendResult::UnknownSeries;
    }
    series.ref = *ref;
    return appender_->append(*ref, time, value);
}

void PageAppender::Impl::count(AppendResult result)
{
    refused_ = true;
    switch (result) {
    case AppendResult::OutOfOrder:
        counters_.outOfOrder += 1;
        break;
    case AppendResult::DuplicateTimestamp:
        counters_.duplicate += 1;
        break;
    case AppendResult::OutOfBounds:
    case AppendResult::TooOld:
        counters_.outOfBounds += 1;
        break;
    case AppendResult::Unsupported:
    case AppendResult::UnknownSeries:
    case AppendResult::Appended:
    case AppendResult::SameAgain:
        break;
    }
}

// A series that was there and is not any more ends with a marker.
void PageAppender::Impl::markStale(base::Timestamp time)
{
    for (CachedSeries& series : cache_.all()) {
        if (!series.used || series.tracked == 0 || series.tracked == iteration_) {
            continue;
        }
        appender_->append(series.ref, time, model::staleMarker());
        series.tracked = 0;
    }
}

void PageAppender::Impl::forgetUnseen()
{
    if (seen_ == cache_.size()) {
        return;
    }
    for (std::uint32_t i = 0; i < cache_.all().size(); ++i) {
        const CachedSeries& series = cache_.at(i);
        if (series.used && series.seen != iteration_) {
            cache_.remove(i);
        }
    }
}

void PageAppender::Impl::appendSynthetic(const AppendOutcome& outcome, base::Timestamp time,
                                         base::Duration timeout, base::Duration elapsed,
                                         bool fetched)
{
    const double bodySize = fetched ? static_cast<double>(outcome.bodyBytes)
                            : outcome.errorClass == ErrorClass::LimitExceeded ? -1.0
                                                                              : 0.0;
    const std::array<double, kSyntheticNames.size()> values = {
        outcome.status.ok() ? 1.0 : 0.0,
        elapsed.seconds(),
        static_cast<double>(outcome.samplesScraped),
        static_cast<double>(outcome.samplesAfterRelabeling),
        static_cast<double>(outcome.seriesAdded),
        timeout.seconds(),
        static_cast<double>(job_->sampleLimit),
        bodySize};
    const std::size_t count = job_->extraScrapeMetrics ? values.size() : kPlainSynthetic;
    for (std::size_t i = 0; i < count; ++i) {
        appendSyntheticSample(i, time, values[i]);
    }
}

void PageAppender::Impl::appendSyntheticSample(std::size_t which, base::Timestamp time,
                                               double value)
{
    model::SeriesRef& ref = syntheticRefs_[which];
    if (ref != model::kNoSeries &&
        appender_->append(ref, time, value) != AppendResult::UnknownSeries) {
        return;
    }
    model::LabelsBuilder labels(targetLabels_);
    labels.set(model::kMetricName, kSyntheticNames[which]);
    if (const auto fresh = appender_->seriesFor(labels.build()); fresh.ok()) {
        ref = *fresh;
        appender_->append(ref, time, value);
    }
}

absl::Status PageAppender::Impl::endRun(base::Timestamp time)
{
    if (iteration_ == 0) {
        return absl::OkStatus();
    }
    appender_ = store_.appender();
    ++iteration_;
    markStale(time);
    const std::size_t count = job_->extraScrapeMetrics ? kSyntheticNames.size() : kPlainSynthetic;
    for (std::size_t i = 0; i < count; ++i) {
        appendSyntheticSample(i, time, model::staleMarker());
    }
    absl::Status status = appender_->commit();
    appender_.reset();
    return status;
}

std::vector<FamilyMetadata> PageAppender::Impl::metadata() const
{
    constexpr std::uint64_t kForgetAfter = 10;
    std::vector<FamilyMetadata> result;
    for (const CachedFamily& family : cache_.families()) {
        if (family.seen + kForgetAfter >= iteration_) {
            result.push_back({.family = family.name, .metadata = family.metadata});
        }
    }
    return result;
}

PageAppender::PageAppender(std::shared_ptr<const JobConfig> job, model::Labels targetLabels,
                           storage::Appendable& store, ScrapeCounters& counters)
    : impl_(std::make_unique<Impl>(std::move(job), std::move(targetLabels), store, counters))
{}

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
