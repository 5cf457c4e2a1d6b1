// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The states of the alerts of one rule: pending, firing, resolved, when each is sent, and what a
// time that nobody watched means for them. The same machine serves live rules, unit tests and
// backtests. Owner: an AlertingRule or a backtest. Threads: one at a time.
// Errors: InvalidArgument (two elements are the same alert), ResourceExhausted (limit).
// Source: spec/rules.md, 4.3 to 4.5 and 8.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"
#include "core/promql/value.h"

#include <absl/container/flat_hash_map.h>
#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace narthex::rules {

using namespace base::literals;

using SampleValue = std::variant<double, promql::HistogramPtr>;
SampleValue valueOf(const promql::VectorElement& element);

enum class AlertState : std::uint8_t
{
    /// Of a rule that was never evaluated.
    Unknown,
    Inactive,
    Pending,
    Firing
};
/// "unknown", "inactive", "pending", "firing"
std::string_view alertStateText(AlertState state);

struct ActiveAlert
{
    /// Its identity.
    model::Labels labels;
    model::Labels annotations;
    SampleValue value = 0.0;
    /// Inactive: it fired, is resolved, and is told so for a while.
    AlertState state = AlertState::Pending;
    base::Timestamp activeAt;
    std::optional<base::Timestamp> firedAt{};
    std::optional<base::Timestamp> resolvedAt{};
    std::optional<base::Timestamp> lastSentAt{};
    std::optional<base::Timestamp> validUntil{};
    std::optional<base::Timestamp> keepFiringSince{};

    [[nodiscard]] bool isActive() const { return state != AlertState::Inactive; }
};

/// One element of a rule's result.
struct AlertElement
{
    model::Labels labels;
    model::Labels annotations;
    SampleValue value = 0.0;
};

struct AlertPolicy
{
    base::Duration holdFor;
    base::Duration keepFiringFor;
    /// Active alerts; 0: no limit.
    std::int64_t limit = 0;
};

/// How often an alert is said again.
struct SendPolicy
{
    base::Duration resendDelay = 1_min;
    /// Of the group.
    base::Duration interval = 1_min;
    [[nodiscard]] base::Duration validity() const { return std::max(interval, resendDelay) * 4; }
};

class AlertTable
{
public:
    struct Entry
    {
        ActiveAlert alert;
        /// ALERTS while pending and firing, and ALERTS_FOR_STATE; filled by the rule when first
        /// written.
        model::Labels pendingSeries{};
        model::Labels firingSeries{};
        model::Labels forSeries{};
        /// Run in which the alert was among the elements.
        std::uint64_t seen = 0;
    };

    /// Resolved alerts are kept, and said again, for so long.
    static constexpr base::Duration kResolvedRetention = 15_min;

    /// One evaluation at `time`. When an error is returned the table is as before; above the limit
    /// it is empty. `settling`: data may be missing because nobody watched before; nothing fires,
    /// resolves or is forgotten now.
    absl::Status apply(std::vector<AlertElement> elements, const AlertPolicy& policy,
                       base::Timestamp time, bool settling = false);

    /// A time of this length passed unwatched (negative: the clock was set back). The time before
    /// an alert fires, and the time that it keeps firing, go on behind it.
    void skip(base::Duration gap);

    /// Calls `send` for each alert that is to be said at `time`, which is noted as sent.
    void collect(base::Timestamp time, const SendPolicy& policy,
                 absl::FunctionRef<void(const ActiveAlert&)> send);

    void forEach(absl::FunctionRef<void(Entry&)> visit);
    void forEach(absl::FunctionRef<void(const Entry&)> visit) const;
    /// Resolved ones included.
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t activeCount() const { return active_; }
    /// The highest; Inactive when there are none.
    [[nodiscard]] AlertState state() const;

private:
    using Entries = absl::flat_hash_map<std::uint64_t, std::unique_ptr<Entry>>; // by labels' hash

    /// Entries for all elements, new ones in state Unknown.
    absl::Status enter(std::vector<AlertElement>& elements);
    void accept(std::vector<AlertElement>& elements, base::Timestamp time);
    /// False: the entry is to be forgotten.
    bool advance(ActiveAlert& alert, bool present, const AlertPolicy& policy, base::Timestamp time,
                 bool settling) const;

    Entries entries_;
    std::uint64_t run_ = 0;
    std::size_t active_ = 0;
};

} // namespace narthex::rules
