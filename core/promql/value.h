// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a query returns: scalar, string, vector or matrix, with its annotations and statistics.
// Threads: values; Result is shared read-only after the query.
// Units: Timestamp (ms since the epoch).
#pragma once

#include "core/base/time.h"
#include "core/model/histogram.h"
#include "core/model/labels.h"
#include "core/promql/token.h"

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace narthex::promql {

/// The type of an expression; valueTypeText gives the words of the API: "none", "scalar", "string",
/// "vector", "matrix".
enum class ValueType : std::uint8_t
{
    None,
    Scalar,
    String,
    Vector,
    Matrix
};
std::string_view valueTypeText(ValueType type);

using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;

struct Point
{
    base::Timestamp time;
    double value = 0;
    friend bool operator==(const Point&, const Point&) = default;
};

struct HistogramPoint
{
    base::Timestamp time;
    HistogramPtr histogram;
};

struct Scalar
{
    base::Timestamp time;
    double value = 0;
};

struct String
{
    base::Timestamp time;
    std::string value;
};

/// One element of an instant vector: a float, or a histogram if that is set.
struct VectorElement
{
    model::Labels labels;
    base::Timestamp time;
    double value = 0;
    HistogramPtr histogram{};
};
using Vector = std::vector<VectorElement>;

/// One series of a matrix: points in ascending order of time, floats and histograms apart.
struct MatrixSeries
{
    model::Labels labels;
    std::vector<Point> points{};
    std::vector<HistogramPoint> histograms{};
};
using Matrix = std::vector<MatrixSeries>;

using Value = std::variant<Scalar, String, Vector, Matrix>;
ValueType typeOf(const Value& value);

enum class AnnotationKind : std::uint8_t
{
    Warning,
    Info
};

/// A remark on a result. `text` begins with "PromQL warning: " or "PromQL info: ", or is the
/// store's own. [begin, end) are bytes of the query, absent for remarks without a place.
struct Annotation
{
    AnnotationKind kind = AnnotationKind::Warning;
    std::string text;
    std::optional<std::uint32_t> begin;
    std::optional<std::uint32_t> end;
};

/// As the API shows it: the text, and where the expression begins: `… (1:7)`.
std::string annotationText(const Annotation& annotation, std::string_view query);

/// Samples at one step.
struct StepCount
{
    base::Timestamp time;
    std::uint64_t samples = 0;
    friend bool operator==(const StepCount&, const StepCount&) = default;
};

struct Statistics
{
    base::Duration evalTotalTime;
    base::Duration resultSortTime;
    base::Duration queryPreparationTime;
    base::Duration innerEvalTime;
    base::Duration execQueueTime;
    base::Duration execTotalTime;
    std::uint64_t totalQueryableSamples = 0;
    std::uint64_t samplesRead = 0;
    std::uint64_t peakSamples = 0;
    std::uint64_t seriesSelected = 0;
    /// By step, where QueryOptions asked for it and the switch promql-per-step-stats is on.
    std::vector<StepCount> totalQueryableSamplesPerStep{};
    std::vector<StepCount> samplesReadPerStep{};
};

/// What a node of the tree is, in the order of Expr::Node.
enum class NodeKind : std::uint8_t
{
    Number,
    String,
    Selector,
    RangeSelector,
    Subquery,
    Aggregation,
    Call,
    Binary,
    Unary,
    Parentheses
};

enum class NodeState : std::uint8_t
{
    /// Literals, and what has no value by itself: the label selector of info().
    NotAsked,
    Done,
    /// Its own evaluation failed: `error` says why.
    Failed,
    /// A node below failed, or the query was stopped before it.
    Blocked
};

/// How the values of one label are spread over a node's result.
struct NodeLabel
{
    std::string name;
    std::size_t distinct = 0;
    /// At most ten, most frequent first.
    std::vector<std::pair<std::string, std::size_t>> top{};
};

/// What happened at one node of a traced query. Counts include the nodes below it.
struct NodeResult
{
    SourceRange range;
    std::size_t depth = 0;
    /// Index in Result::nodes; absent for the root.
    std::optional<std::size_t> parent{};
    NodeKind kind = NodeKind::Number;
    ValueType type = ValueType::None;
    /// Its own part of the text on one line, children as `...`.
    std::string text{};
    NodeState state = NodeState::NotAsked;
    std::string error{};
    /// Series with a value at any step; range vectors count what is in the last window.
    std::size_t series = 0;
    std::uint64_t samplesRead = 0;
    std::uint64_t samplesQueryable = 0;
    base::Duration ownTime{};
    base::Duration totalTime{};
    std::vector<Annotation> annotations{};
    /// At the last step, at most QueryOptions::traceElements; range vectors show the newest sample
    /// of each window.
    Vector elements{};
    std::size_t elementCount = 0;
    /// Of all elements at the last step; the most varied label first, without the metric name.
    std::vector<NodeLabel> labels{};
    /// The first node, from the leaves up, whose result is empty.
    bool becomesEmpty = false;
};

struct Result
{
    Value value;
    std::vector<Annotation> annotations;
    Statistics statistics;
    /// With QueryOptions::trace: every node of the tree in pre-order.
    std::vector<NodeResult> nodes{};
    /// With QueryOptions::trace: why there is no value, OK if there is one. The nodes tell what
    /// could be evaluated all the same.
    absl::Status failure{};
};

} // namespace narthex::promql
