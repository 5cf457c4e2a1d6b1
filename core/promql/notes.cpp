// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/notes.h"

#include "core/base/number.h"
#include "core/base/time.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::promql {
namespace {

struct NoteText
{
    Note note;
    AnnotationKind kind;
    std::string_view text;
    /// Appended before the quoted metric name; empty: the text names none.
    std::string_view joint;
};

constexpr AnnotationKind kWarning = AnnotationKind::Warning;
constexpr AnnotationKind kInfo = AnnotationKind::Info;
constexpr std::string_view kForMetric = " for metric name ";

// clang-format off
constexpr std::array<NoteText, 17> kTexts = {{
    {Note::MixedFloatsHistograms, kWarning, "encountered a mix of histograms and floats", kForMetric},
    {Note::MixedFloatsHistogramsAggregation, kWarning, "encountered a mix of histograms and floats for aggregation", ""},
    {Note::NotACounter, kWarning, "this native histogram metric is not a counter:", " "},
    {Note::NotAGauge, kWarning, "this native histogram metric is not a gauge:", " "},
    {Note::MixedSchemas, kWarning, "vector contains a mix of histograms with exponential and custom buckets schemas", kForMetric},
    {Note::ResetConflictAddition, kWarning, "conflicting counter resets during histogram addition", ""},
    {Note::ResetConflictSubtraction, kWarning, "conflicting counter resets during histogram subtraction", ""},
    {Note::ResetConflictAggregation, kWarning, "conflicting counter resets during histogram aggregation", ""},
    {Note::MightNotBeCounter, kInfo, "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:", " "},
    {Note::IgnoredInRange, kInfo, "ignored histograms in a range containing both floats and histograms", kForMetric},
    {Note::QuantileNanResult, kInfo, "input to histogram_quantile has NaN observations, result is NaN", kForMetric},
    {Note::QuantileSkewed, kInfo, "input to histogram_quantile has NaN observations, result is skewed higher", kForMetric},
    {Note::FractionNan, kInfo, "input to histogram_fraction has NaN observations, which are excluded from all fractions", kForMetric},
    {Note::BoundsAddition, kInfo, "mismatched custom buckets were reconciled during addition", ""},
    {Note::BoundsSubtraction, kInfo, "mismatched custom buckets were reconciled during subtraction", ""},
    {Note::BoundsAggregation, kInfo, "mismatched custom buckets were reconciled during aggregation", ""},
    {Note::MixedClassicNative, kWarning, "vector contains a mix of classic and native histograms", kForMetric},
}};
// clang-format on

/// Where the metric may be unknown, its part of the text is left out.
bool nameIsOptional(Note note)
{
    return note == Note::QuantileNanResult || note == Note::QuantileSkewed ||
           note == Note::FractionNan || note == Note::MixedClassicNative;
}

} // namespace

void Notes::warn(SourceRange where, std::string_view text)
{
    put(kWarning, where, fmt::format("PromQL warning: {}", text));
}

void Notes::warnOfSource(std::string_view text)
{
    occasions_.fetch_add(1, std::memory_order_relaxed);
    const absl::MutexLock lock(&mutex_);
    if (seen_.insert(std::string(text)).second) {
        annotations_.push_back({.kind = kWarning, .text = std::string(text)});
    }
}

void Notes::inform(SourceRange where, std::string_view text)
{
    put(kInfo, where, fmt::format("PromQL info: {}", text));
}

void Notes::add(SourceRange where, NoteBits bits, std::string_view metric)
{
    if (bits.overlaps != 0) {
        addOverlaps(where, metric, bits.overlaps);
    }
    if (bits.bits == 0) {
        return;
    }
    for (const NoteText& entry : kTexts) {
        if (!bits.has(entry.note)) {
            continue;
        }
        std::string text(entry.text);
        if (!entry.joint.empty() && !(metric.empty() && nameIsOptional(entry.note))) {
            text += entry.joint;
            text += model::quote(metric);
        }
        entry.kind == kWarning ? warn(where, text) : inform(where, text);
    }
}

void Notes::addOverlaps(SourceRange where, std::string_view metric, std::uint64_t count)
{
    occasions_.fetch_add(1, std::memory_order_relaxed);
    const absl::MutexLock lock(&mutex_);
    const auto [it, isNew] = overlaps_.try_emplace(std::string(metric), OverlapEntry{where, 0});
    it->second.count += count;
}

void Notes::addRepair(SourceRange where, std::string_view metric, const Repair& repair)
{
    occasions_.fetch_add(1, std::memory_order_relaxed);
    const absl::MutexLock lock(&mutex_);
    const auto [it, isNew] = repairs_.try_emplace(std::string(metric), RepairEntry{where, repair});
    if (isNew) {
        return;
    }
    Repair& merged = it->second.repair;
    merged.lowest = std::min(merged.lowest, repair.lowest);
    merged.highest = std::max(merged.highest, repair.highest);
    merged.largestDifference = std::max(merged.largestDifference, repair.largestDifference);
    merged.from = std::min(merged.from, repair.from);
    merged.to = std::max(merged.to, repair.to);
    merged.samples += repair.samples;
}

std::vector<Annotation> Notes::take()
{
    const absl::MutexLock lock(&mutex_);
    for (const auto& [metric, entry] : repairs_) {
        const Repair& repair = entry.repair;
        annotations_.push_back(
            {kInfo,
             fmt::format(
                 "PromQL info: input to histogram_quantile needed to be fixed for monotonicity "
                 "(see "
                 "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                 "#histogram_quantile){}, from buckets {} to {}, with a max diff of {}, over {} "
                 "samples from {} to {}",
                 metric.empty() ? std::string()
                                : fmt::format(" for metric name {}", model::quote(metric)),
                 base::formatFloatG(repair.lowest), base::formatFloatG(repair.highest),
                 base::formatFloatPrecision(repair.largestDifference, 2), repair.samples,
                 base::formatTimestamp({repair.from}), base::formatTimestamp({repair.to})),
             entry.where.begin, entry.where.end});
    }
    repairs_.clear();
    for (const auto& [metric, entry] : overlaps_) {
        annotations_.push_back(
            {kWarning,
             fmt::format("PromQL warning: sample has start time that overlaps with previous sample "
                         "timestamp for metric {}{}",
                         model::quote(metric),
                         entry.count > 1 ? fmt::format(" ({} occurrences)", entry.count) : ""),
             entry.where.begin, entry.where.end});
    }
    overlaps_.clear();
    return std::move(annotations_);
}

std::size_t Notes::size()
{
    const absl::MutexLock lock(&mutex_);
    return annotations_.size();
}

std::vector<Annotation> Notes::since(std::size_t first)
{
    const absl::MutexLock lock(&mutex_);
    return {annotations_.begin() + static_cast<std::ptrdiff_t>(first), annotations_.end()};
}

void Notes::put(AnnotationKind kind, SourceRange where, std::string text)
{
    occasions_.fetch_add(1, std::memory_order_relaxed);
    const absl::MutexLock lock(&mutex_);
    if (seen_.insert(text).second) {
        annotations_.push_back({kind, std::move(text), where.begin, where.end});
    }
}

} // namespace narthex::promql
