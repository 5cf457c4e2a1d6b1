// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// How well a name fits what somebody types. Scores are from 0 (not at all) to 1 (begins with it, or
// is it). Threads: one at a time, for buffers are used again. Source: spec/http-api.md, 10.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::api {

enum class FuzzyAlgorithm : std::uint8_t
{
    /// All characters in order; runs count more than single ones, gaps less.
    Subsequence,
    /// Contained, or similar as a whole.
    JaroWinkler
};

struct SearchTerms
{
    /// Any of them fits; empty ones do not count.
    std::vector<std::string> terms;
    FuzzyAlgorithm algorithm = FuzzyAlgorithm::Subsequence;
    /// What a score needs at least, 0 to 1; for Jaro-Winkler 0 means: contained only.
    double threshold = 0;
    bool caseSensitive = true;
};

class SearchFilter
{
public:
    explicit SearchFilter(const SearchTerms& terms);

    /// The score of the best term; absent if none fits. 1 when there are no terms.
    [[nodiscard]] std::optional<double> score(std::string_view value);

private:
    [[nodiscard]] std::optional<double> scoreOf(const std::u32string& term) const;

    const FuzzyAlgorithm algorithm_;
    const double threshold_;
    const bool caseSensitive_;
    std::vector<std::u32string> terms_;
    std::u32string value_;
};

/// Characters in order: the sum of the squares of the runs, less the gaps' share of the text, by
/// the square of the term's length; 0 when it is no subsequence. The text begins with every
/// possible start, each run is as early as can be.
double subsequenceScore(std::u32string_view term, std::u32string_view text);
/// Source: Winkler, String Comparator Metrics and Enhanced Decision Rules, 1990.
double jaroWinklerScore(std::u32string_view a, std::u32string_view b);

} // namespace narthex::api
