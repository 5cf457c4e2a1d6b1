// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The in-memory store under the name that tests use.
#pragma once

#include "core/storage/memory_store.h"

namespace narthex::test {
using storage::MemoryStore;
} // namespace narthex::test
