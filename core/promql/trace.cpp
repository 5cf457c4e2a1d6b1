// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/trace.h"

#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/promql/eval.h"
#include "core/promql/printer.h"

#include <algorithm>
#include <atomic>

namespace narthex::promql {
namespace {

constexpr std::size_t kTopValues = 10;

VectorElement elementOf(const Row& row, std::size_t step, std::int64_t time)
{
    VectorElement element{.labels = row.dropName ? withoutMetricLabels(row.labels) : row.labels,
                          .time = {time}};
    if (row.cells[step] == Cell::Histogram) {
        element.histogram = row.histograms[step];
    } else {
        element.value = row.values[step];
    }
    return element;
}

/// The newest sample of the window; absent if it is empty.
std::optional<VectorElement> newestOf(const Window& window)
{
    if (window.size() == 0) {
        return std::nullopt;
    }
    const bool histogram =
        !window.histogramTimes.empty() &&
        (window.times.empty() || window.histogramTimes.back() > window.times.back());
    VectorElement element{.time = {histogram ? window.histogramTimes.back() : window.times.back()}};
    if (histogram) {
        element.histogram = window.histograms.back();
    } else {
        element.value = window.values.back();
    }
    return element;
}

std::vector<NodeLabel> labelsOf(const Vector& elements)
{
    base::StringMap<base::StringMap<std::size_t>> counts;
    for (const VectorElement& element : elements) {
        for (const model::LabelView label : element.labels) {
            if (label.name != model::kMetricName) {
                ++counts[std::string(label.name)][std::string(label.value)];
            }
        }
    }
    std::vector<NodeLabel> result;
    for (const auto& [name, values] : counts) {
        NodeLabel label{.name = name, .distinct = values.size()};
        label.top.assign(values.begin(), values.end());
        const std::size_t kept = std::min(kTopValues, label.top.size());
        std::partial_sort(label.top.begin(), label.top.begin() + static_cast<std::ptrdiff_t>(kept),
                          label.top.end(), [](const auto& a, const auto& b) {
                              return a.second != b.second ? a.second > b.second : a.first < b.first;
                          });
        label.top.resize(kept);
        result.push_back(std::move(label));
    }
    std::sort(result.begin(), result.end(), [](const NodeLabel& a, const NodeLabel& b) {
        return a.distinct != b.distinct ? a.distinct > b.distinct : a.name < b.name;
    });
    return result;
}

bool isLiteral(NodeKind kind) { return kind == NodeKind::Number || kind == NodeKind::String; }

/// The query is over, not only one node of it.
bool endsTheQuery(absl::StatusCode code)
{
    return code == absl::StatusCode::kCancelled || code == absl::StatusCode::kDeadlineExceeded ||
           code == absl::StatusCode::kResourceExhausted;
}

} // namespace

Trace::Trace(const Expr& root, const base::Clock& clock, std::size_t maxElements)
    : clock_(clock), maxElements_(maxElements)
{
    addNode(root, 0, std::nullopt);
}

void Trace::addNode(const Expr& expr, std::size_t depth, std::optional<std::size_t> parent)
{
    const std::size_t index = nodes_.size();
    index_[&expr] = index;
    nodes_.push_back({.range = expr.range,
                      .depth = depth,
                      .parent = parent,
                      .kind = static_cast<NodeKind>(expr.node.index()),
                      .type = expr.type,
                      .text = ownText(expr)});
    for (const Expr* child : childrenOf(expr)) {
        addNode(*child, depth + 1, index);
    }
}

void Trace::enter(Run& run, const Expr& expr)
{
    claimRemarks(run);
    Statistics counters;
    run.addTo(counters);
    frames_.push_back({.node = index_.at(&expr),
                       .started = clock_.monotonic(),
                       .readBefore = counters.samplesRead,
                       .queryableBefore = counters.totalQueryableSamples});
}

void Trace::leave(Run& run, const absl::Status& status)
{
    claimRemarks(run);
    const Frame frame = frames_.back();
    NodeResult& node = nodes_[frame.node];
    frames_.pop_back();
    const base::Duration total = clock_.monotonic() - frame.started;
    if (!frames_.empty()) {
        frames_.back().below = frames_.back().below + total;
    }
    if (isLiteral(node.kind)) {
        return;
    }
    node.totalTime = total;
    node.ownTime = total - frame.below;
    Statistics counters;
    run.addTo(counters);
    if (node.kind != NodeKind::RangeSelector) { // counted by traceMatrix
        node.samplesRead = counters.samplesRead - frame.readBefore;
        node.samplesQueryable = counters.totalQueryableSamples - frame.queryableBefore;
    }
    if (status.ok()) {
        node.state = NodeState::Done;
    } else if (blockedBelow(frame.node)) {
        node.state = NodeState::Blocked;
    } else {
        node.state = NodeState::Failed;
        node.error = std::string(base::messageOf(status));
    }
    finished_.push_back(frame.node);
}

void Trace::claimRemarks(Run& run)
{
    if (frames_.empty() || run.notes().size() == remarksSeen_) {
        return;
    }
    for (Annotation& remark : run.notes().since(remarksSeen_)) {
        current().annotations.push_back(std::move(remark));
        ++remarksSeen_;
    }
}

void Trace::addLateRemarks(const std::vector<Annotation>& all)
{
    for (std::size_t i = remarksSeen_; i < all.size(); ++i) {
        std::size_t owner = 0;
        for (std::size_t node = 0; node < nodes_.size(); ++node) {
            const SourceRange range = nodes_[node].range;
            // The remark points at an argument; the node that made it is the one above.
            if (all[i].begin == range.begin && all[i].end == range.end && nodes_[node].parent) {
                owner = *nodes_[node].parent;
                break;
            }
        }
        nodes_[owner].annotations.push_back(all[i]);
    }
}

void Trace::setElements(NodeResult& node, Vector elements) const
{
    node.elementCount = elements.size();
    node.labels = labelsOf(elements);
    if (elements.size() > maxElements_) {
        elements.resize(maxElements_);
    }
    node.elements = std::move(elements);
}

void Trace::block(const Expr& expr) { nodes_[index_.at(&expr)].state = NodeState::Blocked; }

void Trace::copy(const Expr& from, const Expr& to)
{
    const NodeResult& source = of(from);
    NodeResult& node = nodes_[index_.at(&to)];
    node.state = source.state;
    node.series = source.series;
    node.samplesRead = source.samplesRead;
    node.samplesQueryable = source.samplesQueryable;
    node.totalTime = source.totalTime;
    node.elements = source.elements;
    node.elementCount = source.elementCount;
    node.labels = source.labels;
}

bool Trace::blockedBelow(std::size_t node) const
{
    for (std::size_t i = node + 1; i < nodes_.size() && nodes_[i].depth > nodes_[node].depth; ++i) {
        if (nodes_[i].parent == node &&
            (nodes_[i].state == NodeState::Failed || nodes_[i].state == NodeState::Blocked)) {
            return true;
        }
    }
    return false;
}

void Trace::markFirstEmpty()
{
    for (const std::size_t index : finished_) {
        NodeResult& node = nodes_[index];
        if (node.state == NodeState::Done && node.series == 0) {
            node.becomesEmpty = true;
            return;
        }
    }
}

std::vector<NodeResult> Trace::take(const std::vector<Annotation>& all)
{
    addLateRemarks(all);
    markFirstEmpty();
    return std::move(nodes_);
}

TraceScope::TraceScope(Run& run, const Expr& expr) : run_(run)
{
    if (run_.trace() != nullptr) {
        run_.trace()->enter(run_, expr);
    }
}

TraceScope::~TraceScope()
{
    if (run_.trace() != nullptr) {
        run_.trace()->leave(run_, status_);
    }
}

void TraceScope::finish(const Grid& grid, const absl::StatusOr<Rows>& rows)
{
    status_ = rows.status();
    if (!rows.ok()) {
        return;
    }
    NodeResult& node = run_.trace()->current();
    node.series = rows->size();
    Vector elements;
    for (const Row& row : *rows) {
        if (grid.count > 0 && row.has(grid.count - 1)) {
            elements.push_back(elementOf(row, grid.count - 1, grid.last()));
        }
    }
    run_.trace()->setElements(node, std::move(elements));
}

void TraceScope::finish(const Grid& grid, const absl::StatusOr<ScalarColumn>& column)
{
    status_ = column.status();
    NodeResult& node = run_.trace()->current();
    if (!column.ok() || isLiteral(node.kind)) {
        return;
    }
    node.series = 1;
    run_.trace()->setElements(node, {{.time = {grid.last()}, .value = column->back()}});
}

absl::Status traceMatrix(Run& run, const Grid& grid, const Expr& expr, const MatrixInput& input)
{
    std::vector<std::optional<VectorElement>> newest(input.size());
    std::atomic<std::uint64_t> read{0}; // relaxed, both: sums
    std::atomic<std::uint64_t> queryable{0};
    const absl::Status done = run.parallelFor(input.size(), [&](std::size_t i) -> absl::Status {
        storage::SampleColumns columns;
        NARTHEX_RETURN_IF_ERROR(input.load(i, columns));
        read.fetch_add(columns.size(), std::memory_order_relaxed);
        WindowSlider slider(columns);
        std::uint64_t inWindows = 0;
        for (std::size_t step = 0; step < grid.count; ++step) {
            const std::int64_t end = input.windowEnd(grid.at(step));
            const Window window = slider.next(end - input.rangeMs(), end);
            inWindows += window.size();
            if (step + 1 == grid.count) {
                newest[i] = newestOf(window);
            }
        }
        queryable.fetch_add(inWindows, std::memory_order_relaxed);
        if (newest[i]) {
            newest[i]->labels =
                input.dropName(i) ? withoutMetricLabels(input.labels(i)) : input.labels(i);
        }
        return absl::OkStatus();
    });
    NARTHEX_RETURN_IF_ERROR(done);
    Vector elements;
    for (std::optional<VectorElement>& element : newest) {
        if (element) {
            elements.push_back(std::move(*element));
        }
    }
    Trace& trace = *run.trace();
    NodeResult& node = trace.nodes_[trace.index_.at(&expr)];
    node.series = elements.size();
    node.samplesRead = read.load(std::memory_order_relaxed);
    node.samplesQueryable = queryable.load(std::memory_order_relaxed);
    trace.setElements(node, std::move(elements));
    return absl::OkStatus();
}

namespace {

class Completer
{
public:
    Completer(Run& run, bool over) : run_(run), over_(over) {}

