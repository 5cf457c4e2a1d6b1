// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/time_bar.h"

#include "ui/format/time_text.h"
#include "ui/theme/text.h"

#include <QAction>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPainter>

namespace narthex::ui::shell {
namespace {

using theme::Role;

constexpr int kFieldWidth = 292;
constexpr qsizetype kRecentLimit = 8;

struct Interval
{
    int seconds;
    const char* text;
};
constexpr Interval kIntervals[] = {{1, "1 s"},   {2, "2 s"},   {5, "5 s"},
                                   {15, "15 s"}, {30, "30 s"}, {60, "1 min"}};

constexpr const char* kQuickRanges[] = {"5m", "15m", "30m", "1h", "3h",
                                        "6h", "12h", "24h", "2d", "7d"};

} // namespace

RangeField::RangeField(const theme::Theme& theme, range::RangeController& controller,
                       settings::Settings& settings, QWidget* parent)
    : Field(theme, QStringLiteral("time.range"), tr("Time range"), parent, true),
      theme_(theme),
      controller_(controller),
      settings_(settings)
{
    setFixedWidth(kFieldWidth);
    setLeadingIcon(QStringLiteral("clock"));
    QAction* drop =
        addAction(theme.icon(QStringLiteral("chevron-down")), QLineEdit::TrailingPosition);
    drop->setToolTip(tr("Quick ranges"));
    connect(drop, &QAction::triggered, this, &RangeField::openMenu);
    connect(this, &QLineEdit::textEdited, this, &RangeField::onTextEdited);
    connect(&controller_, &range::RangeController::changed, this, &RangeField::showSpec);
    connect(&controller_, &range::RangeController::ticked, this, [this] {
        if (!hasFocus()) {
            showSpec();
        }
    });
    showSpec();
}

void RangeField::showSpec()
{
    setText(range::rangeText(controller_.spec(), controller_.zone()));
    setCursorPosition(0);
    setError({});
    understood_ = controller_.spec().relative()
                      ? format::interval(controller_.from(), controller_.to(), controller_.zone())
                      : QString();
    update();
}

void RangeField::onTextEdited(const QString& text)
{
    const auto spec = range::parseRange(text, format::wallNow(), controller_.zone());
    understood_ = spec ? format::interval(spec->from, spec->to, controller_.zone()) : QString();
    setError(spec ? QString()
                  : tr("Not understood. Try 1h, last 3 days, 09:00..12:00 or 2026-03-01."));
    update();
}

void RangeField::apply(const range::RangeSpec& spec, const QString& text)
{
    controller_.setSpec(spec);
    settings::Values& values = settings_.edit();
    values.range = text;
    values.recentRanges.removeAll(text);
    values.recentRanges.prepend(text);
    while (values.recentRanges.size() > kRecentLimit) {
        values.recentRanges.removeLast();
    }
    settings_.touch();
}

void RangeField::openMenu()
{
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    const base::Timestamp now = format::wallNow();
    const auto add = [&](const QString& text) {
        const auto spec = range::parseRange(text, now, controller_.zone());
        if (spec) {
            QAction* action = menu->addAction(range::rangeText(*spec, controller_.zone()), this,
                                              [this, text, spec] { apply(*spec, text); });
            action->setCheckable(true);
            action->setChecked(*spec == controller_.spec() ||
                               (spec->length && spec->length == controller_.spec().length));
        }
    };
    for (const char* text : kQuickRanges) {
        add(QLatin1String(text));
    }
    menu->addSeparator();
    add(QStringLiteral("today"));
    add(QStringLiteral("yesterday"));
    if (!settings_.values().recentRanges.isEmpty()) {
        menu->addSeparator();
        for (const QString& text : settings_.values().recentRanges) {
            add(text);
        }
    }
    menu->popup(mapToGlobal(QPoint(0, height() + 2)));
}

void RangeField::focusInEvent(QFocusEvent* event)
{
    Field::focusInEvent(event);
    selectAll();
}

void RangeField::focusOutEvent(QFocusEvent* event)
{
    Field::focusOutEvent(event);
    if (event->reason() != Qt::PopupFocusReason) {
        showSpec();
    }
}

void RangeField::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        if (const auto spec = range::parseRange(text(), format::wallNow(), controller_.zone())) {
            apply(*spec, text());
            selectAll();
        }
        return;
    }
    if (event->key() == Qt::Key_Escape) {
        showSpec();
        selectAll();
        return;
    }
    if (event->key() == Qt::Key_Down && event->modifiers().testFlag(Qt::AltModifier)) {
        openMenu();
        return;
    }
    Field::keyPressEvent(event);
}

