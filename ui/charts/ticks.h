// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where axes have ticks and what stands there.
// Threads: pure functions. Source: spec/ui.md, "Charts", axes.
#pragma once

#include "core/base/time.h"
#include "ui/format/units.h"

#include <QList>
#include <QString>
#include <QTimeZone>

namespace narthex::ui::charts {

struct TimeTick
{
    base::Timestamp time;
    QString label;
    /// Under the first tick of each day: "Thu 19 Nov".
    QString date;
};

/// Round local times in [from, to], about one each `width / count`. Days of 23 or 25 hours are no
/// trouble; the hour that occurs twice carries its zone abbreviation.
QList<TimeTick> timeTicks(base::Timestamp from, base::Timestamp to, const QTimeZone& zone,
                          int count);

struct ValueAxis
{
    double min = 0;
    double max = 1;
    QList<double> ticks;
    QStringList labels;
    /// Once, at the head: "%", "GiB".
    QString unit;
};

/// Nice ticks (1, 2, 2.5, 5 times a power of ten, in the shown prefix) that enclose [min, max];
/// from zero when the data is close to it.
ValueAxis valueAxis(double min, double max, format::Unit unit, int count);

} // namespace narthex::ui::charts
