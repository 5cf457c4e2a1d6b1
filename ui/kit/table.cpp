// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/kit/table.h"

#include "ui/theme/text.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QPainter>

namespace narthex::ui::kit {
namespace {

using theme::Role;
using theme::State;
using theme::TextSize;
namespace metrics = theme::metrics;

constexpr qreal kPadding = 8;

bool flag(const QModelIndex& index, int role) { return index.data(role).toBool(); }

void paintSample(QPainter& painter, const QRectF& rect, std::size_t slot, const theme::Theme& theme)
{
    QPen pen(theme.seriesColour(slot), 2);
    const QList<qreal> dashes = theme::Theme::seriesDashes(slot);
    if (!dashes.isEmpty()) {
        QList<qreal> scaled;
        for (const qreal dash : dashes) {
            scaled << dash / 2;
        }
        pen.setDashPattern(scaled);
    }
    pen.setCapStyle(Qt::FlatCap);
    painter.setPen(pen);
    const qreal y = std::round(rect.center().y());
    painter.drawLine(QPointF(rect.left(), y), QPointF(rect.left() + 20, y));
}

void paintLane(QPainter& painter, const QRectF& rect, const LaneData& lane,
               const theme::Theme& theme)
{
    if (lane.cells.isEmpty()) {
        return;
    }
    const double width = std::min(160.0, rect.width());
    const double y = std::round(rect.center().y()) - 5;
    const double cell = width / double(lane.cells.size());
    for (qsizetype i = 0; i < lane.cells.size();) {
        qsizetype end = i + 1;
        while (end < lane.cells.size() && lane.cells[end] == lane.cells[i]) {
            ++end;
        }
        const QRectF part(rect.left() + double(i) * cell, y, double(end - i) * cell, 10);
        if (lane.cells[i] == State::Unknown) {
            painter.fillRect(part, theme.colour(Role::Surface3));
        } else {
            painter.fillRect(part, theme.colour(theme::stateRole(lane.cells[i])));
        }
        i = end;
    }
}

} // namespace

CellDelegate::CellDelegate(const theme::Theme& theme, QObject* parent)
    : QStyledItemDelegate(parent), theme_(theme)
{}

void CellDelegate::paintBackground(QPainter& painter, const QStyleOptionViewItem& option,
                                   const QModelIndex& index) const
{
    const bool selected = (option.state & QStyle::State_Selected) != 0;
    const auto* view = qobject_cast<const QAbstractItemView*>(option.widget);
    const bool hovered =
        view != nullptr && view->property(kHoverRowProperty).toInt() == index.row() + 1;
    if (selected) {
        painter.fillRect(option.rect, theme_.colour(Role::Selection));
    } else if (flag(index, GroupRole)) {
        painter.fillRect(option.rect, theme_.colour(Role::Surface2));
    } else if (hovered) {
        painter.fillRect(option.rect, theme_.colour(Role::Surface3));
    }
    const QRect& r = option.rect;
    painter.fillRect(QRect(r.left(), r.bottom(), r.width(), 1), theme_.colour(Role::Border));
    const bool first = view == nullptr || r.left() <= 0;
    if (selected && first) {
        painter.fillRect(QRect(r.left(), r.top(), 3, r.height()), theme_.colour(Role::Accent));
    }
}

QColor CellDelegate::textColour(const QStyleOptionViewItem& option, const QModelIndex& index) const
{
    const QVariant state = index.data(StateRole);
    if (state.isValid() && !index.data(BarRole).isValid()) {
        return theme_.colour(theme::stateRole(State(state.toInt())));
    }
    const QVariant tone = index.data(ToneRole);
    int level = tone.isValid() ? tone.toInt() : 1;
    if (flag(index, DimRole)) {
        level = 3;
    }
    if (level == kCriticalTone || level == kWarningTone) {
        return theme_.colour(level == kCriticalTone ? Role::Critical : Role::Warning);
    }
    const bool lifted = (option.state & QStyle::State_Selected) != 0;
    if (level == 3 && lifted) {
        level = 2;
    }
    return theme_.colour(level == 1 ? Role::Text : (level == 2 ? Role::Text2 : Role::Text3));
}

void CellDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                         const QModelIndex& index) const
{
    painter->save();
    paintBackground(*painter, option, index);
    painter->setRenderHint(QPainter::Antialiasing);
    QRectF rect =
        QRectF(option.rect).adjusted(index.column() == 0 ? 12 : kPadding, 0, -kPadding, -1);
    if (const QVariant chips = index.data(ChipsRole); chips.isValid()) {
        paintChips(*painter, rect, chips.value<QList<Chip>>(), theme_);
    } else if (const QVariant lane = index.data(LaneRole); lane.isValid()) {
        painter->setRenderHint(QPainter::Antialiasing, false);
        paintLane(*painter, rect, lane.value<LaneData>(), theme_);
    } else if (const QVariant slot = index.data(SlotRole); slot.isValid()) {
        if (!flag(index, DimRole)) {
            paintSample(*painter, rect, std::size_t(slot.toInt()), theme_);
        }
    } else {
        paintText(*painter, rect, option, index);
    }
    painter->restore();
}

