// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/document_area.h"

#include "ui/kit/controls.h"
#include "ui/theme/text.h"

#include <QHBoxLayout>
#include <QPainter>
#include <QVBoxLayout>

namespace narthex::ui::shell {
namespace {

using theme::Role;

constexpr int kTabHeight = 32;
constexpr int kWidestTab = 260;

} // namespace

DocumentTabBar::DocumentTabBar(const theme::Theme& theme, QWidget* parent)
    : QTabBar(parent), theme_(theme)
{
    setObjectName(QStringLiteral("documents"));
    setAccessibleName(tr("Open documents"));
    setDrawBase(false);
    setExpanding(false);
    setMovable(true);
    setUsesScrollButtons(true);
    setElideMode(Qt::ElideRight);
    setFont(theme.font(theme::TextSize::Table));
    setFixedHeight(kTabHeight);
}

QSize DocumentTabBar::tabSizeHint(int index) const
{
    const double text =
        QFontMetricsF(theme_.font(theme::TextSize::Table)).horizontalAdvance(tabText(index));
    return {std::min(kWidestTab, int(text) + 12 + 16 + 8 + 36), kTabHeight};
}

void DocumentTabBar::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    for (int i = 0; i < count(); ++i) {
        const QRect tab = tabRect(i);
        const bool current = i == currentIndex();
        painter.fillRect(tab, theme_.colour(current ? Role::Window : Role::Surface2));
        painter.fillRect(QRect(tab.right(), tab.top(), 1, tab.height()),
                         theme_.colour(Role::Border));
        if (!current) {
            painter.fillRect(QRect(tab.left(), tab.bottom(), tab.width(), 1),
                             theme_.colour(Role::Border));
        }
        QColor line = theme_.colour(Role::Development);
        line.setAlphaF(current ? 1.0F : 0.5F);
        painter.fillRect(QRect(tab.left(), tab.top(), tab.width() - 1, 3), line);
        tabIcon(i).paint(&painter, QRect(tab.left() + 12, tab.top() + 9, 16, 16));
        painter.setFont(theme_.font(theme::TextSize::Table));
        painter.setPen(theme_.colour(current ? Role::Text : Role::Text2));
        theme::drawText(painter, QRectF(tab).adjusted(36, 3, -32, 0), tabText(i));
        if (current && hasFocus()) {
            painter.setPen(QPen(theme_.colour(Role::Accent), 2));
            painter.drawRoundedRect(QRectF(tab).adjusted(3, 5, -4, -3), 4, 4);
        }
    }
}

DocumentArea::DocumentArea(pages::PageContext& context, const std::vector<PageKind>& kinds,
                           QWidget* parent)
    : QWidget(parent), context_(context), kinds_(kinds)
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    setupTabs();
    stack_ = new QStackedWidget(this);
    layout->addWidget(stack_, 1);
}

void DocumentArea::setupTabs()
{
    auto* bar = new QWidget(this);
    bar->setObjectName(QStringLiteral("shell_chrome"));
    bar->setAttribute(Qt::WA_StyledBackground);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(0, 0, 8, 0);
    row->setSpacing(4);
    tabs_ = new DocumentTabBar(context_.theme, bar);
    row->addWidget(tabs_);
    auto* add =
        kit::makeToolButton(context_.theme, QStringLiteral("documents.new"), QStringLiteral("plus"),
                            tr("New Explore tab (Ctrl+T)"), bar, true);
    connect(add, &QToolButton::clicked, this,
            [this] { open(QStringLiteral("explore"), {}, true); });
    row->addWidget(add);
    row->addStretch(1);
    auto* layout = static_cast<QVBoxLayout*>(this->layout());
    layout->addWidget(bar);
    layout->addWidget(kit::makeLine(Qt::Horizontal, this));
    connect(tabs_, &QTabBar::currentChanged, this, [this](int index) {
        if (pages::Page* page = pageAt(index)) {
            stack_->setCurrentWidget(page);
        }
        Q_EMIT currentChanged();
        Q_EMIT edited();
    });
    connect(tabs_, &QTabBar::tabMoved, this, &DocumentArea::edited);
}

