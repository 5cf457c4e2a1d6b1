// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tables of the Alertmanager. Threads: static data. Source: spec/alertmanager.md, 3 and 7;
// spec/acknowledge.md, 10.
#pragma once

#include "core/state/database.h"

#include <span>

namespace narthex::alertmanager {

/// Versions 1, 2, …; the engine puts them among those of others.
std::span<const state::Migration> migrations();

} // namespace narthex::alertmanager
