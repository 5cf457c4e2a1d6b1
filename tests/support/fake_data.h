// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The invented world of FakeClient: metrics, curves and targets.
// Threads: pure functions.
#pragma once

#include "core/client/monitoring_client.h"

namespace narthex::test {

/// Sorted names with their metadata.
std::vector<client::MetricMetadata> fakeMetrics(bool withBattery);
/// A rough reading of the query: its first known metric, `by (…)`, unclosed brackets and unknown
/// functions as errors.
absl::StatusOr<promql::Matrix> fakeRange(const std::string& query, base::Timestamp from,
                                         base::Timestamp to, base::Duration step);
client::Targets fakeTargets(base::Timestamp now);
client::ServerStatus fakeStatus(base::Timestamp now);

} // namespace narthex::test
