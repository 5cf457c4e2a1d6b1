// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The series NARTHEX_ALERT_ACK beside ALERTS: 1 with the alert's labels while an acknowledgement is
// in force, for dashboards and rules. Owner: the Alertmanager. Threads: one at a time. Errors: of
// the store, logged; the next turn tries anew. Source: spec/acknowledge.md, 9.
#pragma once

#include "core/base/log.h"
#include "core/base/time.h"
#include "core/model/labels.h"
#include "core/storage/storage.h"

#include <vector>

namespace narthex::alertmanager {

class AckSeries
{
public:
    /// `store` outlives the object; null: nothing is written.
    AckSeries(storage::Appendable* store, base::Logger log) : store_(store), log_(std::move(log)) {}

    /// The labels of all alerts with an acknowledgement in force; series of others end.
    void write(std::vector<model::Labels> alerts, base::Timestamp now);

private:
    absl::Status append(const std::vector<model::Labels>& alerts, base::Timestamp now);

    storage::Appendable* const store_;
    const base::Logger log_;
    /// Of the last turn, sorted.
    std::vector<model::Labels> written_;
};

} // namespace narthex::alertmanager
