// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pushed groups as the page source of an in-process target.
// Threads: see scrape::PageSource. Source: spec/pushgateway.md, 1 and 7.
#pragma once

#include "core/push/push_store.h"
#include "core/scrape/manager.h"

#include <memory>

namespace narthex::engine {

/// The job "pushgateway", which takes the labels of the pushes as they are. `pool` outlives it.
scrape::InternalJob pushJob(std::shared_ptr<push::PushStore> store, base::WorkerPool& pool,
                            base::Duration interval);

} // namespace narthex::engine
