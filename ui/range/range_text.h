// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads the range field: `1h`, `last 3 days`, `2 days ago to yesterday`, `2026-03-01 09:00..12:00`,
// `@1735689600`, ISO intervals. Threads: pure functions.
#pragma once

#include "core/base/time.h"

#include <QString>
#include <QTimeZone>

#include <optional>

namespace narthex::ui::range {

/// Either the last `length` up to now, or a fixed interval [from, to].
struct RangeSpec
{
    std::optional<base::Duration> length;
    base::Timestamp from;
    base::Timestamp to;

    [[nodiscard]] bool relative() const { return length.has_value(); }
    friend bool operator==(const RangeSpec&, const RangeSpec&) = default;
};

/// Absent when the text is not understood or from >= to. Words are English and, for units,
/// Prometheus' letters.
std::optional<RangeSpec> parseRange(const QString& text, base::Timestamp now,
                                    const QTimeZone& zone);
/// "last 1 hour", or the interval.
QString rangeText(const RangeSpec& spec, const QTimeZone& zone);

} // namespace narthex::ui::range
