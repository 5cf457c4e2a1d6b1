// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// From the labels of an exposed sample to the labels of a series: target labels, metric relabeling,
// limits. Threads: pure functions. Source: spec/scrape.md, section 7, steps 4 to 7.
#pragma once

#include "core/model/labels.h"
#include "core/scrape/job_config.h"

#include <absl/status/status.h>

namespace narthex::scrape {

/// Adds the target's labels and applies metric_relabel_configs. False: the sample is dropped.
bool finishLabels(const JobConfig& job, const model::Labels& targetLabels,
                  model::LabelsBuilder& labels);

/// Errors: InvalidArgument (no name, invalid names), ResourceExhausted (label limits), in
/// Prometheus' wording.
absl::Status checkLabels(const JobConfig& job, const model::LabelsBuilder& labels);

} // namespace narthex::scrape