void CellDelegate::paintText(QPainter& painter, const QRectF& full,
                             const QStyleOptionViewItem& option, const QModelIndex& index) const
{
    QRectF rect = full;
    const QVariant state = index.data(StateRole);
    const QVariant bar = index.data(BarRole);
    if (bar.isValid()) {
        const QRectF box(rect.left(), std::round(rect.center().y()) - 3, 40, 6);
        painter.fillRect(box, theme_.colour(Role::Surface3));
        const Role role = state.isValid() ? theme::stateRole(State(state.toInt())) : Role::Accent;
        painter.fillRect(QRectF(box.left(), box.top(), std::max(1.0, 40 * bar.toDouble()), 6),
                         theme_.colour(role));
        rect.setLeft(rect.left() + 48);
    } else if (state.isValid()) {
        theme::paintState(painter, {rect.left(), std::round(rect.center().y() - 5.5), 11, 11},
                          State(state.toInt()), theme_);
        rect.setLeft(rect.left() + 17);
    }
    QFont font = flag(index, CodeRole) ? theme_.codeFont()
                                       : theme_.font(TextSize::Table, flag(index, StrongRole) ||
                                                                          flag(index, GroupRole));
    painter.setFont(font);
    painter.setPen(textColour(option, index));
    const QString text = index.data(Qt::DisplayRole).toString();
    if (flag(index, NumberRole)) {
        theme::drawNumber(painter, rect, Qt::AlignRight, text);
        return;
    }
    const qreal used = theme::drawText(painter, rect, text);
    if (const QString remark = index.data(RemarkRole).toString(); !remark.isEmpty()) {
        painter.setFont(theme_.font(TextSize::Table));
        painter.setPen(theme_.colour(Role::Text2));
        theme::drawText(painter, rect.adjusted(used + 7, 0, 0, 0), remark);
    }
}

QSize CellDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const
{
    Q_UNUSED(option)
    const QFontMetricsF fontMetrics(theme_.font(TextSize::Table));
    qreal width =
        theme::numberWidth(fontMetrics, index.data(Qt::DisplayRole).toString()) + 2 * kPadding + 4;
    if (const QVariant chips = index.data(ChipsRole); chips.isValid()) {
        for (const Chip& chip : chips.value<QList<Chip>>()) {
            width += chipWidth(theme_, chip) + 4;
        }
    }
    width += index.data(StateRole).isValid() ? 18 : 0;
    return {int(width), metrics::kRowDense};
}

Header::Header(const theme::Theme& theme, QWidget* parent)
    : QHeaderView(Qt::Horizontal, parent), theme_(theme)
{
    setSectionsClickable(true);
    setHighlightSections(false);
    setFixedHeight(metrics::kHeader);
    setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    setMinimumSectionSize(32);
    setSectionsMovable(true);
    setFocusPolicy(Qt::NoFocus);
}

void Header::paintSection(QPainter* painter, const QRect& rect, int section) const
{
    const QColor border = theme_.colour(Role::Border);
    painter->fillRect(rect, theme_.colour(Role::Surface2));
    painter->fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), border);
    if (visualIndex(section) + 1 < count()) {
        painter->fillRect(QRect(rect.right(), rect.top(), 1, rect.height()), border);
    }
    const QString text = model()->headerData(section, Qt::Horizontal).toString();
    const bool sorted = isSortIndicatorShown() && sortIndicatorSection() == section;
    const bool right =
        (model()->headerData(section, Qt::Horizontal, Qt::TextAlignmentRole).toInt() &
         Qt::AlignRight) != 0;
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setFont(theme_.font(TextSize::Axis, true));
    painter->setPen(theme_.colour(sorted ? Role::Text : Role::Text2));
    QRectF box = QRectF(rect).adjusted(visualIndex(section) == 0 ? 12 : kPadding, 0, -kPadding, -1);
    const qreal width =
        std::min(QFontMetricsF(painter->font()).horizontalAdvance(text), box.width());
    qreal arrowX = box.left() + width + 4;
    if (right) {
        const qreal room = sorted ? 10 : 0;
        theme::drawText(*painter, box.adjusted(0, 0, -room, 0), text, Qt::AlignRight);
        arrowX = box.right() - 7;
    } else {
        theme::drawText(*painter, box, text);
    }
    if (sorted) {
        const qreal y = box.center().y() + 0.5;
        const qreal tip = sortIndicatorOrder() == Qt::AscendingOrder ? -3 : 3;
        painter->setPen(Qt::NoPen);
        painter->setBrush(theme_.colour(Role::Text));
        painter->drawPolygon(
            QPolygonF{{arrowX, y - tip}, {arrowX + 7, y - tip}, {arrowX + 3.5, y + tip}});
    }
    painter->restore();
}

