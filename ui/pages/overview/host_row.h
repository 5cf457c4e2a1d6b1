// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One line of "This computer": title, value, remark and a live curve. A click opens Explore with
// its query. Owner: OverviewPage. Threads: GUI thread.
#pragma once

#include "ui/kit/blocks.h"
#include "ui/pages/overview/host_cards.h"
#include "ui/pages/page.h"

#include <QAbstractButton>

namespace narthex::ui::pages {

class HostRow final : public QAbstractButton
{
    Q_OBJECT

public:
    HostRow(PageContext& context, const HostCard& card, QWidget* parent);

    /// Asks for the last quarter of an hour up to now.
    void ask(base::Timestamp now);
    [[nodiscard]] const HostCard& card() const { return card_; }
    [[nodiscard]] bool hasData() const { return curve_->pointCount() > 0; }
    [[nodiscard]] QSize sizeHint() const override { return {440, 52}; }

Q_SIGNALS:
    /// An answer came; `ok` is false when the server failed.
    void answered(bool ok);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

private:
    void take(const promql::Result& result);

    PageContext& context_;
    HostCard card_;
    kit::Sparkline* curve_ = nullptr;
    QString number_ = QStringLiteral("–");
    QString symbol_;
    QString remark_;
    bool stale_ = false;
    backend::Request curveRequest_;
    backend::Request remarkRequest_;
};

} // namespace narthex::ui::pages
