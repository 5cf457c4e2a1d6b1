// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/text_parser.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/exposition/lexical.h"
#include "core/exposition/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace narthex::exposition {
namespace {

bool isBlank(char c) { return c == ' ' || c == '\t'; }

} // namespace

std::uint32_t TextParser::lineNumber() const
{
    return static_cast<std::uint32_t>(
        1 +
        std::count(page_.begin(), page_.begin() + static_cast<std::ptrdiff_t>(entryStart_), '\n'));
}

std::size_t TextParser::lineEnd(std::size_t from) const
{
    const std::size_t end = page_.find('\n', from);
    return end == std::string_view::npos ? page_.size() : end;
}

void TextParser::finishLine(std::size_t newline) { at_ = std::min(newline + 1, page_.size()); }

void TextParser::skipBlanks()
{
    while (at_ < page_.size() && isBlank(page_[at_])) {
        ++at_;
    }
}

absl::Status TextParser::failWhile(std::string text, std::size_t end)
{
    const std::size_t stop = std::min(end, page_.size());
    std::string message = fmt::format("{} while parsing: {}", text,
                                      model::quote(page_.substr(entryStart_, stop - entryStart_)));
    const std::uint32_t line = lineNumber();
    at_ = page_.size();
    return base::withPosition(absl::InvalidArgumentError(message), {.line = line});
}

absl::Status TextParser::fail(std::string_view expected, std::size_t at)
{
    const std::string_view rest = page_.substr(std::min(at, page_.size()));
    const std::size_t shown = shownTokenLength(rest);
    return failWhile(fmt::format("{}, got {} ({})", expected, model::quote(rest.substr(0, shown)),
                                 model::quote(tokenName(rest))),
                     at + shown);
}

absl::StatusOr<EntryKind> TextParser::next()
{
    while (at_ < page_.size()) {
        entryStart_ = at_;
        const char c = page_[at_];
        if (c == '\n') {
            ++at_;
            continue;
        }
        if (c == '#') {
            NARTHEX_ASSIGN_OR_RETURN(const EntryKind kind, parseComment());
            if (kind != EntryKind::End) {
                return kind;
            }
            continue;
        }
        if (c == '\0') {
            at_ = page_.size();
            break;
        }
        if (isBlank(c)) {
            skipBlanks();
            if (peek(at_) == '\n') {
                ++at_;
                continue;
            }
            return fail("expected a valid start token", entryStart_);
        }
        return parseSeries();
    }
    entryStart_ = page_.size();
    return EntryKind::End;
}

// "# HELP name text", "# TYPE name kind", anything else is a comment: End then stands for "nothing
// to report".
absl::StatusOr<EntryKind> TextParser::parseComment()
{
    const std::size_t end = lineEnd(at_);
    std::size_t p = at_ + 1;
    while (p < end && isBlank(page_[p])) {
        ++p;
    }
    const std::string_view word = page_.substr(p, 4);
    const bool spaced = p > at_ + 1 && p + 4 < end && isBlank(page_[p + 4]);
    if (!spaced || (word != "HELP" && word != "TYPE")) {
        finishLine(end);
        return EntryKind::End;
    }
    p += 4;
    while (p < end && isBlank(page_[p])) {
        ++p;
    }
    const std::size_t nameStart = p;
    if (p < end && page_[p] == '"') {
        at_ = p;
        NARTHEX_RETURN_IF_ERROR(scanQuoted("expected metric name after " + std::string(word)));
        unescapeInto(name_, page_.substr(nameStart + 1, at_ - nameStart - 2), true);
        p = at_;
    } else {
        while (p < end && (p == nameStart ? isMetricStart(page_[p]) : isMetricChar(page_[p]))) {
            ++p;
        }
        name_.assign(page_.substr(nameStart, p - nameStart));
    }
    if (name_.empty()) {
        return fail("expected metric name after " + std::string(word), nameStart);
    }
    if (word == "HELP") {
        const std::size_t textStart = p < end && isBlank(page_[p]) ? p + 1 : p;
        const std::string_view text = page_.substr(textStart, end - textStart);
        if (!base::isValidUtf8(text)) {
            return failWhile(
                fmt::format("help text {} is not a valid utf8 string", model::quote(text)), end);
        }
        unescapeInto(help_, text, false);
        finishLine(end);
        return EntryKind::Help;
    }
    const std::string_view kind =
        p < end && isBlank(page_[p]) ? page_.substr(p + 1, end - p - 1) : page_.substr(p, end - p);
    const auto type =
        kind == "untyped" ? std::optional(model::MetricType::Unknown)
        : kind == "counter" || kind == "gauge" || kind == "histogram" || kind == "summary"
            ? model::parseMetricType(kind)
            : std::nullopt;
    if (!type) {
        return base::withPosition(
            base::invalidArgument("invalid metric type {}", model::quote(kind)),
            {.line = lineNumber()});
    }
    type_ = *type;
    finishLine(end);
    return EntryKind::Type;
}

