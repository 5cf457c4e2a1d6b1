// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What Overview asks about this computer, in node_exporter's names.
// Threads: pure functions.
#pragma once

#include "ui/backend/metric_catalog.h"
#include "ui/format/units.h"

#include <QList>
#include <QString>

#include <optional>

namespace narthex::ui::pages {

struct HostCard
{
    QString key;
    QString title;
    /// The curve; its last value is the large number.
    QString query;
    format::Unit unit;
    /// Beside the number: "in", "write".
    QString beside;
    /// A second figure, shown at the top; empty: none. `%1` of the text is its value.
    QString remarkQuery;
    QString remarkText;
    format::Unit remarkUnit;
    /// The least range of the curve.
    double low = 0;
    double high = 0;
    std::size_t colourSlot = 0;
};

/// Cards whose metrics exist; a machine without a battery has no such card.
QList<HostCard> hostCards(const backend::MetricCatalog& catalog);

} // namespace narthex::ui::pages
