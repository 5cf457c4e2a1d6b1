// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The collector of this machine as the page source of an in-process target.
// Threads: see scrape::PageSource.
#pragma once

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/worker_pool.h"
#include "core/scrape/page_source.h"

#include <memory>

namespace narthex::engine {

/// `pool` and `clock` outlive the source.
std::unique_ptr<scrape::PageSource> makeHostSource(base::WorkerPool& pool, const base::Clock& clock,
                                                   base::Logger log);

} // namespace narthex::engine
