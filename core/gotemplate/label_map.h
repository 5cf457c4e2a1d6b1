// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Labels as a map of texts for templates: single labels are looked up where they are, the map is
// made only for those who walk over all. Threads: immutable to see; from any.
#pragma once

#include "core/gotemplate/value.h"
#include "core/model/labels.h"

#include <absl/base/call_once.h>

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace narthex::gotemplate {

class LabelMap final : public Object
{
public:
    explicit LabelMap(model::Labels labels) : labels_(std::move(labels)) {}
    [[nodiscard]] std::string_view typeName() const override { return "map[string]string"; }
    [[nodiscard]] std::optional<Value> field(std::string_view name) const override
    {
        return Value(labels_.get(name));
    }
    [[nodiscard]] const TextMap* entries() const override;
    void print(std::string& out) const override;
    [[nodiscard]] std::string_view get(std::string_view name) const ABSL_ATTRIBUTE_LIFETIME_BOUND
    {
        return labels_.get(name);
    }

private:
    const model::Labels labels_;
    mutable absl::once_flag once_;
    mutable TextMap map_; // written once
};

/// A sample's value for templates.
Value toValue(const std::variant<double, std::shared_ptr<const model::FloatHistogram>>& value);

} // namespace narthex::gotemplate
