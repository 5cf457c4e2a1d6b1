// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The widgets of Explore; what runs queries is in explore_run.cpp.
#include "ui/pages/explore/explore_page.h"

#include "ui/pages/explore/starters.h"

#include <QJsonArray>

namespace narthex::ui::pages {
namespace {

struct ModeName
{
    charts::Mode mode;
    const char* key;
};
constexpr ModeName kModes[] = {
    {charts::Mode::Line, "line"}, {charts::Mode::Area, "area"}, {charts::Mode::Points, "points"}};

} // namespace

ExplorePage::ExplorePage(PageContext& context, QWidget* parent)
    : Page(context, QStringLiteral("explore"), parent)
{
    worker_.setMaxThreadCount(1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->setSpacing(6);
    setupRows();
    setupTools();
    setupViews();
    connectRange();
    addRow({});
    updateEmpty();
}

QString ExplorePage::title() const
{
    for (const QueryRow* row : rows_) {
        const QString query = row->query().simplified();
        if (!query.isEmpty()) {
            return query.size() > 36 ? query.left(35) + QStringLiteral("…") : query;
        }
    }
    return tr("Explore");
}

void ExplorePage::setupRows()
{
    auto* holder = new QWidget(this);
    rowsLayout_ = new QVBoxLayout(holder);
    rowsLayout_->setContentsMargins(0, 0, 0, 0);
    rowsLayout_->setSpacing(6);
    static_cast<QVBoxLayout*>(layout())->addWidget(holder);
}

void ExplorePage::setupTools()
{
    tools_ = new QWidget(this);
    auto* row = new QHBoxLayout(tools_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    const theme::Theme& theme = context_.theme;
    auto* add = kit::makeToolButton(theme, QStringLiteral("explore.add"), QStringLiteral("plus"),
                                    tr("Add a query"), this);
    add->setText(tr("Query"));
    add->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    connect(add, &QToolButton::clicked, this, [this] {
        addRow({})->editor()->focusText();
        Q_EMIT edited();
    });
    row->addWidget(add);
    const auto combo = [&](const QString& name, const QString& label, const QString& accessible) {
        row->addWidget(kit::makeLabel(theme, label, theme::TextSize::Table, 2, this));
        auto* box = new kit::Choice(theme, name, accessible, this);
        row->addWidget(box);
        return box;
    };
    mode_ = combo(QStringLiteral("explore.mode"), tr("Mode"), tr("Chart mode"));
    mode_->addItem(tr("Line"), QStringLiteral("line"));
    mode_->addItem(tr("Area"), QStringLiteral("area"));
    mode_->addItem(tr("Points"), QStringLiteral("points"));
    step_ = combo(QStringLiteral("explore.step"), tr("Step"), tr("Distance of points"));
    step_->addItem(tr("auto"), 0);
    for (const char* text : {"1s", "5s", "15s", "30s", "1m", "5m", "15m", "1h"}) {
        step_->addItem(QLatin1String(text),
                       qlonglong(base::parseDuration(text).value_or(base::Duration{}).ms()));
    }
    row->addStretch(1);
    views_ = new kit::SegmentedSwitch(theme, QStringLiteral("explore.views"), this);
    views_->addSegment(QStringLiteral("chart"), tr("Chart"), QStringLiteral("chart"));
    views_->addSegment(QStringLiteral("table"), tr("Table"), QStringLiteral("table"));
    views_->addSegment(QStringLiteral("stats"), tr("Stats"));
    views_->setCurrent(QStringLiteral("chart"));
    row->addWidget(views_);
    static_cast<QVBoxLayout*>(layout())->addWidget(tools_);

    connect(mode_, &QComboBox::currentIndexChanged, this, [this](int index) {
        chart_->setMode(kModes[std::max(0, index)].mode);
        Q_EMIT edited();
    });
    connect(step_, &QComboBox::currentIndexChanged, this, &ExplorePage::runAll);
    connect(views_, &kit::SegmentedSwitch::currentChanged, this, [this](const QString& key) {
        stack_->setCurrentIndex(
            key == QLatin1String("table") ? 1 : (key == QLatin1String("stats") ? 2 : 0));
        updateEmpty();
        Q_EMIT edited();
    });
}

void ExplorePage::setupViews()
{
    auto* page = static_cast<QVBoxLayout*>(layout());
    progress_ = new kit::ProgressLine(context_.theme, this);
    page->addWidget(progress_);
    notice_ = new kit::Strip(context_.theme, QStringLiteral("explore.notice"), this);
    page->addWidget(notice_);
    stack_ = new QStackedWidget(this);
    setupChartView();
    setupTableView();
    setupStatsView();
    setupEmpty();
    page->addWidget(stack_, 1);
    page->setSpacing(6);
    connect(this, &Page::stateChanged, this, [this] { progress_->setBusy(busy()); });
}

void ExplorePage::setupChartView()
{
    const theme::Theme& theme = context_.theme;
    chartSplit_ = new QSplitter(Qt::Vertical, this);
    chartSplit_->setChildrenCollapsible(false);
    auto* frame = new QFrame(chartSplit_);
    frame->setProperty("panel", true);
    auto* inside = new QVBoxLayout(frame);
    inside->setContentsMargins(1, 4, 1, 1);
    chart_ = new charts::TimeChart(theme, QStringLiteral("explore.chart"), frame);
    inside->addWidget(chart_);
    legend_ = new charts::LegendView(theme, QStringLiteral("explore.legend"), chartSplit_);
    chartSplit_->addWidget(frame);
    chartSplit_->addWidget(legend_);
    chartSplit_->setStretchFactor(0, 7);
    chartSplit_->setStretchFactor(1, 3);
    chartSplit_->setSizes({460, 210});
    stack_->addWidget(chartSplit_);
    connect(chart_, &charts::TimeChart::cursorMoved, this,
            [this](std::optional<base::Timestamp> time) {
                legend_->setCursor(time, context_.range.zone());
            });
    connect(chart_, &charts::TimeChart::zoomed, this, &ExplorePage::onZoomed);
    connect(chart_, &charts::TimeChart::zoomReset, this, &ExplorePage::onZoomReset);
    connect(legend_, &charts::LegendView::hiddenChanged, this,
            [this] { chart_->setHidden(legend_->hidden()); });
    connect(legend_, &charts::LegendView::hovered, this,
            [this](const std::string& key) { chart_->setEmphasis(key); });
}

void ExplorePage::setupTableView()
{
    auto* frame = new QFrame(this);
    frame->setProperty("panel", true);
    auto* inside = new QVBoxLayout(frame);
    inside->setContentsMargins(1, 1, 1, 1);
    tableModel_ = new ResultTableModel(this);
    auto* proxy = new QSortFilterProxyModel(this);
    proxy->setSourceModel(tableModel_);
    proxy->setSortRole(kit::RawRole);
    table_ = new kit::TableView(context_.theme, QStringLiteral("explore.table"),
                                tr("Result as a table"), this);
    table_->setModel(proxy);
    table_->setSortingEnabled(true);
    table_->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
    connect(proxy, &QAbstractItemModel::modelReset, table_, [this] {
        QHeaderView* header = table_->horizontalHeader();
        const int columns = header->count();
        for (int column = 0; column < columns; ++column) {
            header->setSectionResizeMode(column, QHeaderView::Interactive);
            header->resizeSection(column, column == 0 ? 34 : 180);
        }
        if (columns > 2) {
            header->resizeSection(columns - 2, 120);
            header->setSectionResizeMode(columns - 1, QHeaderView::Stretch);
        }
    });
    inside->addWidget(table_);
    stack_->addWidget(frame);
}

void ExplorePage::setupStatsView()
{
    auto* frame = new QFrame(this);
    frame->setProperty("panel", true);
    auto* inside = new QVBoxLayout(frame);
    inside->setContentsMargins(1, 1, 1, 1);
    statsModel_ = new QStandardItemModel(this);
    stats_ = new kit::TableView(context_.theme, QStringLiteral("explore.stats"),
                                tr("Cost of the queries"), this);
    stats_->setModel(statsModel_);
    inside->addWidget(stats_);
    stack_->addWidget(frame);
}

void ExplorePage::setupEmpty()
{
    auto* frame = new QFrame(this);
    frame->setProperty("panel", true);
    auto* inside = new QVBoxLayout(frame);
    empty_ = new kit::EmptyState(context_.theme, QStringLiteral("explore.empty"),
                                 QStringLiteral("explore"), frame);
    empty_->setText(tr("Ask your metrics"),
                    tr("Write a query above; Ctrl+Enter runs it. Or begin with one of these."));
    starters_ = new QWidget(empty_);
    auto* list = new QVBoxLayout(starters_);
    list->setContentsMargins(0, 0, 0, 0);
    list->setSpacing(2);
    starters_->setMinimumWidth(720);
    empty_->addContent(starters_);
    inside->addWidget(empty_);
    stack_->addWidget(frame);
    connect(&context_.catalog, &backend::MetricCatalog::changed, this, &ExplorePage::fillStarters);
    fillStarters();
}

void ExplorePage::fillStarters()
{
    auto* list = static_cast<QVBoxLayout*>(starters_->layout());
    while (QLayoutItem* item = list->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    const auto add = [&](const QString& name, const QString& title, const QString& query) {
        auto* line = new QWidget(starters_);
        auto* row = new QHBoxLayout(line);
        row->setContentsMargins(0, 0, 0, 0);
        row->setSpacing(12);
        auto* label = kit::makeLabel(context_.theme, title, theme::TextSize::Table, 2, line);
        label->setFixedWidth(236);
        label->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
        row->addWidget(label);
        QPushButton* button = kit::makeButton(name, query, kit::ButtonKind::Link, line);
        button->setFont(context_.theme.codeFont());
        button->setStyleSheet(
            QStringLiteral("font-family: \"%1\"").arg(context_.theme.codeFont().family()));
        row->addWidget(button);
        row->addStretch(1);
        connect(button, &QPushButton::clicked, this, [this, query] {
            rows_.first()->setQuery(query);
            runAll();
            rows_.first()->editor()->focusText();
        });
        list->addWidget(line);
    };
    int number = 0;
    for (const Starter& starter : startersFor(context_.catalog, 6)) {
        add(QStringLiteral("explore.starter.%1").arg(number++), starter.title, starter.query);
    }
    number = 0;
    for (const QString& query : context_.settings.values().queryHistory.mid(0, 3)) {
        add(QStringLiteral("explore.recent.%1").arg(number++), tr("asked before"),
            query.simplified().left(80));
    }
}

QueryRow* ExplorePage::addRow(const QString& query)
{
    auto* row = new QueryRow(context_, int(rows_.size()), this);
    row->setQuery(query);
    row->editor()->setHistory(context_.settings.values().queryHistory);
    rows_ << row;
    rowsLayout_->addWidget(row);
    connect(row, &QueryRow::edited, this, [this] {
        Q_EMIT titleChanged();
        Q_EMIT edited();
    });
    connect(row, &QueryRow::runRequested, this, &ExplorePage::runAll);
    connect(row, &QueryRow::runAloneRequested, this, [this, row] { runRow(*row, false); });
    connect(row, &QueryRow::stopRequested, this, [this, row] {
        row->request.cancel();
        row->setRunning(false);
        updateBusy();
    });
    connect(row, &QueryRow::shownChanged, this, &ExplorePage::prepare);
    connect(row, &QueryRow::duplicateRequested, this, [this, row] {
        addRow(row->query());
        runAll();
    });
    connect(row, &QueryRow::removeRequested, this, [this, row] { removeRow(row); });
    renumber();
    return row;
}

void ExplorePage::removeRow(QueryRow* row)
{
    if (rows_.size() <= 1) {
        return;
    }
    rows_.removeOne(row);
    row->deleteLater(); // its menu's signal is still running
    row->hide();
    renumber();
    prepare();
    Q_EMIT titleChanged();
    Q_EMIT edited();
}

void ExplorePage::renumber()
{
    for (qsizetype i = 0; i < rows_.size(); ++i) {
        rows_[i]->setIndex(int(i));
        rows_[i]->setRemovable(rows_.size() > 1);
    }
}

QJsonObject ExplorePage::saveState() const
{
    QJsonArray queries;
    for (const QueryRow* row : rows_) {
        queries << QJsonObject{{QStringLiteral("text"), row->editor()->text()},
                               {QStringLiteral("shown"), row->shown()}};
    }
    return {{QStringLiteral("queries"), queries},
            {QStringLiteral("mode"), mode_->currentData().toString()},
            {QStringLiteral("step"), step_->currentData().toInt()},
            {QStringLiteral("view"), views_->current()}};
}

void ExplorePage::restoreState(const QJsonObject& state)
{
    const QJsonArray queries = state.value(QStringLiteral("queries")).toArray();
    for (qsizetype i = 0; i < queries.size(); ++i) {
        // A plain string is a query, too: other pages open Explore that way.
        const QJsonObject query = queries[i].toObject();
        const QString text = queries[i].isString() ? queries[i].toString()
                                                   : query.value(QStringLiteral("text")).toString();
        QueryRow* row = i < rows_.size() ? rows_[i] : addRow({});
        row->setQuery(text);
        row->setShown(query.value(QStringLiteral("shown")).toBool(true));
    }
    if (const int index = mode_->findData(state.value(QStringLiteral("mode")).toString());
        index >= 0) {
        mode_->setCurrentIndex(index);
    }
    if (const int index = step_->findData(state.value(QStringLiteral("step")).toInt());
        index >= 0) {
        step_->setCurrentIndex(index);
    }
    views_->setCurrent(state.value(QStringLiteral("view")).toString(QStringLiteral("chart")));
    Q_EMIT titleChanged();
    runAll();
}

void ExplorePage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    if (!hasQueries()) {
        rows_.first()->editor()->focusText();
    }
}

} // namespace narthex::ui::pages
