// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Series out of a request of OpenTelemetry: names, labels, samples, target_info. Owner:
// OtlpReceiver, for the time of a request. Threads: one. Errors: InvalidArgument (a sample that the
// store refuses), FailedPrecondition (a metric that cannot be translated); one line for each.
// Source: spec/remote.md, 6.
#pragma once

#include "core/remote/otlp/delta_sums.h"
#include "core/remote/otlp/label_builder.h"
#include "core/remote/otlp/sample_sink.h"

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::remote::otlp {

struct DeltaOptions
{
    /// Points that say what was added are stored as they are, their type unknown.
    bool storeAsTheyAre = false;
    /// They are summed up here.
    bool toCumulative = false;
};

struct TranslatorOptions
{
    DeltaOptions delta;
    bool typeAndUnitLabels = false;
    /// A sample of target_info is found from everywhere between: every half of it.
    base::Duration lookback;
};

struct Warnings
{
    std::uint64_t emptyDataPoints = 0;
    std::uint64_t labelNameCollision = 0;
    std::uint64_t zeroCountNonZeroSum = 0;
};

class Translator
{
public:
    Translator(const TranslatorOptions& options, const OtlpConfig& config, DeltaSums& sums,
               SampleSink& sink, base::Timestamp now);

    /// Everything that can be done; what cannot is the status.
    absl::Status translate(Request& request);
    [[nodiscard]] Warnings warnings() const;

private:
    /// What all points of a metric have in common.
    struct Family
    {
        std::string name;
        model::Metadata metadata;
        bool isDelta = false;
        bool isGauge = false;
    };
    /// Times of all points of a resource.
    struct Range
    {
        std::uint64_t earliestNs = UINT64_MAX;
        std::uint64_t latestNs = 0;
    };

    void note(const absl::Status& status);
    void addResource(ResourceMetrics& resource);
    void addTargetInfo(const ResourceMetrics& resource, const Range& range);
    absl::Status addMetric(Metric& metric);
    absl::StatusOr<Family> familyOf(const Metric& metric) const;
    template <typename Points, typename AddPoint>
    absl::Status addPoints(const Family& family, Points& points, const AddPoint& addPoint);

    absl::Status addPoint(const Family& family, model::LabelsBuilder& labels, NumberPoint& point);
    absl::Status addPoint(const Family& family, model::LabelsBuilder& labels,
                          HistogramPoint& point);
    absl::Status addPoint(const Family& family, model::LabelsBuilder& labels,
                          ExponentialPoint& point);
    absl::Status addPoint(const Family& family, model::LabelsBuilder& labels, SummaryPoint& point);
    absl::Status addClassic(const Family& family, model::LabelsBuilder& labels,
                            const HistogramPoint& point);
    absl::Status addValue(const Family& family, const model::LabelsBuilder& labels,
                          std::string_view suffix, const Point& point, double value);
    static std::vector<model::Exemplar> exemplarsOf(const std::vector<ExemplarPoint>& points);

    const TranslatorOptions options_;
    const OtlpConfig& config_;
    DeltaSums& sums_;
    SampleSink& sink_;
    const base::Timestamp now_;
    LabelMaker labels_;
    Warnings warnings_;
    /// target_info that was written: labels and time.
    absl::flat_hash_set<std::string> written_;
    std::vector<std::string> problems_;
    std::size_t problemCount_ = 0;
    bool isRefused_ = false;
    absl::Status failure_; // of the store
};

} // namespace narthex::remote::otlp
