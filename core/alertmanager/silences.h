// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Silences: making, changing and ending them, and which of them hold an alert. They stand under one
// label value that they ask for, so that an alert is compared with few of them; what was found is
// kept for each alert until a silence changes. Owner: the Alertmanager, whose lock guards it.
// Threads: one at a time. Errors: InvalidArgument and NotFound with Alertmanager's texts,
// ResourceExhausted for the limits. Source: spec/alertmanager.md, 6.
#pragma once

#include "core/alertmanager/alert.h"
#include "core/alertmanager/matchers.h"
#include "core/state/state_writer.h"

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::alertmanager {

using namespace base::literals;

enum class SilenceState : std::uint8_t
{
    Pending,
    Active,
    Expired
};
/// "pending", "active", "expired"
std::string_view text(SilenceState state);

struct Silence
{
    /// A UUID; empty: to be made.
    std::string id;
    /// One set has to hold whole.
    std::vector<model::Matchers> matcherSets;
    /// Absent when a silence is made: now.
    std::optional<base::Timestamp> startsAt;
    base::Timestamp endsAt;
    base::Timestamp updatedAt;
    std::string createdBy;
    std::string comment;
    std::map<std::string, std::string> annotations;

    [[nodiscard]] SilenceState stateAt(base::Timestamp now) const;
    [[nodiscard]] bool matches(const model::Labels& labels) const;
};

using SilencePtr = std::shared_ptr<const Silence>;

class Silences
{
public:
    struct Options
    {
        /// Expired ones count; 0: none.
        std::size_t limit = 0;
        std::size_t sizeLimitBytes = 0;
        base::Duration retention = 120_h;
        MatcherMode mode = MatcherMode::Fallback;
    };
    struct Counters
    {
        std::uint64_t queries = 0;
        std::uint64_t comparisons = 0;
    };

    Silences(Options options, state::StateWriter& writer) : options_(options), writer_(writer) {}

    absl::Status load(state::Connection& connection);
    /// Creates or changes; the id that is valid afterwards.
    absl::StatusOr<std::string> set(Silence silence, base::Timestamp now);
    /// Ends it; fine if it has ended. Errors: NotFound.
    absl::Status expire(std::string_view id, base::Timestamp now);
    /// Takes a copy from elsewhere as it is, unless the own one is younger.
    void merge(Silence silence);
    /// Removes those that ended longer than the retention ago.
    void collect(base::Timestamp now);
    /// Of all that is kept.
    [[nodiscard]] std::size_t sizeBytes() const;

    [[nodiscard]] SilencePtr find(std::string_view id) const;
    [[nodiscard]] const std::map<std::string, SilencePtr, std::less<>>& all() const { return all_; }
    /// Ids of the active ones that hold an alert with these labels, sorted.
    std::vector<std::string> silencing(Fingerprint fingerprint, const model::Labels& labels,
                                       base::Timestamp now);
    /// The alert is gone: forgets what was found for it.
    void forget(Fingerprint fingerprint) { cache_.erase(fingerprint); }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    /// What was found for an alert: those that match, whenever they are active, up to a version.
    struct Found
    {
        std::uint64_t version = 0;
        std::vector<SilencePtr> silences;
    };
    absl::Status validate(const Silence& silence) const;
    [[nodiscard]] static bool changeableInPlace(const Silence& old, const Silence& wanted,
                                                base::Timestamp now);
    void store(Silence silence);
    void unindex(const Silence& silence);
    void index(const SilencePtr& silence);
    void compare(const SilencePtr& silence, const model::Labels& labels, Found& found);

    const Options options_;
    state::StateWriter& writer_;
    std::map<std::string, SilencePtr, std::less<>> all_;
    /// By `name 0xff value` of a label that must have this value; the rest apart.
    absl::flat_hash_map<std::string, std::vector<SilencePtr>> indexed_;
    std::vector<SilencePtr> unindexed_;
    /// What changed, in the order of versions: (version, silence).
    std::map<std::uint64_t, SilencePtr> changes_;
    std::uint64_t version_ = 1;
    absl::flat_hash_map<Fingerprint, Found> cache_;
    Counters counters_;
};

/// `[{"name":…,"value":…,"isRegex":…,"isEqual":…},…]`, the API's form; sets in an outer list.
std::string matcherSetsJson(const std::vector<model::Matchers>& sets);
std::vector<model::Matchers> matcherSetsFromJson(std::string_view json);

/// Version 4.
std::string makeUuid();
bool isUuid(std::string_view text);

} // namespace narthex::alertmanager
