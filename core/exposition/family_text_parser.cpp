// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/exposition/lexical.h"
#include "core/exposition/metric_family.h"
#include "core/model/matcher.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::exposition {
namespace {

using model::MetricType;

bool isBlank(char c) { return c == ' ' || c == '\t'; }

std::optional<double> numberOf(std::string_view text)
{
    if (text.find_first_of("pP_") != std::string_view::npos) {
        return std::nullopt;
    }
    return base::parseFloat(text);
}

/// The type as a TYPE line names it, in any case.
std::optional<MetricType> typeOf(std::string_view text)
{
    const std::string lower = base::lowered(text);
    if (lower == "untyped") {
        return MetricType::Unknown;
    }
    if (lower == "gauge_histogram" || lower == "gaugehistogram") {
        return MetricType::GaugeHistogram;
    }
    for (const MetricType type :
         {MetricType::Counter, MetricType::Gauge, MetricType::Histogram, MetricType::Summary}) {
        if (lower == model::metricTypeText(type)) {
            return type;
        }
    }
    return std::nullopt;
}

bool isHistogram(MetricType type)
{
    return type == MetricType::Histogram || type == MetricType::GaugeHistogram;
}

enum class Role : std::uint8_t
{
    Plain,
    Count,
    Sum
};

/// A family while its page is read.
struct OpenFamily
{
    MetricFamily family;
    bool hasHelp = false;
    bool hasType = false;
    /// Metrics of summaries and histograms, by their labels, which several lines make up.
    absl::flat_hash_map<std::string, std::size_t> byLabels;
};

class Parser
{
public:
    Parser(std::string_view page, FamilyParseOptions options) : page_(page), options_(options) {}

    absl::StatusOr<std::vector<MetricFamily>> parse()
    {
        while (at_ < page_.size()) {
            ++line_;
            NARTHEX_RETURN_IF_ERROR(readLine());
        }
        std::vector<MetricFamily> result;
        for (OpenFamily& open : families_) {
            if (!open.family.metrics.empty()) {
                result.push_back(std::move(open.family));
            }
        }
        return result;
    }

private:
    struct Sample
    {
        std::size_t family = 0;
        Role role = Role::Plain;
        bool named = false;
        FamilyMetric metric;
        double quantile = std::numeric_limits<double>::quiet_NaN();
        double bound = std::numeric_limits<double>::quiet_NaN();
    };

    [[nodiscard]] absl::Status fail(std::string_view what) const
    {
        return base::invalidArgument("text format parsing error in line {}: {}", line_, what);
    }
    [[nodiscard]] absl::Status ended() const { return fail("unexpected end of input stream"); }
    [[nodiscard]] bool atEnd() const { return at_ >= page_.size(); }
    [[nodiscard]] char current() const { return page_[at_]; }
    void skipBlanks()
    {
        while (!atEnd() && isBlank(current())) {
            ++at_;
        }
    }

    absl::Status readLine()
    {
        skipBlanks();
        if (atEnd()) {
            return absl::OkStatus();
        }
        if (current() == '\n') {
            ++at_;
            return absl::OkStatus();
        }
        return current() == '#' ? readComment() : readSample();
    }

    /// Bytes up to a blank or the line's end. Errors: the page ends.
    absl::StatusOr<std::string_view> word()
    {
        const std::size_t end = page_.find_first_of(" \t\n", at_);
        if (end == std::string_view::npos) {
            return ended();
        }
        const std::string_view text = page_.substr(at_, end - at_);
        at_ = end;
        return text;
    }

    /// The rest of the line; the line end is passed.
    absl::StatusOr<std::string_view> restOfLine()
    {
        const std::size_t end = page_.find('\n', at_);
        if (end == std::string_view::npos) {
            return ended();
        }
        const std::string_view text = page_.substr(at_, end - at_);
        at_ = end + 1;
        return text;
    }

