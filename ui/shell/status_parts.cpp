// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/status_parts.h"

#include "ui/format/time_text.h"
#include "ui/format/units.h"

#include <QCoreApplication>
#include <QPainter>

namespace narthex::ui::shell {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(shell::StatusParts)
};

EngineLook lookOf(const client::ServerStatus& status)
{
    using client::EngineState;
    switch (status.state) {
    case EngineState::Off:
        return {theme::State::Unknown, Tr::tr("Off")};
    case EngineState::Starting:
        return {theme::State::Pending, Tr::tr("Starting")};
    case EngineState::Replaying:
        return {theme::State::Pending,
                Tr::tr("Replaying %1 %").arg(int(status.replayProgress * 100))};
    case EngineState::Collecting:
        return {theme::State::Ok, Tr::tr("Collecting")};
    case EngineState::Paused:
        return {theme::State::Warning, Tr::tr("Paused")};
    case EngineState::Stopping:
        return {theme::State::Pending, Tr::tr("Stopping")};
    case EngineState::Failed:
        return {theme::State::Critical, Tr::tr("Failed")};
    }
    return {};
}

} // namespace

EngineLook engineLook(const backend::StatusWatch& watch)
{
    if (!watch.status()) {
        return watch.error().ok() ? EngineLook{theme::State::Unknown, Tr::tr("Connecting")}
                                  : EngineLook{theme::State::Unknown, Tr::tr("Not reached")};
    }
    if (!watch.error().ok()) {
        return {theme::State::Unknown,
                Tr::tr("Unknown for %1").arg(format::span(format::wallNow() - watch.receivedAt()))};
    }
    return lookOf(*watch.status());
}

StatusParts::StatusParts(pages::PageContext& context, QWidget* parent)
    : QStatusBar(parent), context_(context)
{
    setObjectName(QStringLiteral("statusbar"));
    setSizeGripEnabled(false);
    engine_ = addPart(QStringLiteral("engine"), tr("State of the engine"), false);
    samples_ = addPart(QStringLiteral("samples"), tr("Samples stored each second"), false);
    series_ = addPart(QStringLiteral("series"), tr("Series in memory"), false);
    problems_ =
        addPart(QStringLiteral("problems"), tr("Problems of engine and configuration"), false);
    zone_ = addPart(QStringLiteral("zone"),
                    tr("Time zone of all times; switches between local time and UTC"), true);
    const auto overview = [this] { context_.openPage(QStringLiteral("overview"), {}); };
    for (QToolButton* part : {engine_, samples_, series_, problems_}) {
        connect(part, &QToolButton::clicked, this, overview);
    }
    connect(zone_, &QToolButton::clicked, this, [this] {
        context_.settings.edit().utc = !context_.settings.values().utc;
        context_.settings.touch();
    });
    connect(&context_.status, &backend::StatusWatch::updated, this, &StatusParts::update);
    connect(&context_.range, &range::RangeController::changed, this, &StatusParts::update);
    connect(&context_.theme, &theme::Theme::changed, this, &StatusParts::update);
    update();
}

QToolButton* StatusParts::addPart(const QString& name, const QString& tip, bool right)
{
    auto* part = new QToolButton(this);
    part->setObjectName(QStringLiteral("statusbar.") + name);
    part->setToolTip(tip);
    part->setAccessibleName(tip);
    part->setFocusPolicy(Qt::TabFocus);
    part->setIconSize({10, 10});
    part->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    if (right) {
        addPermanentWidget(part);
    } else {
        addWidget(part);
    }
    return part;
}

QIcon StatusParts::stateIcon(theme::State state) const
{
    const qreal ratio = devicePixelRatioF();
    QPixmap pixmap(QSize(10, 10) * ratio);
    pixmap.setDevicePixelRatio(ratio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    theme::paintState(painter, {0, 0, 10, 10}, state, context_.theme);
    return QIcon(pixmap);
}

void StatusParts::update()
{
    const EngineLook look = engineLook(context_.status);
    engine_->setText(QStringLiteral("\u2009") + look.text);
    engine_->setIcon(stateIcon(look.state));
    engine_->setAccessibleDescription(look.text);
    const auto& status = context_.status.status();
    const bool known = status.has_value() && context_.status.error().ok();
    samples_->setText(
        known ? tr("%1 samples/s")
                    .arg(format::count(std::uint64_t(std::llround(status->samplesPerSecond))))
              : tr("– samples/s"));
    series_->setText(known ? tr("%1 series").arg(format::count(status->headSeries))
                           : tr("– series"));
    const int count = known ? int(status->problems.size()) : 0;
    problems_->setVisible(count > 0);
    problems_->setText(QStringLiteral("\u2009") +
                       format::counted(std::uint64_t(count), tr("problem"), tr("problems")));
    const bool worse = known && std::any_of(status->problems.begin(), status->problems.end(),
                                            [](const client::Problem& p) {
                                                return p.severity == client::ProblemSeverity::Error;
                                            });
    problems_->setIcon(stateIcon(worse ? theme::State::Critical : theme::State::Warning));
    zone_->setText(format::zoneText(context_.range.zone(), context_.range.to()));
}

} // namespace narthex::ui::shell
