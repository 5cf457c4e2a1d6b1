// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/range/range_text.h"

#include "ui/format/time_text.h"
#include "ui/format/units.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QRegularExpression>

#include <array>

namespace narthex::ui::range {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(range::RangeText)
};

struct UnitWord
{
    const char* word;
    std::int64_t ms;
};

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr std::array kUnitWords{
    UnitWord{"s", kSecond},       UnitWord{"sec", kSecond},  UnitWord{"second", kSecond},
    UnitWord{"m", kMinute},       UnitWord{"min", kMinute},  UnitWord{"minute", kMinute},
    UnitWord{"h", kHour},         UnitWord{"hour", kHour},   UnitWord{"d", kDay},
    UnitWord{"day", kDay},        UnitWord{"w", 7 * kDay},   UnitWord{"week", 7 * kDay},
    UnitWord{"month", 30 * kDay}, UnitWord{"y", 365 * kDay}, UnitWord{"year", 365 * kDay},
};

std::optional<std::int64_t> unitMs(QString word)
{
    if (word.size() > 3 && word.endsWith(QLatin1Char('s'))) {
        word.chop(1);
    }
    for (const UnitWord& unit : kUnitWords) {
        if (word == QLatin1String(unit.word)) {
            return unit.ms;
        }
    }
    return {};
}

/// "1h30m", "90 min", "3 days", "day".
std::optional<base::Duration> parseLength(const QString& text)
{
    static const QRegularExpression kPart(
        QStringLiteral("\\G\\s*(\\d+(?:[.,]\\d+)?)?\\s*([a-z]+)\\s*"));
    std::int64_t total = 0;
    qsizetype at = 0;
    while (at < text.size()) {
        const QRegularExpressionMatch match = kPart.match(text, at);
        if (!match.hasMatch() || match.capturedLength() == 0) {
            return {};
        }
        const auto unit = unitMs(match.captured(2));
        if (!unit) {
            return {};
        }
        const QString number = match.captured(1).replace(QLatin1Char(','), QLatin1Char('.'));
        total += std::int64_t((number.isEmpty() ? 1.0 : number.toDouble()) * double(*unit));
        at = match.capturedEnd();
    }
    return total > 0 ? std::optional(base::Duration::fromMs(total)) : std::nullopt;
}

class MomentParser
{
public:
    MomentParser(base::Timestamp now, const QTimeZone& zone)
        : now_(now), zone_(zone), today_(format::dateTime(now, zone).date())
    {}

    /// `day`: the date of a time without one. `isEnd`: a bare date means its end.
    [[nodiscard]] std::optional<base::Timestamp> parse(const QString& raw, QDate day,
                                                       bool isEnd) const
    {
        const QString text = raw.trimmed();
        if (text == QLatin1String("now")) {
            return now_;
        }
        if (text == QLatin1String("today")) {
            return dayEdge(today_, isEnd);
        }
        if (text == QLatin1String("yesterday")) {
            return dayEdge(today_.addDays(-1), isEnd);
        }
        if (text.endsWith(QLatin1String(" ago"))) {
            const auto length = parseLength(text.chopped(4));
            return length ? std::optional(now_ - *length) : std::nullopt;
        }
        if (text.startsWith(QLatin1String("now-"))) {
            const auto length = parseLength(text.mid(4));
            return length ? std::optional(now_ - *length) : std::nullopt;
        }
        if (const auto epoch = parseEpoch(text)) {
            return epoch;
        }
        return parseCalendar(text.toUpper(), day, isEnd);
    }

    [[nodiscard]] QDate dateOf(base::Timestamp time) const
    {
        return format::dateTime(time, zone_).date();
    }
    [[nodiscard]] QDate today() const { return today_; }

private:
    [[nodiscard]] base::Timestamp dayEdge(QDate date, bool isEnd) const
    {
        const std::int64_t start = date.startOfDay(zone_).toMSecsSinceEpoch();
        const std::int64_t end = date.addDays(1).startOfDay(zone_).toMSecsSinceEpoch();
        return {isEnd ? std::min(end, std::max(now_.ms, start + 1)) : start};
    }

    [[nodiscard]] static std::optional<base::Timestamp> parseEpoch(const QString& text)
    {
        static const QRegularExpression kEpoch(QStringLiteral("^@?(\\d{10}|\\d{13})(\\.\\d+)?$"));
        const QRegularExpressionMatch match = kEpoch.match(text);
        if (!match.hasMatch()) {
            return {};
        }
        const std::int64_t number = match.captured(1).toLongLong();
        return base::Timestamp{match.captured(1).size() == 13 ? number : number * 1000};
    }

