// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/openmetrics_parser.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/exposition/lexical.h"
#include "core/exposition/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace narthex::exposition {
namespace {

constexpr std::string_view kEnd = "# EOF";

/// Seconds with up to three decimals, as nearly all are, without the rounding of a multiplication.
std::optional<std::int64_t> plainMilliseconds(std::string_view text)
{
    const bool negative = text.starts_with('-');
    if (negative) {
        text.remove_prefix(1);
    }
    constexpr std::size_t kMaxDigits = 15;
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view decimals =
        point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
    const auto allDigits = [](std::string_view digits) {
        return std::all_of(digits.begin(), digits.end(), isDigit);
    };
    if (whole.empty() || whole.size() > kMaxDigits || decimals.size() > 3 || !allDigits(whole) ||
        !allDigits(decimals)) {
        return std::nullopt;
    }
    std::int64_t ms = 0;
    for (const char c : whole) {
        ms = ms * 10 + (c - '0');
    }
    for (std::size_t i = 0; i < 3; ++i) {
        ms = ms * 10 + (i < decimals.size() ? decimals[i] - '0' : 0);
    }
    return negative ? -ms : ms;
}

} // namespace

std::uint32_t OpenMetricsParser::lineNumber() const
{
    return static_cast<std::uint32_t>(
        1 +
        std::count(page_.begin(), page_.begin() + static_cast<std::ptrdiff_t>(entryStart_), '\n'));
}

std::size_t OpenMetricsParser::lineEnd(std::size_t from) const
{
    const std::size_t end = page_.find('\n', from);
    return end == std::string_view::npos ? page_.size() : end;
}

absl::Status OpenMetricsParser::failWhile(std::string text, std::size_t at, std::size_t end)
{
    const std::size_t stop = std::clamp(end, entryStart_, page_.size());
    std::string message = fmt::format("{} while parsing: {}", text,
                                      model::quote(page_.substr(entryStart_, stop - entryStart_)));
    const auto column = static_cast<std::uint32_t>(std::max(at, entryStart_) - entryStart_ + 1);
    const base::Position position{.line = lineNumber(), .column = column};
    at_ = page_.size();
    ended_ = true;
    return base::withPosition(absl::InvalidArgumentError(message), position);
}

absl::Status OpenMetricsParser::fail(std::string_view expected, std::size_t at)
{
    const std::string_view rest = page_.substr(std::min(at, page_.size()));
    const std::size_t shown = shownTokenLength(rest);
    return failWhile(fmt::format("{}, got {} ({})", expected, model::quote(rest.substr(0, shown)),
                                 model::quote(tokenName(rest))),
                     at, at + shown);
}

absl::StatusOr<EntryKind> OpenMetricsParser::next()
{
    entryStart_ = at_;
    if (ended_) {
        return EntryKind::End;
    }
    if (at_ == page_.size()) {
        return failWhile("data does not end with # EOF", at_, at_);
    }
    if (page_[at_] == '#') {
        return parseMetadata();
    }
    return parseSeries();
}

absl::StatusOr<EntryKind> OpenMetricsParser::parseEnd()
{
    at_ += kEnd.size();
    if (peek() == '\n') {
        ++at_;
    }
    if (at_ != page_.size()) {
        return failWhile("unexpected data after # EOF", at_, at_);
    }
    ended_ = true;
    return EntryKind::End;
}

absl::StatusOr<EntryKind> OpenMetricsParser::parseMetadata()
{
    const std::size_t end = lineEnd(at_);
    const std::string_view text = page_.substr(at_, end - at_);
    if (text == kEnd) {
        return parseEnd();
    }
    const std::string_view word = text.substr(0, 7);
    if (word != "# HELP " && word != "# TYPE " && word != "# UNIT ") {
        return fail("expected a valid start token", at_);
    }
    at_ += word.size();
    NARTHEX_RETURN_IF_ERROR(parseFamilyName(word.substr(2, 4)));
    if (end == page_.size()) {
        return failWhile("data does not end with # EOF", end, end);
    }
    switch (word[2]) {
    case 'H':
        return parseHelp(end);
    case 'T':
        return parseType(end);
    default:
        return parseUnit(end);
    }
}

absl::Status OpenMetricsParser::parseFamilyName(std::string_view word)
{
    const std::size_t start = at_;
    if (peek() == '"') {
        NARTHEX_RETURN_IF_ERROR(scanQuoted(fmt::format("expected metric name after {}", word)));
        unescapeInto(name_, page_.substr(start + 1, at_ - start - 2), true);
    } else {
        while (at_ < page_.size() &&
               (at_ == start ? isMetricStart(page_[at_]) : isMetricChar(page_[at_]))) {
            ++at_;
        }
        name_.assign(page_.substr(start, at_ - start));
    }
    return name_.empty() ? fail(fmt::format("expected metric name after {}", word), start)
                         : absl::OkStatus();
}

