// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The alerts that tests of acknowledgements speak of. Threads: the test's own.
#pragma once

#include "am_world.h"

#include <utility>

namespace narthex::tests {

inline model::Labels ackAlert(const char* instance, const char* severity = "")
{
    return {{"alertname", "A"}, {"i", instance}, {"severity", severity}};
}

inline const model::Labels kX = ackAlert("x");
inline const model::Labels kY = ackAlert("y");

inline alertmanager::AlertmanagerOptions with(alertmanager::AckSettings settings)
{
    return {.startDelay = {}, .acknowledgements = std::move(settings), .seed = 1};
}

/// The one that there is; an empty one if there are none or several.
inline alertmanager::Acknowledgement only(AmWorld& world)
{
    const auto all = world->acknowledgements();
    return all.size() == 1 ? all[0] : alertmanager::Acknowledgement{};
}

} // namespace narthex::tests
