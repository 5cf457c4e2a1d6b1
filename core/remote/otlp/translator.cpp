// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/translator.h"

#include "core/base/codec.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/remote/otlp/native_histograms.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace narthex::remote::otlp {
namespace {

constexpr std::size_t kMostProblems = 100;
/// A resource with points at 0 and now would ask for ten million of target_info.
constexpr std::int64_t kMostTargetInfos = 1000;
constexpr std::size_t kMostExemplarRunes = 128;

std::int64_t millisecondsOf(std::uint64_t ns) { return static_cast<std::int64_t>(ns / 1'000'000U); }

std::string hexOf(std::string_view bytes)
{
    std::string out;
    for (const char byte : bytes) {
        out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    return out;
}

/// All zeros: none.
bool isGiven(std::string_view id) { return id.find_first_not_of('\0') != std::string_view::npos; }

template <typename Function>
void eachPoint(const Metric& metric, const Function& function)
{
    std::visit(
        [&function](const auto& data) {
            if constexpr (requires { data.points; }) {
                for (const auto& point : data.points) {
                    function(point);
                }
            }
        },
        metric.data);
}

NameKind nameKindOf(const Metric& metric)
{
    if (std::holds_alternative<Gauge>(metric.data)) {
        return NameKind::Gauge;
    }
    const auto* const sum = std::get_if<Sum>(&metric.data);
    return sum != nullptr && sum->isMonotonic ? NameKind::Counter : NameKind::Other;
}

std::optional<Temporality> temporalityOf(const Metric& metric)
{
    return std::visit(
        [](const auto& data) -> std::optional<Temporality> {
            if constexpr (requires { data.temporality; }) {
                return data.temporality;
            } else {
                return std::nullopt;
            }
        },
        metric.data);
}

model::MetricType typeOf(const Metric& metric, bool isDelta)
{
    if (isDelta) {
        return model::MetricType::Unknown; // there is no type for it
    }
    if (std::holds_alternative<Gauge>(metric.data)) {
        return model::MetricType::Gauge;
    }
    if (const auto* const sum = std::get_if<Sum>(&metric.data)) {
        return sum->isMonotonic ? model::MetricType::Counter : model::MetricType::Gauge;
    }
    return std::holds_alternative<Summary>(metric.data) ? model::MetricType::Summary
                                                        : model::MetricType::Histogram;
}

} // namespace

Translator::Translator(const TranslatorOptions& options, const OtlpConfig& config, DeltaSums& sums,
                       SampleSink& sink, base::Timestamp now)
    : options_(options),
      config_(config),
      sums_(sums),
      sink_(sink),
      now_(now),
      labels_(config, options.typeAndUnitLabels)
{}

void Translator::note(const absl::Status& status)
{
    if (status.ok()) {
        return;
    }
    if (absl::IsInvalidArgument(status)) {
        isRefused_ = true;
    } else if (!absl::IsFailedPrecondition(status)) {
        failure_.Update(status);
    }
    ++problemCount_;
    if (problems_.size() < kMostProblems) {
        problems_.emplace_back(base::messageOf(status));
    }
}

absl::Status Translator::translate(Request& request)
{
    for (ResourceMetrics& resource : request) {
        addResource(resource);
    }
    if (!failure_.ok()) {
        return failure_;
    }
    if (problemCount_ == 0) {
        return absl::OkStatus();
    }
    std::string text = fmt::format("{}", fmt::join(problems_, "\n"));
    if (problemCount_ > problems_.size()) {
        text += fmt::format("\nand {} more", problemCount_ - problems_.size());
    }
    return isRefused_ ? base::invalidArgument("{}", text) : base::failedPrecondition("{}", text);
}

Warnings Translator::warnings() const
{
    Warnings all = warnings_;
    all.labelNameCollision = labels_.collisions();
    return all;
}

void Translator::addResource(ResourceMetrics& resource)
{
    if (const absl::Status status = labels_.beginResource(resource.attributes); !status.ok()) {
        note(status);
        return;
    }
    Range range;
    for (ScopeMetrics& scope : resource.scopes) {
        if (const absl::Status status = labels_.beginScope(scope); !status.ok()) {
            note(status);
            continue;
        }
        for (Metric& metric : scope.metrics) {
            eachPoint(metric, [&range](const Point& point) {
                range.earliestNs = std::min(range.earliestNs, point.timeNs);
                range.latestNs = std::max(range.latestNs, point.timeNs);
            });
            note(addMetric(metric));
        }
    }
    if (range.earliestNs <= range.latestNs) {
        addTargetInfo(resource, range);
    }
}

void Translator::addTargetInfo(const ResourceMetrics& resource, const Range& range)
{
    const auto labels = labels_.targetInfo(resource.attributes);
    if (!labels.ok()) {
        note(labels.status());
        return;
    }
    if (!*labels) {
        return;
    }
    const model::Metadata metadata{.type = model::MetricType::Gauge, .help = "Target metadata"};
    const std::int64_t interval = std::max<std::int64_t>(options_.lookback.ms() / 2, 1);
    const std::int64_t latest = millisecondsOf(range.latestNs);
    const std::int64_t earliest =
        std::max(millisecondsOf(range.earliestNs), latest - interval * kMostTargetInfos);
    const auto write = [&](std::int64_t time) {
        std::string key = (*labels)->bytes();
        base::appendVarint(key, time);
        // Resources that differ only in what is no label have one target_info.
        if (written_.insert(std::move(key)).second) {
            note(sink_.add({.labels = **labels, .time = time}, 1, metadata));
        }
    };
    for (std::int64_t time = earliest; time < latest; time += interval) {
        write(time);
    }
    write(latest);
}

absl::StatusOr<Translator::Family> Translator::familyOf(const Metric& metric) const
{
    const auto temporality = temporalityOf(metric);
    const bool isDelta = temporality == Temporality::Delta;
    const bool isAllowed =
        !temporality || *temporality == Temporality::Cumulative ||
        (isDelta && (options_.delta.storeAsTheyAre || options_.delta.toCumulative));
    if (!isAllowed) {
        return base::failedPrecondition(
            "invalid temporality and type combination for metric {}: {} is not taken{}",
            model::quote(metric.name), isDelta ? "delta" : "an unspecified one",
            isDelta ? " without the features otlp-native-delta-ingestion or otlp-deltatocumulative"
                    : "");
    }
    Family family{.isDelta = isDelta, .isGauge = std::holds_alternative<Gauge>(metric.data)};
    NARTHEX_ASSIGN_OR_RETURN(
        family.name, metricName(metric.name, metric.unit, nameKindOf(metric), labels_.rules()));
    const bool staysDelta = isDelta && !options_.delta.toCumulative;
    family.metadata = {typeOf(metric, staysDelta), metric.description, unitName(metric.unit)};
    return family;
}

absl::Status Translator::addMetric(Metric& metric)
{
    NARTHEX_ASSIGN_OR_RETURN(const Family family, familyOf(metric));
    absl::Status status = std::visit(
        [this, &family](auto& data) -> absl::Status {
            if constexpr (requires { data.points; }) {
                if (data.points.empty()) {
                    ++warnings_.emptyDataPoints;
                }
                return addPoints(family, data.points,
                                 [this, &family](model::LabelsBuilder& labels, auto& point) {
                                     return addPoint(family, labels, point);
                                 });
            } else {
                return base::failedPrecondition("its kind is not known");
            }
        },
        metric.data);
    return status.ok()
               ? status
               : base::annotate(status, fmt::format("metric {}", model::quote(metric.name)));
}

template <typename Points, typename AddPoint>
absl::Status Translator::addPoints(const Family& family, Points& points, const AddPoint& addPoint)
{
    for (auto& point : points) {
        NARTHEX_ASSIGN_OR_RETURN(model::LabelsBuilder labels,
                                 labels_.pointLabels(point.attributes, family.metadata));
        labels.set(model::kMetricName, family.name);
        if constexpr (requires { point.exemplars; }) {
            if (family.isDelta && options_.delta.toCumulative &&
                !sums_.accumulate(labels.build().bytes(), point, now_)) {
                continue;
            }
        }
        NARTHEX_RETURN_IF_ERROR(addPoint(labels, point));
    }
    return absl::OkStatus();
}

absl::Status Translator::addValue(const Family& family, const model::LabelsBuilder& labels,
                                  std::string_view suffix, const Point& point, double value)
{
    model::LabelsBuilder whole = labels;
    if (!suffix.empty()) {
        whole.set(model::kMetricName, family.name + std::string(suffix));
    }
    const model::Labels built = whole.build();
    return sink_.add({.labels = built,
                      .time = millisecondsOf(point.timeNs),
                      .start = family.isGauge ? 0 : millisecondsOf(point.startNs)},
                     point.isStale ? model::staleMarker() : value, family.metadata);
}

absl::Status Translator::addPoint(const Family& family, model::LabelsBuilder& labels,
                                  NumberPoint& point)
{
    NARTHEX_RETURN_IF_ERROR(addValue(family, labels, "", point, point.value));
    if (!family.isGauge) {
        sink_.addExemplars(exemplarsOf(point.exemplars));
    }
    return absl::OkStatus();
}

absl::Status Translator::addPoint(const Family& family, model::LabelsBuilder& labels,
                                  HistogramPoint& point)
{
    if (!config_.convertHistogramsToNhcb) {
        return addClassic(family, labels, point);
    }
    warnings_.zeroCountNonZeroSum +=
        !point.isStale && point.count == 0 && point.sum.value_or(0) != 0 ? 1 : 0;
    const bool staysDelta = family.isDelta && !options_.delta.toCumulative;
    NARTHEX_ASSIGN_OR_RETURN(const model::IntegerHistogram histogram, customOf(point, staysDelta));
    const model::Labels built = labels.build();
    NARTHEX_RETURN_IF_ERROR(sink_.add({.labels = built,
                                       .time = millisecondsOf(point.timeNs),
                                       .start = millisecondsOf(point.startNs)},
                                      histogram, family.metadata));
    sink_.addExemplars(exemplarsOf(point.exemplars));
    return absl::OkStatus();
}

absl::Status Translator::addClassic(const Family& family, model::LabelsBuilder& labels,
                                    const HistogramPoint& point)
{
    if (point.sum) {
        NARTHEX_RETURN_IF_ERROR(addValue(family, labels, "_sum", point, *point.sum));
    }
    const auto all = static_cast<double>(point.count);
    NARTHEX_RETURN_IF_ERROR(addValue(family, labels, "_count", point, all));
    std::vector<model::Exemplar> exemplars = exemplarsOf(point.exemplars);
    // An exemplar stands with the bucket that it fell into.
    const auto addThose = [this, &exemplars](double bound) {
        const auto middle =
            std::partition(exemplars.begin(), exemplars.end(),
                           [bound](const model::Exemplar& e) { return !(e.value <= bound); });
        sink_.addExemplars(
            {std::make_move_iterator(middle), std::make_move_iterator(exemplars.end())});
        exemplars.erase(middle, exemplars.end());
    };
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < std::min(point.bounds.size(), point.counts.size()); ++i) {
        cumulative += point.counts[i];
        labels.set("le", base::formatFloatPlain(point.bounds[i]));
        NARTHEX_RETURN_IF_ERROR(
            addValue(family, labels, "_bucket", point, static_cast<double>(cumulative)));
        addThose(point.bounds[i]);
    }
    labels.set("le", "+Inf");
    NARTHEX_RETURN_IF_ERROR(addValue(family, labels, "_bucket", point, all));
    addThose(std::numeric_limits<double>::infinity());
    return absl::OkStatus();
}

