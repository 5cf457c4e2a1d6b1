// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/completion_controller.h"

#include "ui/editors/code_view.h"

#include <QKeyEvent>

#include <algorithm>

namespace narthex::ui::editors {
namespace {

using promql::CompletionKind;

/// As many as anyone scrolls through; more typing narrows.
constexpr qsizetype kShown = 200;
/// A label may have a hundred thousand values.
constexpr std::size_t kValueLimit = 2000;

bool offers(const promql::CompletionContext& context, CompletionKind kind)
{
    return std::find(context.kinds.begin(), context.kinds.end(), kind) != context.kinds.end();
}

} // namespace

CompletionController::CompletionController(const theme::Theme& theme, backend::Backend& backend,
                                           backend::MetricCatalog& catalog, CodeView& view)
    : theme_(theme), backend_(backend), catalog_(catalog), view_(view)
{}

CompletionController::~CompletionController() { delete popup_; }

bool CompletionController::focused() const
{
    // Of its window: the window itself may be in the back.
    return view_.window()->focusWidget() == &view_;
}

bool CompletionController::visible() const { return popup_ != nullptr && popup_->isVisible(); }

void CompletionController::textTyped()
{
    if (!inserting_ && focused()) {
        // Scintilla reports a change before it has moved the cursor.
        QMetaObject::invokeMethod(
            this, [this] { update(false); }, Qt::QueuedConnection);
    }
}

void CompletionController::open() { update(true); }

void CompletionController::close()
{
    request_.cancel();
    if (popup_ != nullptr) {
        popup_->hide();
    }
}

void CompletionController::cursorMoved()
{
    if (visible()) {
        const std::uint32_t at = view_.cursorByte();
        if (at < context_.begin || at > context_.end + 1) {
            close();
        }
    }
}

void CompletionController::update(bool asked)
{
    context_ = promql::completionContext(view_.utf8(), view_.cursorByte());
    const bool labels =
        offers(context_, CompletionKind::LabelName) || offers(context_, CompletionKind::LabelValue);
    const bool unasked = !asked && (context_.onRequestOnly || (context_.typed.empty() && !labels));
    if (context_.kinds.empty() || unasked) {
        close();
        return;
    }
    QList<CompletionItem> items;
    if (offers(context_, CompletionKind::MetricName)) {
        items = metricItems();
    }
    items << languageItems(context_.kinds);
    if (labels) {
        offerLabels(items);
    } else {
        offer(std::move(items));
    }
}

client::SeriesFilter CompletionController::filterOfContext() const
{
    client::SeriesFilter filter;
    filter.limit = kValueLimit;
    std::string selector = context_.metric + "{";
    for (const std::string& matcher : context_.otherMatchers) {
        selector += (selector.ends_with('{') ? "" : ",") + matcher;
    }
    if (!context_.metric.empty() || !context_.otherMatchers.empty()) {
        filter.selectors.push_back(selector + "}");
    }
    return filter;
}

void CompletionController::offerLabels(const QList<CompletionItem>& fixed)
{
    const bool values = offers(context_, CompletionKind::LabelValue) && !context_.label.empty();
    const auto take = [this, values, fixed](const absl::StatusOr<std::vector<std::string>>& names) {
        if (!names.ok()) {
            return;
        }
        QList<CompletionItem> items = fixed;
        for (const std::string& name : *names) {
            if (name == model::kMetricName) {
                continue;
            }
            items << CompletionItem{
                QString::fromStdString(name),
                {},
                values ? CompletionKind::LabelValue : CompletionKind::LabelName,
                values ? tr("value") : tr("label"),
                values ? tr("value of %1").arg(QString::fromStdString(context_.label)) : QString(),
                {}};
        }
        offer(std::move(items));
    };
    request_ = values ? backend_.labelValues(context_.label, filterOfContext(), take)
                      : backend_.labelNames(filterOfContext(), take);
}

QList<CompletionItem> CompletionController::metricItems() const
{
    QList<CompletionItem> items;
    items.reserve(catalog_.names().size());
    for (const QString& name : catalog_.names()) {
        CompletionItem item{name, {}, CompletionKind::MetricName, {}, {}, {}};
        if (const model::Metadata* metadata = catalog_.metadata(name.toStdString())) {
            const std::string_view type = model::metricTypeText(metadata->type);
            item.detail = QString::fromUtf8(type.data(), qsizetype(type.size()));
            if (!metadata->unit.empty()) {
                item.detail += QStringLiteral(" · ") + QString::fromStdString(metadata->unit);
            }
            item.help = QString::fromStdString(metadata->help);
        }
        items << item;
    }
    return items;
}

void CompletionController::offer(QList<CompletionItem> items)
{
    const QString typed = QString::fromStdString(context_.typed);
    const qsizetype total = items.size();
    QList<CompletionItem> ranked = rankCompletions(items, typed, kShown);
    // Nothing to add to what stands there.
    const bool complete = ranked.size() == 1 && ranked.first().text == typed;
    if (ranked.isEmpty() || complete || !focused()) {
        close();
        return;
    }
    if (popup_ == nullptr) {
        popup_ = new CompletionPopup(theme_, view_.window());
        connect(popup_, &CompletionPopup::activated, this, &CompletionController::insertCurrent);
    }
    constexpr int kLineHeight = 20;
    const QPoint at = view_.pointOf(context_.begin) + QPoint(-32, kLineHeight + 6);
    popup_->show(std::move(ranked), typed, total, view_.viewport()->mapTo(view_.window(), at),
                 kLineHeight);
}

bool CompletionController::handleKey(const QKeyEvent& event)
{
    if (!visible()) {
        return false;
    }
    const bool plain = (event.modifiers() & (Qt::ControlModifier | Qt::AltModifier)) == 0;
    switch (event.key()) {
    case Qt::Key_Down:
    case Qt::Key_Up:
        if (plain) {
            popup_->step(event.key() == Qt::Key_Down ? 1 : -1);
        }
        return plain;
    case Qt::Key_PageDown:
    case Qt::Key_PageUp:
        popup_->step(event.key() == Qt::Key_PageDown ? 8 : -8);
        return true;
    case Qt::Key_Tab:
        insertCurrent();
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (popup_->movedIn()) {
            insertCurrent();
            return true;
        }
        close();
        return false;
    case Qt::Key_Escape:
        close();
        return true;
    default:
        return false;
    }
}

void CompletionController::insertCurrent()
{
    const CompletionItem* item = popup_ != nullptr ? popup_->current() : nullptr;
    if (item == nullptr) {
        return;
    }
    const QString text = item->insert.isEmpty() ? item->text : item->insert;
    close();
    inserting_ = true;
    view_.replaceBytes(context_.begin, context_.end, text.toStdString());
    inserting_ = false;
    view_.setFocus();
}

} // namespace narthex::ui::editors
