// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/math_functions.h"

#include "core/model/sample.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace narthex::promql {
namespace {

using std::chrono::day;
using std::chrono::days;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;
using std::chrono::year_month_day_last;

double sign(double x) { return x < 0 ? -1 : x > 0 ? 1 : x; }
double degrees(double x) { return x * 180 / std::numbers::pi; }
double radians(double x) { return x * std::numbers::pi / 180; }

struct NamedFunction
{
    std::string_view name;
    MathFunction function;
};

constexpr std::array<NamedFunction, 23> kMath = {{
    {"abs", [](double x) { return std::abs(x); }},
    {"acos", [](double x) { return std::acos(x); }},
    {"acosh", [](double x) { return std::acosh(x); }},
    {"asin", [](double x) { return std::asin(x); }},
    {"asinh", [](double x) { return std::asinh(x); }},
    {"atan", [](double x) { return std::atan(x); }},
    {"atanh", [](double x) { return std::atanh(x); }},
    {"ceil", [](double x) { return std::ceil(x); }},
    {"cos", [](double x) { return std::cos(x); }},
    {"cosh", [](double x) { return std::cosh(x); }},
    {"deg", degrees},
    {"exp", [](double x) { return std::exp(x); }},
    {"floor", [](double x) { return std::floor(x); }},
    {"ln", [](double x) { return std::log(x); }},
    {"log10", [](double x) { return std::log10(x); }},
    {"log2", [](double x) { return std::log2(x); }},
    {"rad", radians},
    {"sgn", sign},
    {"sin", [](double x) { return std::sin(x); }},
    {"sinh", [](double x) { return std::sinh(x); }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"tan", [](double x) { return std::tan(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
}};

/// Seconds as int64; what does not fit goes to the nearest end of what the calendar covers.
std::int64_t wholeSeconds(double seconds)
{
    // The years of std::chrono::year, in seconds.
    constexpr double kBound = 1.0e12;
    if (std::isnan(seconds)) {
        return 0;
    }
    return static_cast<std::int64_t>(std::clamp(std::trunc(seconds), -kBound, kBound));
}

sys_days dayOf(double seconds)
{
    return std::chrono::floor<days>(
        std::chrono::sys_seconds(std::chrono::seconds(wholeSeconds(seconds))));
}

year_month_day dateOf(double seconds) { return dayOf(seconds); }

double secondsOfDay(double seconds)
{
    const std::int64_t whole = wholeSeconds(seconds);
    return static_cast<double>(whole -
                               std::chrono::seconds(dayOf(seconds).time_since_epoch()).count());
}

double dayOfMonth(double x) { return static_cast<unsigned>(dateOf(x).day()); }
double dayOfWeek(double x) { return std::chrono::weekday(dayOf(x)).c_encoding(); }
double dayOfYear(double x)
{
    const sys_days first = year_month_day(dateOf(x).year(), month(1), day(1));
    return static_cast<double>((dayOf(x) - first).count() + 1);
}
double daysInMonth(double x)
{
    const year_month_day date = dateOf(x);
    const year_month_day_last last(date.year(), std::chrono::month_day_last(date.month()));
    return static_cast<unsigned>(last.day());
}
double hour(double x) { return std::floor(secondsOfDay(x) / 3600); }
double minute(double x) { return std::fmod(std::floor(secondsOfDay(x) / 60), 60); }
double monthOf(double x) { return static_cast<unsigned>(dateOf(x).month()); }
double yearOf(double x) { return static_cast<int>(dateOf(x).year()); }

constexpr std::array<NamedFunction, 8> kTime = {{{"day_of_month", dayOfMonth},
                                                 {"day_of_week", dayOfWeek},
                                                 {"day_of_year", dayOfYear},
                                                 {"days_in_month", daysInMonth},
                                                 {"hour", hour},
                                                 {"minute", minute},
                                                 {"month", monthOf},
                                                 {"year", yearOf}}};

template <std::size_t N>
MathFunction find(const std::array<NamedFunction, N>& table, std::string_view name)
{
    for (const NamedFunction& entry : table) {
        if (entry.name == name) {
            return entry.function;
        }
    }
    return nullptr;
}

} // namespace

MathFunction findMathFunction(std::string_view name) { return find(kMath, name); }
MathFunction findTimeFunction(std::string_view name) { return find(kTime, name); }

double minOf(double a, double b)
{
    if ((std::isinf(a) && a < 0) || (std::isinf(b) && b < 0)) {
        return -HUGE_VAL;
    }
    if (std::isnan(a) || std::isnan(b)) {
        return model::normalNan();
    }
    if (a == 0 && b == 0) {
        return std::signbit(a) ? a : b;
    }
    return std::min(a, b);
}

double maxOf(double a, double b)
{
    if ((std::isinf(a) && a > 0) || (std::isinf(b) && b > 0)) {
        return HUGE_VAL;
    }
    if (std::isnan(a) || std::isnan(b)) {
        return model::normalNan();
    }
    if (a == 0 && b == 0) {
        return std::signbit(a) ? b : a;
    }
    return std::max(a, b);
}

} // namespace narthex::promql
