// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Units of values: guessed from the names in a query, and the prefixes with which numbers are
// shown. Threads: pure functions. Source: spec/ui.md, "Charts", axes.
#pragma once

#include <QString>

#include <cstdint>
#include <string_view>

namespace narthex::ui::format {

enum class Quantity : std::uint8_t
{
    None,
    Seconds,
    Bytes,
    Bits,
    Ratio,
    Percent,
    Celsius,
    Volts,
    Amperes,
    Watts,
    Hertz,
    Metres
};

struct Unit
{
    Quantity quantity = Quantity::None;
    bool perSecond = false;
    friend bool operator==(const Unit&, const Unit&) = default;
};

/// From the suffix of one metric name: `_bytes`, `_seconds_total`, `_ratio`.
Unit unitOfMetric(std::string_view name);
/// From a whole query: rate() adds "per second", a quotient of equal units is a ratio, `100 *` a
/// ratio makes percent. Units that do not agree give none.
Unit unitOfQuery(std::string_view query);

/// A factor by which values are divided before they are shown, and the symbol to print.
struct Scale
{
    double factor = 1;
    QString symbol;
};
/// For values up to `magnitude`: SI prefixes, IEC for bytes.
Scale scaleFor(Unit unit, double magnitude);

struct ShownValue
{
    QString number;
    /// With prefix; empty when there is none.
    QString symbol;
    [[nodiscard]] QString text() const;
};
/// At most `digits` significant digits; "–" for NaN, "∞" for infinity.
ShownValue showValue(double value, Unit unit, int digits = 4);
/// Locale digits, `decimals` after the point, no prefix.
QString fixedNumber(double value, int decimals);
/// "1 series", "1,024 points": the number with the word for one or for many.
QString counted(std::uint64_t number, const QString& one, const QString& many);
/// Whole number with group separators.
QString count(std::uint64_t value);

} // namespace narthex::ui::format
