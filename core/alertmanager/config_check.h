// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is checked once all sections are read: the root of the routes, names that are referred to,
// patterns of templates, times that do not fit each other. Threads: one at a time. Errors: reported
// in the document. Source: spec/alertmanager.md, 1.1 and 1.3.
#pragma once

#include "core/alertmanager/config.h"

namespace narthex::alertmanager {

void checkConfig(Config& config, yaml::Fields& fields);

} // namespace narthex::alertmanager
