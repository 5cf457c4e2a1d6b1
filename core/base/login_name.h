// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The name under which the user of this process has logged in. Threads: any.
#pragma once

#include <string>

namespace narthex::base {

/// Empty: the system does not know the user.
std::string loginName();

} // namespace narthex::base