    absl::Status readComment()
    {
        ++at_;
        skipBlanks();
        NARTHEX_ASSIGN_OR_RETURN(const std::string_view keyword, word());
        if (keyword != "HELP" && keyword != "TYPE") {
            return restOfLine().status();
        }
        skipBlanks();
        if (atEnd()) {
            return ended();
        }
        if (current() == '\n') {
            return restOfLine().status();
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string name, quotedOrPlain(true, "metric"));
        if (atEnd()) {
            return ended();
        }
        if (current() == '\n') {
            return restOfLine().status();
        }
        if (!isBlank(current())) {
            return fail("invalid metric name in comment");
        }
        Role role{};
        NARTHEX_ASSIGN_OR_RETURN(const std::size_t index, familyFor(name, role));
        skipBlanks();
        NARTHEX_ASSIGN_OR_RETURN(const std::string_view rest, restOfLine());
        if (rest.empty()) {
            return absl::OkStatus();
        }
        return keyword == "HELP" ? setHelp(families_[index], rest)
                                 : setType(families_[index], rest);
    }

    absl::Status setHelp(OpenFamily& open, std::string_view text)
    {
        if (open.hasHelp) {
            return fail(
                fmt::format("second HELP line for metric name {}", model::quote(open.family.name)));
        }
        open.hasHelp = true;
        return unescape(text, open.family.help);
    }

    absl::Status setType(OpenFamily& open, std::string_view text)
    {
        if (open.hasType) {
            return fail(
                fmt::format("second TYPE line for metric name {}, or TYPE reported after samples",
                            model::quote(open.family.name)));
        }
        const auto type = typeOf(text);
        if (!type) {
            return fail(fmt::format("unknown metric type {}", model::quote(text)));
        }
        open.hasType = true;
        open.family.type = *type;
        return absl::OkStatus();
    }