    void visit(const Expr& expr, const Grid& grid)
    {
        Grid inner = grid;
        if (const auto* subquery = expr.as<Subquery>()) {
            inner = subqueryGrid(run_.plan(), *subquery, run_.plan().of(expr), grid);
        }
        const auto* call = expr.as<Call>();
        const bool isInfo = call != nullptr && call->function->name == "info";
        const auto children = childrenOf(expr);
        for (std::size_t i = 0; i < children.size(); ++i) {
            // The second argument of info() only carries matchers.
            if (!(isInfo && i == 1)) {
                visit(*children[i], inner);
            }
        }
        const NodeResult& node = run_.trace()->of(expr);
        if (node.state == NodeState::NotAsked && grid.count > 0 && !isLiteral(node.kind)) {
            over_ ? run_.trace()->block(expr) : evaluate(expr, grid);
        }
    }

private:
    void evaluate(const Expr& expr, const Grid& grid)
    {
        absl::Status status;
        for (const Expr* child : childrenOf(expr)) {
            const NodeState state = run_.trace()->of(*child).state;
            if (state == NodeState::Failed || state == NodeState::Blocked) {
                return run_.trace()->block(expr);
            }
        }
        switch (expr.type) {
        case ValueType::Vector:
            status = evalVector(run_, grid, expr).status();
            break;
        case ValueType::Scalar:
            status = evalScalar(run_, grid, expr).status();
            break;
        case ValueType::Matrix:
            if (const auto* paren = expr.as<Paren>()) {
                return run_.trace()->copy(*paren->expr, expr);
            }
            status = MatrixInput::open(run_, grid, expr, {}).status();
            break;
        case ValueType::String:
        case ValueType::None:
            break;
        }
        over_ = endsTheQuery(status.code());
    }

    Run& run_;
    bool over_;
};

} // namespace

void completeTrace(Run& run, const Expr& root, const absl::Status& failure)
{
    Completer(run, endsTheQuery(failure.code())).visit(root, run.plan().span.grid());
}

} // namespace narthex::promql
