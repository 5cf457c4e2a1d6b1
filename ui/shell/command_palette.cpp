// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/command_palette.h"

#include "ui/format/time_text.h"
#include "ui/theme/text.h"

#include <QApplication>
#include <QGraphicsDropShadowEffect>
#include <QJsonArray>
#include <QKeyEvent>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

namespace narthex::ui::shell {
namespace {

using theme::Role;

constexpr int kWidth = 560;
constexpr int kRow = 32;
constexpr qsizetype kRows = 10;

QString plain(QString text) { return text.remove(QLatin1Char('&')).remove(QStringLiteral("…")); }

/// Smaller is better; -1: no match.
int rank(const QString& text, const QString& typed)
{
    if (typed.isEmpty()) {
        return 2;
    }
    const qsizetype at = text.indexOf(typed, 0, Qt::CaseInsensitive);
    if (at == 0) {
        return text.size() == typed.size() ? 0 : 1;
    }
    if (at > 0) {
        return text.at(at - 1).isLetterOrNumber() ? 3 : 2;
    }
    // Letters in order, not side by side.
    qsizetype from = 0;
    for (const QChar c : typed) {
        from = text.indexOf(c, from, Qt::CaseInsensitive);
        if (from < 0) {
            return -1;
        }
        ++from;
    }
    return 4;
}

class PaletteDelegate final : public QStyledItemDelegate
{
public:
    PaletteDelegate(const theme::Theme& theme, const PaletteModel& model, QObject* parent)
        : QStyledItemDelegate(parent), theme_(theme), model_(model)
    {}

    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override
    {
        return {kWidth, kRow};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override
    {
        const PaletteEntry& entry = model_.entry(index.row());
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        const bool selected = (option.state & QStyle::State_Selected) != 0;
        if (selected) {
            painter->fillRect(option.rect, theme_.colour(Role::Selection));
        }
        QRectF rect = QRectF(option.rect).adjusted(12, 0, -12, 0);
        if (!entry.icon.isEmpty()) {
            theme_.icon(entry.icon)
                .paint(painter, QRect(int(rect.left()), option.rect.top() + 8, 16, 16));
        }
        if (!entry.shortcut.isEmpty()) {
            painter->setFont(theme_.font(theme::TextSize::Axis));
            const double width =
                QFontMetricsF(painter->font()).horizontalAdvance(entry.shortcut) + 10;
            const QRectF cap(rect.right() - width, rect.center().y() - 8, width, 16);
            painter->setPen(theme_.colour(Role::Border));
            painter->setBrush(theme_.colour(Role::Surface2));
            painter->drawRoundedRect(cap.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
            painter->setPen(theme_.colour(Role::Text2));
            painter->drawText(cap, Qt::AlignCenter, entry.shortcut);
            rect.setRight(cap.left() - 8);
        }
        rect.setLeft(rect.left() + 28);
        rect.setLeft(rect.left() + paintName(*painter, rect, entry.text) + 10);
        painter->setFont(theme_.font(theme::TextSize::Table));
        painter->setPen(theme_.colour(selected ? Role::Text2 : Role::Text3));
        theme::drawText(*painter, rect, entry.detail);
        painter->restore();
    }

private:
    qreal paintName(QPainter& painter, QRectF rect, const QString& text) const
    {
        const double left = rect.left();
        const QString& typed = model_.typed();
        const qsizetype at = typed.isEmpty() ? -1 : text.indexOf(typed, 0, Qt::CaseInsensitive);
        const auto part = [&](const QString& piece, bool lit) {
            painter.setFont(theme_.font(theme::TextSize::Default, lit));
            painter.setPen(theme_.colour(lit ? Role::Accent : Role::Text));
            rect.setLeft(rect.left() + theme::drawText(painter, rect, piece));
        };
        if (at < 0) {
            part(text, false);
        } else {
            part(text.left(at), false);
            part(text.mid(at, typed.size()), true);
            part(text.mid(at + typed.size()), false);
        }
        return rect.left() - left;
    }

    const theme::Theme& theme_;
    const PaletteModel& model_;
};

} // namespace

void PaletteModel::setEntries(QList<PaletteEntry> entries, const QString& typed)
{
    beginResetModel();
    entries_ = std::move(entries);
    typed_ = typed;
    endResetModel();
}

int PaletteModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : int(entries_.size());
}

QVariant PaletteModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    return role == Qt::DisplayRole ? QVariant(entries_[index.row()].text) : QVariant();
}

CommandPalette::CommandPalette(pages::PageContext& context, const kit::ActionRegistry& actions,
                               QWidget* window)
    : QFrame(window), context_(context), actions_(actions)
{
    setObjectName(QStringLiteral("palette"));
    setAccessibleName(tr("Command palette"));
    setProperty("floating", true);
    setAutoFillBackground(true);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(1, 1, 1, 1);
    layout->setSpacing(0);
    edit_ = new kit::Field(context.theme, QStringLiteral("palette.edit"),
                           tr("Search or run a command"), this);
    edit_->setProperty("bare", true);
    edit_->setFixedHeight(36);
    edit_->setLeadingIcon(QStringLiteral("search"));
    edit_->setPlaceholderText(
        tr("Search or run a command     > actions   @ metrics   : time range"));
    edit_->setTextMargins(6, 0, 6, 0);
    edit_->installEventFilter(this);
    layout->addWidget(edit_);
    layout->addWidget(kit::makeLine(Qt::Horizontal, this));
    list_ = new QListView(this);
    list_->setObjectName(QStringLiteral("palette.list"));
    list_->setAccessibleName(tr("Matches"));
    list_->setModel(&model_);
    list_->setItemDelegate(new PaletteDelegate(context.theme, model_, list_));
    list_->setFocusPolicy(Qt::NoFocus);
    list_->setUniformItemSizes(true);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    layout->addWidget(list_);
    connect(edit_, &QLineEdit::textChanged, this, &CommandPalette::find);
    connect(list_, &QListView::clicked, this, &CommandPalette::runCurrent);
    auto* shadow = new QGraphicsDropShadowEffect(this);
    shadow->setBlurRadius(16);
    shadow->setOffset(0, 4);
    QColor colour = context.theme.colour(Role::Text);
    colour.setAlphaF(context.theme.scheme() == theme::Scheme::Light ? 0.18F : 0.0F);
    shadow->setColor(colour);
    setGraphicsEffect(shadow);
    hide();
}

void CommandPalette::open()
{
    before_ = QApplication::focusWidget();
    edit_->clear();
    find({});
    setVisible(true);
    raise();
    edit_->setFocus(Qt::PopupFocusReason);
}

void CommandPalette::close()
{
    hide();
    if (before_ != nullptr) {
        before_->setFocus(Qt::PopupFocusReason);
    }
}

void CommandPalette::addActions(QList<PaletteEntry>& out, const QString& typed) const
{
    std::vector<std::pair<int, QAction*>> found;
    for (QAction* action : actions_.all()) {
        const int r = action->isEnabled() ? rank(plain(action->text()), typed) : -1;
        if (r >= 0) {
            found.emplace_back(r, action);
        }
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [r, action] : found) {
        out << PaletteEntry{plain(action->text()), action->property("iconName").toString(),
                            action->statusTip(),
                            action->shortcut().toString(QKeySequence::NativeText),
                            [action = action] { action->trigger(); }};
    }
}

void CommandPalette::addMetrics(QList<PaletteEntry>& out, const QString& typed) const
{
    std::vector<std::pair<int, QString>> found;
    for (const QString& name : context_.catalog.names()) {
        if (const int r = rank(name, typed); r >= 0) {
            found.emplace_back(r * 200 + int(std::min<qsizetype>(199, name.size())), name);
        }
    }
    const auto shown = std::min<std::size_t>(found.size(), std::size_t(kRows));
    std::partial_sort(found.begin(), found.begin() + std::ptrdiff_t(shown), found.end());
    for (std::size_t i = 0; i < shown; ++i) {
        const QString name = found[i].second;
        QString detail;
        if (const model::Metadata* metadata = context_.catalog.metadata(name.toStdString())) {
            const std::string_view type = model::metricTypeText(metadata->type);
            detail = QString::fromUtf8(type.data(), qsizetype(type.size()));
        }
        const auto openExplore = context_.openPage;
        out << PaletteEntry{name, QStringLiteral("metrics"), detail, {}, [openExplore, name] {
                                openExplore(QStringLiteral("explore"),
                                            {{QStringLiteral("queries"), QJsonArray{name}}});
                            }};
    }
}

void CommandPalette::addRange(QList<PaletteEntry>& out, const QString& typed) const
{
    const auto spec = range::parseRange(typed, format::wallNow(), context_.range.zone());
    if (spec) {
        auto* controller = &context_.range;
        out << PaletteEntry{range::rangeText(*spec, context_.range.zone()),
                            QStringLiteral("clock"),
                            format::interval(spec->from, spec->to, context_.range.zone()),
                            {},
                            [controller, spec] { controller->setSpec(*spec); }};
    }
}

void CommandPalette::find(const QString& text)
{
    const QString prefix = text.left(1);
    const QString rest = text.mid(1).trimmed();
    QList<PaletteEntry> entries;
    QString typed = text.trimmed();
    if (prefix == QLatin1String(">")) {
        typed = rest;
        addActions(entries, typed);
    } else if (prefix == QLatin1String("@")) {
        typed = rest;
        addMetrics(entries, typed);
    } else if (prefix == QLatin1String(":")) {
        typed = rest;
        addRange(entries, typed);
    } else {
        addActions(entries, typed);
        if (!typed.isEmpty()) {
            addMetrics(entries, typed);
        }
    }
    entries = entries.mid(0, 60);
    const qsizetype rows = std::clamp<qsizetype>(entries.size(), 1, kRows);
    model_.setEntries(std::move(entries), typed);
    list_->setCurrentIndex(model_.index(0));
    const QWidget* window = parentWidget();
    setGeometry((window->width() - kWidth) / 2, 60, kWidth, int(rows) * kRow + 39);
}

void CommandPalette::runCurrent()
{
    const QModelIndex index = list_->currentIndex();
    if (!index.isValid()) {
        return;
    }
    const auto run = model_.entry(index.row()).run;
    close();
    run();
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == edit_ && event->type() == QEvent::FocusOut && isVisible()) {
        hide();
    }
    if (watched == edit_ && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Escape) {
            close();
            return true;
        }
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            runCurrent();
            return true;
        }
        if (key == Qt::Key_Down || key == Qt::Key_Up) {
            const int row = list_->currentIndex().row() + (key == Qt::Key_Down ? 1 : -1);
            list_->setCurrentIndex(
                model_.index(std::clamp(row, 0, std::max(0, model_.rowCount() - 1))));
            return true;
        }
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace narthex::ui::shell
