// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/postings.h"

#include "core/base/status.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

/// The first position at or after `from` whose reference is not below `ref`: doubling steps, then a
/// binary search.
std::size_t gallop(PostingsView run, std::size_t from, PostingsRef ref)
{
    std::size_t step = 1;
    std::size_t low = from;
    std::size_t high = from;
    while (high < run.size() && run[high] < ref) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    const auto begin = run.begin() + static_cast<std::ptrdiff_t>(low);
    const auto end = run.begin() + static_cast<std::ptrdiff_t>(std::min(high, run.size()));
    return static_cast<std::size_t>(std::lower_bound(begin, end, ref) - run.begin());
}

template <bool Keep>
void filterBy(Postings& inOut, PostingsView other)
{
    std::size_t out = 0;
    std::size_t at = 0;
    for (const PostingsRef ref : inOut) {
        at = gallop(other, at, ref);
        const bool found = at < other.size() && other[at] == ref;
        if (found == Keep) {
            inOut[out++] = ref;
        }
    }
    inOut.resize(out);
}

/// One matcher's part of the plan.
struct Step
{
    const model::Matcher* matcher = nullptr;
    /// Series whose label the matcher accepts are kept; otherwise series whose label it refuses are
    /// taken out.
    bool keeps = true;
    std::size_t cost = 0;
};

bool isAnyText(const model::Matcher& m) { return m.value() == ".*"; }

/// The values that a matcher accepts, found without a walk over all values where that is possible.
absl::Status uniteAccepted(const PostingsSource& source, const model::Matcher& matcher,
                           Postings& out)
{
    Postings scratch;
    absl::Status status;
    std::size_t runs = 0;
    const auto add = [&](std::string_view value) {
        auto view = source.withLabel(matcher.name(), value, scratch);
        if (!view.ok()) {
            status = view.status();
            return false;
        }
        out.insert(out.end(), view->begin(), view->end());
        runs += view->empty() ? 0 : 1;
        return true;
    };
    const bool positive =
        matcher.type() == model::MatchType::Equal || matcher.type() == model::MatchType::Regex;
    if (matcher.type() == model::MatchType::Equal) {
        add(matcher.value());
    } else if (positive && !matcher.regex()->literals().empty()) {
        for (const std::string& literal : matcher.regex()->literals()) {
            if (!literal.empty() && !add(literal)) {
                break;
            }
        }
    } else {
        const std::string_view prefix =
            positive ? std::string_view(matcher.regex()->prefix()) : std::string_view();
        const absl::Status walked =
            source.eachValue(matcher.name(), prefix, [&](std::string_view value) {
                return !matcher.matches(value) || add(value);
            });
        status.Update(walked);
    }
    if (runs > 1) {
        unitePostings(out);
    }
    return status;
}

/// Looks at the label of each series left: cheaper than the walk over many values when few are
/// left.
absl::Status filterOneByOne(const PostingsSource& source, const model::Matcher& matcher,
                            Postings& inOut)
{
    std::size_t out = 0;
    std::string scratch;
    for (const PostingsRef ref : inOut) {
        NARTHEX_ASSIGN_OR_RETURN(const std::string_view value,
                                 source.labelOf(ref, matcher.name(), scratch));
        if (matcher.matches(value)) {
            inOut[out++] = ref;
        }
    }
    inOut.resize(out);
    return absl::OkStatus();
}

absl::StatusOr<std::size_t> costOf(const PostingsSource& source, const model::Matcher& matcher)
{
    if (matcher.type() == model::MatchType::Equal) {
        return source.countWithLabel(matcher.name(), matcher.value());
    }
    // Anything else reads values: after every equality, cheaper labels first.
    constexpr std::size_t kAfterEqualities = std::size_t{1} << 40U;
    if (matcher.type() == model::MatchType::Regex && !matcher.regex()->literals().empty()) {
        return kAfterEqualities / 2 + matcher.regex()->literals().size();
    }
    return kAfterEqualities + source.valueCount(matcher.name());
}

absl::StatusOr<std::vector<Step>> plan(const PostingsSource& source,
                                       const model::Matchers& matchers)
{
    std::vector<Step> steps;
    for (const model::Matcher& m : matchers) {
        const bool isRegex = m.type() == model::MatchType::Regex;
        if (isRegex && isAnyText(m)) {
            continue;
        }
        // What accepts the empty text accepts series without the label: those stand in no list, so
        // the others are taken out.
        Step step{.matcher = &m, .keeps = !m.matchesEmpty()};
        if (step.keeps) {
            NARTHEX_ASSIGN_OR_RETURN(step.cost, costOf(source, m));
        }
        steps.push_back(step);
    }
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
        return a.keeps != b.keeps ? a.keeps : a.cost < b.cost;
    });
    return steps;
}