    [[nodiscard]] std::optional<base::Timestamp> parseCalendar(const QString& text, QDate day,
                                                               bool isEnd) const
    {
        static const QRegularExpression kForm(
            QStringLiteral("^(?:(\\d{4})-(\\d{2})-(\\d{2}))?[T "
                           "]*(?:(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,3}))?\\d*)?)?"
                           "\\s*(Z|UTC|[+-]\\d{2}:?\\d{2})?$"));
        const QRegularExpressionMatch match = kForm.match(text);
        const bool hasDate = match.capturedLength(1) > 0;
        const bool hasTime = match.capturedLength(4) > 0;
        if (!match.hasMatch() || (!hasDate && !hasTime)) {
            return {};
        }
        const QDate date = hasDate ? QDate(match.captured(1).toInt(), match.captured(2).toInt(),
                                           match.captured(3).toInt())
                                   : day;
        if (!date.isValid()) {
            return {};
        }
        if (!hasTime) {
            return base::Timestamp{
                (isEnd ? date.addDays(1) : date).startOfDay(zone_).toMSecsSinceEpoch()};
        }
        const QTime time(match.captured(4).toInt(), match.captured(5).toInt(),
                         match.captured(6).toInt(),
                         match.captured(7).leftJustified(3, QLatin1Char('0')).toInt());
        if (!time.isValid()) {
            return {};
        }
        return base::Timestamp{
            QDateTime(date, time, zoneOf(match.captured(8))).toMSecsSinceEpoch()};
    }

    [[nodiscard]] QTimeZone zoneOf(const QString& text) const
    {
        if (text.isEmpty()) {
            return zone_;
        }
        if (text == QLatin1String("Z") || text == QLatin1String("UTC")) {
            return QTimeZone::utc();
        }
        const int sign = text.startsWith(QLatin1Char('-')) ? -1 : 1;
        return QTimeZone(sign * (text.mid(1, 2).toInt() * 3600 + text.right(2).toInt() * 60));
    }

    base::Timestamp now_;
    QTimeZone zone_;
    QDate today_;
};

std::optional<RangeSpec> checked(std::optional<base::Timestamp> from,
                                 std::optional<base::Timestamp> to)
{
    if (!from || !to || *from >= *to) {
        return {};
    }
    return RangeSpec{{}, *from, *to};
}

/// ISO 8601 "PT1H30M", "P3D".
std::optional<base::Duration> parseIsoLength(const QString& text)
{
    if (!text.startsWith(QLatin1Char('p'))) {
        return {};
    }
    return parseLength(text.mid(1).remove(QLatin1Char('t')));
}

std::optional<RangeSpec> parsePair(const QString& left, const QString& right,
                                   const MomentParser& moments)
{
    const auto from = moments.parse(left, moments.today(), false);
    if (const auto length = parseIsoLength(right); length && from) {
        return checked(from, *from + *length);
    }
    if (const auto length = parseIsoLength(left)) {
        const auto to = moments.parse(right, moments.today(), true);
        return to ? checked(*to - *length, to) : std::nullopt;
    }
    if (!from) {
        return {};
    }
    return checked(from, moments.parse(right, moments.dateOf(*from), true));
}

} // namespace

std::optional<RangeSpec> parseRange(const QString& raw, base::Timestamp now, const QTimeZone& zone)
{
    QString text = raw.trimmed().toLower();
    const MomentParser moments(now, zone);
    if (text.startsWith(QLatin1String("last ")) || text.startsWith(QLatin1String("past "))) {
        text = text.mid(5);
    }
    if (const auto length = parseLength(text)) {
        return RangeSpec{length, now - *length, now};
    }
    if (text == QLatin1String("today") || text == QLatin1String("yesterday")) {
        return parsePair(text, text, moments);
    }
    for (const QString& separator :
         {QStringLiteral(".."), QStringLiteral(" to "), QStringLiteral(" until "),
          QStringLiteral(" – "), QStringLiteral(" - "), QStringLiteral("/")}) {
        const qsizetype at = text.indexOf(separator);
        if (at > 0) {
            return parsePair(text.left(at), text.mid(at + separator.size()), moments);
        }
    }
    if (text.endsWith(QLatin1String(" ago"))) {
        return checked(moments.parse(text, moments.today(), false), now);
    }
    if (const auto moment = moments.parse(text, moments.today(), false)) {
        const bool wholeDay = text.size() == 10 && text.count(QLatin1Char('-')) == 2;
        if (wholeDay) {
            return checked(moment, moments.parse(text, moments.today(), true));
        }
        return RangeSpec{{},
                         *moment - base::Duration::fromMs(kHour / 2),
                         *moment + base::Duration::fromMs(kHour / 2)};
    }
    return {};
}

QString rangeText(const RangeSpec& spec, const QTimeZone& zone)
{
    if (!spec.relative()) {
        return format::interval(spec.from, spec.to, zone);
    }
    const std::int64_t ms = spec.length->ms();
    const auto last = [ms](std::int64_t unit, const QString& one, const QString& many) {
        return Tr::tr("last %1").arg(format::counted(std::uint64_t(ms / unit), one, many));
    };
    if (ms % kDay == 0) {
        return last(kDay, Tr::tr("day"), Tr::tr("days"));
    }
    if (ms % kHour == 0) {
        return last(kHour, Tr::tr("hour"), Tr::tr("hours"));
    }
    if (ms % kMinute == 0) {
        return last(kMinute, Tr::tr("minute"), Tr::tr("minutes"));
    }
    return Tr::tr("last %1").arg(format::span(*spec.length));
}

} // namespace narthex::ui::range
