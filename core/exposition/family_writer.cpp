// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/family_writer.h"

#include "core/base/number.h"
#include "core/base/text.h"
#include "core/exposition/family_protobuf.h"
#include "core/exposition/text_writer.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <limits>

namespace narthex::exposition {
namespace {

using model::MetricType;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string_view typeText(MetricType type, bool openMetrics)
{
    if (type == MetricType::Unknown) {
        return openMetrics ? "unknown" : "untyped";
    }
    return model::metricTypeText(type);
}

/// One page's lines.
class Lines
{
public:
    Lines(std::string& out, const MetricFamily& family, bool openMetrics)
        : out_(out), family_(family), openMetrics_(openMetrics), name_(family.name)
    {
        // A counter of OpenMetrics is called without its suffix; one that has none is no counter
        // there.
        type_ = family.type;
        if (openMetrics && type_ == MetricType::Counter) {
            if (name_.ends_with("_total")) {
                name_.remove_suffix(std::string_view("_total").size());
            } else {
                type_ = MetricType::Unknown;
            }
        }
    }

    void head()
    {
        if (!family_.help.empty()) {
            comment("HELP");
            appendEscaped(out_, family_.help, openMetrics_);
            out_ += '\n';
        }
        comment("TYPE");
        out_ += typeText(type_, openMetrics_);
        out_ += '\n';
        if (openMetrics_ && !family_.unit.empty()) {
            comment("UNIT");
            appendEscaped(out_, family_.unit, true);
            out_ += '\n';
        }
    }

    void metric(const FamilyMetric& metric)
    {
        switch (family_.type) {
        case MetricType::Summary:
            for (const ProtobufQuantile& each : metric.quantiles) {
                line("", metric, "quantile", each.quantile, number(each.value));
            }
            sums(metric);
            break;
        case MetricType::Histogram:
        case MetricType::GaugeHistogram:
            buckets(metric);
            sums(metric);
            break;
        default:
            line(type_ == MetricType::Counter && openMetrics_ ? "_total" : "", metric, "", 0,
                 number(metric.value));
        }
    }

private:
    void comment(std::string_view keyword)
    {
        out_ += "# ";
        out_ += keyword;
        out_ += ' ';
        appendName(name_, "");
        out_ += ' ';
    }

    void appendName(std::string_view name, std::string_view suffix)
    {
        if (model::isLegacyMetricName(name)) {
            out_ += name;
            out_ += suffix;
            return;
        }
        out_ += '"';
        appendEscaped(out_, name, true);
        out_ += suffix;
        out_ += '"';
    }

    [[nodiscard]] std::string number(double value) const
    {
        return openMetrics_ ? base::formatOpenMetricsFloat(value) : base::formatFloatG(value);
    }
    /// Whole counts have no decimals in OpenMetrics.
    [[nodiscard]] std::string count(double value) const { return base::formatFloatG(value); }

    void buckets(const FamilyMetric& metric)
    {
        bool hasInfinity = false;
        for (const FamilyBucket& each : metric.buckets) {
            line("_bucket", metric, "le", each.upperBound, count(each.cumulativeCount));
            hasInfinity = hasInfinity || each.upperBound == kInfinity;
        }
        if (!hasInfinity) {
            line("_bucket", metric, "le", kInfinity, count(metric.sampleCount));
        }
    }

    void sums(const FamilyMetric& metric)
    {
        line("_sum", metric, "", 0, number(metric.sampleSum));
        line("_count", metric, "", 0, count(metric.sampleCount));
    }

    void line(std::string_view suffix, const FamilyMetric& metric, std::string_view extra,
              double extraValue, const std::string& value)
    {
        const bool isPlain = model::isLegacyMetricName(name_);
        char separator = '{';
        if (isPlain) {
            out_ += name_;
            out_ += suffix;
        } else {
            out_ += '{';
            appendName(name_, suffix);
            separator = ',';
        }
        for (const auto& [name, text] : metric.labels) {
            label(separator, name, text);
            separator = ',';
        }
        if (!extra.empty()) {
            label(separator, extra, number(extraValue));
            separator = ',';
        }
        out_ += separator == ',' ? "} " : " ";
        out_ += value;
        if (metric.timestampMs) {
            out_ += ' ';
            out_ += openMetrics_
                        ? fmt::format("{}", static_cast<double>(*metric.timestampMs) / 1000)
                        : fmt::format("{}", *metric.timestampMs);
        }
        out_ += '\n';
    }

