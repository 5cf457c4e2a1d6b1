// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A query test script as data: its commands, and the parser that reads them.
// Threads: values, pure functions. Units: milliseconds; lines count from 1.
// Errors: InvalidArgument with the line in the Position payload. Source: spec/promqltest.md.
#pragma once

#include "core/promql/features.h"
#include "core/promql/series_description.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narthex::promql::testscript {

struct Load
{
    std::int64_t stepMs = 0;
    std::vector<SeriesDescription> series;
};

struct Clear
{};

enum class ExpectKind : std::uint8_t
{
    Ordered,
    Fail,
    Warn,
    NoWarn,
    Info,
    NoInfo
};

struct Expectation
{
    ExpectKind kind = ExpectKind::Ordered;
    enum class Match : std::uint8_t
    {
        Any,
        Text,
        Regex
    };
    Match match = Match::Any;
    std::string text{};
};

struct TimeRange
{
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::int64_t step = 1;
};

struct Eval
{
    std::uint32_t line = 0;
    bool instant = true;
    /// Instant: from == to.
    TimeRange range;
    std::string query;
    std::vector<Expectation> expectations;
    std::vector<SeriesDescription> series;
    std::optional<double> scalar;
    std::optional<std::string> string;
    /// `expect range vector`
    std::optional<TimeRange> rangeVector;
    /// Where values are expected: lines of series, the scalar, the string.
    std::vector<std::uint32_t> valueLines;
    /// The last line of the block.
    std::uint32_t lastLine = 0;

    [[nodiscard]] bool has(ExpectKind kind) const;
};

struct Command
{
    std::uint32_t line = 0;
    std::variant<Load, Clear, Eval> what;
};

absl::StatusOr<std::vector<Command>> parseScript(std::string_view text, const Features& features);

/// Gives the values of `series` the start times of a `…@st` line's items: `-1m _ 0sx2`. Errors:
/// InvalidArgument for a bad item and for another number of items than values.
absl::Status addStartTimes(std::string_view items, SeriesDescription& series);

/// Classic histogram series of a `load_with_nhcb` block as native histograms with custom buckets.
absl::StatusOr<std::vector<SeriesDescription>>
customBucketHistograms(const std::vector<SeriesDescription>& series);

} // namespace narthex::promql::testscript