absl::StatusOr<EntryKind> OpenMetricsParser::parseHelp(std::size_t end)
{
    if (peek() != ' ') {
        return fail("expected text in HELP", at_);
    }
    const std::string_view text = page_.substr(at_ + 1, end - at_ - 1);
    if (!base::isValidUtf8(text)) {
        return failWhile(fmt::format("help text {} is not a valid utf8 string", model::quote(text)),
                         at_ + 1, end);
    }
    unescapeInto(help_, text, true);
    at_ = end + 1;
    return EntryKind::Help;
}

absl::StatusOr<EntryKind> OpenMetricsParser::parseType(std::size_t end)
{
    if (peek() != ' ') {
        return fail("expected text in TYPE", at_);
    }
    const std::string_view kind = page_.substr(at_ + 1, end - at_ - 1);
    const auto type = model::parseMetricType(kind);
    if (!type) {
        return failWhile(fmt::format("invalid metric type {}", model::quote(kind)), at_ + 1, end);
    }
    type_ = *type;
    at_ = end + 1;
    return EntryKind::Type;
}

absl::StatusOr<EntryKind> OpenMetricsParser::parseUnit(std::size_t end)
{
    if (peek() != ' ') {
        return fail("expected text in UNIT", at_);
    }
    const std::string_view unit = page_.substr(at_ + 1, end - at_ - 1);
    const bool isSuffix = name_.size() > unit.size() && name_.ends_with(unit) &&
                          name_[name_.size() - unit.size() - 1] == '_';
    if (!unit.empty() && !isSuffix) {
        return failWhile(fmt::format("unit {} not a suffix of metric {}", model::quote(unit),
                                     model::quote(name_)),
                         at_ + 1, end);
    }
    if (!base::isValidUtf8(unit)) {
        return failWhile(fmt::format("unit {} is not a valid utf8 string", model::quote(unit)),
                         at_ + 1, end);
    }
    unit_ = unit;
    at_ = end + 1;
    return EntryKind::Unit;
}

absl::StatusOr<EntryKind> OpenMetricsParser::parseSeries()
{
    if (isMetricStart(page_[at_])) {
        while (at_ < page_.size() && isMetricChar(page_[at_])) {
            ++at_;
        }
    } else if (page_[at_] != '{') {
        return fail("expected a valid start token", at_);
    }
    if (peek() == '{') {
        NARTHEX_RETURN_IF_ERROR(scanLabels(at_ != entryStart_, false));
    }
    series_ = page_.substr(entryStart_, at_ - entryStart_);
    NARTHEX_RETURN_IF_ERROR(parseNumber("expected value after metric", value_));
    timestampMs_.reset();
    hasExemplar_ = false;
    constexpr std::string_view kExemplar = " # {";
    if (peek() == ' ' && !page_.substr(at_).starts_with(kExemplar)) {
        std::int64_t ms = 0;
        NARTHEX_RETURN_IF_ERROR(parseTime("timestamp", ms));
        timestampMs_ = ms;
    }
    if (page_.substr(at_).starts_with(kExemplar)) {
        at_ += kExemplar.size() - 1;
        NARTHEX_RETURN_IF_ERROR(parseExemplar());
    }
    if (at_ == page_.size()) {
        return failWhile("data does not end with # EOF", at_, at_);
    }
    if (page_[at_] != '\n') {
        return fail(hasExemplar_   ? "expected next entry after exemplar"
                    : timestampMs_ ? "expected next entry after timestamp"
                                   : "expected timestamp or new record",
                    at_);
    }
    ++at_;
    return EntryKind::Series;
}

absl::Status OpenMetricsParser::scanQuoted(std::string_view expected)
{
    const std::size_t start = at_;
    for (++at_; at_ < page_.size() && page_[at_] != '\n'; ++at_) {
        if (page_[at_] == '\\' && at_ + 1 < page_.size() && page_[at_ + 1] != '\n') {
            ++at_;
        } else if (page_[at_] == '"') {
            ++at_;
            const std::string_view text = page_.substr(start + 1, at_ - start - 2);
            if (!base::isValidUtf8(text)) {
                return failWhile(fmt::format("invalid UTF-8 label value: {}", model::quote(text)),
                                 start, at_);
            }
            return absl::OkStatus();
        }
    }
    return fail(expected, at_);
}

// Checks the grammar of `{…}` and leaves the cursor behind the closing brace; labels() reads it
// again when the series is new.
absl::Status OpenMetricsParser::scanLabels(bool hasName, bool isExemplar)
{
    for (++at_; peek() != '}';) {
        const std::size_t start = at_;
        const bool quoted = peek() == '"';
        if (quoted) {
            NARTHEX_RETURN_IF_ERROR(scanQuoted("expected label name or metric name"));
        } else if (isNameStart(peek())) {
            while (at_ < page_.size() && isLabelChar(page_[at_])) {
                ++at_;
            }
        } else {
            return fail("expected label name", at_);
        }
        if (quoted && (peek() == ',' || peek() == '}')) {
            if (isExemplar) {
                return failWhile("metric name in exemplar labels", start, at_);
            }
            if (hasName) {
                return failWhile("metric name already set", start, at_);
            }
            hasName = true;
        } else {
            if (peek() != '=') {
                return fail("expected equal", at_);
            }
            ++at_;
            if (peek() != '"') {
                return fail("expected label value", at_);
            }
            NARTHEX_RETURN_IF_ERROR(scanQuoted("expected label value"));
        }
        if (peek() == ',') {
            ++at_;
        } else if (peek() != '}') {
            return fail("expected comma or brace close", at_);
        }
    }
    ++at_;
    return hasName || isExemplar ? absl::OkStatus()
                                 : failWhile("metric name not set", entryStart_, lineEnd(at_));
}

