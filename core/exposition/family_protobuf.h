// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Families as protobuf messages. Threads: pure functions. Units: milliseconds since the epoch.
// Format: prometheus/client_model io/prometheus/client/metrics.proto.
#pragma once

#include "core/exposition/metric_family.h"

#include <string>

namespace narthex::exposition {

/// Appends the family's message without its length.
void appendFamilyMessage(std::string& out, const MetricFamily& family);
/// Appends the family's message behind its length.
void appendProtobufFamily(std::string& out, const MetricFamily& family);

} // namespace narthex::exposition
