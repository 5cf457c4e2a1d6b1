// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/text_page.h"

#include "core/base/status.h"

#include <type_traits>
#include <utility>

namespace narthex::scrape {

template <typename Parser>
absl::Status TextPage<Parser>::read(std::string_view body, PageSink& sink)
{
    if (body.size() >= CachedLine::kMetadata) {
        return base::invalidArgument("page of {} bytes is too large", body.size());
    }
    sink_ = &sink;
    cursor_ = 0;
    family_ = CachedSeries::kNoFamily;
    nextLines_.clear();
    nextLines_.reserve(lines_.size());
    converting_ = sink.converts();
    typedFamily_.clear();
    if constexpr (std::is_same_v<Parser, exposition::OpenMetricsParser>) {
        parsesStarts_ = sink.startTimes().parsed();
        if (parsesStarts_) {
            created_.read(body);
        }
    }
    Parser parser(body);
    absl::Status status;
    bool done = false;
    while (status.ok() && !done) {
        if (parsesStarts_ || !tryFastLine(parser)) {
            status = readLine(parser, done);
        }
    }
    if (status.ok() && converting_) {
        status = classic_.flush(sink);
    }
    classic_.endPage();
    return status;
}

template <typename Parser>
std::string TextPage<Parser>::keep(std::string body)
{
    std::swap(lines_, nextLines_);
    return std::exchange(page_, std::move(body));
}

template <typename Parser>
void TextPage<Parser>::forget()
{
    lines_.clear();
}

// The next line if it is the one that followed in the last page: no lookup by text.
template <typename Parser>
bool TextPage<Parser>::tryFastLine(Parser& parser)
{
    if (cursor_ >= lines_.size()) {
        return false;
    }
    const CachedLine& old = lines_[cursor_];
    const std::string_view text = std::string_view(page_).substr(old.offset, old.length);
    if (old.series == CachedLine::kMetadata) {
        // What converts histograms looks at each of these lines.
        if (converting_ || !parser.tryMetadataLine(text, old.type)) {
            return false;
        }
        family_ = old.family;
        sink_->cache().familyAt(old.family).seen = sink_->iteration();
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
        sink_->cache().at(line.series).line = static_cast<std::uint32_t>(nextLines_.size());
        sink_->add(line.series, parser.value(), parser.timestampMs());
    }
    nextLines_.push_back(line);
    ++cursor_;
    return true;
}

template <typename Parser>
absl::Status TextPage<Parser>::readLine(Parser& parser, bool& done)
{
    NARTHEX_ASSIGN_OR_RETURN(const exposition::EntryKind kind, parser.next());
    if (kind == exposition::EntryKind::End) {
        done = true;
        return absl::OkStatus();
    }
    SeriesCache& cache = sink_->cache();
    CachedLine line{.offset = static_cast<std::uint32_t>(parser.entryOffset()),
                    .length = static_cast<std::uint32_t>(parser.line().size()),
                    .type = parser.type()};
    const bool whole = parser.line().back() == '\n';
    if (kind != exposition::EntryKind::Series) {
        line.family = family_ = cache.family(parser.name());
        if (kind == exposition::EntryKind::Type) {
            typedFamily_ = parser.name();
        }
        if (converting_) {
            NARTHEX_RETURN_IF_ERROR(classic_.flush(*sink_));
        }
        noteMetadata(parser, kind, family_);
        if (whole) {
            nextLines_.push_back(line);
        }
        return absl::OkStatus();
    }
    line.hasTimestamp = !whole;
    return readSeries(parser, line);
}

template <typename Parser>
absl::StatusOr<bool> TextPage<Parser>::takeAsClassic(const Parser& parser, std::int64_t startMs)
{
    NARTHEX_ASSIGN_OR_RETURN(
        const bool taken,
        classic_.take(*sink_, parser.seriesText(), family_, typedFamily_, parser.value(),
                      parser.timestampMs(),
                      [&](model::LabelsBuilder& labels) { return parser.labels(labels); }));
    if (!taken) {
        return false;
    }
    if (startMs != 0) {
        classic_.setStart(startMs);
    }
    if constexpr (std::is_same_v<Parser, exposition::OpenMetricsParser>) {
        if (parser.hasExemplar()) {
            model::Exemplar exemplar;
            parser.exemplar(exemplar);
            classic_.addExemplar(std::move(exemplar));
        }
    }
    return true;
}

template <typename Parser>
absl::Status TextPage<Parser>::readSeries(Parser& parser, CachedLine line)
{
    SeriesCache& cache = sink_->cache();
    std::int64_t startMs = 0;
    if (parsesStarts_) {
        NARTHEX_RETURN_IF_ERROR(parser.labels(labels_));
        if (CreatedTimes::isCreatedLine(typedFamily_, parser.type(),
                                        labels_.get(model::kMetricName))) {
            return absl::OkStatus();
        }
        startMs = created_.startOf(typedFamily_, parser.type(), labels_);
    }
    if (converting_ && parser.type() == model::MetricType::Histogram) {
        NARTHEX_ASSIGN_OR_RETURN(const bool taken, takeAsClassic(parser, startMs));
        if (taken && !sink_->target().alwaysScrapeClassicHistograms) {
            return absl::OkStatus();
        }
        line.hasTimestamp = line.hasTimestamp || taken; // it is looked at each time
    } else if (converting_) {
        NARTHEX_RETURN_IF_ERROR(classic_.flush(*sink_));
    }
    const absl::StatusOr<std::uint32_t> series =
        sink_->resolve(parser.seriesText(), family_,
                       [&](model::LabelsBuilder& labels) { return parser.labels(labels); });
    if (!series.ok()) {
        // Counted now only: it takes a look at the whole page.
        return base::positionOf(series.status())
                   ? series.status()
                   : base::withPosition(series.status(), {.line = parser.lineNumber()});
    }
    line.series = *series;
    line.seriesLength = static_cast<std::uint32_t>(parser.seriesText().size());
    line.value = parser.value();
    line.hasTimestamp = line.hasTimestamp || parser.timestampMs().has_value();
    CachedSeries& cached = cache.at(line.series);
    // Fall back into step behind the place where the last page had this series.
    if (cached.line < lines_.size() && lines_[cached.line].series == line.series) {
        cursor_ = cached.line + 1;
    }
    cached.line = static_cast<std::uint32_t>(nextLines_.size());
    if constexpr (std::is_same_v<Parser, exposition::OpenMetricsParser>) {
        line.hasTimestamp = line.hasTimestamp || parser.hasExemplar();
    }
    nextLines_.push_back(line);
    addSample(parser, line.series, startMs);
    return absl::OkStatus();
}

template <typename Parser>
void TextPage<Parser>::addSample(const Parser& parser, std::uint32_t series, std::int64_t startMs)
{
    if (startMs != 0) {
        sink_->addStart(series, startMs);
    }
    sink_->add(series, parser.value(), parser.timestampMs());
    if constexpr (std::is_same_v<Parser, exposition::OpenMetricsParser>) {
        if (parser.hasExemplar()) {
            model::Exemplar exemplar;
            parser.exemplar(exemplar);
            sink_->addExemplars(series, {&exemplar, 1}, parser.timestampMs(), false);
        }
    }
}

template <typename Parser>
void TextPage<Parser>::noteMetadata(const Parser& parser, exposition::EntryKind kind,
                                    std::uint32_t family)
{
    if (kind == exposition::EntryKind::Type) {
        sink_->setType(family, parser.type());
    } else if (kind == exposition::EntryKind::Help) {
        sink_->setHelp(family, parser.help());
    }
    if constexpr (std::is_same_v<Parser, exposition::OpenMetricsParser>) {
        if (kind == exposition::EntryKind::Unit) {
            sink_->setUnit(family, parser.unit());
        }
    }
}

template class TextPage<exposition::TextParser>;
template class TextPage<exposition::OpenMetricsParser>;

} // namespace narthex::scrape
