// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `--enable-feature` of the commands that parse queries. Threads: main.
#pragma once

#include "core/promql/features.h"

#include <string>
#include <vector>

namespace narthex::ctl {

/// Switches on what comma lists name; complains of names that mean nothing.
promql::Features queryFeatures(const std::vector<std::string>& lists);

} // namespace narthex::ctl
