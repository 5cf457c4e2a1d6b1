// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A pull parser for OpenMetrics text (0.0.1 and 1.0.0): walks a page line by line without copying
// or allocating. `_created` lines are series like any other; type() and name() tell to which family
// they belong. Owner: the caller; the page's bytes must outlive the parser and every view it
// returns. Threads: one at a time. Units: seconds on the page, milliseconds here. Errors:
// InvalidArgument with line and column in the Position payload; the parser is at its end
// afterwards. Format: spec/scrape.md, OpenMetrics text.
#pragma once

#include "core/exposition/text_parser.h"
#include "core/model/labels.h"
#include "core/model/sample.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::exposition {

class OpenMetricsParser
{
public:
    explicit OpenMetricsParser(std::string_view page) : page_(page) {}

    /// The next entry. End, again and again, behind `# EOF`; a page without it ends with an error.
    absl::StatusOr<EntryKind> next();

    /// Fast path for a page that resembles the last one: when the rest of the page starts with
    /// `series`, a blank and a value that ends the line, takes that line as the next entry and
    /// returns true. Otherwise nothing changes. The check is one memcmp.
    bool trySeries(std::string_view series);
    /// As trySeries, but the whole line must be `line` (with its end of line), so that not even the
    /// value is parsed: it is `value`, without timestamp and exemplar.
    bool trySameLine(std::string_view line, std::size_t seriesLength, double value);
    /// The same for a TYPE, HELP or UNIT line; `type` is the type in force after it.
    bool tryMetadataLine(std::string_view line, model::MetricType type);

    // After Type, Help and Unit.
    /// The family's name, unescaped.
    [[nodiscard]] const std::string& name() const { return name_; }
    /// The type in force (after the last TYPE line).
    [[nodiscard]] model::MetricType type() const { return type_; }
    /// Unescaped.
    [[nodiscard]] const std::string& help() const { return help_; }
    [[nodiscard]] std::string_view unit() const { return unit_; }

    // After Series.
    /// Name and labels exactly as they stand on the page.
    [[nodiscard]] std::string_view seriesText() const { return series_; }
    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] std::optional<std::int64_t> timestampMs() const { return timestampMs_; }
    /// The labels of the current series, `le` and `quantile` normalised when the type in force asks
    /// for it. What `out` held is dropped. Repeated label names: InvalidArgument.
    absl::Status labels(model::LabelsBuilder& out) const;
    [[nodiscard]] bool hasExemplar() const { return hasExemplar_; }
    /// The exemplar of the current series; call only when there is one. Its labels are taken
    /// without unescaping, as Prometheus does.
    void exemplar(model::Exemplar& out) const;

    /// The line of the current entry with its end of line, for the fast paths of the next page.
    [[nodiscard]] std::string_view line() const
    {
        return page_.substr(entryStart_, at_ - entryStart_);
    }
    [[nodiscard]] std::size_t entryOffset() const { return entryStart_; }
    /// Counts from 1.
    [[nodiscard]] std::uint32_t lineNumber() const;

private:
    absl::StatusOr<EntryKind> parseMetadata();
    absl::StatusOr<EntryKind> parseEnd();
    absl::Status parseFamilyName(std::string_view word);
    absl::StatusOr<EntryKind> parseHelp(std::size_t end);
    absl::StatusOr<EntryKind> parseType(std::size_t end);
    absl::StatusOr<EntryKind> parseUnit(std::size_t end);
    absl::StatusOr<EntryKind> parseSeries();
    absl::Status scanLabels(bool hasName, bool isExemplar);
    absl::Status scanQuoted(std::string_view expected);
    absl::Status parseExemplar();
    /// A number at the cursor, which moves behind it.
    absl::Status parseNumber(std::string_view expected, double& value);
    absl::Status parseTime(std::string_view what, std::int64_t& ms);
    absl::Status fail(std::string_view expected, std::size_t at);
    absl::Status failWhile(std::string text, std::size_t at, std::size_t end);
    [[nodiscard]] char peek() const { return at_ < page_.size() ? page_[at_] : '\0'; }
    [[nodiscard]] std::size_t lineEnd(std::size_t from) const;

    std::string_view page_;
    std::size_t at_ = 0;
    std::size_t entryStart_ = 0;
    bool ended_ = false;
    std::string_view series_;
    double value_ = 0;
    std::optional<std::int64_t> timestampMs_;
    bool hasExemplar_ = false;
    std::string_view exemplarLabels_; // with braces
    double exemplarValue_ = 0;
    std::optional<std::int64_t> exemplarTimestampMs_;
    std::string name_;
    std::string help_;
    std::string_view unit_;
    model::MetricType type_ = model::MetricType::Unknown;
};

} // namespace narthex::exposition