TableView::TableView(const theme::Theme& theme, const QString& name, const QString& accessibleName,
                     QWidget* parent)
    : QTableView(parent)
{
    setObjectName(name);
    setAccessibleName(accessibleName);
    auto* header = new Header(theme, this);
    setHorizontalHeader(header);
    header->setObjectName(name + QStringLiteral(".header"));
    header->setAccessibleName(accessibleName);
    verticalHeader()->hide();
    verticalHeader()->setMinimumSectionSize(metrics::kRowDense);
    verticalHeader()->setDefaultSectionSize(metrics::kRowDense);
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    setItemDelegate(new CellDelegate(theme, this));
    setShowGrid(false);
    setFrameShape(QFrame::NoFrame);
    setSelectionBehavior(QAbstractItemView::SelectRows);
    setSelectionMode(QAbstractItemView::ExtendedSelection);
    setEditTriggers(QAbstractItemView::NoEditTriggers);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    setTabKeyNavigation(false);
    setMouseTracking(true);
    setWordWrap(false);
}

QString TableView::asText(QChar separator) const
{
    if (model() == nullptr) {
        return {};
    }
    QList<int> rows;
    for (const QModelIndex& index : selectionModel()->selectedRows()) {
        rows << index.row();
    }
    if (rows.isEmpty()) {
        for (int row = 0; row < model()->rowCount(); ++row) {
            rows << row;
        }
    }
    std::sort(rows.begin(), rows.end());
    QStringList head;
    for (int column = 0; column < model()->columnCount(); ++column) {
        head << model()->headerData(column, Qt::Horizontal).toString();
    }
    QStringList lines{head.join(separator)};
    for (const int row : rows) {
        QStringList cells;
        for (int column = 0; column < model()->columnCount(); ++column) {
            const QModelIndex index = model()->index(row, column);
            const QVariant raw = index.data(RawRole);
            QString text = raw.isValid() ? raw.toString() : index.data().toString();
            for (const Chip& chip : index.data(ChipsRole).value<QList<Chip>>()) {
                text +=
                    (text.isEmpty() ? QString() : QStringLiteral(" ")) +
                    (chip.name.isEmpty() ? chip.value : chip.name + QLatin1Char('=') + chip.value);
            }
            if (separator == QLatin1Char(',') &&
                text.contains(QRegularExpression(QStringLiteral("[,\"\n]")))) {
                text = QLatin1Char('"') + text.replace(QLatin1Char('"'), QLatin1String("\"\"")) +
                       QLatin1Char('"');
            }
            cells << text;
        }
        lines << cells.join(separator);
    }
    return lines.join(QLatin1Char('\n'));
}

void TableView::keyPressEvent(QKeyEvent* event)
{
    if (event->matches(QKeySequence::Copy)) {
        QGuiApplication::clipboard()->setText(asText(QLatin1Char('\t')));
        return;
    }
    if (event->key() == Qt::Key_Escape) {
        clearSelection();
        Q_EMIT escaped();
        return;
    }
    QTableView::keyPressEvent(event);
}

void TableView::mouseMoveEvent(QMouseEvent* event)
{
    const QModelIndex index = indexAt(event->position().toPoint());
    const int row = index.isValid() ? index.row() + 1 : 0;
    if (property(kHoverRowProperty).toInt() != row) {
        setProperty(kHoverRowProperty, row);
        viewport()->update();
    }
    QTableView::mouseMoveEvent(event);
}

void TableView::leaveEvent(QEvent* event)
{
    setProperty(kHoverRowProperty, 0);
    viewport()->update();
    QTableView::leaveEvent(event);
}

} // namespace narthex::ui::kit
