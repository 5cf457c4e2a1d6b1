// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Texts to instants by Go's layouts. Threads: pure functions. Errors: InvalidArgument.
// Source: the documentation of Go's package time.
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/gotemplate/time_layout.h"
#include "core/gotemplate/time_text.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace narthex::gotemplate {
namespace {

/// What a text has said so far.
struct Said
{
    std::int64_t year = 0;
    int month = 1;
    int day = 1;
    std::optional<int> yearDay;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int nanosecond = 0;
    std::optional<bool> afternoon;
    std::optional<int> offsetSeconds;
    bool utc = false;
};

class TimeReader
{
public:
    explicit TimeReader(std::string_view text) : rest_(text) {}

    bool piece(const LayoutPiece& piece);
    /// Digits of a fraction that the layout does not name may follow the seconds.
    void looseFraction();
    [[nodiscard]] std::string_view rest() const { return rest_; }
    Said said;

private:
    bool number(int least, int most, int low, int high, int& out)
    {
        int value = 0;
        int count = 0;
        while (count < most && !rest_.empty() &&
               absl::ascii_isdigit(static_cast<unsigned char>(rest_[0]))) {
            value = value * 10 + (rest_[0] - '0');
            rest_.remove_prefix(1);
            ++count;
        }
        out = value;
        return count >= least && value >= low && value <= high;
    }
    template <std::size_t N>
    bool name(const std::array<std::string_view, N>& names, bool shortForm, int& out)
    {
        for (std::size_t i = 0; i < N; ++i) {
            const std::string_view each = shortForm ? names[i].substr(0, 3) : names[i];
            if (rest_.size() >= each.size() &&
                std::equal(each.begin(), each.end(), rest_.begin(), [](char a, char b) {
                    return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
                           absl::ascii_tolower(static_cast<unsigned char>(b));
                })) {
                rest_.remove_prefix(each.size());
                out = static_cast<int>(i);
                return true;
            }
        }
        return false;
    }
    bool skipBlanks()
    {
        while (rest_.starts_with(' ')) {
            rest_.remove_prefix(1);
        }
        return true;
    }
    bool offset(std::string_view layout);
    bool zoneName();
    bool fraction(const LayoutPiece& piece);
    bool date(const LayoutPiece& piece);
    bool clock(const LayoutPiece& piece);

    std::string_view rest_;
};

void TimeReader::looseFraction()
{
    if (rest_.size() >= 2 && (rest_[0] == '.' || rest_[0] == ',') &&
        absl::ascii_isdigit(static_cast<unsigned char>(rest_[1]))) {
        const std::size_t end = std::min(rest_.find_first_not_of("0123456789", 1), rest_.size());
        std::string digits(rest_.substr(1, end - 1));
        digits.resize(9, '0');
        said.nanosecond = static_cast<int>(base::parseInt(digits).value_or(0));
        rest_.remove_prefix(end);
    }
}

bool TimeReader::fraction(const LayoutPiece& piece)
{
    const std::size_t count = piece.text.size() - 1;
    const std::string_view before = rest_;
    looseFraction();
    if (piece.unit == TimeUnit::ShortFraction) {
        return true;
    }
    return before.size() - rest_.size() == count + 1;
}

bool TimeReader::offset(std::string_view layout)
{
    if (layout[0] == 'Z' && rest_.starts_with('Z')) {
        rest_.remove_prefix(1);
        said.utc = true;
        return true;
    }
    if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) {
        return false;
    }
    const bool negative = rest_[0] == '-';
    rest_.remove_prefix(1);
    const bool colons = layout.find(':') != std::string_view::npos;
    const auto digits =
        std::count_if(layout.begin(), layout.end(), [](char c) { return c >= '0' && c <= '9'; });
    std::array<int, 3> parts{};
    for (std::size_t i = 0; i < 3 && static_cast<std::ptrdiff_t>(i) < digits / 2; ++i) {
        if (i > 0 && colons) {
            if (!rest_.starts_with(':')) {
                return false;
            }
            rest_.remove_prefix(1);
        }
        if (!number(2, 2, 0, i == 0 ? 24 : 59, parts[i])) {
            return false;
        }
    }
    const int seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    said.offsetSeconds = negative ? -seconds : seconds;
    return true;
}

bool TimeReader::zoneName()
{
    const std::size_t length = static_cast<std::size_t>(
        std::find_if_not(rest_.begin(), rest_.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) -
        rest_.begin());
    if (length < 3 || length > 5) {
        return false;
    }
    said.utc = rest_.substr(0, length) == "UTC";
    rest_.remove_prefix(length);
    return true;
}

bool TimeReader::date(const LayoutPiece& piece)
{
    int value = 0;
    switch (piece.unit) {
    case TimeUnit::LongMonth:
    case TimeUnit::ShortMonth:
        if (!name(kMonths, piece.unit == TimeUnit::ShortMonth, value)) {
            return false;
        }
        said.month = value + 1;
        return true;
    case TimeUnit::LongWeekday:
    case TimeUnit::ShortWeekday:
        return name(kWeekdays, piece.unit == TimeUnit::ShortWeekday, value);
    case TimeUnit::Month:
        return number(1, 2, 1, 12, said.month);
    case TimeUnit::Month2:
        return number(2, 2, 1, 12, said.month);
    case TimeUnit::BlankDay:
        return skipBlanks() && number(1, 2, 1, 31, said.day);
    case TimeUnit::Day:
        return number(1, 2, 1, 31, said.day);
    case TimeUnit::Day2:
        return number(2, 2, 1, 31, said.day);
    case TimeUnit::BlankYearDay:
    case TimeUnit::YearDay3:
        skipBlanks();
        if (!number(1, 3, 1, 366, value)) {
            return false;
        }
        said.yearDay = value;
        return true;
    case TimeUnit::LongYear:
        if (!number(4, 4, 0, 9999, value)) {
            return false;
        }
        said.year = value;
        return true;
    default: // ShortYear
        if (!number(2, 2, 0, 99, value)) {
            return false;
        }
        said.year = value >= 69 ? value + 1900 : value + 2000;
        return true;
    }
}

