// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What several Alertmanagers say of the same thing, as one. Threads: pure functions.
#pragma once

#include "core/client/alert_data.h"

#include <absl/container/flat_hash_map.h>

#include <string>
#include <vector>

namespace narthex::client {

/// Alerts by fingerprint: one that anybody still tells of counts as active; the earliest start, the
/// latest end; who suppresses it and who gets it are united.
class AlertJoin
{
public:
    void add(std::vector<Alert>& list, Alert alert, const std::string& server);

private:
    absl::flat_hash_map<std::string, std::size_t> places_;
};

/// Silences by their identity: members of a cluster have the same ones. The newest form counts.
class SilenceJoin
{
public:
    void add(std::vector<Silence>& list, Silence silence, const std::string& server);

private:
    absl::flat_hash_map<std::string, std::size_t> places_;
};

} // namespace narthex::client
