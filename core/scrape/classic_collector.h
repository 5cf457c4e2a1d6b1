// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Gathers the lines of classic histograms on a text page into native histograms with custom
// buckets. Consecutive lines with equal labels (without `le`) are one histogram. Owner: a TextPage.
// Threads: one page at a time. Source: spec/scrape.md, Classic to NHCB.
#pragma once

#include "core/base/string_map.h"
#include "core/model/custom_buckets.h"
#include "core/model/labels.h"
#include "core/scrape/page_sink.h"

#include <absl/functional/function_ref.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::scrape {

/// No text begins with this byte: it is no UTF-8. Behind it stand packed labels: the key of a
/// series that has no line of its own.
inline constexpr char kPackedKeyMark = '\xFE';

class ClassicCollector
{
public:
    using ReadLabels = absl::FunctionRef<absl::Status(model::LabelsBuilder&)>;

    /// Whether the line (its raw series text) is part of a histogram of this family; it is then
    /// kept for the histogram. A line of another histogram ends the one before.
    /// Errors: of `labels`, of the sink.
    absl::StatusOr<bool> take(PageSink& sink, std::string_view raw, std::uint32_t family,
                              std::string_view familyName, double value,
                              std::optional<std::int64_t> timestampMs, ReadLabels labels);
    /// When the histogram in progress began, ms since the epoch.
    void setStart(std::int64_t startMs) { startMs_ = startMs; }
    /// An exemplar of the line that was taken last.
    void addExemplar(model::Exemplar exemplar) { exemplars_.push_back(std::move(exemplar)); }
    /// Ends the histogram in progress and adds it, if it can be converted.
    absl::Status flush(PageSink& sink);
    void endPage();

private:
    enum class Kind : std::uint8_t
    {
        None,
        Bucket,
        Count,
        Sum
    };
    struct Part
    {
        Kind kind = Kind::None;
        double bound = 0;
        /// The histogram's key, in groups_.
        std::uint32_t group = 0;
    };
    absl::StatusOr<Part> partOf(std::string_view raw, std::string_view familyName,
                                ReadLabels labels);

    base::StringMap<Part> parts_; // by raw text
    std::vector<std::string> groups_;
    base::StringMap<std::uint32_t> groupIndex_;
    std::size_t taken_ = 0; // on this page
    model::LabelsBuilder builder_;

    // The histogram in progress.
    std::optional<std::uint32_t> group_;
    std::uint32_t family_ = 0;
    model::ClassicHistogram classic_;
    std::optional<std::int64_t> timestampMs_;
    std::int64_t startMs_ = 0;
    std::vector<model::Exemplar> exemplars_;
};

} // namespace narthex::scrape
