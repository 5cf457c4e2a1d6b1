// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/targets/targets_page.h"

#include "ui/format/time_text.h"
#include "ui/format/units.h"
#include "ui/pages/errors.h"
#include "ui/pages/targets/targets_delegate.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QMenu>

namespace narthex::ui::pages {
namespace {

/// "Live: engine push ≤ 4/s, remote 10 s" (spec/ui.md, "Targets").
constexpr int kPollMs = 10'000;
constexpr int kCauseHeight = 48;

} // namespace

TargetsPage::TargetsPage(PageContext& context, QWidget* parent)
    : Page(context, QStringLiteral("targets"), parent)
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    setupTools();
    strip_ = new kit::Strip(context.theme, QStringLiteral("targets.error"), this);
    strip_->setRetry(true);
    connect(strip_, &kit::Strip::retry, this, &TargetsPage::refresh);
    layout->addWidget(strip_);
    stack_ = new QStackedWidget(this);
    setupTable();
    empty_ = new kit::EmptyState(context.theme, QStringLiteral("targets.empty"),
                                 QStringLiteral("targets"), this);
    empty_->setText(tr("Looking for targets"), tr("What is scraped, what fails and why."));
    stack_->addWidget(empty_);
    noMatch_ = new kit::EmptyState(context.theme, QStringLiteral("targets.noMatch"),
                                   QStringLiteral("filter"), this);
    noMatch_->setText(tr("No target matches"), tr("The filter leaves nothing."));
    connect(noMatch_->addButton(QStringLiteral("clear"), tr("Show all targets")),
            &QPushButton::clicked, this, [this] {
                filter_->clear();
                show_->setCurrent(QStringLiteral("all"));
            });
    stack_->addWidget(noMatch_);
    layout->addWidget(stack_, 1);
    stack_->setCurrentWidget(empty_);
    connect(&context.backend, &backend::Backend::targetsChanged, this, [this] {
        if (isVisible()) {
            refresh();
        }
    });
    connect(this, &Page::stateChanged, this, [this] { progress_->setBusy(busy() && !loaded_); });
    poll_.setInterval(kPollMs);
    connect(&poll_, &QTimer::timeout, this, &TargetsPage::refresh);
    tick_.setInterval(1000);
    connect(&tick_, &QTimer::timeout, this, [this] {
        model_->tick();
        updateCounts();
    });
}

void TargetsPage::setupTools()
{
    auto* tools = new QWidget(this);
    tools->setFixedHeight(40);
    auto* row = new QHBoxLayout(tools);
    row->setContentsMargins(8, 0, 8, 0);
    row->setSpacing(8);
    const theme::Theme& theme = context_.theme;
    filter_ = new kit::FilterBar(theme, QStringLiteral("targets.filter"), tools);
    filter_->setMaximumWidth(344);
    row->addWidget(filter_, 2);
    show_ = new kit::SegmentedSwitch(theme, QStringLiteral("targets.show"), tools);
    show_->addSegment(QStringLiteral("all"), tr("All"));
    show_->addSegment(QStringLiteral("notUp"), tr("Not up"));
    show_->addSegment(QStringLiteral("slow"), tr("Slow"));
    show_->setCurrent(QStringLiteral("all"));
    row->addWidget(show_);
    row->addSpacing(8);
    row->addWidget(kit::makeLabel(theme, tr("Group by"), theme::TextSize::Table, 2, tools));
    group_ = new kit::Choice(theme, QStringLiteral("targets.groupBy"), tr("Group by"), tools);
    group_->addItem(tr("job"), QStringLiteral("job"));
    group_->addItem(tr("error"), QStringLiteral("error"));
    group_->addItem(tr("nothing"), QStringLiteral("nothing"));
    row->addWidget(group_);
    row->addStretch(1);
    age_ = kit::makeLabel(theme, {}, theme::TextSize::Table, 3, tools);
    row->addWidget(age_);
    auto* copyButton = kit::makeToolButton(theme, QStringLiteral("targets.copyAs"),
                                           QStringLiteral("copy"), tr("Copy the table as"), tools);
    connect(copyButton, &QToolButton::clicked, this,
            [this, copyButton] { openCopyMenu(copyButton); });
    row->addWidget(copyButton);
    auto* column = static_cast<QVBoxLayout*>(layout());
    column->addWidget(tools);
    progress_ = new kit::ProgressLine(theme, this);
    column->addWidget(progress_);
    column->addWidget(kit::makeLine(Qt::Horizontal, this));
    connect(filter_, &kit::FilterBar::filterChanged, this, [this] {
        model_->setFilter(filter_->filter());
        updateView();
    });
    connect(show_, &kit::SegmentedSwitch::currentChanged, this, [this](const QString& key) {
        model_->setShow(key == QLatin1String("notUp")
                            ? TargetsModel::Show::NotUp
                            : (key == QLatin1String("slow") ? TargetsModel::Show::Slow
                                                            : TargetsModel::Show::All));
        updateView();
        Q_EMIT edited();
    });
    connect(group_, &QComboBox::currentIndexChanged, this, [this](int index) {
        model_->setGroupBy(TargetsModel::GroupBy(std::uint8_t(std::max(0, index))));
        updateView();
        Q_EMIT edited();
    });
}

