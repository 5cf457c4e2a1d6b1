// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// AlertClient over the Alertmanager of this process. Owner: app; dies before the engine, after
// every reply was given. Threads: every function from any thread; replies come on the engine's
// request pool. Errors: Unavailable until the engine has started its Alertmanager.
#pragma once

#include "core/client/alert_client.h"
#include "core/engine/engine.h"

#include <memory>

namespace narthex::client {

/// `engine` outlives the client.
std::unique_ptr<AlertClient> makeEmbeddedAlertClient(engine::Engine& engine);

} // namespace narthex::client