bool TimeReader::clock(const LayoutPiece& piece)
{
    switch (piece.unit) {
    case TimeUnit::Hour24:
        return number(1, 2, 0, 23, said.hour);
    case TimeUnit::Hour12:
        return number(1, 2, 0, 12, said.hour);
    case TimeUnit::Hour12Of2:
        return number(2, 2, 0, 12, said.hour);
    case TimeUnit::Minute:
        return number(1, 2, 0, 59, said.minute);
    case TimeUnit::Minute2:
        return number(2, 2, 0, 59, said.minute);
    case TimeUnit::Second:
        return number(1, 2, 0, 59, said.second);
    case TimeUnit::Second2:
        return number(2, 2, 0, 59, said.second);
    default: { // the halves of the day
        constexpr std::array<std::string_view, 2> kHalves{"AM", "PM"};
        int half = 0;
        if (!name(kHalves, false, half)) {
            return false;
        }
        said.afternoon = half == 1;
        return true;
    }
    }
}

bool TimeReader::piece(const LayoutPiece& piece)
{
    switch (piece.unit) {
    case TimeUnit::Literal:
        if (!rest_.starts_with(piece.text)) {
            return false;
        }
        rest_.remove_prefix(piece.text.size());
        return true;
    case TimeUnit::LongMonth:
    case TimeUnit::ShortMonth:
    case TimeUnit::Month:
    case TimeUnit::Month2:
    case TimeUnit::LongWeekday:
    case TimeUnit::ShortWeekday:
    case TimeUnit::Day:
    case TimeUnit::BlankDay:
    case TimeUnit::Day2:
    case TimeUnit::BlankYearDay:
    case TimeUnit::YearDay3:
    case TimeUnit::LongYear:
    case TimeUnit::ShortYear:
        return date(piece);
    case TimeUnit::Hour24:
    case TimeUnit::Hour12:
    case TimeUnit::Hour12Of2:
    case TimeUnit::Minute:
    case TimeUnit::Minute2:
    case TimeUnit::Second:
    case TimeUnit::Second2:
    case TimeUnit::UpperHalf:
    case TimeUnit::LowerHalf:
        return clock(piece);
    case TimeUnit::ZoneName:
        return zoneName();
    case TimeUnit::Offset:
        return offset(piece.text);
    case TimeUnit::Fraction:
    case TimeUnit::ShortFraction:
        return fraction(piece);
    }
    return false;
}

std::string zoneOf(const Said& said, std::string_view zone)
{
    if (said.utc || said.offsetSeconds == 0) {
        return "UTC";
    }
    if (said.offsetSeconds) {
        const int size = std::abs(*said.offsetSeconds);
        return fmt::format("{}{:02}:{:02}", *said.offsetSeconds < 0 ? '-' : '+', size / 3600,
                           size / 60 % 60);
    }
    return std::string(zone);
}

/// The instant that a clock in `zone` shows as `local` seconds.
Time atLocal(std::int64_t local, const Said& said, std::string_view zone)
{
    Time time{.seconds = local, .nanoseconds = said.nanosecond, .zone = zoneOf(said, zone)};
    if (said.offsetSeconds) {
        time.seconds = local - *said.offsetSeconds;
        return time;
    }
    // Twice: the first guess may lie on the other side of a change of the clocks.
    for (int i = 0; i < 2; ++i) {
        time.seconds = local - civilOf(time).offsetSeconds;
    }
    return time;
}

} // namespace

absl::StatusOr<Time> parseTime(std::string_view layout, std::string_view text,
                               std::string_view zone)
{
    TimeReader reader(text);
    const std::vector<LayoutPiece> pieces = cutLayout(layout);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const std::string_view before = reader.rest();
        if (!reader.piece(pieces[i])) {
            return base::invalidArgument(
                "parsing time \"{}\" as \"{}\": cannot parse \"{}\" as \"{}\"", text, layout,
                before, pieces[i].text);
        }
        const bool seconds =
            pieces[i].unit == TimeUnit::Second || pieces[i].unit == TimeUnit::Second2;
        const bool fractionNamed =
            i + 1 < pieces.size() && (pieces[i + 1].unit == TimeUnit::Fraction ||
                                      pieces[i + 1].unit == TimeUnit::ShortFraction);
        if (seconds && !fractionNamed) {
            reader.looseFraction();
        }
    }
    if (!reader.rest().empty()) {
        return base::invalidArgument("parsing time \"{}\": extra text: \"{}\"", text,
                                     reader.rest());
    }
    Said& said = reader.said;
    if (said.afternoon) {
        said.hour = said.hour % 12 + (*said.afternoon ? 12 : 0);
    }
    const auto ymd = std::chrono::year{static_cast<int>(said.year)} /
                     std::chrono::month{static_cast<unsigned>(said.month)} /
                     std::chrono::day{static_cast<unsigned>(said.day)};
    if (!ymd.ok()) {
        return base::invalidArgument("parsing time \"{}\": day out of range", text);
    }
    const std::int64_t local =
        said.yearDay
            ? secondsOf(said.year, 1, 1, said.hour, said.minute, said.second) +
                  (*said.yearDay - 1) * 86'400
            : secondsOf(said.year, said.month, said.day, said.hour, said.minute, said.second);
    return atLocal(local, said, zone);
}

} // namespace narthex::gotemplate