/// About how many references or values the lists of a matcher make one read.
absl::StatusOr<std::size_t> listCost(const PostingsSource& source, const model::Matcher& matcher)
{
    const bool isRegex = matcher.regex() != nullptr;
    const std::vector<std::string> literals =
        isRegex ? matcher.regex()->literals() : std::vector{matcher.value()};
    // The empty text stands in no list: then all others are read.
    if (literals.empty() || literals.front().empty()) {
        return source.valueCount(matcher.name());
    }
    std::size_t cost = 0;
    for (const std::string& literal : literals) {
        NARTHEX_ASSIGN_OR_RETURN(const std::size_t some,
                                 source.countWithLabel(matcher.name(), literal));
        cost += some;
    }
    return cost;
}

absl::Status apply(const PostingsSource& source, const Step& step, bool isFirst, Postings& result)
{
    const bool isEqual = step.matcher->type() == model::MatchType::Equal;
    if (!isFirst) {
        NARTHEX_ASSIGN_OR_RETURN(const std::size_t cost, listCost(source, *step.matcher));
        // A look at one series' labels costs about as much as eight steps along a list.
        constexpr std::size_t kSeriesCost = 8;
        if (result.size() * kSeriesCost < cost) {
            return filterOneByOne(source, *step.matcher, result);
        }
    }
    if (step.keeps && isEqual) {
        Postings scratch;
        NARTHEX_ASSIGN_OR_RETURN(
            const PostingsView view,
            source.withLabel(step.matcher->name(), step.matcher->value(), scratch));
        if (isFirst) {
            result.assign(view.begin(), view.end());
        } else {
            intersectPostings(result, view);
        }
        return absl::OkStatus();
    }
    Postings other;
    if (step.keeps) {
        NARTHEX_RETURN_IF_ERROR(uniteAccepted(source, *step.matcher, other));
        if (isFirst) {
            result = std::move(other);
        } else {
            intersectPostings(result, other);
        }
    } else {
        NARTHEX_RETURN_IF_ERROR(uniteAccepted(source, step.matcher->inverse(), other));
        subtractPostings(result, other);
    }
    return absl::OkStatus();
}

} // namespace

void intersectPostings(Postings& inOut, PostingsView other)
{
    if (other.size() * 8 < inOut.size()) {
        Postings small(other.begin(), other.end());
        filterBy<true>(small, inOut);
        inOut = std::move(small);
    } else {
        filterBy<true>(inOut, other);
    }
}

void subtractPostings(Postings& inOut, PostingsView other) { filterBy<false>(inOut, other); }

void unitePostings(Postings& inOut)
{
    std::sort(inOut.begin(), inOut.end());
    inOut.erase(std::unique(inOut.begin(), inOut.end()), inOut.end());
}

absl::StatusOr<Postings> postingsForMatchers(const PostingsSource& source,
                                             const model::Matchers& matchers,
                                             const std::stop_token& stop)
{
    for (const model::Matcher& m : matchers) {
        if (m.type() == model::MatchType::NotRegex && isAnyText(m)) {
            return Postings{};
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::vector<Step> steps, plan(source, matchers));
    Postings result;
    bool isFirst = true;
    if (steps.empty() || !steps.front().keeps) {
        Postings scratch;
        NARTHEX_ASSIGN_OR_RETURN(const PostingsView view, source.all(scratch));
        result.assign(view.begin(), view.end());
        isFirst = false;
    }
    for (const Step& step : steps) {
        if (stop.stop_requested()) {
            return base::cancelled("select was cancelled");
        }
        NARTHEX_RETURN_IF_ERROR(apply(source, step, isFirst, result));
        isFirst = false;
        if (result.empty()) {
            break;
        }
    }
    return result;
}

absl::StatusOr<std::vector<std::string>> labelValuesFor(const PostingsSource& source,
                                                        std::string_view name,
                                                        const model::Matchers& matchers,
                                                        std::size_t limit)
{
    std::vector<std::string> values;
    const std::size_t atMost = limit == 0 ? static_cast<std::size_t>(-1) : limit;
    if (matchers.empty()) {
        NARTHEX_RETURN_IF_ERROR(source.eachValue(name, "", [&](std::string_view value) {
            values.emplace_back(value);
            return values.size() < atMost;
        }));
        return values;
    }
    NARTHEX_ASSIGN_OR_RETURN(const Postings matching, postingsForMatchers(source, matchers, {}));
    std::string scratch;
    if (matching.size() <= source.valueCount(name)) {
        for (const PostingsRef ref : matching) {
            NARTHEX_ASSIGN_OR_RETURN(const std::string_view value,
                                     source.labelOf(ref, name, scratch));
            if (!value.empty()) {
                values.emplace_back(value);
            }
        }
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        values.resize(std::min(values.size(), atMost));
        return values;
    }
    absl::Status status;
    Postings run;
    Postings common;
    status.Update(source.eachValue(name, "", [&](std::string_view value) {
        const auto view = source.withLabel(name, value, run);
        if (!view.ok()) {
            status = view.status();
            return false;
        }
        common = matching;
        intersectPostings(common, *view);
        if (!common.empty()) {
            values.emplace_back(value);
        }
        return values.size() < atMost;
    }));
    NARTHEX_RETURN_IF_ERROR(status);
    return values;
}

} // namespace narthex::tsdb
