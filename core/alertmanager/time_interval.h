// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Times of day, weekdays, days of the month, months and years in which routes are muted or active.
// Threads: values. Errors: reported at the field's place, in Alertmanager's wording.
// Source: spec/alertmanager.md, 1.4.
#pragma once

#include "core/base/time.h"
#include "core/yaml/fields.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

/// Both ends included.
struct NumberRange
{
    int begin = 0;
    int end = 0;
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

/// Holds when every given field holds; a field holds when any of its ranges does.
struct TimeSpec
{
    /// Minutes of the day, the end excluded.
    std::vector<NumberRange> times;
    /// Sunday is 0.
    std::vector<NumberRange> weekdays;
    /// 1 … 31, or -31 … -1 from the end of the month.
    std::vector<NumberRange> daysOfMonth;
    std::vector<NumberRange> months;
    std::vector<NumberRange> years;
    /// Of the IANA data base, "Local" or "UTC"; empty: UTC.
    std::string location;

    void describe(yaml::Fields& fields);
    [[nodiscard]] bool contains(base::Timestamp time) const;
    friend bool operator==(const TimeSpec&, const TimeSpec&) = default;
};

struct TimeInterval
{
    std::string name;
    std::vector<TimeSpec> specs;

    void describe(yaml::Fields& fields);
    [[nodiscard]] bool contains(base::Timestamp time) const;
    friend bool operator==(const TimeInterval&, const TimeInterval&) = default;
};

/// By name, of both sections.
using TimeIntervals = std::map<std::string, TimeInterval, std::less<>>;

} // namespace narthex::alertmanager
