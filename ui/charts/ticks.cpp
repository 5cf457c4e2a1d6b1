// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/ticks.h"

#include "ui/format/time_text.h"

#include <QDateTime>
#include <QLocale>

#include <array>
#include <cmath>

namespace narthex::ui::charts {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr std::array kSteps{
    kSecond,  2 * kSecond, 5 * kSecond, 10 * kSecond, 15 * kSecond, 30 * kSecond,
    kMinute,  2 * kMinute, 5 * kMinute, 10 * kMinute, 15 * kMinute, 30 * kMinute,
    kHour,    2 * kHour,   3 * kHour,   6 * kHour,    12 * kHour,   kDay,
    2 * kDay, 7 * kDay,    14 * kDay,   28 * kDay,    91 * kDay,    365 * kDay,
};

std::int64_t stepFor(std::int64_t spanMs, int count)
{
    const double wanted = double(spanMs) / std::max(1, count);
    for (const std::int64_t step : kSteps) {
        if (double(step) >= wanted) {
            return step;
        }
    }
    return kSteps.back();
}

std::int64_t floorTo(std::int64_t value, std::int64_t step)
{
    const std::int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

class LocalTimes
{
public:
    explicit LocalTimes(const QTimeZone& zone) : zone_(zone) {}

    [[nodiscard]] std::int64_t offsetMs(std::int64_t utcMs) const
    {
        return std::int64_t(
                   zone_.offsetFromUtc(QDateTime::fromMSecsSinceEpoch(utcMs, QTimeZone::utc()))) *
               kSecond;
    }

    /// The latest time <= utcMs whose local clock shows a multiple of step. Weeks start with the
    /// epoch's Thursday.
    [[nodiscard]] std::int64_t floorLocal(std::int64_t utcMs, std::int64_t step) const
    {
        const std::int64_t offset = offsetMs(utcMs);
        const std::int64_t aligned = floorTo(utcMs + offset, step);
        std::int64_t result = aligned - offset;
        // Across a change of offset the clock at `result` shows something else.
        result += offset - offsetMs(result);
        return result <= utcMs ? result : aligned - offset;
    }

    [[nodiscard]] bool occursTwice(std::int64_t utcMs) const
    {
        const std::int64_t offset = offsetMs(utcMs);
        return offsetMs(utcMs - kHour) > offset || offsetMs(utcMs + kHour) < offset;
    }

private:
    QTimeZone zone_;
};

QString tickLabel(const QDateTime& moment, std::int64_t step, bool twice)
{
    if (step >= kDay) {
        return QLocale().toString(moment, QStringLiteral("d MMM"));
    }
    const QString clock =
        moment.toString(step < kMinute ? QStringLiteral("HH:mm:ss") : QStringLiteral("HH:mm"));
    return twice ? clock + QLatin1Char(' ') + moment.timeZoneAbbreviation() : clock;
}

/// 1, 2, 2.5 or 5 times a power of ten, at least `raw`.
double niceStep(double raw)
{
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
        if (factor * power >= raw * (1 - 1e-9)) {
            return factor * power;
        }
    }
    return 10 * power;
}

int decimalsFor(double step)
{
    int decimals = 0;
    double scaled = step;
    while (decimals < 9 &&
           std::abs(scaled - std::round(scaled)) > 1e-6 * std::max(1.0, std::abs(scaled))) {
        scaled *= 10;
        ++decimals;
    }
    return decimals;
}

} // namespace

QList<TimeTick> timeTicks(base::Timestamp from, base::Timestamp to, const QTimeZone& zone,
                          int count)
{
    QList<TimeTick> ticks;
    if (to <= from) {
        return ticks;
    }
    const LocalTimes local(zone);
    const std::int64_t step = stepFor(to.ms - from.ms, count);
    QDate lastDate;
    std::int64_t at = local.floorLocal(from.ms, step);
    for (int guard = 0; at <= to.ms && guard < 500; ++guard) {
        if (at >= from.ms) {
            const QDateTime moment = format::dateTime({at}, zone);
            TimeTick tick{
                {at}, tickLabel(moment, step, step <= kHour && local.occursTwice(at)), {}};
            if (step < kDay && moment.date() != lastDate) {
                tick.date = QLocale().toString(moment, QStringLiteral("ddd d MMM"));
                lastDate = moment.date();
            }
            ticks << tick;
        }
        // A little beyond the next one, then down to its round local time.
        std::int64_t next = local.floorLocal(at + step + step / 4, step);
        if (next <= at) {
            next = at + step;
        }
        at = next;
    }
    return ticks;
}

ValueAxis valueAxis(double min, double max, format::Unit unit, int count)
{
    if (!std::isfinite(min) || !std::isfinite(max)) {
        min = 0;
        max = 1;
    }
    if (min > 0 && min < 0.5 * max) {
        min = 0;
    } else if (max < 0 && max > 0.5 * min) {
        max = 0;
    }
    if (max - min <= std::abs(max) * 1e-12) {
        const double pad = max == 0 ? 1 : std::abs(max) * 0.1;
        min = max > 0 ? std::max(0.0, min - pad) : min - pad;
        max += pad;
    }
    const format::Scale scale = format::scaleFor(unit, std::max(std::abs(min), std::abs(max)));
    const double step = niceStep((max - min) / scale.factor / std::max(1, count));
    const double first = std::floor(min / scale.factor / step + 1e-9);
    const double last = std::ceil(max / scale.factor / step - 1e-9);
    ValueAxis axis{first * step * scale.factor, last * step * scale.factor, {}, {}, scale.symbol};
    const int decimals = decimalsFor(step);
    for (double i = first; i <= last + 0.5 && axis.ticks.size() < 50; ++i) {
        axis.ticks << i * step * scale.factor;
        axis.labels << format::fixedNumber(i * step == 0 ? 0.0 : i * step, decimals);
    }
    return axis;
}

} // namespace narthex::ui::charts