void TargetsPage::setupTable()
{
    split_ = new QSplitter(Qt::Horizontal, this);
    split_->setChildrenCollapsible(false);
    split_->setProperty("thin", true);
    split_->setHandleWidth(1);
    auto* left = new QWidget(split_);
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    model_ = new TargetsModel(this);
    table_ =
        new kit::TableView(context_.theme, QStringLiteral("targets.table"), tr("Targets"), left);
    table_->setItemDelegate(new TargetsDelegate(context_.theme, table_));
    table_->setModel(model_);
    table_->setSortingEnabled(true);
    table_->sortByColumn(TargetsModel::Instance, Qt::AscendingOrder);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->installEventFilter(this);
    QHeaderView* header = table_->horizontalHeader();
    const int widths[] = {84, 200, 80, 116, 68, 52, 74, 66, 178};
    for (int i = 0; i < TargetsModel::ColumnCount; ++i) {
        header->resizeSection(i, widths[i]);
    }
    header->setSectionResizeMode(TargetsModel::Instance, QHeaderView::Stretch);
    column->addWidget(table_, 1);
    foot_ = kit::makeLabel(context_.theme, {}, theme::TextSize::Table, 2, left);
    foot_->setContentsMargins(12, 6, 12, 6);
    column->addWidget(kit::makeLine(Qt::Horizontal, left));
    column->addWidget(foot_);
    details_ = new TargetDetails(context_, split_);
    details_->hide();
    split_->addWidget(left);
    split_->addWidget(details_);
    split_->setStretchFactor(0, 1);
    split_->setStretchFactor(1, 0);
    split_->setSizes({936, 432});
    stack_->addWidget(split_);

    connect(model_, &QAbstractItemModel::rowsInserted, this, &TargetsPage::updateLayoutOfRows);
    connect(model_, &QAbstractItemModel::rowsRemoved, this, &TargetsPage::updateLayoutOfRows);
    connect(model_, &QAbstractItemModel::rowsMoved, this, &TargetsPage::updateLayoutOfRows);
    connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &TargetsPage::showSelected);
    connect(table_, &QTableView::clicked, this, [this](const QModelIndex& index) {
        if (model_->kindOf(index.row()) == TargetsModel::RowKind::Group) {
            model_->toggleGroup(index.row());
            updateView();
        }
    });
    connect(table_, &kit::TableView::escaped, this, &TargetsPage::closeDetails);
    connect(details_, &TargetDetails::closed, this, &TargetsPage::closeDetails);
    connect(details_, &TargetDetails::scrapeRequested, this, &TargetsPage::scrapeNow);
}

void TargetsPage::updateLayoutOfRows()
{
    table_->clearSpans();
    for (int row = 0; row < model_->rowCount(); ++row) {
        const TargetsModel::RowKind kind = model_->kindOf(row);
        const int height = kind == TargetsModel::RowKind::Target
                               ? theme::metrics::kRowDense
                               : (kind == TargetsModel::RowKind::Group ? theme::metrics::kRowNormal
                                                                       : kCauseHeight);
        if (table_->rowHeight(row) != height) {
            table_->setRowHeight(row, height);
        }
        if (kind != TargetsModel::RowKind::Target) {
            table_->setSpan(row, 0, 1, TargetsModel::ColumnCount);
        }
    }
}

void TargetsPage::refresh()
{
    if (request_.active()) {
        return;
    }
    setBusy(true);
    request_ = context_.backend.targets(
        [this](const absl::StatusOr<client::Targets>& targets) { take(targets); });
}

void TargetsPage::take(const absl::StatusOr<client::Targets>& targets)
{
    if (targets.ok()) {
        loaded_ = true;
        freshAt_ = format::wallNow();
        strip_->clear();
        model_->setStale(false);
        model_->setTargets(std::make_shared<client::Targets>(*targets));
        if (const client::TargetInfo* target =
                selected_.empty() ? nullptr : model_->targetById(selected_)) {
            details_->show(*target);
        } else if (!selected_.empty()) {
            closeDetails();
        }
    } else {
        const QString text = errorText(targets.status());
        strip_->show(theme::State::Critical, errorTitle(targets.status()),
                     freshAt_ ? tr("Data below is from %1.")
                                    .arg(format::clockTime(*freshAt_, context_.range.zone()))
                              : text,
                     text);
        strip_->setRetry(true);
        model_->setStale(true);
        if (!loaded_) {
            empty_->setText(tr("Not known yet"), tr("The targets appear when the server answers."));
        }
    }
    updateCounts();
    updateView();
    finishUpdate(targets.status());
}

