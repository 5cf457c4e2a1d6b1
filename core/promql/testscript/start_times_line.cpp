// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The items of a line of start times. Source: spec/promqltest.md, Start timestamps.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/testscript/script.h"

namespace narthex::promql::testscript {
namespace {

using Start = std::optional<base::Duration>;

constexpr std::string_view kBlanks = " \t";

absl::Status badItem(std::string_view item)
{
    return base::invalidArgument("\"{}\" is no start time: expected a duration like -1m, -1mx3, "
                                 "-1m+5sx3, _ or _x3",
                                 item);
}

/// A duration with a sign or without.
std::optional<base::Duration> signedDuration(std::string_view text)
{
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const auto duration = base::parseDuration(text);
    if (!duration.ok()) {
        return std::nullopt;
    }
    return negative ? base::Duration{-duration->ns} : *duration;
}

/// `_`, `_x3`, `-1m`, `-1mx3`, `-1m+5sx3`
absl::Status addItem(std::string_view item, std::vector<Start>& out)
{
    // A guard against a slip of typing that would fill the memory.
    constexpr std::uint64_t kLongestRepetition = 10'000'000;
    std::string_view value = item;
    std::optional<std::uint64_t> count;
    if (const std::size_t mark = item.find('x'); mark != std::string_view::npos) {
        value = item.substr(0, mark);
        count = base::parseUint(item.substr(mark + 1));
        if (!count || *count > kLongestRepetition) {
            return base::invalidArgument("invalid repetition in \"{}\"", item);
        }
    }
    if (value == "_") {
        if (count == 0U) {
            return base::invalidArgument("invalid repetition in \"{}\"", item);
        }
        out.insert(out.end(), count.value_or(1), std::nullopt);
        return absl::OkStatus();
    }
    // The sign of a step stands behind the first duration.
    const std::size_t sign = value.find_first_of("+-", 1);
    const auto first = signedDuration(value.substr(0, sign));
    const auto step = sign < value.size() ? signedDuration(value.substr(sign)) : base::Duration{};
    if (!first || !step || (sign < value.size() && !count)) {
        return badItem(item);
    }
    base::Duration start = *first;
    for (std::uint64_t i = 0; i <= count.value_or(0); ++i) {
        out.emplace_back(start);
        start = start + *step;
    }
    return absl::OkStatus();
}

} // namespace

absl::Status addStartTimes(std::string_view items, SeriesDescription& series)
{
    std::vector<Start> starts;
    while (true) {
        const std::size_t begin = items.find_first_not_of(kBlanks);
        if (begin == std::string_view::npos) {
            break;
        }
        items.remove_prefix(begin);
        const std::string_view item = items.substr(0, items.find_first_of(kBlanks));
        NARTHEX_RETURN_IF_ERROR(addItem(item, starts));
        items.remove_prefix(item.size());
    }
    if (starts.size() != series.values.size()) {
        return base::invalidArgument("{} start times for {} values of {}", starts.size(),
                                     series.values.size(), series.labels.toString());
    }
    for (std::size_t i = 0; i < starts.size(); ++i) {
        series.values[i].start = starts[i];
    }
    return absl::OkStatus();
}

} // namespace narthex::promql::testscript
