// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/search_filter.h"

#include "core/base/utf8.h"
#include "core/relabel/expand.h"

#include <algorithm>

namespace narthex::api {
namespace {

void decode(std::string_view text, std::u32string& out)
{
    out.clear();
    while (!text.empty()) {
        const std::size_t length = base::utf8SequenceLength(text);
        out += length == 0 ? U'\uFFFD' : base::decodeUtf8(text.substr(0, length));
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
}

/// What a match that begins at `at` is worth; absent: the term does not end within the text.
std::optional<double> scoreFrom(std::u32string_view term, std::u32string_view text, std::size_t at)
{
    const double unit = 1.0 / static_cast<double>(text.size());
    double score = 0;
    std::size_t matched = 0;
    std::size_t behind = 0; // the last run
    while (matched < term.size()) {
        const std::size_t start = text.find(term[matched], at);
        if (start == std::u32string_view::npos) {
            return std::nullopt;
        }
        at = start;
        while (matched < term.size() && at < text.size() && text[at] == term[matched]) {
            ++at;
            ++matched;
        }
        const auto run = static_cast<double>(at - start);
        score += run * run - static_cast<double>(start - behind) * unit;
        behind = at;
    }
    return score - static_cast<double>(text.size() - behind) * unit / 2;
}

/// Contained: 1 at the start, less the later it begins, 0.1 at the end.
std::optional<double> containedScore(std::u32string_view term, std::u32string_view text)
{
    const std::size_t at = text.find(term);
    if (at == std::u32string_view::npos) {
        return std::nullopt;
    }
    if (at == 0) {
        return 1;
    }
    return 1 - 0.9 * static_cast<double>(at) / static_cast<double>(text.size() - term.size());
}

} // namespace

double subsequenceScore(std::u32string_view term, std::u32string_view text)
{
    if (term == text || term.empty()) {
        return 1;
    }
    if (term.size() > text.size()) {
        return 0;
    }
    double best = -1;
    for (std::size_t at = text.find(term[0]); at <= text.size() - term.size();
         at = text.find(term[0], at + 1)) {
        const auto score = scoreFrom(term, text, at);
        if (!score) {
            break; // nor from any later start
        }
        best = std::max(best, *score);
    }
    // An exact match alone has the whole score.
    constexpr double kBelowExact = 0.999;
    const auto length = static_cast<double>(term.size());
    return best < 0 ? 0 : best / (length * length) * kBelowExact;
}

double jaroWinklerScore(std::u32string_view a, std::u32string_view b)
{
    if (a == b) {
        return 1;
    }
    if (a.empty() || b.empty()) {
        return 0;
    }
    const std::u32string_view small = a.size() <= b.size() ? a : b;
    const std::u32string_view large = a.size() <= b.size() ? b : a;
    const std::size_t reach = std::max<std::size_t>(large.size() / 2, 1) - 1;
    std::vector<bool> taken(large.size());
    std::u32string common;
    for (std::size_t i = 0; i < small.size(); ++i) {
        const std::size_t end = std::min(i + reach + 1, large.size());
        for (std::size_t j = i > reach ? i - reach : 0; j < end; ++j) {
            if (!taken[j] && small[i] == large[j]) {
                taken[j] = true;
                common += small[i];
                break;
            }
        }
    }
    if (common.empty()) {
        return 0;
    }
    std::size_t displaced = 0;
    std::size_t next = 0;
    for (std::size_t j = 0; j < large.size(); ++j) {
        if (taken[j] && common[next++] != large[j]) {
            ++displaced;
        }
    }
    const auto matches = static_cast<double>(common.size());
    const double jaro =
        (matches / static_cast<double>(small.size()) + matches / static_cast<double>(large.size()) +
         (matches - static_cast<double>(displaced) / 2) / matches) /
        3;
    constexpr std::size_t kLongestPrefix = 4;
    constexpr double kPrefixWeight = 0.1;
    std::size_t prefix = 0;
    while (prefix < std::min(kLongestPrefix, small.size()) && small[prefix] == large[prefix]) {
        ++prefix;
    }
    return jaro + static_cast<double>(prefix) * kPrefixWeight * (1 - jaro);
}

SearchFilter::SearchFilter(const SearchTerms& terms)
    : algorithm_(terms.algorithm), threshold_(terms.threshold), caseSensitive_(terms.caseSensitive)
{
    for (const std::string& term : terms.terms) {
        if (!term.empty()) {
            decode(caseSensitive_ ? term : relabel::mapCase(term, false), terms_.emplace_back());
        }
    }
}

std::optional<double> SearchFilter::score(std::string_view value)
{
    if (terms_.empty()) {
        return 1;
    }
    if (caseSensitive_) {
        decode(value, value_);
    } else {
        decode(relabel::mapCase(value, false), value_);
    }
    std::optional<double> best;
    for (const std::u32string& term : terms_) {
        if (const auto score = scoreOf(term)) {
            best = std::max(best.value_or(0), *score);
        }
    }
    return best;
}

std::optional<double> SearchFilter::scoreOf(const std::u32string& term) const
{
    if (algorithm_ == FuzzyAlgorithm::Subsequence) {
        const double score = value_.starts_with(term) ? 1 : subsequenceScore(term, value_);
        return score > 0 && score >= threshold_ ? std::optional(score) : std::nullopt;
    }
    if (const auto score = containedScore(term, value_)) {
        return score;
    }
    if (threshold_ > 0) {
        const double score = jaroWinklerScore(term, value_);
        return score >= threshold_ ? std::optional(score) : std::nullopt;
    }
    return std::nullopt;
}

} // namespace narthex::api
