// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads pages of one target in a text format and remembers the last one line by line: a page that
// resembles it costs a memcmp and a value a line, no hashing and no allocation. Owner:
// PageAppender. Threads: one page at a time. Errors: InvalidArgument with the line in the Position
// payload, ResourceExhausted (label limits). Source: spec/scrape.md, section 7.
#pragma once

#include "core/exposition/openmetrics_parser.h"
#include "core/exposition/text_parser.h"
#include "core/scrape/classic_collector.h"
#include "core/scrape/created_times.h"
#include "core/scrape/page_sink.h"

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::scrape {

/// Parser: exposition::TextParser or exposition::OpenMetricsParser.
template <typename Parser>
class TextPage
{
public:
    /// Reads the page into the sink, from its first to its last line or the first bad one.
    absl::Status read(std::string_view body, PageSink& sink);
    /// Makes the page that was just read the last one. Returns the memory of the one before.
    std::string keep(std::string body);
    /// The next page has nothing to resemble: the cache has changed otherwise.
    void forget();

private:
    bool tryFastLine(Parser& parser);
    absl::Status readLine(Parser& parser, bool& done);
    void noteMetadata(const Parser& parser, exposition::EntryKind kind, std::uint32_t family);
    absl::Status readSeries(Parser& parser, CachedLine line);
    absl::StatusOr<bool> takeAsClassic(const Parser& parser, std::int64_t startMs);
    void addSample(const Parser& parser, std::uint32_t series, std::int64_t startMs);

    std::string page_; // the last page that was read to its end
    std::vector<CachedLine> lines_;

    // Of the page in progress.
    PageSink* sink_ = nullptr;
    std::vector<CachedLine> nextLines_;
    std::size_t cursor_ = 0; // the line of the last page that is expected next
    std::uint32_t family_ = CachedSeries::kNoFamily;
    /// Classic histograms become native ones.
    bool converting_ = false;
    /// Starts of counters are looked for: no line is taken for one that is known.
    bool parsesStarts_ = false;
    std::string typedFamily_; // of the last TYPE line
    ClassicCollector classic_;
    CreatedTimes created_;
    model::LabelsBuilder labels_;
};

extern template class TextPage<exposition::TextParser>;
extern template class TextPage<exposition::OpenMetricsParser>;

} // namespace narthex::scrape
