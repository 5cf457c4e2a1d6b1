// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The widgets of Overview; what fills them is in overview_update.cpp.
#include "ui/pages/overview/overview_page.h"

#include "ui/pages/explore/starters.h"

#include <QGridLayout>
#include <QJsonArray>
#include <QScrollArea>

namespace narthex::ui::pages {
namespace {

constexpr int kRefreshMs = 5000;

} // namespace

OverviewPage::OverviewPage(PageContext& context, QWidget* parent)
    : Page(context, QStringLiteral("overview"), parent)
{
    worker_.setMaxThreadCount(1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->setSpacing(8);
    strip_ = new kit::Strip(context.theme, QStringLiteral("overview.error"), this);
    strip_->setRetry(true);
    connect(strip_, &kit::Strip::retry, this, &OverviewPage::refresh);
    layout->addWidget(strip_);
    setupTiles();
    auto* grid = new QGridLayout;
    grid->setSpacing(8);
    grid->addWidget(makeAttention(), 0, 0, 1, 2);
    grid->addWidget(makeProcessors(), 1, 0, 1, 2);
    grid->addWidget(makeHost(), 0, 2, 2, 1);
    grid->addWidget(makeRecent(), 2, 0);
    grid->addWidget(makeStarters(), 2, 1);
    grid->addWidget(makeEngine(), 2, 2);
    grid->setColumnStretch(0, 33);
    grid->setColumnStretch(1, 33);
    grid->setColumnStretch(2, 34);
    grid->setRowStretch(1, 1);
    layout->addLayout(grid, 1);

    connect(&context.status, &backend::StatusWatch::updated, this, [this] {
        updateTiles();
        updateAttention();
        updateEngine();
        finishUpdate(context_.status.error());
    });
    connect(&context.catalog, &backend::MetricCatalog::changed, this, [this] {
        rebuildHost();
        fillStarters();
    });
    connect(&context.settings, &settings::Settings::changed, this, &OverviewPage::fillRecent);
    timer_.setInterval(kRefreshMs);
    connect(&timer_, &QTimer::timeout, this, &OverviewPage::refresh);
    rebuildHost();
    fillRecent();
    fillStarters();
    updateTiles();
    updateAttention();
    updateEngine();
}

void OverviewPage::setupTiles()
{
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    const auto add = [&](const QString& key, const QString& title) {
        auto* tile = new Tile(context_.theme, QStringLiteral("overview.tiles.") + key, title, this);
        row->addWidget(tile, 1);
        return tile;
    };
    notUp_ = add(QStringLiteral("notUp"), tr("Targets not up"));
    up_ = add(QStringLiteral("up"), tr("Targets up"));
    collector_ = add(QStringLiteral("collector"), tr("Collector"));
    series_ = add(QStringLiteral("series"), tr("Series"));
    connect(notUp_, &Tile::clicked, this, [this] {
        context_.openPage(QStringLiteral("targets"),
                          {{QStringLiteral("show"), QStringLiteral("notUp")}});
    });
    connect(up_, &Tile::clicked, this, [this] {
        context_.openPage(QStringLiteral("targets"),
                          {{QStringLiteral("show"), QStringLiteral("all")}});
    });
    connect(collector_, &Tile::clicked, this,
            [this] { openQuery(QStringLiteral("sum(scrape_samples_scraped) by (job)")); });
    connect(series_, &Tile::clicked, this,
            [this] { openQuery(QStringLiteral("prometheus_tsdb_head_series")); });
    static_cast<QVBoxLayout*>(layout())->addLayout(row);
}

QWidget* OverviewPage::makeAttention()
{
    attention_ = new kit::Panel(context_.theme, QStringLiteral("overview.attention"),
                                tr("Needs attention"), this);
    attentionStack_ = new QStackedWidget(attention_);
    attentionModel_ = new AttentionModel(this);
    attentionTable_ = new kit::TableView(context_.theme, QStringLiteral("overview.attention.table"),
                                         tr("Needs attention"), this);
    attentionTable_->setModel(attentionModel_);
    attentionTable_->verticalHeader()->setDefaultSectionSize(theme::metrics::kRowNormal);
    QHeaderView* header = attentionTable_->horizontalHeader();
    header->setSectionResizeMode(AttentionModel::What, QHeaderView::Stretch);
    header->resizeSection(AttentionModel::State, 88);
    header->resizeSection(AttentionModel::Source, 116);
    header->resizeSection(AttentionModel::Since, 96);
    connect(attentionTable_, &QTableView::activated, this, [this](const QModelIndex& index) {
        if (attentionModel_->problem(index.row()).source == "targets") {
            context_.openPage(QStringLiteral("targets"),
                              {{QStringLiteral("show"), QStringLiteral("notUp")}});
        }
    });
    calm_ = new kit::EmptyState(context_.theme, QStringLiteral("overview.calm"),
                                QStringLiteral("check"), attention_);
    attentionStack_->addWidget(attentionTable_);
    attentionStack_->addWidget(calm_);
    attention_->body()->addWidget(attentionStack_);
    QPushButton* all = kit::makeButton(QStringLiteral("overview.attention.targets"),
                                       tr("All targets"), kit::ButtonKind::Link, attention_);
    connect(all, &QPushButton::clicked, this,
            [this] { context_.openPage(QStringLiteral("targets"), {}); });
    attention_->addHeadWidget(all);
    attention_->setMinimumHeight(150);
    return attention_;
}

QWidget* OverviewPage::makeProcessors()
{
    processors_ = new kit::Panel(context_.theme, QStringLiteral("overview.processors"),
                                 tr("Processor time"), this);
    processors_->setRemark(tr("by mode, last 15 min"));
    processorChart_ =
        new charts::TimeChart(context_.theme, QStringLiteral("overview.chart"), processors_);
    processorChart_->setAccessibleName(tr("Processor time by mode"));
    processorChart_->setMode(charts::Mode::Area);
    processorChart_->setInlineLegend(true);
    processorChart_->setUnits({format::Quantity::Percent, false});
    processors_->body()->addWidget(processorChart_);
    QPushButton* open = kit::makeButton(QStringLiteral("overview.chart.open"),
                                        tr("Open in Explore"), kit::ButtonKind::Link, processors_);
    connect(open, &QPushButton::clicked, this, [this] {
        openQuery(QStringLiteral(
            "100 * avg by (mode) (rate(node_cpu_seconds_total{job=\"node\",mode!=\"idle\"}[1m]))"));
    });
    processors_->addHeadWidget(open);
    return processors_;
}

QWidget* OverviewPage::makeHost()
{
    host_ =
        new kit::Panel(context_.theme, QStringLiteral("overview.host"), tr("This computer"), this);
    host_->setRemark(tr("last 15 min"));
    hostMark_ = new kit::StateMark(context_.theme, 10, host_);
    hostAge_ =
        kit::makeLabel(context_.theme, tr("waiting for data"), theme::TextSize::Axis, 2, host_);
    host_->addHeadWidget(hostMark_);
    host_->addHeadWidget(hostAge_);
    auto* scroll = new QScrollArea(host_);
    scroll->setObjectName(QStringLiteral("overview.host.scroll"));
    scroll->setAccessibleName(tr("This computer"));
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* list = new QWidget(scroll);
    list->setObjectName(QStringLiteral("scroll_body"));
    auto* column = new QVBoxLayout(list);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    hostRows_ = new QVBoxLayout;
    hostRows_->setSpacing(0);
    column->addLayout(hostRows_);
    column->addStretch(1);
    scroll->setWidget(list);
    host_->body()->addWidget(scroll);
    return host_;
}

QWidget* OverviewPage::makeRecent()
{
    auto* panel = new kit::Panel(context_.theme, QStringLiteral("overview.recent"),
                                 tr("Recent queries"), this);
    recent_ = new QVBoxLayout;
    recent_->setContentsMargins(8, 6, 8, 6);
    recent_->setSpacing(0);
    panel->body()->addLayout(recent_);
    panel->body()->addStretch(1);
    QPushButton* fresh = kit::makeButton(QStringLiteral("overview.newExplore"),
                                         tr("New Explore tab"), kit::ButtonKind::Link, panel);
    connect(fresh, &QPushButton::clicked, this, [this] {
        context_.openPage(QStringLiteral("explore"),
                          {{QStringLiteral("queries"), QJsonArray{QString()}}});
    });
    panel->addHeadWidget(fresh);
    panel->setFixedHeight(196);
    return panel;
}

QWidget* OverviewPage::makeStarters()
{
    auto* panel = new kit::Panel(context_.theme, QStringLiteral("overview.starters"),
                                 tr("Starters that fit your metrics"), this);
    starters_ = new QVBoxLayout;
    starters_->setContentsMargins(8, 6, 8, 6);
    starters_->setSpacing(0);
    panel->body()->addLayout(starters_);
    panel->body()->addStretch(1);
    panel->setFixedHeight(196);
    return panel;
}

QWidget* OverviewPage::makeEngine()
{
    auto* panel =
        new kit::Panel(context_.theme, QStringLiteral("overview.engine"), tr("Engine"), this);
    facts_ = kit::makeLabel(context_.theme, {}, theme::TextSize::Table, 1, panel);
    facts_->setObjectName(QStringLiteral("overview.engine.facts"));
    facts_->setAccessibleName(tr("Facts of the engine"));
    facts_->setTextFormat(Qt::RichText);
    facts_->setContentsMargins(12, 8, 12, 8);
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    facts_->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    panel->body()->addWidget(facts_, 1);
    panel->setFixedHeight(196);
    return panel;
}

void OverviewPage::openQuery(const QString& query)
{
    context_.openPage(QStringLiteral("explore"), {{QStringLiteral("queries"), QJsonArray{query}}});
}

QPushButton* OverviewPage::addQueryLine(QVBoxLayout& list, const QString& name,
                                        const QString& query)
{
    QPushButton* button = kit::makeButton(name, {}, kit::ButtonKind::Link, this);
    button->setStyleSheet(QStringLiteral("font-family: \"%1\"; text-align: left")
                              .arg(context_.theme.codeFont().family()));
    button->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    const QString text = query.simplified();
    button->setText(text.size() > 58 ? text.left(57) + QStringLiteral("…") : text);
    button->setAccessibleName(text);
    button->setToolTip(text);
    list.addWidget(button);
    connect(button, &QPushButton::clicked, this, [this, query] { openQuery(query); });
    return button;
}

void OverviewPage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    timer_.start();
    refresh();
}

void OverviewPage::hideEvent(QHideEvent* event)
{
    // A page that nobody sees asks nothing.
    timer_.stop();
    Page::hideEvent(event);
}

} // namespace narthex::ui::pages
