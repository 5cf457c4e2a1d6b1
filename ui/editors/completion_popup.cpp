// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/completion_popup.h"

#include "ui/kit/controls.h"
#include "ui/theme/text.h"

#include <QGraphicsDropShadowEffect>
#include <QHBoxLayout>
#include <QListView>
#include <QPainter>
#include <QStyledItemDelegate>

namespace narthex::ui::editors {
namespace {

using promql::CompletionKind;
using theme::Role;
using theme::TextSize;

constexpr int kListWidth = 432;
constexpr int kHelpWidth = 312;
constexpr int kRows = 9;

QString iconOf(CompletionKind kind)
{
    switch (kind) {
    case CompletionKind::MetricName:
        return QStringLiteral("metrics");
    case CompletionKind::LabelName:
    case CompletionKind::LabelValue:
        return QStringLiteral("tag");
    case CompletionKind::Duration:
        return QStringLiteral("clock");
    default:
        return QStringLiteral("function");
    }
}

/// Icon, name with the typed letters lit, detail at the right.
class RowDelegate final : public QStyledItemDelegate
{
public:
    RowDelegate(const theme::Theme& theme, const CompletionModel& model, QObject* parent)
        : QStyledItemDelegate(parent), theme_(theme), model_(model)
    {}

    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override
    {
        return {kListWidth, theme::metrics::kRowDense};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override
    {
        const CompletionItem& item = model_.item(index.row());
        painter->save();
        if ((option.state & QStyle::State_Selected) != 0) {
            painter->fillRect(option.rect, theme_.colour(Role::Selection));
        }
        const QRectF row = option.rect;
        theme_.icon(iconOf(item.kind))
            .paint(painter, QRect(option.rect.left() + 8, option.rect.top() + 4, 16, 16));
        painter->setFont(theme_.font(TextSize::Table));
        painter->setPen(theme_.colour(Role::Text2));
        const qreal detail = QFontMetricsF(painter->font()).horizontalAdvance(item.detail);
        theme::drawText(*painter, {row.right() - 10 - detail, row.top(), detail + 2, row.height()},
                        item.detail);
        paintName(*painter, row.adjusted(32, 0, -detail - 20, 0), item.text);
        painter->restore();
    }

private:
    void paintName(QPainter& painter, QRectF rect, const QString& text) const
    {
        const QString& typed = model_.typed();
        const qsizetype at = typed.isEmpty() ? -1 : text.indexOf(typed, 0, Qt::CaseInsensitive);
        const auto part = [&](const QString& piece, bool lit) {
            if (piece.isEmpty() || rect.width() <= 4) {
                return;
            }
            QFont font = theme_.codeFont();
            font.setBold(lit);
            painter.setFont(font);
            painter.setPen(theme_.colour(lit ? Role::Accent : Role::Text));
            rect.setLeft(rect.left() + theme::drawText(painter, rect, piece));
        };
        part(text.left(std::max<qsizetype>(0, at)), false);
        if (at >= 0) {
            part(text.mid(at, typed.size()), true);
        }
        part(at >= 0 ? text.mid(at + typed.size()) : text, false);
    }

    const theme::Theme& theme_;
    const CompletionModel& model_;
};

} // namespace

void CompletionModel::setItems(QList<CompletionItem> items, const QString& typed)
{
    beginResetModel();
    items_ = std::move(items);
    typed_ = typed;
    endResetModel();
}

int CompletionModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(items_.size());
}

QVariant CompletionModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    return role == Qt::DisplayRole ? QVariant(items_[index.row()].text) : QVariant();
}

CompletionPopup::CompletionPopup(const theme::Theme& theme, QWidget* window) : QFrame(window)
{
    setObjectName(QStringLiteral("completion"));
    setAccessibleName(tr("Completions"));
    setProperty("floating", true);
    setAutoFillBackground(true);
    setFixedWidth(kListWidth + kHelpWidth);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(1, 1, 1, 1);
    layout->setSpacing(0);
    setupList(theme);
    auto* left = new QVBoxLayout;
    left->setSpacing(0);
    left->addWidget(list_);
    left->addWidget(kit::makeLine(Qt::Horizontal, this));
    left->addWidget(makeFooter(theme));
    layout->addLayout(left);
    layout->addWidget(kit::makeLine(Qt::Vertical, this));
    setupHelp(theme);
    auto* shadow = new QGraphicsDropShadowEffect(this);
    shadow->setBlurRadius(16);
    shadow->setOffset(0, 4);
    QColor colour = theme.colour(Role::Text);
    colour.setAlphaF(theme.scheme() == theme::Scheme::Light ? 0.18F : 0.0F);
    shadow->setColor(colour);
    setGraphicsEffect(shadow);
    hide();
}

