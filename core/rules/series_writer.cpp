// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/series_writer.h"

#include "core/base/status.h"
#include "core/model/sample.h"

namespace narthex::rules {
namespace {

using storage::AppendResult;

void count(AppendResult result, WriteOutcome& outcome)
{
    switch (result) {
    case AppendResult::Appended:
    case AppendResult::SameAgain:
        ++outcome.samples;
        return;
    case AppendResult::OutOfOrder:
        ++outcome.outOfOrder;
        return;
    case AppendResult::DuplicateTimestamp:
        ++outcome.duplicates;
        return;
    case AppendResult::OutOfBounds:
    case AppendResult::TooOld:
        ++outcome.tooOld;
        return;
    case AppendResult::UnknownSeries:
    case AppendResult::Unsupported:
        ++outcome.otherwiseRefused;
        return;
    }
}

absl::Status refusal(const WriteOutcome& outcome)
{
    if (outcome.refused() == 0) {
        return absl::OkStatus();
    }
    return base::outOfRange("{} samples were refused: {} out of order, {} too old, {} with another "
                            "value at the same time, {} for other reasons",
                            outcome.refused(), outcome.outOfOrder, outcome.tooOld,
                            outcome.duplicates, outcome.otherwiseRefused);
}

} // namespace

void SeriesWriter::begin()
{
    if (open_) { // a rule that goes on failing must not gather what it never wrote
        forgetUnwritten();
    }
    open_ = true;
    ++run_;
    floats_.clear();
    values_.clear();
    histograms_.clear();
}

SeriesWriter::Series& SeriesWriter::seriesOf(model::Labels labels)
{
    auto& series = series_[labels.hash()];
    if (!series) {
        series = std::make_unique<Series>();
        series->labels = std::move(labels);
    }
    return *series;
}

bool SeriesWriter::add(std::string_view key, const SampleValue& value,
                       absl::FunctionRef<model::Labels()> labels)
{
    auto found = keys_.find(key);
    if (found == keys_.end()) {
        found = keys_.emplace(std::string(key), Key{.series = &seriesOf(labels())}).first;
    }
    found->second.seen = run_;
    Series& series = *found->second.series;
    if (series.seen == run_) {
        return false;
    }
    series.seen = run_;
    if (const auto* number = std::get_if<double>(&value)) {
        floats_.push_back({&series, nullptr});
        values_.push_back(*number);
    } else {
        histograms_.push_back({&series, std::get<promql::HistogramPtr>(value)});
    }
    return true;
}

absl::Status SeriesWriter::resolve(storage::Appender& appender, Series& series)
{
    NARTHEX_ASSIGN_OR_RETURN(series.ref, appender.seriesFor(series.labels));
    return absl::OkStatus();
}

absl::Status SeriesWriter::append(storage::Appender& appender, base::Timestamp time,
                                  WriteOutcome& outcome)
{
    refs_.clear();
    for (const Pending& each : floats_) {
        if (each.series->ref == model::kNoSeries) {
            NARTHEX_RETURN_IF_ERROR(resolve(appender, *each.series));
        }
        refs_.push_back(each.series->ref);
    }
    times_.assign(refs_.size(), time);
    results_.assign(refs_.size(), AppendResult::Appended);
    appender.appendBatch(refs_, times_, values_, results_);
    for (std::size_t i = 0; i < results_.size(); ++i) {
        if (results_[i] == AppendResult::UnknownSeries) { // collected since: it is a new series
            NARTHEX_RETURN_IF_ERROR(resolve(appender, *floats_[i].series));
            results_[i] = appender.append(floats_[i].series->ref, time, values_[i]);
        }
        count(results_[i], outcome);
    }
    for (const Pending& each : histograms_) {
        if (each.series->ref == model::kNoSeries) {
            NARTHEX_RETURN_IF_ERROR(resolve(appender, *each.series));
        }
        AppendResult result = appender.appendHistogram(each.series->ref, time, *each.histogram);
        if (result == AppendResult::UnknownSeries) {
            NARTHEX_RETURN_IF_ERROR(resolve(appender, *each.series));
            result = appender.appendHistogram(each.series->ref, time, *each.histogram);
        }
        count(result, outcome);
    }
    return absl::OkStatus();
}

void SeriesWriter::endMissing(storage::Appender& appender, base::Timestamp time)
{
    for (const auto& [hash, series] : series_) {
        if (series->written == 0 || series->seen == run_) {
            continue;
        }
        if (series->ref == model::kNoSeries && !resolve(appender, *series).ok()) {
            continue; // a series that cannot be made has nothing to end
        }
        // Refused where another rule writes this series by now, which is as it should be.
        static_cast<void>(appender.append(series->ref, time, model::staleMarker()));
    }
}

void SeriesWriter::forgetMissing()
{
    absl::erase_if(keys_, [this](const auto& item) { return item.second.seen != run_; });
    absl::erase_if(series_, [this](const auto& item) { return item.second->seen != run_; });
}

void SeriesWriter::forgetUnwritten()
{
    absl::erase_if(keys_, [](const auto& item) { return item.second.series->written == 0; });
    absl::erase_if(series_, [](const auto& item) { return item.second->written == 0; });
}

WriteOutcome SeriesWriter::finish(storage::Appendable& store, base::Timestamp time)
{
    WriteOutcome outcome;
    open_ = false;
    const bool nothingNew = floats_.empty() && histograms_.empty();
    if (nothingNew && written_ == 0) {
        forgetMissing();
        return outcome;
    }
    const std::unique_ptr<storage::Appender> appender = store.appender();
    outcome.status = append(*appender, time, outcome);
    if (outcome.status.ok()) {
        endMissing(*appender, time);
        outcome.status = appender->commit();
    }
    if (!outcome.status.ok()) {
        appender->rollback();
        outcome.samples = 0;
        return outcome;
    }
    for (auto& [hash, series] : series_) {
        series->written = series->seen == run_ ? run_ : series->written;
    }
    forgetMissing();
    written_ = series_.size();
    outcome.status = refusal(outcome);
    return outcome;
}

std::vector<model::Labels> SeriesWriter::series() const
{
    std::vector<model::Labels> result;
    for (const auto& [hash, series] : series_) {
        if (series->written != 0) {
            result.push_back(series->labels);
        }
    }
    return result;
}

void SeriesWriter::expectStale(const std::vector<model::Labels>& series)
{
    for (const model::Labels& labels : series) {
        Series& each = seriesOf(labels);
        each.written = each.written == 0 ? run_ + 1 : each.written;
    }
    written_ = series_.size();
}

} // namespace narthex::rules