absl::StatusOr<EntryKind> TextParser::parseSeries()
{
    if (isMetricStart(page_[at_])) {
        while (at_ < page_.size() && isMetricChar(page_[at_])) {
            ++at_;
        }
    } else if (page_[at_] != '{') {
        return fail("expected a valid start token", at_);
    }
    std::size_t seriesEnd = at_;
    skipBlanks();
    if (peek(at_) == '{') {
        NARTHEX_RETURN_IF_ERROR(scanLabels());
        seriesEnd = at_;
    }
    series_ = page_.substr(entryStart_, seriesEnd - entryStart_);
    NARTHEX_RETURN_IF_ERROR(parseValueAndTime());
    return EntryKind::Series;
}

absl::Status TextParser::scanQuoted(std::string_view expected)
{
    const std::size_t start = at_;
    for (++at_; at_ < page_.size(); ++at_) {
        if (page_[at_] == '\\') {
            ++at_;
        } else if (page_[at_] == '"') {
            ++at_;
            const std::string_view text = page_.substr(start + 1, at_ - start - 2);
            if (!base::isValidUtf8(text)) {
                return failWhile(fmt::format("invalid UTF-8 label value: {}", model::quote(text)),
                                 at_);
            }
            return absl::OkStatus();
        }
    }
    return fail(expected, page_.size());
}

// Checks the grammar of `{…}` and leaves the cursor behind the closing brace; labels() reads it
// again when the series is new.
absl::Status TextParser::scanLabels()
{
    bool hasName = page_[entryStart_] != '{';
    ++at_;
    while (true) {
        skipBlanks();
        const char c = at_ < page_.size() ? page_[at_] : '\0';
        if (c == '}') {
            ++at_;
            break;
        }
        const bool quoted = c == '"';
        if (quoted) {
            NARTHEX_RETURN_IF_ERROR(scanQuoted("expected label name or metric name"));
        } else if (isNameStart(c)) {
            while (at_ < page_.size() && isLabelChar(page_[at_])) {
                ++at_;
            }
        } else {
            return fail("expected label name", at_);
        }
        skipBlanks();
        const char after = at_ < page_.size() ? page_[at_] : '\0';
        if (quoted && (after == ',' || after == '}')) {
            if (hasName) {
                return failWhile("metric name already set", at_);
            }
            hasName = true;
        } else {
            if (after != '=') {
                return fail("expected equal", at_);
            }
            ++at_;
            skipBlanks();
            if (at_ >= page_.size() || page_[at_] != '"') {
                return fail("expected label value", at_);
            }
            NARTHEX_RETURN_IF_ERROR(scanQuoted("expected label value"));
            skipBlanks();
        }
        // A missing comma between labels is accepted, as upstream does.
        if (at_ < page_.size() && page_[at_] == ',') {
            ++at_;
        }
    }
    if (!hasName) {
        return failWhile("metric name not set", lineEnd(at_));
    }
    return absl::OkStatus();
}

