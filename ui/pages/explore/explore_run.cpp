// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How Explore runs queries: one request a row, live tails joined to what is there, preparation on a
// worker.
#include "ui/format/time_text.h"
#include "ui/pages/errors.h"
#include "ui/pages/explore/explore_page.h"

#include <QtConcurrent/QtConcurrentRun>

namespace narthex::ui::pages {
namespace {

/// "Limit: series drawn (default 1,000)" (spec/ui.md, "Explore").
constexpr std::size_t kSeriesLimit = 1000;
/// After this many tails the whole range is asked for again: late samples and changed results show.
constexpr int kJoinLimit = 60;
/// A point each so many pixels.
constexpr int kPixelsPerPoint = 3;
/// Until the page has a size of its own.
constexpr int kWidthBeforeShow = 1200;

constexpr std::int64_t kRoundSteps[] = {1000,       2000,       5000,       10'000,    15'000,
                                        30'000,     60'000,     120'000,    300'000,   600'000,
                                        900'000,    1'800'000,  3'600'000,  7'200'000, 21'600'000,
                                        43'200'000, 86'400'000, 604'800'000};

base::Timestamp floorTo(base::Timestamp time, base::Duration step)
{
    return {time.ms / step.ms() * step.ms()};
}

} // namespace

base::Duration ExplorePage::step() const
{
    if (const int fixed = step_->currentData().toInt(); fixed > 0) {
        return base::Duration::fromMs(fixed);
    }
    const std::int64_t span = context_.range.to().ms - context_.range.from().ms;
    const std::int64_t points =
        std::max(100, (isVisible() ? chart_->width() : kWidthBeforeShow) / kPixelsPerPoint);
    for (const std::int64_t step : kRoundSteps) {
        if (span / step <= points) {
            return base::Duration::fromMs(step);
        }
    }
    return base::Duration::fromMs(kRoundSteps[std::size(kRoundSteps) - 1]);
}

bool ExplorePage::hasQueries() const
{
    return std::any_of(rows_.begin(), rows_.end(),
                       [](const QueryRow* row) { return !row->query().isEmpty(); });
}

void ExplorePage::connectRange()
{
    connect(&context_.range, &range::RangeController::changed, this, [this] {
        chart_->setZone(context_.range.zone());
        if (!zooming_) {
            beforeZoom_.reset();
            chart_->setRange(context_.range.from(), context_.range.to(), false);
        }
        if (isVisible() || hasQueries()) {
            runAll();
        }
    });
    connect(&context_.range, &range::RangeController::ticked, this, [this] {
        // A page in the back catches up when it is shown again.
        if (isVisible()) {
            for (QueryRow* row : rows_) {
                runRow(*row, true);
            }
        }
    });
    chart_->setZone(context_.range.zone());
}

void ExplorePage::runAll()
{
    for (QueryRow* row : rows_) {
        runRow(*row, false);
    }
    prepare();
}

void ExplorePage::runRow(QueryRow& row, bool tailOnly)
{
    const QString query = row.query();
    if (query.isEmpty()) {
        row.request.cancel();
        row.setAnswer({});
        updateBusy();
        prepare();
        return;
    }
    QueryRow::Answer question{query, nullptr, {}, {}, {}, step(), 0};
    question.from = floorTo(context_.range.from(), question.step);
    question.to = floorTo(context_.range.to(), question.step);
    if (question.to <= question.from) {
        question.to = question.from + question.step;
    }
    const QueryRow::Answer& last = row.answer();
    if (tailOnly && (row.request.active() || query != last.query || !last.status.ok())) {
        // Unfinished edits are not run by the clock; failed rows are, as they stood.
        if (row.request.active() || query != last.query) {
            return;
        }
    }
    const bool tail = tailOnly && last.result && last.status.ok() && last.step == question.step &&
                      last.joins < kJoinLimit && question.from >= last.from &&
                      question.from <= last.to;
    if (tail && question.to <= last.to) {
        return;
    }
    if (!tailOnly) {
        context_.settings.addQuery(query);
    }
    const base::Timestamp from =
        tail ? std::max(question.from, last.to - question.step * 2) : question.from;
    row.setRunning(!tail);
    row.request = context_.backend.queryRange(
        {query.toStdString(), from, question.to, question.step, {}},
        [this, target = &row, question, tail](const absl::StatusOr<client::QueryResult>& result) {
            takeAnswer(target, question, result, tail);
        });
    updateBusy();
}

void ExplorePage::takeAnswer(QueryRow* row, QueryRow::Answer question,
                             const absl::StatusOr<client::QueryResult>& result, bool tail)
{
    question.status = result.status();
    // On failure what was drawn stays, with the strip above it.
    question.result = result.ok() ? *result : row->answer().result;
    if (tail && result.ok() && row->answer().result) {
        question.joins = row->answer().joins + 1;
        question.result = charts::joinTail(*row->answer().result, **result, question.from);
    }
    row->setAnswer(std::move(question));
    prepare();
    updateBusy();
}

void ExplorePage::updateBusy()
{
    const bool busy = std::any_of(rows_.begin(), rows_.end(),
                                  [](const QueryRow* row) { return row->request.active(); });
    setBusy(busy);
}

void ExplorePage::stop()
{
    for (QueryRow* row : rows_) {
        row->request.cancel();
        row->setRunning(false);
    }
    updateBusy();
}

void ExplorePage::prepare()
{
    std::vector<charts::QueryAnswer> answers;
    for (const QueryRow* row : rows_) {
        if (row->shown() && row->answer().result) {
            answers.push_back({row->letter(), row->answer().query, row->answer().result});
        }
    }
    const int number = ++preparation_;
    QtConcurrent::run(&worker_, charts::prepareSeries, std::move(answers), kSeriesLimit)
        .then(this, [this, number](charts::PreparedSeries prepared) {
            if (number == preparation_) {
                takePrepared(std::move(prepared));
            }
        });
}

void ExplorePage::takePrepared(charts::PreparedSeries prepared)
{
    std::vector<std::uint64_t> hashes;
    hashes.reserve(prepared.series.size());
    for (const auto& series : prepared.series) {
        hashes.push_back(series->hash);
    }
    const std::vector<std::size_t> places = colours_.assign(hashes);
    series_.clear();
    for (std::size_t i = 0; i < prepared.series.size(); ++i) {
        prepared.series[i]->slot = places[i];
        series_.push_back(std::move(prepared.series[i]));
    }
    base::Duration step = this->step();
    absl::Status worst;
    for (const QueryRow* row : rows_) {
        if (row->answer().result) {
            step = std::max(step, row->answer().step);
        }
        worst = worst.ok() ? row->answer().status : worst;
    }
    const std::size_t units = updateChartUnits(series_);
    if (!beforeZoom_) {
        chart_->setRange(context_.range.from(), context_.range.to(), false);
    }
    chart_->setSeries(series_, step);
    legend_->setSeries(series_, prepared.total);
    tableModel_->setSeries(series_);
    fillStats();
    if (prepared.total > series_.size()) {
        notice_->show(theme::State::Warning,
                      tr("%1 of %2 series drawn")
                          .arg(format::count(series_.size()), format::count(prepared.total)),
                      tr("Refine the query, or show the largest with topk()."));
    } else if (units > 2) {
        notice_->show(theme::State::Info, tr("%1 different units on one axis").arg(units),
                      tr("Hide queries with the eye, so that at most two remain."));
    } else {
        notice_->clear();
    }
    updateEmpty();
    if (!std::any_of(rows_.begin(), rows_.end(),
                     [](const QueryRow* row) { return row->request.active(); })) {
        finishUpdate(worst);
    }
}

std::size_t ExplorePage::updateChartUnits(const charts::SeriesList& series)
{
    std::vector<format::Unit> units;
    for (const charts::SeriesPtr& one : series) {
        if (std::find(units.begin(), units.end(), one->unit) == units.end()) {
            units.push_back(one->unit);
        }
    }
    if (units.empty() || units.size() > 2) {
        chart_->setUnits({});
    } else {
        chart_->setUnits(units[0], units.size() == 2 ? std::optional(units[1]) : std::nullopt);
    }
    return units.size();
}

void ExplorePage::updateEmpty()
{
    const bool asked = std::any_of(rows_.begin(), rows_.end(), [](const QueryRow* row) {
        return row->answer().result || !row->answer().status.ok() || row->request.active();
    });
    const int view = views_->current() == QLatin1String("table")
                         ? 1
                         : (views_->current() == QLatin1String("stats") ? 2 : 0);
    stack_->setCurrentIndex(asked ? view : 3);
}

void ExplorePage::fillStats()
{
    const QStringList heads{
        tr("Query"),       tr("Text"),       tr("Series"), tr("Samples read"), tr("Peak samples"),
        tr("Preparation"), tr("Evaluation"), tr("Queued"), tr("Total"),        tr("Remarks")};
    statsModel_->setColumnCount(int(heads.size()));
    statsModel_->setHorizontalHeaderLabels(heads);
    statsModel_->setRowCount(int(rows_.size()));
    for (int row = 0; row < int(rows_.size()); ++row) {
        const QueryRow::Answer& answer = rows_[row]->answer();
        QStringList cells{rows_[row]->letter(), answer.query.simplified()};
        if (answer.result) {
            const promql::Statistics& s = answer.result->statistics;
            const auto* matrix = std::get_if<promql::Matrix>(&answer.result->value);
            QStringList remarks;
            for (const promql::Annotation& annotation : answer.result->annotations) {
                remarks << QString::fromStdString(annotation.text);
            }
            cells << format::count(matrix != nullptr ? matrix->size() : 0)
                  << format::count(s.totalQueryableSamples) << format::count(s.peakSamples)
                  << format::shortDuration(s.queryPreparationTime)
                  << format::shortDuration(s.evalTotalTime)
                  << format::shortDuration(s.execQueueTime)
                  << format::shortDuration(s.execTotalTime) << remarks.join(QStringLiteral("; "));
        }
        for (int column = 0; column < int(heads.size()); ++column) {
            auto* item = new QStandardItem(cells.value(column));
            const bool number = column >= 2 && column <= 8;
            item->setData(number, kit::NumberRole);
            item->setData(column == 1, kit::CodeRole);
            item->setData(cells.value(column), kit::RawRole);
            statsModel_->setItem(row, column, item);
            statsModel_->setHeaderData(
                column, Qt::Horizontal,
                int((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter),
                Qt::TextAlignmentRole);
        }
    }
    stats_->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
    stats_->horizontalHeader()->resizeSection(0, 60);
}

void ExplorePage::onZoomed(base::Timestamp from, base::Timestamp to)
{
    zooming_ = true;
    if (!beforeZoom_) {
        beforeZoom_ = context_.range.spec();
    }
    // The chart's own stack keeps the picture; the range makes the server send finer points.
    context_.range.setSpec({{}, from, to});
    zooming_ = false;
}

void ExplorePage::onZoomReset()
{
    if (const auto before = std::exchange(beforeZoom_, std::nullopt)) {
        context_.range.setSpec(*before);
    }
}

} // namespace narthex::ui::pages