absl::Status Translator::addPoint(const Family& family, model::LabelsBuilder& labels,
                                  ExponentialPoint& point)
{
    warnings_.zeroCountNonZeroSum +=
        !point.isStale && point.count == 0 && point.sum.value_or(0) != 0 ? 1 : 0;
    const bool staysDelta = family.isDelta && !options_.delta.toCumulative;
    NARTHEX_ASSIGN_OR_RETURN(const model::IntegerHistogram histogram, nativeOf(point, staysDelta));
    const model::Labels built = labels.build();
    NARTHEX_RETURN_IF_ERROR(sink_.add({.labels = built,
                                       .time = millisecondsOf(point.timeNs),
                                       .start = millisecondsOf(point.startNs)},
                                      histogram, family.metadata));
    sink_.addExemplars(exemplarsOf(point.exemplars));
    return absl::OkStatus();
}

absl::Status Translator::addPoint(const Family& family, model::LabelsBuilder& labels,
                                  SummaryPoint& point)
{
    NARTHEX_RETURN_IF_ERROR(addValue(family, labels, "_sum", point, point.sum));
    NARTHEX_RETURN_IF_ERROR(
        addValue(family, labels, "_count", point, static_cast<double>(point.count)));
    for (const auto& [quantile, value] : point.quantiles) {
        labels.set("quantile", base::formatFloatPlain(quantile));
        NARTHEX_RETURN_IF_ERROR(addValue(family, labels, "", point, value));
    }
    return absl::OkStatus();
}

std::vector<model::Exemplar> Translator::exemplarsOf(const std::vector<ExemplarPoint>& points)
{
    std::vector<model::Exemplar> exemplars;
    for (const ExemplarPoint& point : points) {
        std::size_t runes = 0;
        model::LabelsBuilder labels;
        const auto add = [&](std::string_view name, std::string_view value) {
            labels.set(name, value);
            runes += base::runeCount(name) + base::runeCount(value);
        };
        if (isGiven(point.traceId)) {
            add("trace_id", hexOf(point.traceId));
        }
        if (isGiven(point.spanId)) {
            add("span_id", hexOf(point.spanId));
        }
        const model::Labels ids = labels.build();
        for (const Attribute& attribute : point.attributes) {
            add(attribute.key, attribute.value);
        }
        const std::int64_t time = millisecondsOf(point.timeNs);
        exemplars.push_back(
            {.labels = runes <= kMostExemplarRunes ? labels.build() : ids,
             .value = point.value,
             .time = time == 0 ? std::nullopt : std::optional(base::Timestamp{time})});
    }
    return exemplars;
}

} // namespace narthex::remote::otlp
