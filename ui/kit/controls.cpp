// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/kit/controls.h"

#include "ui/theme/state.h"

#include <QHBoxLayout>
#include <QPainter>
#include <QStyle>
#include <QTimer>

namespace narthex::ui::kit {

using theme::Role;
using theme::TextSize;

QPushButton* makeButton(const QString& name, const QString& text, ButtonKind kind, QWidget* parent)
{
    auto* button = new QPushButton(text, parent);
    button->setObjectName(name);
    button->setAccessibleName(text);
    button->setProperty("primary", kind == ButtonKind::Primary || kind == ButtonKind::SmallPrimary);
    button->setProperty("small", kind == ButtonKind::Small || kind == ButtonKind::SmallPrimary);
    button->setProperty("flat", kind == ButtonKind::Flat);
    button->setProperty("link", kind == ButtonKind::Link);
    button->setAutoDefault(false);
    if (kind == ButtonKind::Link) {
        button->setCursor(Qt::PointingHandCursor);
    }
    button->setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Fixed);
    return button;
}

QToolButton* makeToolButton(const theme::Theme& theme, const QString& name, const QString& icon,
                            const QString& tip, QWidget* parent, bool small)
{
    auto* button = new QToolButton(parent);
    button->setObjectName(name);
    button->setIcon(theme.icon(icon));
    button->setIconSize({16, 16});
    button->setToolTip(tip);
    button->setAccessibleName(tip);
    button->setProperty("small", small);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

QLabel* makeLabel(const theme::Theme& theme, const QString& text, TextSize size, int tone,
                  QWidget* parent, bool strong)
{
    auto* label = new QLabel(text, parent);
    label->setFont(theme.font(size, strong));
    label->setTextFormat(Qt::PlainText);
    if (tone > 1) {
        label->setProperty("tone", QString::number(tone));
    }
    return label;
}

QLabel* makeKeyCap(const theme::Theme& theme, const QString& text, QWidget* parent)
{
    QLabel* label = makeLabel(theme, text, TextSize::Axis, 1, parent);
    label->setProperty("keycap", true);
    label->setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Fixed);
    return label;
}

QFrame* makeLine(Qt::Orientation orientation, QWidget* parent)
{
    auto* line = new QFrame(parent);
    line->setProperty("line", true);
    if (orientation == Qt::Horizontal) {
        line->setFixedHeight(1);
    } else {
        line->setFixedWidth(1);
    }
    return line;
}

void setStyleProperty(QWidget& widget, const char* name, const QVariant& value)
{
    if (widget.property(name) == value) {
        return;
    }
    widget.setProperty(name, value);
    widget.style()->unpolish(&widget);
    widget.style()->polish(&widget);
    widget.update();
}

Field::Field(const theme::Theme& theme, const QString& name, const QString& accessibleName,
             QWidget* parent, bool small)
    : QLineEdit(parent), theme_(theme)
{
    setObjectName(name);
    setAccessibleName(accessibleName);
    setProperty("small", small);
}

void Field::setError(const QString& reason)
{
    if (reason == error_) {
        return;
    }
    error_ = reason;
    setToolTip(reason);
    setAccessibleDescription(reason);
    setTextMargins(textMargins().left(), 0, reason.isEmpty() ? 0 : 20, 0);
    setStyleProperty(*this, "error", !reason.isEmpty());
}

void Field::setLeadingIcon(const QString& icon)
{
    addAction(theme_.icon(icon), QLineEdit::LeadingPosition);
}

void Field::paintEvent(QPaintEvent* event)
{
    QLineEdit::paintEvent(event);
    if (!error_.isEmpty()) {
        QPainter painter(this);
        theme::paintState(painter, QRectF(width() - 21, height() / 2.0 - 6, 12, 12),
                          theme::State::Critical, theme_);
    }
}

Choice::Choice(const theme::Theme& theme, const QString& name, const QString& accessibleName,
               QWidget* parent, bool small)
    : QComboBox(parent), theme_(theme)
{
    setObjectName(name);
    setAccessibleName(accessibleName);
    setProperty("small", small);
}

