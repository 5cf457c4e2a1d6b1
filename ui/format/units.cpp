// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/format/units.h"

#include <QLocale>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>

namespace narthex::ui::format {
namespace {

struct Suffix
{
    std::string_view text;
    Quantity quantity;
};

constexpr std::array kSuffixes{
    Suffix{"_seconds", Quantity::Seconds}, Suffix{"_bytes", Quantity::Bytes},
    Suffix{"_bits", Quantity::Bits},       Suffix{"_ratio", Quantity::Ratio},
    Suffix{"_percent", Quantity::Percent}, Suffix{"_celsius", Quantity::Celsius},
    Suffix{"_volts", Quantity::Volts},     Suffix{"_volt", Quantity::Volts},
    Suffix{"_amperes", Quantity::Amperes}, Suffix{"_ampere", Quantity::Amperes},
    Suffix{"_watts", Quantity::Watts},     Suffix{"_watt", Quantity::Watts},
    Suffix{"_hertz", Quantity::Hertz},     Suffix{"_metres", Quantity::Metres},
    Suffix{"_meters", Quantity::Metres},   Suffix{"_temp", Quantity::Celsius},
};

bool isNameChar(char c)
{
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
}

/// What unitOfQuery needs to know of a query's text.
struct Scan
{
    std::vector<Unit> units;
    bool divides = false;
    bool multiplies = false;
    bool timesHundred = false;
    bool counts = false;
};

bool isRateFunction(std::string_view word)
{
    return word == "rate" || word == "irate" || word == "deriv";
}

/// Walks the text once; names in braces, strings and comments are no metrics.
class Scanner
{
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    Scan run()
    {
        while (at_ < text_.size()) {
            step();
        }
        return scan_;
    }

private:
    void step()
    {
        const char c = text_[at_];
        if (c == '#') {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (c == '{') {
            at_ = std::min(text_.find('}', at_), text_.size());
        } else if (c == '[') {
            at_ = std::min(text_.find(']', at_), text_.size());
        } else if (c == '"' || c == '\'') {
            at_ = std::min(text_.find(c, at_ + 1), text_.size() - 1) + 1;
        } else if (isNameChar(c)) {
            word();
        } else {
            symbol(c);
            ++at_;
        }
    }

    void symbol(char c)
    {
        if (c == '/') {
            scan_.divides = true;
        } else if (c == '*') {
            scan_.multiplies = true;
        } else if (c == '(') {
            rateDepth_.push_back(pendingRate_ || (!rateDepth_.empty() && rateDepth_.back()));
            pendingRate_ = false;
        } else if (c == ')' && !rateDepth_.empty()) {
            rateDepth_.pop_back();
        }
    }

    void word()
    {
        const std::size_t begin = at_;
        while (at_ < text_.size() && isNameChar(text_[at_])) {
            ++at_;
        }
        const std::string_view name = text_.substr(begin, at_ - begin);
        const std::size_t next = text_.find_first_not_of(" \t\n", at_);
        const bool called = next != std::string_view::npos && text_[next] == '(';
        if (name == "100") {
            scan_.timesHundred = true;
        } else if (name == "by" || name == "without" || name == "on" || name == "ignoring" ||
                   name.starts_with("group_")) {
            if (called) {
                at_ = std::min(text_.find(')', next), text_.size());
            }
        } else if (called) {
            pendingRate_ = isRateFunction(name);
            scan_.counts = scan_.counts || name == "count" || name == "changes" || name == "resets";
        } else if (std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
                   name.find('_') != name.npos) {
            Unit unit = unitOfMetric(name);
            // Rates of buckets are weights: what comes out of a quantile is the observed unit.
            unit.perSecond = !rateDepth_.empty() && rateDepth_.back() && !name.ends_with("_bucket");
            if (unit == Unit{Quantity::Seconds, true}) {
                unit = {Quantity::Ratio, false};
            }
            scan_.units.push_back(unit);
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool pendingRate_ = false;
    std::vector<bool> rateDepth_;
    Scan scan_;
};

constexpr std::array<const char*, 6> kBigSi{"", "k", "M", "G", "T", "P"};
constexpr std::array<const char*, 6> kBigIec{"", "Ki", "Mi", "Gi", "Ti", "Pi"};
constexpr std::array<const char*, 4> kSmallSi{"", "m", "µ", "n"};

QString symbolOf(Quantity quantity)
{
    switch (quantity) {
    case Quantity::None:
    case Quantity::Ratio:
        return {};
    case Quantity::Seconds:
        return QStringLiteral("s");
    case Quantity::Bytes:
        return QStringLiteral("B");
    case Quantity::Bits:
        return QStringLiteral("b");
    case Quantity::Percent:
        return QStringLiteral("%");
    case Quantity::Celsius:
        return QStringLiteral("°C");
    case Quantity::Volts:
        return QStringLiteral("V");
    case Quantity::Amperes:
        return QStringLiteral("A");
    case Quantity::Watts:
        return QStringLiteral("W");
    case Quantity::Hertz:
        return QStringLiteral("Hz");
    case Quantity::Metres:
        return QStringLiteral("m");
    }
    return {};
}

bool takesPrefix(Quantity quantity)
{
    return quantity != Quantity::Percent && quantity != Quantity::Celsius;
}

bool takesSmallPrefix(Quantity quantity)
{
    return takesPrefix(quantity) && quantity != Quantity::None && quantity != Quantity::Ratio &&
           quantity != Quantity::Bytes && quantity != Quantity::Bits;
}

} // namespace

Unit unitOfMetric(std::string_view name)
{
    for (const std::string_view tail :
         {"_total", "_bucket", "_sum", "_count", "_created", "_max"}) {
        if (name.ends_with(tail)) {
            if (tail == "_count") {
                return {};
            }
            name.remove_suffix(tail.size());
        }
    }
    for (const Suffix& suffix : kSuffixes) {
        if (name.ends_with(suffix.text)) {
            return {suffix.quantity, false};
        }
    }
    return {};
}

Unit unitOfQuery(std::string_view query)
{
    const Scan scan = Scanner(query).run();
    if (scan.units.empty() || scan.counts) {
        return {};
    }
    Unit unit = scan.units.front();
    for (const Unit& other : scan.units) {
        if (other != unit) {
            return {};
        }
    }
    if (scan.divides && scan.units.size() >= 2) {
        unit = {Quantity::Ratio, false};
    }
    if (scan.timesHundred && (unit.quantity == Quantity::Ratio)) {
        return {Quantity::Percent, false};
    }
    return scan.multiplies && !scan.timesHundred ? Unit{} : unit;
}

Scale scaleFor(Unit unit, double magnitude)
{
    const double size = std::abs(magnitude);
    const QString rate = unit.perSecond ? QStringLiteral("/s") : QString();
    const QString symbol = symbolOf(unit.quantity);
    if (!std::isfinite(size) || size == 0 || !takesPrefix(unit.quantity)) {
        return {1, symbol + rate};
    }
    const bool iec = unit.quantity == Quantity::Bytes;
    const double base = iec ? 1024 : 1000;
    std::size_t power = 0;
    double factor = 1;
    if (unit.quantity != Quantity::Seconds) {
        const double threshold = unit.quantity == Quantity::None ? 10'000 : 1;
        while (power + 1 < kBigSi.size() && size >= factor * base && size >= threshold) {
            factor *= base;
            ++power;
        }
    }
    if (power > 0) {
        return {factor, QString::fromUtf8(iec ? kBigIec[power] : kBigSi[power]) + symbol + rate};
    }
    if (takesSmallPrefix(unit.quantity) && !unit.perSecond) {
        while (power + 1 < kSmallSi.size() && size < factor) {
            factor /= 1000;
            ++power;
        }
    }
    return {factor, QString::fromUtf8(kSmallSi[power]) + symbol + rate};
}

QString ShownValue::text() const
{
    return symbol.isEmpty() ? number : number + QStringLiteral("\u202f") + symbol;
}

ShownValue showValue(double value, Unit unit, int digits)
{
    if (std::isnan(value)) {
        return {QStringLiteral("–"), {}};
    }
    if (std::isinf(value)) {
        return {value > 0 ? QStringLiteral("∞") : QStringLiteral("−∞"), {}};
    }
    const Scale scale = scaleFor(unit, value);
    const double shown = value / scale.factor;
    const double size = std::abs(shown);
    if (size != 0 && size < 0.0005) {
        return {QLocale().toString(shown, 'g', digits - 1), scale.symbol};
    }
    const int whole = size >= 1000 ? 4 : (size >= 100 ? 3 : (size >= 10 ? 2 : 1));
    QString number =
        fixedNumber(shown, shown == std::round(shown) ? 0 : std::max(0, digits - whole));
    const QString point = QLocale().decimalPoint();
    if (number.contains(point)) {
        while (number.endsWith(QLatin1Char('0'))) {
            number.chop(1);
        }
        if (number.endsWith(point)) {
            number.chop(point.size());
        }
    }
    return {number, scale.symbol};
}

QString fixedNumber(double value, int decimals) { return QLocale().toString(value, 'f', decimals); }

QString counted(std::uint64_t number, const QString& one, const QString& many)
{
    return QStringLiteral("%1 %2").arg(count(number), number == 1 ? one : many);
}

QString count(std::uint64_t value) { return QLocale().toString(qulonglong(value)); }

} // namespace narthex::ui::format
