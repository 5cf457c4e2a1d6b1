// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/start_synthesis.h"

#include "core/model/histogram_difference.h"

namespace narthex::scrape {
namespace {

std::optional<double> difference(double now, double before)
{
    return now < before ? std::nullopt : std::optional(now - before);
}

} // namespace

template <typename Value>
std::optional<StartSynthesis::Counted<Value>>
StartSynthesis::count(std::uint32_t series, const Value& value, std::int64_t timeMs)
{
    using model::difference;
    using scrape::difference;
    AnyHistory& any = histories_[series];
    auto* history = std::get_if<History<Value>>(&any);
    if (history == nullptr || history->startMs == 0) { // new, or of another kind until now
        any = History<Value>{.reference = value, .last = value, .startMs = timeMs};
        return std::nullopt;
    }
    if (!difference(value, history->last)) {
        history->reference.reset(); // it began anew
        history->startMs = timeMs - 1;
    }
    history->last = value;
    Counted<Value> counted{.value = value, .startMs = history->startMs};
    if (history->reference) {
        if (std::optional<Value> rest = difference(value, *history->reference)) {
            counted.value = *std::move(rest);
        }
    }
    return counted;
}

template std::optional<StartSynthesis::Counted<double>>
StartSynthesis::count(std::uint32_t, const double&, std::int64_t);
template std::optional<StartSynthesis::Counted<model::FloatHistogram>>
StartSynthesis::count(std::uint32_t, const model::FloatHistogram&, std::int64_t);
template std::optional<StartSynthesis::Counted<model::IntegerHistogram>>
StartSynthesis::count(std::uint32_t, const model::IntegerHistogram&, std::int64_t);

} // namespace narthex::scrape
