// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which server this is and what it offers, found out by small questions. Threads: any. Errors:
// those of the link, 401 and 403. Source: spec/ui.md, 6.13.
#pragma once

#include "core/client/http/server_link.h"

namespace narthex::client {

/// `link` outlives the reply.
void findOffers(ServerLink& link, const std::stop_token& stop, Reply<Offers> reply);

} // namespace narthex::client
