// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The push endpoint's groups: opened with the database, scraped once there is one.
#include "core/base/status.h"
#include "core/engine/engine.h"

namespace narthex::engine {

void Engine::openPushed()
{
    if (!options_.push.enabled) {
        return;
    }
    auto store = std::make_shared<push::PushStore>(
        options_.push.store,
        push::PushStore::Environment{
            .pool = environment_.pool,
            .clock = clock(),
            .database = stateDatabase_.get(),
            .log = environment_.log.logger("push"),
            .ownFamilies =
                [this] {
                    std::function<std::vector<exposition::MetricFamily>()> families;
                    {
                        absl::MutexLock lock(&pushMutex_);
                        families = ownFamilies_;
                    }
                    return families ? families() : std::vector<exposition::MetricFamily>();
                },
            // The in-process target is there from now on.
            .onFirstGroup =
                [this] {
                    const absl::MutexLock lock(&reloadMutex_);
                    applyJobs(*configuration());
                }});
    if (const absl::Status status = store->load(); !status.ok()) {
        setProblem("push.load", Severity::Warning, "storage",
                   fmt::format("pushed groups could not be read from the database: {}",
                               base::messageOf(status)));
    }
    absl::MutexLock lock(&pushMutex_);
    pushed_ = std::move(store);
}

std::shared_ptr<push::PushStore> Engine::pushed() const
{
    absl::MutexLock lock(&pushMutex_);
    return pushed_;
}

void Engine::setOwnFamilies(std::function<std::vector<exposition::MetricFamily>()> families)
{
    absl::MutexLock lock(&pushMutex_);
    ownFamilies_ = std::move(families);
}

} // namespace narthex::engine
