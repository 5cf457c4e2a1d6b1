// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/kit/blocks.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QPainter>
#include <QPainterPath>

namespace narthex::ui::kit {

using theme::Role;
using theme::TextSize;
namespace metrics = theme::metrics;

Panel::Panel(const theme::Theme& theme, const QString& name, const QString& title, QWidget* parent)
    : QFrame(parent)
{
    setObjectName(name);
    setAccessibleName(title);
    setProperty("panel", true);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(1, 1, 1, 1);
    layout->setSpacing(0);
    auto* headWidget = new QWidget(this);
    headWidget->setFixedHeight(metrics::kPanelHead - 1);
    head_ = new QHBoxLayout(headWidget);
    head_->setContentsMargins(11, 0, 11, 0);
    head_->setSpacing(metrics::kGap);
    head_->addWidget(makeLabel(theme, title, TextSize::Default, 1, headWidget, true));
    remark_ = makeLabel(theme, {}, TextSize::Table, 2, headWidget);
    head_->addWidget(remark_);
    head_->addStretch(1);
    layout->addWidget(headWidget);
    layout->addWidget(makeLine(Qt::Horizontal, this));
    body_ = new QVBoxLayout;
    body_->setContentsMargins(0, 0, 0, 0);
    body_->setSpacing(0);
    layout->addLayout(body_, 1);
}

void Panel::setRemark(const QString& text) { remark_->setText(text); }

void Panel::addHeadWidget(QWidget* widget) { head_->addWidget(widget); }

Strip::Strip(const theme::Theme& theme, const QString& name, QWidget* parent)
    : QFrame(parent), theme_(theme)
{
    setObjectName(name);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(36, 4, 8, 4);
    layout->setSpacing(4);
    row_ = new QHBoxLayout;
    row_->setSpacing(metrics::kGap);
    auto* texts = new QVBoxLayout;
    texts->setSpacing(2);
    title_ = makeLabel(theme, {}, TextSize::Table, 1, this, true);
    text_ = makeLabel(theme, {}, TextSize::Table, 2, this);
    title_->setWordWrap(false);
    for (QLabel* label : {title_, text_}) {
        label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
        texts->addWidget(label);
    }
    row_->addLayout(texts, 1);
    layout->addLayout(row_);
    details_ = makeLabel(theme, {}, TextSize::Table, 1, this);
    details_->setFont(theme.codeFont());
    details_->setWordWrap(true);
    details_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    details_->setFocusPolicy(Qt::ClickFocus);
    details_->setObjectName(name + QStringLiteral(".raw"));
    details_->setAccessibleName(tr("Full text"));
    details_->hide();
    layout->addWidget(details_);
    setupActions();
    setMinimumHeight(32);
    hide();
}

void Strip::setupActions()
{
    detailsButton_ = makeButton(objectName() + QStringLiteral(".details"), tr("Details"),
                                ButtonKind::Link, this);
    copyButton_ =
        makeButton(objectName() + QStringLiteral(".copy"), tr("Copy"), ButtonKind::Link, this);
    retryButton_ =
        makeButton(objectName() + QStringLiteral(".retry"), tr("Retry"), ButtonKind::Small, this);
    retryButton_->hide();
    for (QPushButton* button : {detailsButton_, copyButton_, retryButton_}) {
        row_->addWidget(button);
    }
    connect(detailsButton_, &QPushButton::clicked, this, &Strip::toggleDetails);
    connect(copyButton_, &QPushButton::clicked, this,
            [this] { QGuiApplication::clipboard()->setText(details_->text()); });
    connect(retryButton_, &QPushButton::clicked, this, &Strip::retry);
}

void Strip::toggleDetails() { details_->setVisible(details_->isHidden()); }

void Strip::show(theme::State state, const QString& title, const QString& text, const QString& raw)
{
    state_ = state;
    title_->setText(title);
    title_->setToolTip(title);
    text_->setText(text);
    text_->setVisible(!text.isEmpty());
    setMinimumHeight(text.isEmpty() ? 32 : 48);
    details_->setText(raw);
    detailsButton_->setVisible(!raw.isEmpty());
    copyButton_->setVisible(!raw.isEmpty());
    setAccessibleName(title);
    setAccessibleDescription(text);
    setVisible(true);
    update();
}

void Strip::clear()
{
    title_->clear();
    details_->hide();
    hide();
}

QString Strip::title() const { return title_->text(); }

void Strip::setRetry(bool offered) { retryButton_->setVisible(offered); }

QPushButton* Strip::addLink(const QString& key, const QString& text)
{
    QPushButton* link =
        makeButton(objectName() + QLatin1Char('.') + key, text, ButtonKind::Link, this);
    row_->insertWidget(1, link);
    return link;
}

void Strip::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.fillRect(rect(), theme_.colour(theme::stateBackRole(state_)));
    painter.fillRect(QRect(0, 0, 3, height()), theme_.colour(theme::stateRole(state_)));
    const int head = text_->isHidden() ? 32 : 48;
    theme::paintState(painter, {13, (std::min(head, height()) - 13) / 2.0, 13, 13}, state_, theme_);
}

