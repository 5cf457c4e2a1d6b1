// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/openmetrics_import.h"

#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/exposition/openmetrics_parser.h"
#include "core/tsdb/backfill.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace narthex::tsdb {
namespace {

using exposition::EntryKind;
using exposition::OpenMetricsParser;

/// Samples by start of window.
using WindowCounts = std::map<std::int64_t, std::uint64_t>;

/// Labels of series by their text on the page: most lines name a series that was there before.
class SeriesTexts
{
public:
    explicit SeriesTexts(const model::Labels& added) : added_(added) {}

    /// The number of the series; new ones are parsed.
    absl::StatusOr<std::uint32_t> find(const OpenMetricsParser& parser)
    {
        // The type decides how `le` and `quantile` are written.
        if (parser.type() != type_) {
            byText_.clear();
            type_ = parser.type();
        }
        const auto known = byText_.find(parser.seriesText());
        if (known != byText_.end()) {
            return known->second;
        }
        NARTHEX_RETURN_IF_ERROR(parser.labels(builder_));
        for (const model::LabelView& label : added_) {
            builder_.set(label.name, label.value);
        }
        const auto number = static_cast<std::uint32_t>(labels_.size());
        labels_.push_back(builder_.build());
        byText_.emplace(parser.seriesText(), number);
        return number;
    }
    [[nodiscard]] const model::Labels& labels(std::uint32_t number) const
    {
        return labels_[number];
    }
    [[nodiscard]] std::size_t size() const { return labels_.size(); }

private:
    const model::Labels& added_;
    model::LabelsBuilder builder_;
    model::MetricType type_ = model::MetricType::Unknown;
    base::StringViewMap<std::uint32_t> byText_; // views of the page
    std::vector<model::Labels> labels_;
};

/// Walks the samples. `onSample` is given the parser, which stands on one.
absl::Status eachSample(std::string_view text, const std::stop_token& stop,
                        absl::FunctionRef<absl::Status(const OpenMetricsParser&)> onSample)
{
    constexpr std::uint64_t kLookForStopEvery = 4096;
    OpenMetricsParser parser(text);
    for (std::uint64_t lines = 0;; ++lines) {
        NARTHEX_ASSIGN_OR_RETURN(const EntryKind kind, parser.next());
        if (kind == EntryKind::End) {
            return absl::OkStatus();
        }
        if (lines % kLookForStopEvery == 0 && stop.stop_requested()) {
            return base::cancelled("the import was stopped");
        }
        if (kind == EntryKind::Series) {
            NARTHEX_RETURN_IF_ERROR(onSample(parser));
        }
    }
}

absl::StatusOr<WindowCounts> countWindows(std::string_view text, const ImportOptions& options,
                                          std::int64_t windowMs, const std::stop_token& stop)
{
    WindowCounts counts;
    SeriesTexts series(options.addedLabels);
    const auto count = [&](const OpenMetricsParser& parser) -> absl::Status {
        if (!parser.timestampMs()) {
            return base::withPosition(
                base::invalidArgument("expected timestamp for series {}, got none: samples without "
                                      "time cannot be put into a block",
                                      parser.seriesText()),
                {.line = parser.lineNumber(), .column = 1});
        }
        ++counts[windowStart(*parser.timestampMs(), windowMs)];
        return series.find(parser).status();
    };
    NARTHEX_RETURN_IF_ERROR(eachSample(text, stop, count));
    return counts;
}

/// One window that is being filled.
struct Window
{
    BlockBuilder builder;
    /// The builder's number of each series, by the number of its text; none before its first
    /// sample in the window.
    std::vector<std::optional<BlockBuilder::Series>> series;
};
using Windows = std::map<std::int64_t, Window>;

/// One reading, which fills these windows.
absl::Status fill(std::string_view text, const ImportOptions& options, std::int64_t windowMs,
                  Windows& windows, const std::stop_token& stop)
{
    SeriesTexts texts(options.addedLabels);
    auto window = windows.end(); // the last one: runs of one window are the rule
    const auto add = [&](const OpenMetricsParser& parser) -> absl::Status {
        const std::int64_t time = *parser.timestampMs();
        const std::int64_t start = windowStart(time, windowMs);
        if (window == windows.end() || window->first != start) {
            window = windows.find(start);
        }
        if (window == windows.end()) {
            return absl::OkStatus(); // another reading's
        }
        auto& [builder, series] = window->second;
        NARTHEX_ASSIGN_OR_RETURN(const std::uint32_t number, texts.find(parser));
        if (number >= series.size()) {
            series.resize(number + 1);
        }
        if (!series[number]) {
            NARTHEX_ASSIGN_OR_RETURN(series[number], builder.seriesFor(texts.labels(number)));
        }
        return builder.add(*series[number], time, parser.value());
    };
    return eachSample(text, stop, add);
}

} // namespace

absl::StatusOr<ImportReport>
importOpenMetrics(std::string_view text, const std::filesystem::path& directory,
                  const ImportOptions& options, const base::Clock& clock,
                  absl::FunctionRef<void(const BlockMeta&)> onBlock, const std::stop_token& stop)
{
    const std::int64_t windowMs = backfillWindowMs(options.maxBlockMs);
    NARTHEX_ASSIGN_OR_RETURN(const WindowCounts counts,
                             countWindows(text, options, windowMs, stop));
    ImportReport report;
    for (auto next = counts.begin(); next != counts.end();) {
        Windows windows;
        for (std::uint64_t samples = 0;
             next != counts.end() &&
             (windows.empty() || samples + next->second <= options.samplesAtOnce);
             ++next) {
            samples += next->second;
            windows.emplace(next->first, Window{BlockBuilder(next->first, windowMs), {}});
        }
        NARTHEX_RETURN_IF_ERROR(fill(text, options, windowMs, windows, stop));
        ++report.passes;
        for (auto& [start, window] : windows) {
            BlockBuilder& builder = window.builder;
            report.samples += builder.samples();
            NARTHEX_ASSIGN_OR_RETURN(const std::optional<BlockMeta> meta,
                                     builder.write(directory, clock));
            report.duplicates += builder.duplicates();
            if (meta) {
                ++report.blocks;
                onBlock(*meta);
            }
        }
    }
    return report;
}

} // namespace narthex::tsdb