void Choice::paintEvent(QPaintEvent* event)
{
    QComboBox::paintEvent(event);
    QPainter painter(this);
    theme_.icon(QStringLiteral("chevron-down"), isEnabled() ? Role::Text2 : Role::Text3)
        .paint(&painter, QRect(width() - 21, (height() - 14) / 2, 14, 14));
}

SegmentedSwitch::SegmentedSwitch(const theme::Theme& theme, const QString& name, QWidget* parent)
    : QWidget(parent), theme_(theme)
{
    setObjectName(name);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    group_.setExclusive(true);
    connect(&group_, &QButtonGroup::buttonToggled, this, [this](QAbstractButton* button, bool on) {
        if (on) {
            Q_EMIT currentChanged(button->property("key").toString());
        }
    });
}

QToolButton* SegmentedSwitch::addSegment(const QString& key, const QString& text,
                                         const QString& icon)
{
    auto* button = new QToolButton(this);
    button->setObjectName(objectName() + QLatin1Char('.') + key);
    button->setText(text);
    button->setAccessibleName(text);
    button->setCheckable(true);
    button->setProperty("key", key);
    button->setProperty("small", true);
    button->setFocusPolicy(Qt::TabFocus);
    button->setToolButtonStyle(icon.isEmpty() ? Qt::ToolButtonTextOnly
                                              : Qt::ToolButtonTextBesideIcon);
    button->setIconSize({16, 16});
    if (!icon.isEmpty()) {
        button->setIcon(theme_.icon(icon));
    }
    group_.addButton(button);
    layout()->addWidget(button);
    updateEdges();
    return button;
}

void SegmentedSwitch::updateEdges()
{
    const auto buttons = group_.buttons();
    for (qsizetype i = 0; i < buttons.size(); ++i) {
        const char* edge = buttons.size() == 1       ? "only"
                           : i == 0                  ? "first"
                           : i + 1 == buttons.size() ? "last"
                                                     : "middle";
        setStyleProperty(*buttons[i], "segment", QLatin1String(edge));
    }
}

void SegmentedSwitch::setCurrent(const QString& key)
{
    for (QAbstractButton* button : group_.buttons()) {
        if (button->property("key").toString() == key) {
            button->setChecked(true);
        }
    }
}

QString SegmentedSwitch::current() const
{
    const QAbstractButton* button = group_.checkedButton();
    return button != nullptr ? button->property("key").toString() : QString();
}

void SegmentedSwitch::setText(const QString& key, const QString& text)
{
    for (QAbstractButton* button : group_.buttons()) {
        if (button->property("key").toString() == key && button->text() != text) {
            button->setText(text);
            button->setAccessibleName(text);
        }
    }
}

void SegmentedSwitch::setIcon(const QString& key, const QIcon& icon)
{
    for (QAbstractButton* button : group_.buttons()) {
        if (button->property("key").toString() == key) {
            button->setIcon(icon);
            static_cast<QToolButton*>(button)->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
        }
    }
}

ProgressLine::ProgressLine(const theme::Theme& theme, QWidget* parent)
    : QWidget(parent), theme_(theme)
{
    setFixedHeight(2);
    connect(&timer_, &QTimer::timeout, this, [this] {
        shown_ = true;
        phase_ = (phase_ + 1) % 20;
        timer_.setInterval(60);
        update();
    });
}

void ProgressLine::setBusy(bool busy)
{
    if (busy == busy_) {
        return;
    }
    busy_ = busy;
    if (busy) {
        timer_.start(150);
    } else {
        timer_.stop();
        shown_ = false;
        phase_ = 0;
        update();
    }
}

void ProgressLine::paintEvent(QPaintEvent*)
{
    if (!shown_) {
        return;
    }
    QPainter painter(this);
    const double part = width() / 4.0;
    const double x = (width() + part) * phase_ / 20.0 - part;
    painter.fillRect(QRectF(x, 0, part, height()), theme_.colour(Role::Accent));
}

} // namespace narthex::ui::kit
