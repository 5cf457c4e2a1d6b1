// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/format/time_text.h"

#include "core/base/clock.h"
#include "ui/format/units.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>

namespace narthex::ui::format {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(format::TimeText)
};

} // namespace

QDateTime dateTime(base::Timestamp time, const QTimeZone& zone)
{
    return QDateTime::fromMSecsSinceEpoch(time.ms, zone);
}

QString clockTime(base::Timestamp time, const QTimeZone& zone)
{
    return dateTime(time, zone).toString(QStringLiteral("HH:mm:ss"));
}

QString fullTime(base::Timestamp time, const QTimeZone& zone)
{
    return QLocale().toString(dateTime(time, zone), QStringLiteral("ddd d MMM HH:mm:ss"));
}

QString isoTime(base::Timestamp time, const QTimeZone& zone)
{
    return dateTime(time, zone).toString(Qt::ISODateWithMs);
}

QString interval(base::Timestamp from, base::Timestamp to, const QTimeZone& zone)
{
    const QDateTime a = dateTime(from, zone);
    const QDateTime b = dateTime(to, zone);
    const QLocale locale;
    const QString clock = to - from < base::Duration::fromMs(600'000) ? QStringLiteral("HH:mm:ss")
                                                                      : QStringLiteral("HH:mm");
    const QString full = QStringLiteral("d MMM ") + clock;
    return QStringLiteral("%1 – %2").arg(locale.toString(a, full),
                                         locale.toString(b, a.date() == b.date() ? clock : full));
}

QString span(base::Duration duration)
{
    const std::int64_t seconds = std::max<std::int64_t>(0, duration.ms() / 1000);
    const std::int64_t minutes = seconds / 60;
    const std::int64_t hours = minutes / 60;
    if (seconds < 60) {
        return Tr::tr("%1 s").arg(seconds);
    }
    if (minutes < 60) {
        return Tr::tr("%1 min").arg(minutes);
    }
    if (hours < 24) {
        return minutes % 60 == 0 ? Tr::tr("%1 h").arg(hours)
                                 : Tr::tr("%1 h %2 min").arg(hours).arg(minutes % 60);
    }
    return hours % 24 == 0 ? Tr::tr("%1 d").arg(hours / 24)
                           : Tr::tr("%1 d %2 h").arg(hours / 24).arg(hours % 24);
}

QString ago(base::Timestamp time, base::Timestamp now)
{
    const base::Duration age = now - time;
    return age.ms() < 1000 ? Tr::tr("now") : Tr::tr("%1 ago").arg(span(age));
}

QString shortDuration(base::Duration duration)
{
    const double ms = double(duration.ns) / 1e6;
    if (ms < 1000) {
        return Tr::tr("%1 ms").arg(fixedNumber(ms, ms < 100 ? 1 : 0));
    }
    return Tr::tr("%1 s").arg(fixedNumber(ms / 1000, ms < 10'000 ? 2 : 1));
}

QString zoneText(const QTimeZone& zone, base::Timestamp at)
{
    const QDateTime moment = dateTime(at, zone);
    const int minutes = moment.offsetFromUtc() / 60;
    if (minutes == 0) {
        return QStringLiteral("UTC");
    }
    const QString offset = QStringLiteral("UTC%1%2:%3")
                               .arg(minutes < 0 ? QLatin1Char('-') : QLatin1Char('+'))
                               .arg(std::abs(minutes) / 60, 2, 10, QLatin1Char('0'))
                               .arg(std::abs(minutes) % 60, 2, 10, QLatin1Char('0'));
    const QString name = moment.timeZoneAbbreviation();
    return name.startsWith(QLatin1String("UTC")) ? offset
                                                 : QStringLiteral("%1 (%2)").arg(name, offset);
}

base::Timestamp wallNow() { return base::SystemClock().now(); }

} // namespace narthex::ui::format