    void label(char separator, std::string_view name, std::string_view value)
    {
        out_ += separator;
        if (model::isLegacyLabelName(name)) {
            out_ += name;
        } else {
            out_ += '"';
            appendEscaped(out_, name, true);
            out_ += '"';
        }
        out_ += "=\"";
        appendEscaped(out_, value, true);
        out_ += '"';
    }

    std::string& out_;
    const MetricFamily& family_;
    const bool openMetrics_;
    std::string_view name_;
    MetricType type_ = MetricType::Unknown;
};

struct MediaRange
{
    std::string type;
    std::string version;
    std::string proto;
    std::string encoding;
    double weight = 1;
};

MediaRange mediaRange(std::string_view text)
{
    MediaRange range;
    range.type = base::lowered(base::takePart(text, ';'));
    while (!text.empty()) {
        std::string_view value = base::takePart(text, ';');
        const std::string key = base::lowered(base::takePart(value, '='));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        if (key == "q") {
            range.weight = base::parseFloat(value).value_or(0);
        } else if (key == "version") {
            range.version = value;
        } else if (key == "proto") {
            range.proto = value;
        } else if (key == "encoding") {
            range.encoding = value;
        }
    }
    return range;
}

std::optional<PageFormat> formatOf(const MediaRange& range)
{
    if (range.type == "application/vnd.google.protobuf" &&
        range.proto == "io.prometheus.client.MetricFamily" && range.encoding == "delimited") {
        return PageFormat::Protobuf;
    }
    if (range.type == "application/openmetrics-text") {
        if (range.version == "1.0.0") {
            return PageFormat::OpenMetrics100;
        }
        if (range.version.empty() || range.version == "0.0.1") {
            return PageFormat::OpenMetrics001;
        }
    }
    if (range.type == "text/plain" && (range.version.empty() || range.version == "0.0.4")) {
        return PageFormat::Text;
    }
    return std::nullopt;
}

} // namespace

PageFormat negotiateFormat(std::string_view accept)
{
    PageFormat best = PageFormat::Text;
    double bestWeight = 0;
    while (!accept.empty()) {
        const MediaRange range = mediaRange(base::takePart(accept, ','));
        const auto format = formatOf(range);
        if (format && range.weight > bestWeight) {
            best = *format;
            bestWeight = range.weight;
        }
    }
    return best;
}

std::string_view contentType(PageFormat format)
{
    switch (format) {
    case PageFormat::Text:
        return "text/plain; version=0.0.4; charset=utf-8";
    case PageFormat::OpenMetrics001:
        return "application/openmetrics-text; version=0.0.1; charset=utf-8";
    case PageFormat::OpenMetrics100:
        return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case PageFormat::Protobuf:
        return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
               "encoding=delimited";
    }
    return "text/plain";
}

void writeFamily(std::string& out, const MetricFamily& family, PageFormat format)
{
    if (format == PageFormat::Protobuf) {
        appendProtobufFamily(out, family);
        return;
    }
    Lines lines(out, family, format != PageFormat::Text);
    lines.head();
    for (const FamilyMetric& metric : family.metrics) {
        lines.metric(metric);
    }
}

std::string writePage(const std::vector<MetricFamily>& families, PageFormat format)
{
    std::string page;
    for (const MetricFamily& family : families) {
        writeFamily(page, family, format);
    }
    if (format == PageFormat::OpenMetrics001 || format == PageFormat::OpenMetrics100) {
        page += "# EOF\n";
    }
    return page;
}

} // namespace narthex::exposition
