// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The functions of notification templates. Threads: pure. Source: spec/alertmanager.md, 9.2.
#pragma once

#include "core/alertmanager/receivers/template_data.h"
#include "core/gotemplate/template.h"

namespace narthex::alertmanager {

/// All of them; `now`, `since` and `routeLabels` are bound when executing.
gotemplate::Functions notificationFunctions();
gotemplate::Functions functionsFor(const NotificationData& data);

} // namespace narthex::alertmanager
