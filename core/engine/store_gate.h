// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store seen from outside: there from the start, usable when the replay is done. Owner: Engine.
// Threads: any. Errors: Unavailable until the store is open.
#pragma once

#include "core/base/status.h"
#include "core/engine/engine.h"

namespace narthex::engine {

class StoreGate final : public storage::Queryable, public storage::Appendable
{
public:
    explicit StoreGate(const Engine& engine) : engine_(engine) {}

    absl::StatusOr<std::unique_ptr<storage::Querier>> querier(base::Timestamp from,
                                                              base::Timestamp to) const override
    {
        const auto db = get();
        if (!db) {
            return base::unavailable("the store is not open yet ({})", stateText(engine_.state()));
        }
        return db->querier(from, to);
    }

    std::unique_ptr<storage::Appender> appender() override
    {
        // Scraping starts when the store is open and stops before it closes.
        const auto db = get();
        NARTHEX_CHECK(db != nullptr);
        return db->appender();
    }

    void set(std::shared_ptr<tsdb::Db> db)
    {
        absl::MutexLock lock(&mutex_);
        db_ = std::move(db);
    }

    [[nodiscard]] std::shared_ptr<tsdb::Db> get() const
    {
        absl::MutexLock lock(&mutex_);
        return db_;
    }

private:
    const Engine& engine_;
    mutable absl::Mutex mutex_;
    std::shared_ptr<tsdb::Db> db_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::engine
