// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/legend_view.h"

#include "ui/format/time_text.h"

#include <QGuiApplication>
#include <QHBoxLayout>
#include <QVBoxLayout>

namespace narthex::ui::charts {

LegendView::LegendView(const theme::Theme& theme, const QString& name, QWidget* parent)
    : QWidget(parent)
{
    setObjectName(name);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(6);
    setupHead(theme);
    setupTable(theme);
    auto* frame = new QFrame(this);
    frame->setProperty("panel", true);
    auto* inside = new QVBoxLayout(frame);
    inside->setContentsMargins(1, 1, 1, 1);
    inside->addWidget(table_);
    layout->addWidget(frame, 1);
}

void LegendView::setupHead(const theme::Theme& theme)
{
    auto* head = new QHBoxLayout;
    head->setSpacing(8);
    head->addWidget(kit::makeLabel(theme, tr("Legend"), theme::TextSize::Default, 1, this, true));
    count_ = kit::makeLabel(theme, {}, theme::TextSize::Table, 2, this);
    head->addWidget(count_);
    head->addStretch(1);
    filter_ = new kit::Field(theme, objectName() + QStringLiteral(".filter"),
                             tr("Filter the legend"), this, true);
    filter_->setLeadingIcon(QStringLiteral("filter"));
    filter_->setPlaceholderText(tr("filter, regular expression"));
    filter_->setFixedWidth(220);
    head->addWidget(filter_);
    static_cast<QVBoxLayout*>(layout())->addLayout(head);
}

void LegendView::setupTable(const theme::Theme& theme)
{
    model_ = new LegendModel(this);
    proxy_ = new QSortFilterProxyModel(this);
    proxy_->setSourceModel(model_);
    proxy_->setSortRole(kit::RawRole);
    proxy_->setFilterRole(Qt::ToolTipRole);
    proxy_->setFilterKeyColumn(LegendModel::Name);
    table_ = new kit::TableView(theme, objectName() + QStringLiteral(".table"), tr("Legend"), this);
    table_->setModel(proxy_);
    table_->setSortingEnabled(true);
    table_->sortByColumn(LegendModel::Max, Qt::DescendingOrder);
    QHeaderView* header = table_->horizontalHeader();
    header->setSectionResizeMode(QHeaderView::Interactive);
    header->setSectionResizeMode(LegendModel::Name, QHeaderView::Stretch);
    const std::pair<int, int> widths[]{
        {LegendModel::Letter, 34},    {LegendModel::Sample, 42}, {LegendModel::Labels, 330},
        {LegendModel::AtCursor, 104}, {LegendModel::Last, 88},   {LegendModel::Min, 88},
        {LegendModel::Mean, 88},      {LegendModel::Max, 88},    {LegendModel::UnitColumn, 56}};
    for (const auto& [column, width] : widths) {
        header->resizeSection(column, width);
    }
    connect(table_, &QTableView::clicked, this, &LegendView::onClicked);
    connect(table_, &QTableView::entered, this,
            [this](const QModelIndex& index) { Q_EMIT hovered(keyAt(index)); });
    connect(table_, &QTableView::viewportEntered, this, [this] { Q_EMIT hovered({}); });
    connect(table_, &QTableView::doubleClicked, this, [this] {
        hidden_.clear();
        model_->setHidden(hidden_);
        Q_EMIT hiddenChanged();
    });
    connect(filter_, &QLineEdit::textChanged, this, [this](const QString& text) {
        const QRegularExpression pattern(text, QRegularExpression::CaseInsensitiveOption);
        filter_->setError(pattern.isValid() ? QString() : pattern.errorString());
        if (pattern.isValid()) {
            proxy_->setFilterRegularExpression(pattern);
        }
    });
}

void LegendView::setSeries(const SeriesList& series, std::size_t total)
{
    total_ = total;
    keys_.clear();
    for (const SeriesPtr& one : series) {
        keys_.insert(one->key);
    }
    std::erase_if(hidden_, [this](const std::string& key) { return !keys_.contains(key); });
    model_->setSeries(series);
    updateTitle();
}

void LegendView::updateTitle()
{
    const int shown = model_->rowCount();
    count_->setText(
        std::size_t(shown) < total_
            ? tr("%1 of %2 series").arg(format::count(std::size_t(shown)), format::count(total_))
            : tr("%1 series").arg(format::count(std::size_t(shown))));
}

void LegendView::setCursor(std::optional<base::Timestamp> time, const QTimeZone& zone)
{
    model_->setCursor(time, time ? tr("At %1").arg(format::clockTime(*time, zone)) : QString());
}

std::string LegendView::keyAt(const QModelIndex& index) const
{
    const QModelIndex source = proxy_->mapToSource(index);
    return source.isValid() ? model_->seriesAt(source.row())->key : std::string();
}

void LegendView::onClicked(const QModelIndex& index)
{
    const std::string key = keyAt(index);
    if (QGuiApplication::keyboardModifiers().testFlag(Qt::ControlModifier)) {
        if (!hidden_.erase(key)) {
            hidden_.insert(key);
        }
    } else {
        std::set<std::string> others = keys_;
        others.erase(key);
        // A click on the one that is alone brings all back.
        hidden_ = hidden_ == others ? std::set<std::string>() : others;
    }
    model_->setHidden(hidden_);
    Q_EMIT hiddenChanged();
}

} // namespace narthex::ui::charts
