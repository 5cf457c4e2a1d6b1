// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/histogram_notation.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/histogram_buckets.h"
#include "core/promql/histogram_math.h"
#include "core/promql/series_description.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace narthex::promql {
namespace {

using model::CounterResetHint;

constexpr std::array<std::string_view, 4> kHints = {"unknown", "reset", "not_reset", "gauge"};

absl::StatusOr<double> parseNumber(std::string_view text)
{
    const auto value = base::parseFloat(text);
    if (!value) {
        return base::invalidArgument("bad number in histogram: \"{}\"", text);
    }
    return *value;
}

class HistogramParser
{
public:
    explicit HistogramParser(std::string_view body) : rest_(body) {}

    absl::StatusOr<ParsedHistogram> run()
    {
        while (skipBlanks()) {
            NARTHEX_RETURN_IF_ERROR(entry());
        }
        finishSide(offset_, result_.histogram.positiveBuckets, result_.histogram.positiveSpans);
        finishSide(negativeOffset_, result_.histogram.negativeBuckets,
                   result_.histogram.negativeSpans);
        return std::move(result_);
    }

private:
    bool skipBlanks()
    {
        const std::size_t at = rest_.find_first_not_of(" \t");
        rest_.remove_prefix(std::min(at, rest_.size()));
        return !rest_.empty();
    }

    absl::Status entry()
    {
        const std::size_t colon = rest_.find_first_of(": \t");
        if (colon == std::string_view::npos || rest_[colon] != ':') {
            return base::invalidArgument("missing \":\" in histogram description: \"{}\"", rest_);
        }
        const std::string_view key = rest_.substr(0, colon);
        if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) {
            return base::invalidArgument("duplicate key \"{}\" in histogram", key);
        }
        seen_.push_back(key);
        rest_.remove_prefix(colon + 1);
        const bool isList = rest_.starts_with('[');
        const std::size_t end = isList ? rest_.find(']') : rest_.find_first_of(" \t");
        if (isList && end == std::string_view::npos) {
            return base::invalidArgument("missing \"]\" in histogram description");
        }
        const std::string_view value = isList ? rest_.substr(1, end - 1) : rest_.substr(0, end);
        rest_.remove_prefix(std::min(rest_.size(), end == std::string_view::npos ? rest_.size()
                                                   : isList                      ? end + 1
                                                                                 : end));
        return isList ? setList(key, value) : setValue(key, value);
    }

    absl::Status setList(std::string_view key, std::string_view text)
    {
        std::vector<double> values;
        while (true) {
            const std::size_t begin = text.find_first_not_of(" \t");
            if (begin == std::string_view::npos) {
                break;
            }
            text.remove_prefix(begin);
            const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
            NARTHEX_ASSIGN_OR_RETURN(const double value, parseNumber(text.substr(0, end)));
            values.push_back(value);
            text.remove_prefix(end);
        }
        auto& histogram = result_.histogram;
        if (key == "buckets") {
            histogram.positiveBuckets = std::move(values);
        } else if (key == "n_buckets") {
            histogram.negativeBuckets = std::move(values);
        } else if (key == "custom_values") {
            histogram.customValues = std::move(values);
        } else {
            return base::invalidArgument("bad histogram descriptor found: \"{}\"", key);
        }
        return absl::OkStatus();
    }

    absl::Status setValue(std::string_view key, std::string_view text)
    {
        auto& histogram = result_.histogram;
        if (key == "counter_reset_hint") {
            return setHint(text);
        }
        if (key == "schema" || key == "offset" || key == "n_offset") {
            const auto value = base::parseInt(text);
            if (!value || *value < -1'000'000 || *value > 1'000'000) {
                return base::invalidArgument("bad number for \"{}\" in histogram: \"{}\"", key,
                                             text);
            }
            (key == "schema"   ? histogram.schema
             : key == "offset" ? offset_
                               : negativeOffset_) = static_cast<std::int32_t>(*value);
            return absl::OkStatus();
        }
        double* field = key == "sum"          ? &histogram.sum
                        : key == "count"      ? &histogram.count
                        : key == "z_bucket"   ? &histogram.zeroCount
                        : key == "z_bucket_w" ? &histogram.zeroThreshold
                                              : nullptr;
        if (field == nullptr) {
            return base::invalidArgument("bad histogram descriptor found: \"{}\"", key);
        }
        NARTHEX_ASSIGN_OR_RETURN(*field, parseNumber(text));
        return absl::OkStatus();
    }

    absl::Status setHint(std::string_view text)
    {
        const auto* const found = std::find(kHints.begin(), kHints.end(), text);
        if (found == kHints.end()) {
            return base::invalidArgument("unknown counter reset hint \"{}\" in histogram", text);
        }
        result_.histogram.hint = static_cast<CounterResetHint>(found - kHints.begin());
        result_.hintGiven = true;
        return absl::OkStatus();
    }

    static void finishSide(std::int32_t offset, const std::vector<double>& buckets,
                           std::vector<model::Span>& spans)
    {
        if (!buckets.empty()) {
            spans.push_back({offset, static_cast<std::uint32_t>(buckets.size())});
        }
    }

    std::string_view rest_;
    std::vector<std::string_view> seen_;
    std::int32_t offset_ = 0;
    std::int32_t negativeOffset_ = 0;
    ParsedHistogram result_;
};

std::string numberList(const std::vector<double>& numbers)
{
    std::string out;
    for (const double number : numbers) {
        out += out.empty() ? "" : " ";
        out += base::formatFloatG(number);
    }
    return out;
}

/// Counts from the first to the last populated bucket, gaps as zeros.
void appendSide(std::vector<std::string>& parts, std::string_view prefix,
                const std::vector<model::Span>& spans, const std::vector<double>& counts)
{
    const IndexedBuckets buckets = expand(spans, counts);
    if (buckets.empty()) {
        return;
    }
    if (buckets.front().first != 0) {
        parts.push_back(fmt::format("{}offset:{}", prefix, buckets.front().first));
    }
    std::vector<double> dense;
    for (const auto& [index, count] : buckets) {
        dense.resize(static_cast<std::size_t>(index - buckets.front().first), 0.0);
        dense.push_back(count);
    }
    parts.push_back(fmt::format("{}buckets:[{}]", prefix, numberList(dense)));
}

} // namespace

absl::StatusOr<ParsedHistogram> parseHistogram(std::string_view body)
{
    return HistogramParser(body).run();
}

std::string histogramNotation(const model::FloatHistogram& source)
{
    const model::FloatHistogram histogram = compacted(source);
    std::vector<std::string> parts;
    const auto number = [&parts](std::string_view key, double value) {
        if (value != 0) {
            parts.push_back(fmt::format("{}:{}", key, base::formatFloatG(value)));
        }
    };
    number("schema", histogram.schema);
    number("count", histogram.count);
    number("sum", histogram.sum);
    number("z_bucket", histogram.zeroCount);
    number("z_bucket_w", histogram.zeroThreshold);
    if (histogram.usesCustomBuckets()) {
        parts.push_back(fmt::format("custom_values:[{}]", numberList(histogram.customValues)));
    }
    if (histogram.hint != CounterResetHint::Unknown) {
        parts.push_back(
            fmt::format("counter_reset_hint:{}", kHints[static_cast<std::size_t>(histogram.hint)]));
    }
    appendSide(parts, "", histogram.positiveSpans, histogram.positiveBuckets);
    appendSide(parts, "n_", histogram.negativeSpans, histogram.negativeBuckets);
    return fmt::format("{{{{{}}}}}", fmt::join(parts, " "));
}

} // namespace narthex::promql
