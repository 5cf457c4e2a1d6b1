// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sorted runs of series references, the set operations on them, and the plan that answers a list of
// matchers with one. The head's index and a block's index both are a PostingsSource. Threads: pure
// functions. Errors: those of the source; Cancelled. Format: spec/tsdb.md, 16. Reading
// (PostingsForMatchers).
#pragma once

#include "core/model/matcher.h"

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

using PostingsRef = std::uint32_t;
/// Strictly ascending.
using Postings = std::vector<PostingsRef>;
using PostingsView = std::span<const PostingsRef>;

/// Keeps in `inOut` what is in `other`, too. Galloping: cost follows the shorter one.
void intersectPostings(Postings& inOut, PostingsView other);
/// Takes out of `inOut` what is in `other`.
void subtractPostings(Postings& inOut, PostingsView other);
/// Sorts what was appended from several runs, and drops what is there twice.
void unitePostings(Postings& inOut);

class PostingsSource
{
public:
    virtual ~PostingsSource() = default;

    /// All series.
    virtual absl::StatusOr<PostingsView> all(Postings& scratch) const = 0;
    /// Series with this label; empty when there are none. The view lives in the source or in
    /// `scratch`.
    virtual absl::StatusOr<PostingsView> withLabel(std::string_view name, std::string_view value,
                                                   Postings& scratch) const = 0;
    /// How many series have this label, without reading them where that is cheaper.
    virtual absl::StatusOr<std::size_t> countWithLabel(std::string_view name,
                                                       std::string_view value) const
    {
        Postings scratch;
        auto view = withLabel(name, value, scratch);
        if (!view.ok()) {
            return view.status();
        }
        return view->size();
    }
    /// Calls `visit` with each value of the label that starts with `prefix`, ascending; stops when
    /// it returns false.
    virtual absl::Status eachValue(std::string_view name, std::string_view prefix,
                                   absl::FunctionRef<bool(std::string_view value)> visit) const = 0;
    /// How many values the label has, roughly.
    [[nodiscard]] virtual std::size_t valueCount(std::string_view name) const = 0;
    /// The value of a label of one series, empty if it has none. The view lives as long as the
    /// source's lock, or in `scratch`.
    virtual absl::StatusOr<std::string_view> labelOf(PostingsRef ref, std::string_view name,
                                                     std::string& scratch) const = 0;
};

absl::StatusOr<Postings> postingsForMatchers(const PostingsSource& source,
                                             const model::Matchers& matchers,
                                             const std::stop_token& stop);

/// Sorted, unique values of a label over the series that match; 0: no limit.
absl::StatusOr<std::vector<std::string>> labelValuesFor(const PostingsSource& source,
                                                        std::string_view name,
                                                        const model::Matchers& matchers,
                                                        std::size_t limit);

} // namespace narthex::tsdb
