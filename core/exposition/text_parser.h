// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A pull parser for the text format (0.0.4 and 1.0.0): walks a page line by line without copying or
// allocating. Owner: the caller; the page's bytes must outlive the parser and every view it
// returns. Threads: one at a time. Errors: InvalidArgument in Prometheus' wording, with the line in
// the Position payload; the parser is at its end afterwards. Format: spec/scrape.md, Text format.
#pragma once

#include "core/model/labels.h"
#include "core/model/sample.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::exposition {

enum class EntryKind : std::uint8_t
{
    Series,
    Type,
    Help,
    /// OpenMetrics only.
    Unit,
    End
};

class TextParser
{
public:
    explicit TextParser(std::string_view page) : page_(page) {}

    /// The next entry; comments and empty lines are passed over. End again and again at the end.
    absl::StatusOr<EntryKind> next();

    /// Fast path for a page that resembles the last one: when the rest of the page starts with
    /// `series` followed by a value, takes that line as the next entry and returns true. Otherwise
    /// nothing changes. The check is one memcmp.
    bool trySeries(std::string_view series);
    /// As trySeries, but the whole line must be `line` (with its end of line), so that not even the
    /// value is parsed: it is `value`, without a timestamp.
    bool trySameLine(std::string_view line, std::size_t seriesLength, double value);
    /// The same for a TYPE or HELP line; `type` is the type in force after it.
    bool tryMetadataLine(std::string_view line, model::MetricType type);

    // After Type and Help.
    /// The family's name, unescaped.
    [[nodiscard]] const std::string& name() const { return name_; }
    /// The type in force (after the last TYPE line).
    [[nodiscard]] model::MetricType type() const { return type_; }
    /// Unescaped.
    [[nodiscard]] const std::string& help() const { return help_; }

    // After Series.
    /// Name and labels exactly as they stand on the page.
    [[nodiscard]] std::string_view seriesText() const { return series_; }
    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::optional<std::int64_t> timestampMs() const { return timestampMs_; }
    /// The labels of the current series, `le` and `quantile` normalised when the type in force asks
    /// for it. What `out` held is dropped. Repeated label names: InvalidArgument.
    absl::Status labels(model::LabelsBuilder& out) const;

    /// The line of the current entry with its end of line, for the fast paths of the next page.
    [[nodiscard]] std::string_view line() const
    {
        return page_.substr(entryStart_, at_ - entryStart_);
    }
    [[nodiscard]] std::size_t entryOffset() const { return entryStart_; }
    /// Counts from 1.
    [[nodiscard]] std::uint32_t lineNumber() const;

private:
    absl::StatusOr<EntryKind> parseComment();
    absl::StatusOr<EntryKind> parseSeries();
    absl::Status scanLabels();
    absl::Status parseValueAndTime();
    absl::Status scanQuoted(std::string_view expected);
    absl::Status fail(std::string_view expected, std::size_t at);
    absl::Status failWhile(std::string text, std::size_t end);
    [[nodiscard]] char peek(std::size_t at) const { return at < page_.size() ? page_[at] : '\n'; }
    void skipBlanks();
    [[nodiscard]] std::size_t lineEnd(std::size_t from) const;
    void finishLine(std::size_t newline);

    std::string_view page_;
    std::size_t at_ = 0;
    std::size_t entryStart_ = 0;
    std::string_view series_;
    double value_ = 0;
    std::optional<std::int64_t> timestampMs_;
    std::string name_;
    std::string help_;
    model::MetricType type_ = model::MetricType::Unknown;
};

} // namespace narthex::exposition