void TargetsPage::updateCounts()
{
    const TargetCounts& counts = model_->counts();
    show_->setText(QStringLiteral("all"), tr("All %1").arg(counts.all));
    show_->setText(QStringLiteral("notUp"), tr("Not up %1").arg(counts.notUp));
    show_->setText(QStringLiteral("slow"), tr("Slow %1").arg(counts.slow));
    if (freshAt_) {
        const base::Duration age = format::wallNow() - *freshAt_;
        age_->setText(errorCode().isEmpty() ? tr("fresh, %1").arg(format::span(age))
                                            : tr("unknown for %1").arg(format::span(age)));
    }
    foot_->setText(tr("%1, %2").arg(
        format::counted(std::uint64_t(counts.all), tr("target"), tr("targets")),
        format::counted(std::uint64_t(model_->groupCount()), tr("job"), tr("jobs"))));
}

void TargetsPage::updateView()
{
    if (model_->counts().all == 0) {
        if (loaded_) {
            empty_->setText(tr("No targets yet"),
                            tr("Add a job to scrape_configs in the configuration file; its targets "
                               "appear here."));
        }
        stack_->setCurrentWidget(empty_);
    } else {
        stack_->setCurrentWidget(model_->rowCount() == 0 ? static_cast<QWidget*>(noMatch_)
                                                         : split_);
    }
}

void TargetsPage::showSelected()
{
    const QModelIndexList rows = table_->selectionModel()->selectedRows();
    const client::TargetInfo* target =
        rows.isEmpty() ? nullptr : model_->targetAt(rows.first().row());
    if (target == nullptr) {
        return;
    }
    selected_ = target->id;
    details_->show(*target);
    details_->setScraping(scrapeRequest_.active());
    if (details_->isHidden()) {
        details_->setVisible(true);
        split_->setSizes({std::max(500, width() - 432), 432});
    }
}

void TargetsPage::closeDetails()
{
    selected_.clear();
    details_->hide();
    table_->clearSelection();
    table_->setFocus();
}

void TargetsPage::scrapeNow()
{
    if (selected_.empty()) {
        return;
    }
    details_->setScraping(true);
    scrapeRequest_ =
        context_.backend.scrapeNow(selected_, [this](const absl::StatusOr<bool>& done) {
            details_->setScraping(false);
            if (!done.ok()) {
                const QString text = errorText(done.status());
                strip_->show(theme::State::Warning, errorTitle(done.status()), text, text);
                strip_->setRetry(false);
            }
            request_.cancel();
            refresh();
        });
}

void TargetsPage::openCopyMenu(QWidget* button)
{
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    const std::pair<QString, QChar> forms[] = {{tr("Tab-separated text"), QLatin1Char('\t')},
                                               {tr("CSV"), QLatin1Char(',')}};
    for (const auto& [name, separator] : forms) {
        menu->addAction(name, this, [this, separator = separator] {
            QGuiApplication::clipboard()->setText(table_->asText(separator));
        });
    }
    menu->popup(button->mapToGlobal(QPoint(0, button->height())));
}

QJsonObject TargetsPage::saveState() const
{
    return {{QStringLiteral("show"), show_->current()},
            {QStringLiteral("filter"), filter_->text()},
            {QStringLiteral("group"), group_->currentData().toString()}};
}

void TargetsPage::restoreState(const QJsonObject& state)
{
    if (state.contains(QStringLiteral("show"))) {
        show_->setCurrent(state.value(QStringLiteral("show")).toString());
    }
    filter_->setText(state.value(QStringLiteral("filter")).toString());
    if (const int index = group_->findData(state.value(QStringLiteral("group")).toString());
        index >= 0) {
        group_->setCurrentIndex(index);
    }
}

void TargetsPage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    poll_.start();
    tick_.start();
    refresh();
}

void TargetsPage::hideEvent(QHideEvent* event)
{
    poll_.stop();
    tick_.stop();
    Page::hideEvent(event);
}

bool TargetsPage::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == table_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->key() == Qt::Key_R && key->modifiers() == Qt::NoModifier) {
            scrapeNow();
            return true;
        }
        if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
            showSelected();
            return true;
        }
    }
    return Page::eventFilter(watched, event);
}

} // namespace narthex::ui::pages