EmptyState::EmptyState(const theme::Theme& theme, const QString& name, const QString& icon,
                       QWidget* parent)
    : QWidget(parent)
{
    setObjectName(name);
    layout_ = new QVBoxLayout(this);
    layout_->setContentsMargins(24, 24, 24, 24);
    layout_->setSpacing(0);
    layout_->addStretch(1);
    auto* mark = new QLabel(this);
    mark->setPixmap(theme.icon(icon).pixmap(24, 24));
    layout_->addWidget(mark, 0, Qt::AlignHCenter);
    layout_->addSpacing(8);
    title_ = makeLabel(theme, {}, TextSize::Default, 1, this, true);
    layout_->addWidget(title_, 0, Qt::AlignHCenter);
    layout_->addSpacing(4);
    sentence_ = makeLabel(theme, {}, TextSize::Table, 2, this);
    layout_->addWidget(sentence_, 0, Qt::AlignHCenter);
    layout_->addSpacing(16);
    layout_->addStretch(1);
}

void EmptyState::setText(const QString& title, const QString& sentence)
{
    title_->setText(title);
    sentence_->setText(sentence);
}

QPushButton* EmptyState::addButton(const QString& key, const QString& text)
{
    QPushButton* button =
        makeButton(objectName() + QLatin1Char('.') + key, text, ButtonKind::Primary, this);
    layout_->insertWidget(layout_->count() - 1, button, 0, Qt::AlignHCenter);
    return button;
}

void EmptyState::addContent(QWidget* widget)
{
    layout_->insertWidget(layout_->count() - 1, widget, 0, Qt::AlignHCenter);
}

Sparkline::Sparkline(const theme::Theme& theme, QWidget* parent) : QWidget(parent), theme_(theme)
{
    setMinimumSize(80, 32);
    setAttribute(Qt::WA_TransparentForMouseEvents);
}

void Sparkline::setPoints(QList<QPointF> points, double low, double high)
{
    points_ = std::move(points);
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const QPointF& point : points_) {
        if (std::isfinite(point.y())) {
            least = std::min(least, point.y());
            most = std::max(most, point.y());
        }
    }
    // A level that hardly moves should look calm: never less than a tenth of its size is shown.
    const double room = std::max((most - least) * 0.3, std::abs(most) * 0.05);
    low_ = std::isnan(low) ? least - room : std::min(low, least);
    high_ = std::isnan(high) ? most + room : std::max(high, most);
    if (!(high_ > low_)) {
        high_ = low_ + 1;
    }
    update();
}

void Sparkline::setColourSlot(std::size_t slot)
{
    slot_ = slot;
    update();
}

void Sparkline::paintEvent(QPaintEvent*)
{
    if (points_.size() < 2) {
        return;
    }
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF box = QRectF(rect()).adjusted(1, 4, -4, -3);
    const double x0 = points_.first().x();
    const double width = std::max(1e-9, points_.last().x() - x0);
    const auto place = [&](const QPointF& p) {
        return QPointF(box.left() + (p.x() - x0) / width * box.width(),
                       box.bottom() - (p.y() - low_) / (high_ - low_) * box.height());
    };
    const QColor colour = theme_.seriesColour(slot_);
    QColor area = colour;
    area.setAlphaF(0.14F);
    QPolygonF run;
    const auto flush = [&] {
        if (run.size() > 1) {
            QPolygonF filled = run;
            filled << QPointF(run.last().x(), box.bottom())
                   << QPointF(run.first().x(), box.bottom());
            painter.setPen(Qt::NoPen);
            painter.setBrush(area);
            painter.drawPolygon(filled);
            painter.setPen(QPen(colour, 1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
            painter.setBrush(Qt::NoBrush);
            painter.drawPolyline(run);
        }
        run.clear();
    };
    for (const QPointF& point : points_) {
        if (std::isfinite(point.y())) {
            run << place(point);
        } else {
            flush();
        }
    }
    flush();
    if (std::isfinite(points_.last().y())) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(colour);
        painter.drawEllipse(place(points_.last()), 2.5, 2.5);
    }
}

} // namespace narthex::ui::kit
