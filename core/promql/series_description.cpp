// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/series_description.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/histogram_buckets.h"
#include "core/promql/histogram_math.h"
#include "core/promql/histogram_notation.h"
#include "core/promql/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace narthex::promql {
namespace {

constexpr bool isBlank(char c) { return c == ' ' || c == '\t'; }
constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// How many samples one item may stand for: a guard against a typing slip that would fill the
/// memory.
constexpr std::uint64_t kLongestRepetition = 10'000'000;

class SequenceParser
{
public:
    /// Begins at byte `at`; columns count from the beginning of `text`.
    explicit SequenceParser(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

    absl::StatusOr<std::vector<SequenceValue>> run()
    {
        skipBlanks();
        while (at_ < text_.size()) {
            NARTHEX_RETURN_IF_ERROR(item());
            if (at_ < text_.size() && !isBlank(text_[at_])) {
                return fail("unexpected character");
            }
            skipBlanks();
        }
        return std::move(values_);
    }

private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skipBlanks()
    {
        while (isBlank(peek())) {
            ++at_;
        }
    }
    [[nodiscard]] absl::Status fail(std::string_view what) const
    {
        return base::invalidArgument("1:{}: parse error: {} in series values: \"{}\"", at_ + 1,
                                     what, text_.substr(at_, 20));
    }

    absl::Status item()
    {
        if (text_.substr(at_).starts_with("{{")) {
            return histogramItem();
        }
        if (peek() == '_') {
            ++at_;
            std::uint64_t count = 1;
            if (peek() == 'x') {
                NARTHEX_RETURN_IF_ERROR(repetition(count));
            }
            values_.insert(values_.end(), count, SequenceValue{.omitted = true});
            return absl::OkStatus();
        }
        if (isLetter(peek()) && text_.substr(at_, 5) == "stale") {
            at_ += 5;
            values_.push_back({.value = model::staleMarker()});
            return absl::OkStatus();
        }
        return numberItem();
    }

    absl::Status numberItem()
    {
        double value = 0;
        NARTHEX_RETURN_IF_ERROR(number(value, true));
        double step = 0;
        bool stepped = false;
        if (peek() == '+' || peek() == '-') {
            NARTHEX_RETURN_IF_ERROR(number(step, true));
            stepped = true;
        }
        std::uint64_t count = 0;
        if (stepped || peek() == 'x') {
            NARTHEX_RETURN_IF_ERROR(repetition(count));
        }
        for (std::uint64_t i = 0; i <= count; ++i) {
            values_.push_back({.value = value});
            value = stepped ? value + step : value;
        }
        return absl::OkStatus();
    }

    absl::Status number(double& value, bool signAllowed)
    {
        bool negative = false;
        if (signAllowed && (peek() == '+' || peek() == '-')) {
            negative = peek() == '-';
            ++at_;
        }
        const std::size_t begin = at_;
        while (at_ < text_.size() && isNumberByte(begin)) {
            ++at_;
        }
        const std::string_view digits = text_.substr(begin, at_ - begin);
        const auto parsed = parseDigits(digits);
        if (!parsed) {
            at_ = begin;
            return fail("number or \"stale\" expected");
        }
        value = negative ? -*parsed : *parsed;
        return absl::OkStatus();
    }

    /// Letters but x belong to it (units, NaN, Inf), signs only behind an exponent.
    [[nodiscard]] bool isNumberByte(std::size_t begin) const
    {
        const char c = text_[at_];
        if (isDigit(c) || c == '.' || (isLetter(c) && c != 'x')) {
            return true;
        }
        return (c == '+' || c == '-') && at_ > begin && (text_[at_ - 1] | 0x20) == 'e' &&
               isDigit(text_[begin]);
    }

    static std::optional<double> parseDigits(std::string_view digits)
    {
        if (const auto value = base::parseFloat(digits)) {
            return value;
        }
        const NumberScan scan = scanNumberOrDuration(digits);
        if (scan.length == 0 || scan.length != digits.size() || !scan.isDuration) {
            return std::nullopt;
        }
        const auto duration = base::parseDuration(digits);
        return duration.ok() ? std::optional(duration->seconds()) : std::nullopt;
    }

    absl::Status repetition(std::uint64_t& count)
    {
        if (peek() != 'x') {
            return fail("repetition expected");
        }
        ++at_;
        const std::size_t begin = at_;
        while (isDigit(peek())) {
            ++at_;
        }
        const auto parsed = base::parseUint(text_.substr(begin, at_ - begin));
        if (!parsed || *parsed > kLongestRepetition) {
            return fail("invalid repetition");
        }
        count = *parsed;
        return absl::OkStatus();
    }

    absl::Status histogramItem()
    {
        ParsedHistogram first;
        NARTHEX_RETURN_IF_ERROR(histogram(first));
        const char sign = peek();
        std::uint64_t count = 0;
        if (sign == 'x') {
            NARTHEX_RETURN_IF_ERROR(repetition(count));
        }
        if (sign != '+' && sign != '-') {
            values_.insert(values_.end(), count + 1, toValue(first.histogram, first.hintGiven));
            return absl::OkStatus();
        }
        ++at_;
        ParsedHistogram step;
        NARTHEX_RETURN_IF_ERROR(histogram(step));
        NARTHEX_RETURN_IF_ERROR(repetition(count));
        if (first.histogram.schema > step.histogram.schema) {
            return fail(fmt::format("cannot merge histograms from schema {} to {}",
                                    step.histogram.schema, first.histogram.schema));
        }
        for (std::uint64_t i = 0; i <= count; ++i) {
            values_.push_back(toValue(first.histogram, step.hintGiven));
            AddNotes ignored;
            if (!(sign == '+' ? add(first.histogram, step.histogram, ignored)
                              : subtract(first.histogram, step.histogram, ignored))) {
                return fail("histograms cannot be combined");
            }
        }
        return absl::OkStatus();
    }

    static SequenceValue toValue(const model::FloatHistogram& histogram, bool hintGiven)
    {
        return {.histogram = std::make_shared<model::FloatHistogram>(histogram),
                .hintGiven = hintGiven};
    }

    absl::Status histogram(ParsedHistogram& out)
    {
        const std::size_t end = text_.find("}}", at_);
        if (!text_.substr(at_).starts_with("{{") || end == std::string_view::npos) {
            return fail("histogram expected");
        }
        NARTHEX_ASSIGN_OR_RETURN(out, parseHistogram(text_.substr(at_ + 2, end - at_ - 2)));
        at_ = end + 2;
        return absl::OkStatus();
    }

    const std::string_view text_;
    std::size_t at_;
    std::vector<SequenceValue> values_;
};

absl::Status metricError(const Token& token, std::string_view text)
{
    return base::invalidArgument("{}:{}: parse error: unexpected {} in label set", 1,
                                 token.begin + 1, describeToken(token, text));
}

} // namespace

absl::StatusOr<model::Labels> parseMetric(std::string_view text, std::size_t& length)
{
    // The lexer would stumble over the values behind the labels; they are no error here.
    const LexResult lexed = lex(text, LexMode::Tolerant);
    std::size_t at = 0;
    model::LabelsBuilder builder;
    const auto source = [&](const Token& token) {
        return text.substr(token.begin, token.end - token.begin);
    };
    const auto next = [&]() -> const Token& {
        return lexed.tokens[std::min(at, lexed.tokens.size() - 1)];
    };
    length = 0;
    if (next().kind == TokenKind::Identifier || next().kind == TokenKind::MetricIdentifier ||
        isKeyword(next().kind)) {
        builder.set(model::kMetricName, source(next()));
        length = next().end;
        ++at;
    }
    // `name {{…}}` is a name and a histogram.
    if (next().kind != TokenKind::LeftBrace || (length > 0 && next().begin != length) ||
        text.substr(next().begin).starts_with("{{")) {
        if (length == 0) {
            return metricError(next(), text);
        }
        return builder.build();
    }
    ++at;
    while (next().kind != TokenKind::RightBrace) {
        const Token label = next();
        if (label.kind != TokenKind::Identifier && label.kind != TokenKind::String) {
            return metricError(label, text);
        }
        ++at;
        std::string name(source(label));
        if (label.kind == TokenKind::String) {
            NARTHEX_ASSIGN_OR_RETURN(name, unquoteString(source(label)));
        }
        if (next().kind == TokenKind::Equal) {
            ++at;
            if (next().kind != TokenKind::String) {
                return metricError(next(), text);
            }
            NARTHEX_ASSIGN_OR_RETURN(const std::string value, unquoteString(source(next())));
            builder.set(name, value);
            ++at;
        } else if (label.kind == TokenKind::String) {
            builder.set(model::kMetricName, name);
        } else {
            return metricError(next(), text);
        }
        if (next().kind == TokenKind::Comma) {
            ++at;
        } else if (next().kind != TokenKind::RightBrace) {
            return metricError(next(), text);
        }
    }
    length = next().end;
    return builder.build();
}

absl::StatusOr<std::vector<SequenceValue>> parseSequence(std::string_view text)
{
    return SequenceParser(text).run();
}

absl::StatusOr<SeriesDescription> parseSeriesDescription(std::string_view line)
{
    SeriesDescription result;
    std::size_t length = 0;
    NARTHEX_ASSIGN_OR_RETURN(result.labels, parseMetric(line, length));
    if (length < line.size() && !isBlank(line[length])) {
        return base::invalidArgument(
            "1:{}: parse error: unexpected character behind the labels: \"{}\"", length + 1,
            line.substr(length, 20));
    }
    NARTHEX_ASSIGN_OR_RETURN(result.values, SequenceParser(line, length).run());
    return result;
}

} // namespace narthex::promql
