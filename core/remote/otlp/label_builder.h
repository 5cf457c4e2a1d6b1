// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Labels out of attributes: of a resource and a scope once, of each point again. Owner: a
// translation. Threads: one at a time. Errors: FailedPrecondition, an attribute that can be no
// label. Source: spec/remote.md, 6.
#pragma once

#include "core/model/labels.h"
#include "core/model/sample.h"
#include "core/remote/otlp/model.h"
#include "core/remote/otlp/names.h"
#include "core/remote/remote_config.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::remote::otlp {

class LabelMaker
{
public:
    LabelMaker(const OtlpConfig& config, bool typeAndUnitLabels);

    absl::Status beginResource(const Attributes& attributes);
    absl::Status beginScope(const ScopeMetrics& scope);
    /// Of a point of a metric, without a name.
    absl::StatusOr<model::LabelsBuilder> pointLabels(const Attributes& attributes,
                                                     const model::Metadata& metadata);
    /// Of target_info; absent when there is nothing to say of the resource, or nothing that says
    /// whose it is.
    absl::StatusOr<std::optional<model::Labels>> targetInfo(const Attributes& attributes);

    [[nodiscard]] const NameRules& rules() const { return rules_; }
    /// Names that several attributes became.
    [[nodiscard]] std::size_t collisions() const { return collided_.size(); }

private:
    absl::StatusOr<std::string> nameOf(const std::string& attribute);
    /// Sorted by key; values of names that become one are joined by ';'.
    absl::Status addAttributes(const Attributes& attributes, bool withoutIdentity,
                               model::LabelsBuilder& labels);
    void addIdentity(model::LabelsBuilder& labels) const;

    const OtlpConfig& config_;
    const bool typeAndUnitLabels_;
    NameRules rules_;
    absl::flat_hash_map<std::string, std::string> names_; // attributes to labels
    absl::flat_hash_set<std::string> collided_;
    // Of the resource and the scope at hand.
    std::string job_;
    std::string instance_;
    model::Labels promoted_;
    model::Labels scope_;
};

} // namespace narthex::remote::otlp
