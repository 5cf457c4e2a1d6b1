// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An alert on its way from whoever found it (rules, a client of the API) to whoever tells people
// (the Alertmanager in this process, external ones). Threads: values.
// Source: spec/rules.md, 8; spec/alertmanager.md, 3.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"

#include <optional>
#include <string>
#include <vector>

namespace narthex::model {

struct Alert
{
    /// Its identity.
    Labels labels;
    /// Empty values vanish, as everywhere.
    Labels annotations;
    /// Absent: the receiver of the alert decides.
    std::optional<base::Timestamp> startsAt;
    /// In the future: it fires until then unless it is said again. Absent: the receiver of the
    /// alert decides.
    std::optional<base::Timestamp> endsAt;
    std::string generatorUrl;

    friend bool operator==(const Alert&, const Alert&) = default;
};

using Alerts = std::vector<Alert>;

} // namespace narthex::model
