// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws group heads and causes over the whole width; targets as any table.
// Owner: TargetsPage. Threads: GUI thread.
#pragma once

#include "ui/kit/table.h"

namespace narthex::ui::pages {

class TargetsDelegate final : public kit::CellDelegate
{
    Q_OBJECT

public:
    using CellDelegate::CellDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;

private:
    void paintHead(QPainter& painter, const QStyleOptionViewItem& option,
                   const QModelIndex& index) const;
    void paintCause(QPainter& painter, const QRectF& rect, const QModelIndex& index) const;
};

} // namespace narthex::ui::pages
