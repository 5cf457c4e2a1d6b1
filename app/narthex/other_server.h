// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is asked when another process already has the data directory. Threads: GUI thread.
#pragma once

#include "app/service/running_server.h"

#include <cstdint>

namespace narthex::app {

enum class OtherServerChoice : std::uint8_t
{
    /// Show what the other one collects.
    Connect,
    /// Open the window on the directory; the store opens as soon as the other one ends.
    Wait,
    Quit
};

/// A dialog; closing it is to quit.
OtherServerChoice askAboutOtherServer(const RunningServer& server);

} // namespace narthex::app
