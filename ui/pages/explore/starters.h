// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Queries to begin with, chosen by the metrics that exist.
// Threads: pure functions.
#pragma once

#include "ui/backend/metric_catalog.h"

#include <QList>
#include <QString>

namespace narthex::ui::pages {

struct Starter
{
    QString title;
    QString query;
};

/// At most `limit`, those of the most specific metrics first; `up` fits always.
QList<Starter> startersFor(const backend::MetricCatalog& catalog, qsizetype limit);

} // namespace narthex::ui::pages
