// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Times and spans for people.
// Threads: pure functions.
#pragma once

#include "core/base/time.h"

#include <QString>
#include <QTimeZone>

namespace narthex::ui::format {

QDateTime dateTime(base::Timestamp time, const QTimeZone& zone);
/// "14:32:05"
QString clockTime(base::Timestamp time, const QTimeZone& zone);
/// "Thu 19 Nov 14:27:30"
QString fullTime(base::Timestamp time, const QTimeZone& zone);
/// RFC 3339 with offset, for copies.
QString isoTime(base::Timestamp time, const QTimeZone& zone);
/// "19 Nov 13:32 – 14:32"; both dates when they differ.
QString interval(base::Timestamp from, base::Timestamp to, const QTimeZone& zone);
/// One or two units: "12 s", "25 min", "2 h 40 min", "1 d 2 h".
QString span(base::Duration duration);
/// "12 s ago", "now".
QString ago(base::Timestamp time, base::Timestamp now);
/// For measured times: "4.1 ms", "1.82 s".
QString shortDuration(base::Duration duration);
/// "CET (UTC+01:00)"
QString zoneText(const QTimeZone& zone, base::Timestamp at);

/// The wall clock of the GUI, for texts only.
base::Timestamp wallNow();

} // namespace narthex::ui::format
