// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The series that a scrape writes about itself: up, scrape_duration_seconds and the others. Owner:
// PageAppender. Threads: one scrape at a time. Source: spec/scrape.md, section 9.
#pragma once

#include "core/scrape/page_appender.h"
#include "core/scrape/page_sink.h"

#include <array>

namespace narthex::scrape {

class SyntheticSeries
{
public:
    void append(PageSink& sink, const AppendOutcome& outcome, base::Timestamp time,
                base::Duration timeout, base::Duration elapsed, bool fetched);
    void markStale(PageSink& sink, base::Timestamp time);

private:
    static constexpr std::size_t kCount = 8;
    void appendOne(PageSink& sink, std::size_t which, base::Timestamp time, double value);

    std::array<model::SeriesRef, kCount> refs_{};
};

} // namespace narthex::scrape
