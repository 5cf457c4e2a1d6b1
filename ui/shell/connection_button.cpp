// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/connection_button.h"

#include "ui/shell/status_parts.h"
#include "ui/theme/text.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>

namespace narthex::ui::shell {

using theme::Role;
using theme::TextSize;

ConnectionButton::ConnectionButton(pages::PageContext& context, QWidget* parent)
    : QToolButton(parent), context_(context), kind_(tr("local"))
{
    setObjectName(QStringLiteral("connection.current"));
    setText(tr("This computer"));
    setAccessibleName(tr("Connection: %1").arg(text()));
    setToolTip(tr("The engine of this window"));
    setFocusPolicy(Qt::TabFocus);
    setPopupMode(QToolButton::InstantPopup);
    auto* menu = new QMenu(this);
    connect(menu, &QMenu::aboutToShow, this, &ConnectionButton::fillMenu);
    setMenu(menu);
    setFixedHeight(24);
    connect(&context_.status, &backend::StatusWatch::updated, this, qOverload<>(&QWidget::update));
}

QSize ConnectionButton::sizeHint() const
{
    const double name =
        QFontMetricsF(context_.theme.font(TextSize::Table, true)).horizontalAdvance(text());
    const double kind = QFontMetricsF(context_.theme.font(TextSize::Axis)).horizontalAdvance(kind_);
    return {int(4 + 8 + 16 + 8 + name + 10 + kind + 10 + 10 + 10 + 16 + 8), 24};
}

void ConnectionButton::paintEvent(QPaintEvent*)
{
    const theme::Theme& theme = context_.theme;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF frame = QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5);
    painter.setPen(
        QPen(theme.colour(hasFocus() ? Role::Accent : Role::ControlBorder), hasFocus() ? 2 : 1));
    painter.setBrush(theme.colour(underMouse() ? Role::Surface3 : Role::Surface));
    painter.drawRoundedRect(frame, 4, 4);
    QPainterPath clip;
    clip.addRoundedRect(frame, 4, 4);
    painter.save();
    painter.setClipPath(clip);
    painter.fillRect(QRectF(0, 0, 4, height()), theme.colour(Role::Development));
    painter.restore();
    theme.icon(QStringLiteral("laptop")).paint(&painter, QRect(12, 4, 16, 16));
    double x = 36;
    painter.setPen(theme.colour(Role::Text));
    painter.setFont(theme.font(TextSize::Table, true));
    x += theme::drawText(painter, {x, 0, width() - x, 24}, text()) + 10;
    painter.setPen(theme.colour(Role::Development));
    painter.setFont(theme.font(TextSize::Axis));
    x += theme::drawText(painter, {x, 0, width() - x, 24}, kind_) + 10;
    theme::paintState(painter, {x, 7, 10, 10}, engineLook(context_.status).state, theme);
    theme.icon(QStringLiteral("chevron-down")).paint(&painter, QRect(width() - 24, 5, 14, 14));
}

void ConnectionButton::fillMenu()
{
    QMenu* list = menu();
    list->clear();
    const auto& status = context_.status.status();
    const auto addCopy = [&](const QString& text, const std::string& value) {
        if (!value.empty()) {
            const QString copied = QString::fromStdString(value);
            list->addAction(context_.theme.icon(QStringLiteral("copy")), text.arg(copied), this,
                            [copied] { QGuiApplication::clipboard()->setText(copied); });
        }
    };
    if (status) {
        addCopy(tr("Copy address %1"), status->listenAddress);
        addCopy(tr("Copy data directory %1"), status->dataDirectory);
        addCopy(tr("Copy configuration file %1"), status->configurationFile);
        list->addSeparator();
    }
    list->addAction(context_.theme.icon(QStringLiteral("refresh")),
                    tr("Read the configuration again"), this, [this] {
                        // The answer shows in the status: problems come and go there.
                        reload_ = context_.backend.reloadConfiguration(
                            [](const absl::StatusOr<bool>&) {});
                    });
}

} // namespace narthex::ui::shell
