// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `--enable-feature` of the commands that parse queries. Threads: main.
#pragma once

#include "core/promql/features.h"

#include <CLI/CLI.hpp>

namespace narthex::ctl {

void addFeatureOption(CLI::App& command);

/// What --enable-feature of the command and of those above it names; complains of names that mean
/// nothing.
promql::Features queryFeatures(const CLI::App& command);

} // namespace narthex::ctl
