// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What fills Overview: status, problems, and the curves of this computer.
#include "ui/format/time_text.h"
#include "ui/pages/errors.h"
#include "ui/pages/explore/starters.h"
#include "ui/pages/overview/overview_page.h"

#include <QtConcurrent/QtConcurrentRun>

namespace narthex::ui::pages {
namespace {

constexpr qsizetype kLines = 6;
constexpr base::Duration kWindow = base::Duration::fromMs(15 * 60'000);
constexpr base::Duration kStep = base::Duration::fromMs(5'000);
constexpr char kProcessorQuery[] =
    "100 * avg by (mode) (rate(node_cpu_seconds_total{job=\"node\",mode!=\"idle\"}[1m]))";

void clear(QVBoxLayout& layout)
{
    while (QLayoutItem* item = layout.takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

} // namespace

void OverviewPage::refresh()
{
    const base::Timestamp now = format::wallNow();
    for (HostRow* row : rows_) {
        row->ask(now);
    }
    askProcessors();
    attentionModel_->tick();
}

void OverviewPage::updateTiles()
{
    const backend::StatusWatch& watch = context_.status;
    if (!watch.status() || !watch.error().ok()) {
        const QString since =
            watch.status()
                ? tr("since %1").arg(format::clockTime(watch.receivedAt(), context_.range.zone()))
                : tr("no answer yet");
        for (Tile* tile : {notUp_, up_, collector_, series_}) {
            tile->setUnknown(since);
        }
        if (!watch.error().ok()) {
            const QString text = errorText(watch.error());
            strip_->show(theme::State::Critical, errorTitle(watch.error()),
                         watch.status() ? tr("Data below is from %1.")
                                              .arg(format::clockTime(watch.receivedAt(),
                                                                     context_.range.zone()))
                                        : QString(),
                         text);
            strip_->setRetry(true);
        }
        return;
    }
    strip_->clear();
    const client::ServerStatus& status = *watch.status();
    const std::uint32_t total = status.targetsUp + status.targetsDown + status.targetsUnknown;
    const std::uint32_t notUp = status.targetsDown + status.targetsUnknown;
    notUp_->set(
        status.targetsDown > 0 ? theme::State::Critical
                               : (notUp > 0 ? theme::State::Unknown : theme::State::Ok),
        format::count(notUp), tr("of %1").arg(format::count(total)),
        notUp == 0
            ? tr("all answer")
            : tr("%1 down, %2 not asked yet").arg(status.targetsDown).arg(status.targetsUnknown));
    up_->set(status.targetsUp > 0 ? std::optional(theme::State::Ok) : std::nullopt,
             format::count(status.targetsUp), tr("of %1").arg(format::count(total)),
             total == 0 ? tr("no targets yet") : tr("scraped in time"));
    using client::EngineState;
    const bool collecting = status.state == EngineState::Collecting;
    const QString fresh =
        status.newestSample
            ? tr("newest sample %1").arg(format::ago(*status.newestSample, format::wallNow()))
            : tr("no samples yet");
    const std::pair<theme::State, QString> looks[] = {
        {theme::State::Unknown, tr("Off")},
        {theme::State::Pending, tr("Starting")},
        {theme::State::Pending, tr("Replaying %1 %").arg(int(status.replayProgress * 100))},
        {theme::State::Ok, tr("Collecting")},
        {theme::State::Warning, tr("Paused")},
        {theme::State::Pending, tr("Stopping")},
        {theme::State::Critical, tr("Failed")}};
    const auto& [state, word] = looks[std::size_t(status.state)];
    collector_->set(
        state, word,
        collecting ? tr("%1 samples/s")
                         .arg(format::count(std::uint64_t(std::llround(status.samplesPerSecond))))
                   : QString(),
        fresh);
    series_->set(
        {}, format::count(status.headSeries), tr("in memory"),
        tr("%1 on disk")
            .arg(format::showValue(double(status.diskBytes), {format::Quantity::Bytes, false}, 3)
                     .text()));
}

void OverviewPage::updateAttention()
{
    const backend::StatusWatch& watch = context_.status;
    const bool fresh = watch.status() && watch.error().ok();
    if (fresh) {
        attentionModel_->setProblems(watch.status()->problems);
    }
    const int count = attentionModel_->rowCount();
    attention_->setRemark(count > 0
                              ? format::counted(std::uint64_t(count), tr("problem"), tr("problems"))
                              : QString());
    attentionStack_->setCurrentIndex(count > 0 ? 0 : 1);
    // As high as its rows, so that the chart below gets the rest.
    attention_->setFixedHeight(60 + std::clamp(count, 3, 7) * theme::metrics::kRowNormal);
    // "Nothing is wrong" only with fresh data.
    if (fresh) {
        calm_->setText(tr("Nothing needs attention"),
                       tr("Data is fresh as of %1.")
                           .arg(format::clockTime(watch.receivedAt(), context_.range.zone())));
    } else {
        calm_->setText(tr("Not known yet"), tr("Waiting for the engine."));
    }
}

void OverviewPage::updateEngine()
{
    const auto& status = context_.status.status();
    if (!status) {
        facts_->setText(tr("Waiting for the engine."));
        return;
    }
    const format::Unit bytes{format::Quantity::Bytes, false};
    QString rows;
    const auto add = [&](const QString& name, const QString& value) {
        if (!value.isEmpty()) {
            rows += QStringLiteral("<tr><td style=\"color:%1;padding:2px 16px 2px 0\">%2</td><td "
                                   "style=\"padding:2px 0\">%3</td></tr>")
                        .arg(context_.theme.colour(theme::Role::Text2).name(), name,
                             value.toHtmlEscaped());
        }
    };
    add(tr("Listens on"), QString::fromStdString(status->listenAddress));
    add(tr("Running for"),
        status->startedAt ? format::span(format::wallNow() - *status->startedAt) : QString());
    add(tr("Memory of series"), format::showValue(double(status->headBytes), bytes, 3).text());
    add(tr("On disk"), format::showValue(double(status->diskBytes), bytes, 3).text());
    add(tr("Data"), QString::fromStdString(status->dataDirectory));
    add(tr("Configuration"), QString::fromStdString(status->configurationFile));
    facts_->setText(QStringLiteral("<table cellspacing=0>%1</table>").arg(rows));
}

void OverviewPage::rebuildHost()
{
    const QList<HostCard> cards = hostCards(context_.catalog);
    QStringList wanted;
    for (const HostCard& card : cards) {
        wanted << card.key;
    }
    QStringList present;
    for (const HostRow* row : rows_) {
        present << row->card().key;
    }
    if (!rows_.isEmpty() && wanted == present) {
        return;
    }
    rows_.clear();
    clear(*hostRows_);
    for (const HostCard& card : cards) {
        auto* row = new HostRow(context_, card, host_);
        hostRows_->addWidget(row);
        rows_ << row;
        connect(row, &HostRow::clicked, this, [this, row] { openQuery(row->card().query); });
        connect(row, &HostRow::answered, this, &OverviewPage::updateHostRemark);
    }
    if (cards.isEmpty()) {
        auto* empty = new kit::EmptyState(context_.theme, QStringLiteral("overview.host.empty"),
                                          QStringLiteral("laptop"), host_);
        empty->setText(tr("No data of this computer yet"),
                       tr("The collector's first values appear within seconds."));
        hostRows_->addWidget(empty);
    }
    if (isVisible()) {
        refresh();
    }
}

void OverviewPage::updateHostRemark(bool ok)
{
    const base::Timestamp now = format::wallNow();
    if (ok) {
        hostFresh_ = now;
    }
    hostMark_->setState(ok ? theme::State::Ok : theme::State::Unknown);
    hostAge_->setText(ok ? tr("live") : tr("unknown for %1").arg(format::span(now - hostFresh_)));
}

void OverviewPage::askProcessors()
{
    if (!context_.catalog.has(QStringLiteral("node_cpu_seconds_total"))) {
        return;
    }
    const base::Timestamp to{format::wallNow().ms / kStep.ms() * kStep.ms()};
    processorRequest_ = context_.backend.queryRange(
        {kProcessorQuery, to - kWindow, to, kStep, {}},
        [this, to](const absl::StatusOr<client::QueryResult>& result) {
            if (!result.ok()) {
                return;
            }
            std::vector<charts::QueryAnswer> answers{
                {QStringLiteral("A"), QLatin1String(kProcessorQuery), *result}};
            QtConcurrent::run(&worker_, charts::prepareSeries, std::move(answers), std::size_t(20))
                .then(this, [this, to](charts::PreparedSeries prepared) {
                    std::vector<std::uint64_t> hashes;
                    for (const auto& series : prepared.series) {
                        hashes.push_back(series->hash);
                    }
                    const std::vector<std::size_t> places = colours_.assign(hashes);
                    charts::SeriesList list;
                    for (std::size_t i = 0; i < prepared.series.size(); ++i) {
                        prepared.series[i]->slot = places[i];
                        prepared.series[i]->unit = {format::Quantity::Percent, false};
                        list.push_back(std::move(prepared.series[i]));
                    }
                    processorChart_->setZone(context_.range.zone());
                    processorChart_->setRange(to - kWindow, to, processorChart_->views().zoomed());
                    processorChart_->setSeries(std::move(list), kStep);
                });
        });
}

void OverviewPage::fillRecent()
{
    const QStringList queries = context_.settings.values().queryHistory.mid(0, kLines);
    QStringList shown;
    for (int i = 0; i < recent_->count(); ++i) {
        if (const QWidget* widget = recent_->itemAt(i)->widget()) {
            shown << widget->toolTip();
        }
    }
    QStringList wanted;
    for (const QString& query : queries) {
        wanted << query.simplified();
    }
    if (recent_->count() > 0 && wanted == shown) {
        return;
    }
    clear(*recent_);
    int number = 0;
    for (const QString& query : queries) {
        addQueryLine(*recent_, QStringLiteral("overview.recent.%1").arg(number++), query);
    }
    if (queries.isEmpty()) {
        recent_->addWidget(kit::makeLabel(context_.theme,
                                          tr("Queries that you run are listed here."),
                                          theme::TextSize::Table, 3, this));
    }
}

void OverviewPage::fillStarters()
{
    clear(*starters_);
    int number = 0;
    for (const Starter& starter : startersFor(context_.catalog, kLines)) {
        QPushButton* line = addQueryLine(
            *starters_, QStringLiteral("overview.starters.%1").arg(number++), starter.query);
        line->setToolTip(starter.title);
    }
}

} // namespace narthex::ui::pages