absl::Status OpenMetricsParser::parseNumber(std::string_view expected, double& value)
{
    if (peek() != ' ') {
        return fail(expected, at_);
    }
    const std::size_t start = ++at_;
    const ParsedValue parsed = parseValue(page_.data() + at_, page_.data() + page_.size());
    const auto end = static_cast<std::size_t>(parsed.end - page_.data());
    const std::string_view token = page_.substr(start, end - start);
    if (token.empty()) {
        return fail(expected, start);
    }
    switch (parsed.status) {
    case ValueStatus::Ok:
        break;
    case ValueStatus::Unsupported:
        return failWhile("unsupported character in float", start, end);
    case ValueStatus::Range:
    case ValueStatus::Syntax:
        return failWhile(fmt::format("strconv.ParseFloat: parsing {}: {}", model::quote(token),
                                     parsed.status == ValueStatus::Range ? "value out of range"
                                                                         : "invalid syntax"),
                         start, end);
    }
    at_ = end;
    value = parsed.value;
    return absl::OkStatus();
}

absl::Status OpenMetricsParser::parseTime(std::string_view what, std::int64_t& ms)
{
    const std::size_t start = at_ + 1;
    double seconds = 0;
    NARTHEX_RETURN_IF_ERROR(parseNumber(fmt::format("expected {} or new record", what), seconds));
    if (const auto plain = plainMilliseconds(page_.substr(start, at_ - start))) {
        ms = *plain;
        return absl::OkStatus();
    }
    constexpr double kLimit = 9.2e18; // of a 64-bit integer, with a margin for the cast
    const double milliseconds = seconds * 1000;
    if (!(std::fabs(milliseconds) < kLimit)) { // NaN, too
        return failWhile(fmt::format("invalid {} {}", what,
                                     std::isfinite(seconds) ? page_.substr(start, at_ - start)
                                                            : base::formatFloat(seconds)),
                         start, at_);
    }
    ms = static_cast<std::int64_t>(milliseconds);
    return absl::OkStatus();
}

absl::Status OpenMetricsParser::parseExemplar()
{
    const std::size_t start = at_;
    NARTHEX_RETURN_IF_ERROR(scanLabels(true, true));
    exemplarLabels_ = page_.substr(start, at_ - start);
    NARTHEX_RETURN_IF_ERROR(parseNumber("expected value after exemplar labels", exemplarValue_));
    exemplarTimestampMs_.reset();
    if (peek() == ' ') {
        std::int64_t ms = 0;
        NARTHEX_RETURN_IF_ERROR(parseTime("exemplar timestamp", ms));
        exemplarTimestampMs_ = ms;
    }
    hasExemplar_ = true;
    return absl::OkStatus();
}

bool OpenMetricsParser::trySeries(std::string_view series)
{
    const std::string_view rest = page_.substr(at_);
    if (ended_ || rest.size() <= series.size() || rest[series.size()] != ' ' ||
        !rest.starts_with(series)) {
        return false;
    }
    const char* end = page_.data() + page_.size();
    const ParsedValue parsed = parseValue(rest.data() + series.size() + 1, end);
    // Anything unusual (timestamps, exemplars, errors) goes through the full parser.
    if (parsed.status != ValueStatus::Ok || parsed.end == end || *parsed.end != '\n' ||
        parsed.end == rest.data() + series.size() + 1) {
        return false;
    }
    entryStart_ = at_;
    series_ = rest.substr(0, series.size());
    value_ = parsed.value;
    timestampMs_.reset();
    hasExemplar_ = false;
    at_ = static_cast<std::size_t>(parsed.end - page_.data()) + 1;
    return true;
}

bool OpenMetricsParser::trySameLine(std::string_view line, std::size_t seriesLength, double value)
{
    if (page_.size() - at_ < line.size() ||
        std::memcmp(page_.data() + at_, line.data(), line.size()) != 0) {
        return false;
    }
    entryStart_ = at_;
    series_ = page_.substr(at_, seriesLength);
    value_ = value;
    timestampMs_.reset();
    hasExemplar_ = false;
    at_ += line.size();
    return true;
}

bool OpenMetricsParser::tryMetadataLine(std::string_view line, model::MetricType type)
{
    if (page_.size() - at_ < line.size() ||
        std::memcmp(page_.data() + at_, line.data(), line.size()) != 0) {
        return false;
    }
    entryStart_ = at_;
    type_ = type;
    at_ += line.size();
    return true;
}

} // namespace narthex::exposition
