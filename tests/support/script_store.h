// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The in-memory store as test scripts want it. Owner: the script runner. Threads: as MemoryStore.
#pragma once

#include "core/promql/testscript/runner.h"
#include "support/memory_store.h"

#include <memory>

namespace narthex::test {

class MemoryScriptStore final : public promql::testscript::ScriptStore
{
public:
    static std::unique_ptr<promql::testscript::ScriptStore> make()
    {
        return std::make_unique<MemoryScriptStore>();
    }
    storage::Appendable& appendable() override { return store_; }
    storage::Queryable& queryable() override { return store_; }

private:
    MemoryStore store_;
};

} // namespace narthex::test
