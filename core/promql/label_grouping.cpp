// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/label_grouping.h"

#include <algorithm>

namespace narthex::promql {
namespace {

bool contains(std::span<const std::string> names, std::string_view name)
{
    return std::any_of(names.begin(), names.end(),
                       [name](const std::string& other) { return other == name; });
}

} // namespace

void LabelGrouping::makeKey(const model::Labels& labels, std::span<const std::string> dropped)
{
    key_.clear();
    if (keeps_ == Keeps::Named && names_.empty()) {
        return;
    }
    for (const model::LabelView label : labels) {
        if (contains(names_, label.name) == (keeps_ == Keeps::Named) &&
            !contains(dropped, label.name)) {
            model::appendPackedLabel(key_, label.name, label.value);
        }
    }
}

std::size_t LabelGrouping::numberOf(const model::Labels& labels,
                                    std::span<const std::string> dropped)
{
    makeKey(labels, dropped);
    if (const auto it = numbers_.find(key_); it != numbers_.end()) {
        return it->second;
    }
    numbers_.emplace(key_, keys_.size());
    keys_.push_back(key_);
    return keys_.size() - 1;
}

std::optional<std::size_t> LabelGrouping::find(const model::Labels& labels)
{
    makeKey(labels, {});
    const auto it = numbers_.find(key_);
    return it != numbers_.end() ? std::optional(it->second) : std::nullopt;
}

} // namespace narthex::promql