void CompletionPopup::setupList(const theme::Theme& theme)
{
    list_ = new QListView(this);
    list_->setObjectName(QStringLiteral("completion.list"));
    list_->setAccessibleName(tr("Completions"));
    list_->setModel(&model_);
    list_->setItemDelegate(new RowDelegate(theme, model_, list_));
    list_->setFocusPolicy(Qt::NoFocus);
    list_->setFrameShape(QFrame::NoFrame);
    list_->setFixedWidth(kListWidth - 1);
    list_->setUniformItemSizes(true);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    connect(list_->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &CompletionPopup::showHelp);
    connect(list_, &QListView::clicked, this, &CompletionPopup::activated);
}

QWidget* CompletionPopup::makeFooter(const theme::Theme& theme)
{
    auto* footer = new QWidget(this);
    footer->setFixedHeight(30);
    auto* layout = new QHBoxLayout(footer);
    layout->setContentsMargins(8, 0, 8, 0);
    layout->setSpacing(4);
    count_ = kit::makeLabel(theme, {}, TextSize::Axis, 2, footer);
    layout->addWidget(count_);
    layout->addStretch(1);
    const std::pair<QString, QString> keys[]{{QStringLiteral("Tab"), tr("insert")},
                                             {QStringLiteral("↑ ↓"), tr("move")},
                                             {QStringLiteral("Esc"), tr("close")}};
    for (const auto& [key, meaning] : keys) {
        layout->addSpacing(6);
        layout->addWidget(kit::makeKeyCap(theme, key, footer));
        layout->addWidget(kit::makeLabel(theme, meaning, TextSize::Axis, 2, footer));
    }
    return footer;
}

void CompletionPopup::setupHelp(const theme::Theme& theme)
{
    auto* help = new QWidget(this);
    auto* layout = new QVBoxLayout(help);
    layout->setContentsMargins(12, 10, 12, 10);
    layout->setSpacing(6);
    helpName_ = kit::makeLabel(theme, {}, TextSize::Table, 1, help);
    QFont code = theme.codeFont();
    code.setBold(true);
    helpName_->setFont(code);
    helpDetail_ = kit::makeLabel(theme, {}, TextSize::Axis, 2, help);
    helpText_ = kit::makeLabel(theme, {}, TextSize::Table, 1, help);
    for (QLabel* label : {helpName_, helpDetail_, helpText_}) {
        label->setWordWrap(true);
        layout->addWidget(label);
    }
    layout->addStretch(1);
    help->setFixedWidth(kHelpWidth - 2);
    static_cast<QHBoxLayout*>(this->layout())->addWidget(help);
}

void CompletionPopup::show(QList<CompletionItem> items, const QString& typed, qsizetype total,
                           QPoint below, int lineHeight)
{
    const int rows = std::min(kRows, int(items.size()));
    count_->setText(tr("%1 of %2").arg(items.size()).arg(total));
    model_.setItems(std::move(items), typed);
    movedIn_ = false;
    list_->setCurrentIndex(model_.index(0));
    const int height = std::max(rows, 5) * theme::metrics::kRowDense + 37;
    const QWidget* window = parentWidget();
    const int x = std::clamp(below.x(), 4, std::max(4, window->width() - width() - 4));
    const bool fits = below.y() + height < window->height() - 8;
    setGeometry(x, fits ? below.y() : below.y() - height - lineHeight - 8, width(), height);
    setVisible(true);
    raise();
}

void CompletionPopup::step(int rows)
{
    const int count = model_.rowCount();
    if (count == 0) {
        return;
    }
    movedIn_ = true;
    const int row = std::clamp(list_->currentIndex().row() + rows, 0, count - 1);
    list_->setCurrentIndex(model_.index(row));
}

const CompletionItem* CompletionPopup::current() const
{
    const QModelIndex index = list_->currentIndex();
    return isVisible() && index.isValid() ? &model_.item(index.row()) : nullptr;
}

void CompletionPopup::showHelp()
{
    const QModelIndex index = list_->currentIndex();
    if (!index.isValid()) {
        return;
    }
    const CompletionItem& item = model_.item(index.row());
    helpName_->setText(item.text);
    helpDetail_->setText(item.signature.isEmpty() ? item.detail : item.signature);
    helpText_->setText(item.help);
}

} // namespace narthex::ui::editors
