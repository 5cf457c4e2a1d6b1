// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/nav_rail.h"

#include "ui/theme/text.h"

#include <QKeyEvent>
#include <QPainter>
#include <QVBoxLayout>

namespace narthex::ui::shell {
namespace {

using theme::Role;

constexpr int kWide = 72;
constexpr int kNarrow = 48;
constexpr int kItemHeight = 52;

} // namespace

NavItem::NavItem(const theme::Theme& theme, const QString& page, const QString& text,
                 const QString& icon, QWidget* parent)
    : QAbstractButton(parent), theme_(theme), icon_(icon)
{
    setObjectName(QStringLiteral("rail.") + page);
    setText(text);
    setAccessibleName(text);
    setCheckable(true);
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void NavItem::setBadge(theme::State state, int count)
{
    badgeState_ = state;
    badge_ = count;
    setAccessibleDescription(count > 0 ? tr("%n need attention", nullptr, count) : QString());
    update();
}

void NavItem::setNarrow(bool narrow)
{
    narrow_ = narrow;
    updateGeometry();
}

QSize NavItem::sizeHint() const { return {narrow_ ? kNarrow : kWide, narrow_ ? 44 : kItemHeight}; }

void NavItem::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (isChecked() || underMouse()) {
        painter.fillRect(rect(), theme_.colour(Role::Surface3));
    }
    if (isChecked()) {
        painter.fillRect(QRect(0, 0, 3, height()), theme_.colour(Role::Accent));
    }
    const Role tone = isChecked() ? Role::Text : Role::Text2;
    const int top = narrow_ ? (height() - 20) / 2 : 9;
    theme_.icon(icon_, tone).paint(&painter, QRect((width() - 20) / 2, top, 20, 20));
    if (!narrow_) {
        painter.setFont(theme_.font(theme::TextSize::Axis));
        painter.setPen(theme_.colour(tone));
        painter.drawText(QRect(0, 31, width(), 16), Qt::AlignCenter, text());
    }
    paintBadge(painter);
    if (hasFocus()) {
        painter.setPen(QPen(theme_.colour(Role::Accent), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(2, 2, -2, -2), 4, 4);
    }
}

void NavItem::paintBadge(QPainter& painter) const
{
    if (badge_ <= 0) {
        return;
    }
    painter.setFont(theme_.font(theme::TextSize::Axis, true));
    const QString text = badge_ > 99 ? QStringLiteral("99+") : QString::number(badge_);
    const double width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 17;
    const QRectF box(narrow_ ? 22 : 40, 4, width, 14);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme_.colour(theme::stateBackRole(badgeState_)));
    painter.drawRoundedRect(box, 4, 4);
    theme::paintState(painter, {box.left() + 3, box.top() + 3, 8, 8}, badgeState_, theme_);
    painter.setPen(theme_.colour(theme::stateRole(badgeState_)));
    painter.drawText(box.adjusted(13, 0, 0, 0), int(Qt::AlignLeft | Qt::AlignVCenter), text);
}

void NavItem::enterEvent(QEnterEvent* event)
{
    update();
    QAbstractButton::enterEvent(event);
}

void NavItem::leaveEvent(QEvent* event)
{
    update();
    QAbstractButton::leaveEvent(event);
}

NavRail::NavRail(const theme::Theme& theme, QWidget* parent) : QWidget(parent), theme_(theme)
{
    setObjectName(QStringLiteral("rail"));
    setAccessibleName(tr("Pages"));
    layout_ = new QVBoxLayout(this);
    layout_->setContentsMargins(0, 0, 1, 0);
    layout_->setSpacing(0);
    layout_->addStretch(1);
}

void NavRail::addPage(const QString& page, const QString& text, const QString& icon,
                      const QString& shortcut, bool bottom)
{
    auto* item = new NavItem(theme_, page, text, icon, this);
    item->setToolTip(shortcut.isEmpty() ? text : QStringLiteral("%1 (%2)").arg(text, shortcut));
    // Everything above the stretch, except what belongs to the foot.
    const int foot = int(std::count_if(items_.begin(), items_.end(), [](const NavItem* i) {
        return i->property("foot").toBool();
    }));
    item->setProperty("foot", bottom);
    layout_->insertWidget(bottom ? layout_->count() : layout_->count() - 1 - foot, item);
    items_ << item;
    byPage_.insert(page, item);
    connect(item, &QAbstractButton::clicked, this, [this, page, item] {
        item->setChecked(true);
        Q_EMIT activated(page);
    });
}

void NavRail::setCurrent(const QString& page)
{
    for (auto it = byPage_.cbegin(); it != byPage_.cend(); ++it) {
        it.value()->setChecked(it.key() == page);
    }
}

void NavRail::setBadge(const QString& page, theme::State state, int count)
{
    if (NavItem* item = byPage_.value(page)) {
        item->setBadge(state, count);
    }
}

void NavRail::setNarrow(bool narrow)
{
    for (NavItem* item : items_) {
        item->setNarrow(narrow);
    }
}

void NavRail::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.fillRect(rect(), theme_.colour(Role::Surface2));
    painter.fillRect(QRect(width() - 1, 0, 1, height()), theme_.colour(Role::Border));
}

void NavRail::keyPressEvent(QKeyEvent* event)
{
    const int step = event->key() == Qt::Key_Down ? 1 : (event->key() == Qt::Key_Up ? -1 : 0);
    if (step == 0) {
        QWidget::keyPressEvent(event);
        return;
    }
    const qsizetype at = items_.indexOf(qobject_cast<NavItem*>(focusWidget()));
    items_[std::clamp<qsizetype>(at + step, 0, items_.size() - 1)]->setFocus(Qt::TabFocusReason);
}

} // namespace narthex::ui::shell