absl::Status TextParser::parseValueAndTime()
{
    skipBlanks();
    const std::size_t valueStart = at_;
    const char* end = page_.data() + page_.size();
    const ParsedValue parsed = parseValue(page_.data() + at_, end);
    at_ = static_cast<std::size_t>(parsed.end - page_.data());
    if (parsed.status != ValueStatus::Ok) {
        const std::string_view token = page_.substr(valueStart, at_ - valueStart);
        if (token.empty()) {
            return fail("expected value after metric", valueStart);
        }
        if (parsed.status == ValueStatus::Unsupported) {
            return failWhile("unsupported character in float", at_);
        }
        return failWhile(fmt::format("strconv.ParseFloat: parsing {}: {}", model::quote(token),
                                     parsed.status == ValueStatus::Range ? "value out of range"
                                                                         : "invalid syntax"),
                         at_);
    }
    value_ = parsed.value;
    timestampMs_.reset();
    skipBlanks();
    if (peek(at_) != '\n') {
        const std::size_t timeStart = at_;
        while (at_ < page_.size() && isDigit(page_[at_])) {
            ++at_;
        }
        const auto time = base::parseInt(page_.substr(timeStart, at_ - timeStart));
        if (!time) {
            return fail("expected timestamp or new record", timeStart);
        }
        timestampMs_ = *time;
        skipBlanks();
        if (peek(at_) != '\n') {
            return fail("expected next entry after timestamp", at_);
        }
    }
    finishLine(at_);
    return absl::OkStatus();
}

bool TextParser::trySeries(std::string_view series)
{
    const std::string_view rest = page_.substr(at_);
    if (rest.size() <= series.size() || !isBlank(rest[series.size()]) ||
        !rest.starts_with(series)) {
        return false;
    }
    const char* p = rest.data() + series.size() + 1;
    const char* end = page_.data() + page_.size();
    const ParsedValue parsed = parseValue(p, end);
    // Anything unusual (timestamps, blanks, errors) goes through the full parser.
    if (parsed.status != ValueStatus::Ok || (parsed.end != end && *parsed.end != '\n')) {
        return false;
    }
    entryStart_ = at_;
    series_ = rest.substr(0, series.size());
    value_ = parsed.value;
    timestampMs_.reset();
    finishLine(static_cast<std::size_t>(parsed.end - page_.data()));
    return true;
}

bool TextParser::trySameLine(std::string_view line, std::size_t seriesLength, double value)
{
    if (page_.size() - at_ < line.size() ||
        std::memcmp(page_.data() + at_, line.data(), line.size()) != 0) {
        return false;
    }
    entryStart_ = at_;
    series_ = page_.substr(at_, seriesLength);
    value_ = value;
    timestampMs_.reset();
    at_ += line.size();
    return true;
}

bool TextParser::tryMetadataLine(std::string_view line, model::MetricType type)
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

absl::Status TextParser::labels(model::LabelsBuilder& out) const
{
    out.reset({});
    std::size_t p = 0;
    while (p < series_.size() && isMetricChar(series_[p])) {
        ++p;
    }
    if (p > 0) {
        out.set(model::kMetricName, series_.substr(0, p));
    }
    std::string name;
    std::string value;
    const auto skip = [&](std::string_view what) {
        while (p < series_.size() && what.find(series_[p]) != std::string_view::npos) {
            ++p;
        }
    };
    const auto takeQuoted = [&](std::string& into) {
        const std::size_t start = ++p;
        while (p < series_.size() && series_[p] != '"') {
            p += series_[p] == '\\' ? 2U : 1U;
        }
        unescapeInto(into, series_.substr(start, p - start), true);
        ++p;
    };
    for (skip(" \t{"); p < series_.size() && series_[p] != '}'; skip(" \t,")) {
        const bool quoted = series_[p] == '"';
        if (quoted) {
            takeQuoted(name);
        } else {
            const std::size_t start = p;
            while (p < series_.size() && isLabelChar(series_[p])) {
                ++p;
            }
            name.assign(series_.substr(start, p - start));
        }
        skip(" \t");
        if (quoted && p < series_.size() && series_[p] != '=') {
            out.set(model::kMetricName, name);
            continue;
        }
        skip("= \t");
        takeQuoted(value);
        const bool numeric = (name == "le" && type_ == model::MetricType::Histogram) ||
                             (name == "quantile" && type_ == model::MetricType::Summary);
        if (out.has(name)) {
            return base::withPosition(base::invalidArgument("label name {} is not unique: {}",
                                                            model::quote(name), series_),
                                      {.line = lineNumber()});
        }
        out.set(name, numeric ? normalisedNumber(value) : value);
    }
    return absl::OkStatus();
}

} // namespace narthex::exposition
