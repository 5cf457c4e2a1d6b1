// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a class of scrape errors is called and what helps.
// Threads: pure functions.
#pragma once

#include "core/client/monitoring_client.h"

#include <QString>

namespace narthex::ui::pages {

/// For the table: "TLS", "timeout"; empty for None.
QString errorClassShort(client::ScrapeErrorClass errorClass);
/// One plain sentence.
QString errorClassTitle(client::ScrapeErrorClass errorClass);
QString errorClassRemedy(client::ScrapeErrorClass errorClass);

} // namespace narthex::ui::pages
