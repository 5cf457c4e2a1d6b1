// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers sets of labels by what remains of them when some names are kept or removed: the groups of
// aggregations, and what series are matched by. One hash a set and no allocation for a known group.
// Owner: the evaluation of one node. Threads: one. Source: spec/promql.md, Aggregations; 6.4.
#pragma once

#include "core/base/string_map.h"
#include "core/model/labels.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::promql {

class LabelGrouping
{
public:
    enum class Keeps : std::uint8_t
    {
        Named,
        Others
    };

    LabelGrouping(Keeps keeps, std::vector<std::string> names)
        : keeps_(keeps), names_(std::move(names))
    {}

    /// What remains of these labels; nothing is numbered.
    [[nodiscard]] model::Labels remaining(const model::Labels& labels) const
    {
        return keeps_ == Keeps::Named ? labels.keeping(names_) : labels.without(names_);
    }
    /// From 0 on, in order of appearance. Labels named in `dropped` count as missing.
    std::size_t numberOf(const model::Labels& labels, std::span<const std::string> dropped = {});
    /// The same, if it has one.
    std::optional<std::size_t> find(const model::Labels& labels);
    /// What remains in this group.
    [[nodiscard]] model::Labels labelsOf(std::size_t number) const
    {
        return model::Labels::fromBytes(keys_[number]);
    }
    [[nodiscard]] std::size_t size() const { return keys_.size(); }

private:
    /// Fills key_.
    void makeKey(const model::Labels& labels, std::span<const std::string> dropped);

    const Keeps keeps_;
    const std::vector<std::string> names_;
    base::StringMap<std::size_t> numbers_; // by packed labels
    std::vector<std::string> keys_;
    std::string key_;
};

} // namespace narthex::promql