const PageKind* DocumentArea::kind(const QString& id) const
{
    for (const PageKind& kind : kinds_) {
        if (kind.id == id) {
            return &kind;
        }
    }
    return nullptr;
}

pages::Page* DocumentArea::pageAt(int index) const
{
    return tabs_->tabData(index).value<pages::Page*>();
}

pages::Page* DocumentArea::current() const { return pageAt(tabs_->currentIndex()); }

pages::Page* DocumentArea::open(const QString& id, const QJsonObject& state, bool fresh)
{
    const PageKind* kind = this->kind(id);
    if (kind == nullptr) {
        return nullptr;
    }
    if (!fresh || !kind->multiple) {
        for (int i = 0; i < tabs_->count(); ++i) {
            if (pageAt(i)->pageId() == id) {
                tabs_->setCurrentIndex(i);
                if (!state.isEmpty()) {
                    pageAt(i)->restoreState(state);
                }
                return pageAt(i);
            }
        }
    }
    pages::Page* page = kind->make(context_, stack_);
    stack_->addWidget(page);
    const int index = tabs_->addTab(context_.theme.icon(kind->icon), {});
    tabs_->setTabData(index, QVariant::fromValue(page));
    auto* close = kit::makeToolButton(context_.theme, QStringLiteral("documents.close"),
                                      QStringLiteral("close"), tr("Close (Ctrl+W)"), tabs_, true);
    close->setIconSize({12, 12});
    close->setFocusPolicy(Qt::NoFocus);
    tabs_->setTabButton(index, QTabBar::RightSide, close);
    tabs_->setTabButton(index, QTabBar::LeftSide, nullptr);
    connect(close, &QToolButton::clicked, this, [this, page] {
        for (int i = 0; i < tabs_->count(); ++i) {
            if (pageAt(i) == page) {
                closeAt(i);
                return;
            }
        }
    });
    connect(page, &pages::Page::titleChanged, this, [this, page] { updateTab(page); });
    connect(page, &pages::Page::edited, this, &DocumentArea::edited);
    updateTab(page);
    if (!state.isEmpty()) {
        page->restoreState(state);
    }
    tabs_->setCurrentIndex(index);
    stack_->setCurrentWidget(page);
    Q_EMIT currentChanged();
    Q_EMIT edited();
    return page;
}

void DocumentArea::updateTab(const pages::Page* page)
{
    for (int i = 0; i < tabs_->count(); ++i) {
        if (pageAt(i) == page) {
            tabs_->setTabText(i, page->title());
            tabs_->setTabToolTip(i, page->title());
        }
    }
}

void DocumentArea::closeCurrent() { closeAt(tabs_->currentIndex()); }

void DocumentArea::closeAt(int index)
{
    pages::Page* page = pageAt(index);
    if (page == nullptr) {
        return;
    }
    closed_ << settings::DocumentState{page->pageId(), page->saveState()};
    tabs_->removeTab(index);
    stack_->removeWidget(page);
    page->deleteLater(); // a signal of its own may have asked for this
    if (tabs_->count() == 0) {
        open(kinds_.front().id, {}, false);
    }
    Q_EMIT currentChanged();
    Q_EMIT edited();
}

void DocumentArea::reopenClosed()
{
    if (!closed_.isEmpty()) {
        const settings::DocumentState last = closed_.takeLast();
        open(last.page, last.state, true);
    }
}

void DocumentArea::step(int direction)
{
    if (tabs_->count() > 0) {
        tabs_->setCurrentIndex((tabs_->currentIndex() + direction + tabs_->count()) %
                               tabs_->count());
    }
}

QList<settings::DocumentState> DocumentArea::saveState() const
{
    QList<settings::DocumentState> states;
    for (int i = 0; i < tabs_->count(); ++i) {
        states << settings::DocumentState{pageAt(i)->pageId(), pageAt(i)->saveState()};
    }
    return states;
}

} // namespace narthex::ui::shell