    absl::Status unescape(std::string_view text, std::string& out) const
    {
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\') {
                out += text[i];
                continue;
            }
            const char next = ++i < text.size() ? text[i] : '\n';
            if (next == 'n') {
                out += '\n';
            } else if (next == '\\' || next == '"') {
                out += next;
            } else {
                return fail(fmt::format("invalid escape sequence '\\{}'", next));
            }
        }
        return absl::OkStatus();
    }

    /// A text in quotes at the current byte, unescaped; goes behind it.
    absl::StatusOr<std::string> quoted(std::string_view what)
    {
        const std::size_t start = ++at_;
        while (!atEnd() && current() != '"') {
            if (current() == '\n') {
                return fail(fmt::format("{} {} contains unescaped new-line", what,
                                        model::quote(page_.substr(start, at_ - start))));
            }
            at_ += current() == '\\' ? 2U : 1U;
        }
        if (atEnd()) {
            return ended();
        }
        std::string text;
        NARTHEX_RETURN_IF_ERROR(unescape(page_.substr(start, at_ - start), text));
        ++at_;
        return text;
    }

    /// A name, plain or in quotes; empty if there is none.
    absl::StatusOr<std::string> quotedOrPlain(bool isMetric, std::string_view what)
    {
        if (current() == '"') {
            return quoted(fmt::format("{} name", what));
        }
        const std::size_t start = at_;
        const auto fits = [&](char c) { return isMetric ? isMetricChar(c) : isLabelChar(c); };
        if (isMetric ? isMetricStart(current()) : isNameStart(current())) {
            while (!atEnd() && fits(current())) {
                ++at_;
            }
            if (atEnd()) {
                return ended();
            }
        }
        return std::string(page_.substr(start, at_ - start));
    }

    [[nodiscard]] bool isMetricName(std::string_view name) const
    {
        return options_.utf8Names ? !name.empty() && base::isValidUtf8(name)
                                  : model::isLegacyMetricName(name);
    }
    [[nodiscard]] bool isLabelName(std::string_view name) const
    {
        return options_.utf8Names ? !name.empty() && base::isValidUtf8(name)
                                  : model::isLegacyLabelName(name);
    }

    /// The family of a sample or comment; a summary's or histogram's also by its suffixes.
    absl::StatusOr<std::size_t> familyFor(const std::string& name, Role& role)
    {
        role = Role::Plain;
        if (!isMetricName(name)) {
            return fail(fmt::format("invalid metric name {}", model::quote(name)));
        }
        if (const auto found = byName_.find(name); found != byName_.end()) {
            return found->second;
        }
        const auto ofSuffix = [&](std::string_view suffix, Role suffixRole,
                                  bool summaries) -> std::optional<std::size_t> {
            if (name.size() <= suffix.size() || !name.ends_with(suffix)) {
                return std::nullopt;
            }
            const auto found = byName_.find(name.substr(0, name.size() - suffix.size()));
            if (found == byName_.end()) {
                return std::nullopt;
            }
            const MetricType type = families_[found->second].family.type;
            if (!isHistogram(type) && !(summaries && type == MetricType::Summary)) {
                return std::nullopt;
            }
            role = suffixRole;
            return found->second;
        };
        for (const auto& index :
             {ofSuffix("_count", Role::Count, true), ofSuffix("_sum", Role::Sum, true),
              ofSuffix("_bucket", Role::Plain, false)}) {
            if (index) {
                return *index;
            }
        }
        byName_.emplace(name, families_.size());
        families_.emplace_back().family.name = name;
        return families_.size() - 1;
    }

    absl::Status readSample()
    {
        Sample sample;
        if (current() != '{') {
            NARTHEX_ASSIGN_OR_RETURN(const std::string name, quotedOrPlain(true, "metric"));
            if (name.empty()) {
                return fail("invalid metric name");
            }
            NARTHEX_RETURN_IF_ERROR(nameSample(sample, name));
            skipBlanks();
            if (atEnd()) {
                return ended();
            }
        }
        if (current() == '{') {
            ++at_;
            NARTHEX_RETURN_IF_ERROR(readLabels(sample));
        }
        skipBlanks();
        return readValue(sample);
    }

    absl::Status nameSample(Sample& sample, const std::string& name)
    {
        NARTHEX_ASSIGN_OR_RETURN(sample.family, familyFor(name, sample.role));
        families_[sample.family].hasType = true; // none may follow
        sample.named = true;
        return absl::OkStatus();
    }

    [[nodiscard]] std::string familyName(const Sample& sample) const
    {
        return model::quote(sample.named ? families_[sample.family].family.name : "");
    }

    absl::Status readLabels(Sample& sample)
    {
        while (true) {
            skipBlanks();
            if (atEnd()) {
                return ended();
            }
            if (current() == '}') {
                ++at_;
                return sample.named ? absl::OkStatus() : fail("invalid metric name");
            }
            const bool isQuoted = current() == '"';
            NARTHEX_ASSIGN_OR_RETURN(const std::string name, quotedOrPlain(false, "label"));
            if (name.empty()) {
                return fail(fmt::format("invalid label name for metric {}", familyName(sample)));
            }
            skipBlanks();
            if (atEnd()) {
                return ended();
            }
            if (current() == '=') {
                ++at_;
                NARTHEX_RETURN_IF_ERROR(readLabelValue(sample, name));
            } else if (!isQuoted) {
                return fail(fmt::format("expected '=' after label name, found '{}'", current()));
            } else if (sample.named) {
                return fail(fmt::format("multiple metric names for metric {}", familyName(sample)));
            } else {
                NARTHEX_RETURN_IF_ERROR(nameSample(sample, name));
            }
            skipBlanks();
            if (atEnd()) {
                return ended();
            }
            if (current() == ',') {
                ++at_;
            } else if (current() != '}') {
                return fail(fmt::format("unexpected end of label value {}",
                                        model::quote(sample.metric.labels.empty()
                                                         ? name
                                                         : sample.metric.labels.back().second)));
            }
        }
    }

    absl::Status readLabelValue(Sample& sample, const std::string& name)
    {
        if (name == "__name__") {
            return fail("label name \"__name__\" is reserved");
        }
        if (!isLabelName(name)) {
            return fail(fmt::format("invalid label name {}", model::quote(name)));
        }
        skipBlanks();
        if (atEnd()) {
            return ended();
        }
        if (current() != '"') {
            return fail(
                fmt::format("expected '\"' at start of label value, found '{}'", current()));
        }
        NARTHEX_ASSIGN_OR_RETURN(std::string value, quoted("label value"));
        if (!base::isValidUtf8(value)) {
            return fail(fmt::format("invalid label value {}", model::quote(value)));
        }
        const MetricType type =
            sample.named ? families_[sample.family].family.type : MetricType::Unknown;
        const bool isQuantile = type == MetricType::Summary && name == "quantile";
        const bool isBound = isHistogram(type) && name == "le";
        if (isQuantile || isBound) {
            const auto number = numberOf(value);
            if (!number) {
                return fail(fmt::format("expected float as value for '{}' label, got {}", name,
                                        model::quote(value)));
            }
            (isQuantile ? sample.quantile : sample.bound) = *number;
            return absl::OkStatus();
        }
        for (const auto& label : sample.metric.labels) {
            if (label.first == name) {
                return fail(fmt::format("duplicate label names for metric {}", familyName(sample)));
            }
        }
        sample.metric.labels.emplace_back(name, std::move(value));
        return absl::OkStatus();
    }

    absl::Status readValue(Sample& sample)
    {
        NARTHEX_ASSIGN_OR_RETURN(const std::string_view text, word());
        const auto value = numberOf(text);
        if (!value) {
            return fail(fmt::format("expected float as value, got {}", model::quote(text)));
        }
        std::optional<std::int64_t> timestamp;
        if (current() != '\n') {
            skipBlanks();
            NARTHEX_ASSIGN_OR_RETURN(const std::string_view digits, word());
            timestamp = base::parseInt(digits);
            if (!timestamp) {
                return fail(
                    fmt::format("expected integer as timestamp, got {}", model::quote(digits)));
            }
            NARTHEX_ASSIGN_OR_RETURN(const std::string_view rest, restOfLine());
            if (!rest.empty()) {
                return fail(fmt::format("spurious string after timestamp: {}", model::quote(rest)));
            }
        } else {
            ++at_;
        }
        return put(sample, *value, timestamp);
    }

    absl::Status put(Sample& sample, double value, std::optional<std::int64_t> timestamp)
    {
        OpenFamily& open = families_[sample.family];
        std::sort(sample.metric.labels.begin(), sample.metric.labels.end());
        FamilyMetric* metric = nullptr;
        if (open.family.type == MetricType::Summary || isHistogram(open.family.type)) {
            std::string key;
            for (const auto& [name, text] : sample.metric.labels) {
                key.append(name).append(1, '\0').append(text).append(1, '\0');
            }
            const auto [at, isNew] = open.byLabels.emplace(key, open.family.metrics.size());
            if (isNew) {
                open.family.metrics.push_back(std::move(sample.metric));
            }
            metric = &open.family.metrics[at->second];
        } else {
            metric = &open.family.metrics.emplace_back(std::move(sample.metric));
        }
        if (timestamp) {
            metric->timestampMs = timestamp;
        }
        if (isHistogram(open.family.type)) {
            return putInHistogram(open.family, *metric, sample, value);
        }
        if (open.family.type != MetricType::Summary) {
            metric->value = value;
        } else if (sample.role == Role::Count) {
            metric->sampleCount = value;
        } else if (sample.role == Role::Sum) {
            metric->sampleSum = value;
        } else if (!std::isnan(sample.quantile)) {
            metric->quantiles.push_back({sample.quantile, value});
        }
        return absl::OkStatus();
    }

    absl::Status putInHistogram(const MetricFamily& family, FamilyMetric& metric,
                                const Sample& sample, double value) const
    {
        if (sample.role == Role::Sum) {
            metric.sampleSum = value;
            return absl::OkStatus();
        }
        const bool isCount = sample.role == Role::Count;
        if (value < 0) {
            return fail(fmt::format("negative {} for histogram {}",
                                    isCount ? "count" : "bucket population",
                                    model::quote(family.name)));
        }
        if (isCount) {
            metric.sampleCount = value;
        } else if (!std::isnan(sample.bound)) {
            metric.buckets.push_back({sample.bound, value});
        }
        return absl::OkStatus();
    }

    const std::string_view page_;
    const FamilyParseOptions options_;
    std::size_t at_ = 0;
    std::size_t line_ = 0;
    std::vector<OpenFamily> families_;
    absl::flat_hash_map<std::string, std::size_t> byName_;
};

} // namespace

absl::StatusOr<std::vector<MetricFamily>> parseTextFamilies(std::string_view page,
                                                            FamilyParseOptions options)
{
    return Parser(page, options).parse();
}

} // namespace narthex::exposition