void RangeField::paintEvent(QPaintEvent* event)
{
    Field::paintEvent(event);
    if (understood_.isEmpty()) {
        return;
    }
    QPainter painter(this);
    painter.setFont(theme_.font(theme::TextSize::Axis));
    painter.setPen(theme_.colour(Role::Text3));
    const QRectF box(0, 0, width() - 30, height());
    const double room = width() - 60 - QFontMetricsF(font()).horizontalAdvance(text());
    if (theme::numberWidth(QFontMetricsF(painter.font()), understood_) < room) {
        theme::drawNumber(painter, box, Qt::AlignRight, understood_);
    }
}

TimeBar::TimeBar(const theme::Theme& theme, range::RangeController& controller,
                 settings::Settings& settings, QWidget* parent)
    : QWidget(parent), theme_(theme), controller_(controller), settings_(settings)
{
    setObjectName(QStringLiteral("time"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(4);
    back_ = addButton(QStringLiteral("time.back"), QStringLiteral("arrow-left"),
                      tr("Range before (Alt+Left)"));
    forward_ = addButton(QStringLiteral("time.forward"), QStringLiteral("arrow-right"),
                         tr("Range after (Alt+Right)"));
    field_ = new RangeField(theme, controller, settings, this);
    row->addWidget(field_);
    QToolButton* left = addButton(QStringLiteral("time.shiftLeft"), QStringLiteral("shift-left"),
                                  tr("Half a range earlier"));
    QToolButton* right = addButton(QStringLiteral("time.shiftRight"), QStringLiteral("shift-right"),
                                   tr("Half a range later"));
    QToolButton* out = addButton(QStringLiteral("time.zoomOut"), QStringLiteral("zoom-out"),
                                 tr("Twice the range"));
    connect(back_, &QToolButton::clicked, &controller_, &range::RangeController::goBack);
    connect(forward_, &QToolButton::clicked, &controller_, &range::RangeController::goForward);
    connect(left, &QToolButton::clicked, &controller_, [this] { controller_.shift(-1); });
    connect(right, &QToolButton::clicked, &controller_, [this] { controller_.shift(1); });
    connect(out, &QToolButton::clicked, &controller_, &range::RangeController::zoomOut);
    setupFollow();
    connect(&controller_, &range::RangeController::changed, this, &TimeBar::update);
    update();
}

QToolButton* TimeBar::addButton(const QString& name, const QString& icon, const QString& tip)
{
    QToolButton* button = kit::makeToolButton(theme_, name, icon, tip, this, true);
    layout()->addWidget(button);
    return button;
}

void TimeBar::setupFollow()
{
    follow_ = addButton(QStringLiteral("time.now"), QStringLiteral("follow"),
                        tr("Follow the present (Ctrl+Shift+L)"));
    follow_->setText(tr("Follow"));
    follow_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    follow_->setCheckable(true);
    follow_->setProperty("framed", true);
    connect(follow_, &QToolButton::clicked, &controller_, &range::RangeController::setFollowing);

    interval_ =
        new kit::Choice(theme_, QStringLiteral("time.refresh"), tr("Refresh interval"), this);
    interval_->setToolTip(tr("Refresh interval"));
    interval_->addItem(tr("Off"), 0);
    for (const Interval& interval : kIntervals) {
        interval_->addItem(QLatin1String(interval.text), interval.seconds);
    }
    interval_->setFixedWidth(72);
    layout()->addWidget(interval_);
    connect(interval_, &QComboBox::activated, this, [this] {
        const int seconds = interval_->currentData().toInt();
        controller_.setRefreshInterval(base::Duration::fromMs(seconds * 1000));
        settings_.edit().refreshSeconds = seconds;
        settings_.touch();
    });

    zone_ = new QToolButton(this);
    zone_->setObjectName(QStringLiteral("time.zone"));
    zone_->setProperty("small", true);
    zone_->setFocusPolicy(Qt::TabFocus);
    zone_->setToolTip(tr("Switch between local time and UTC"));
    layout()->addWidget(zone_);
    connect(zone_, &QToolButton::clicked, this, [this] {
        settings_.edit().utc = !settings_.values().utc;
        settings_.touch();
    });
}

void TimeBar::update()
{
    back_->setEnabled(controller_.canGoBack());
    forward_->setEnabled(controller_.canGoForward());
    follow_->setChecked(controller_.following());
    const int seconds = int(controller_.refreshInterval().ms() / 1000);
    interval_->setCurrentIndex(std::max(0, interval_->findData(seconds)));
    const QString zone = format::zoneText(controller_.zone(), controller_.to());
    zone_->setText(zone.section(QLatin1Char(' '), 0, 0));
    zone_->setAccessibleName(tr("Time zone %1").arg(zone));
}

} // namespace narthex::ui::shell
