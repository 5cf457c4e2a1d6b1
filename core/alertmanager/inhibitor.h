// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which alerts are inhibited by which firing ones. Sources stand by rule under the hash of their
// values of `equal`, so that an alert is compared only with sources that may count; all of them
// count, one-sided and two-sided. Owner: the Alertmanager, whose lock guards it. Threads: one at a
// time. Source: spec/alertmanager.md, 5.
#pragma once

#include "core/alertmanager/alert.h"
#include "core/alertmanager/config.h"

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <vector>

namespace narthex::alertmanager {

class Inhibitor
{
public:
    struct Cause
    {
        /// Index into the rules.
        std::size_t rule = 0;
        AlertPtr source;
    };

    explicit Inhibitor(std::vector<InhibitRule> rules);

    /// To be told of every alert that comes or changes.
    void update(const AlertPtr& alert, base::Timestamp now);
    /// The first rule by which `alert` is inhibited, with one of its sources.
    [[nodiscard]] std::optional<Cause> causeOf(const Alert& alert, base::Timestamp now);
    [[nodiscard]] const std::vector<InhibitRule>& rules() const { return rules_; }

private:
    /// Sources with the same values of `equal` (or, rarely, the same hash). `oneSided` match the
    /// source side only.
    using Sources = absl::flat_hash_map<Fingerprint, AlertPtr>;
    struct Bucket
    {
        Sources oneSided;
        Sources twoSided;
    };
    using Buckets = absl::flat_hash_map<std::uint64_t, Bucket>;

    [[nodiscard]] static std::uint64_t equalHash(const InhibitRule& rule,
                                                 const model::Labels& labels);
    [[nodiscard]] static bool equalValues(const InhibitRule& rule, const model::Labels& a,
                                          const model::Labels& b);
    [[nodiscard]] static AlertPtr firstFiring(Sources& sources, const InhibitRule& rule,
                                              const Alert& target, base::Timestamp now);

    std::vector<InhibitRule> rules_;
    std::vector<Buckets> sources_; // one for each rule
};

} // namespace narthex::alertmanager
