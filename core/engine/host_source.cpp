// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/host_source.h"

#include "core/host/collector.h"

namespace narthex::engine {
namespace {

class HostSource final : public scrape::PageSource
{
public:
    HostSource(base::WorkerPool& pool, const base::Clock& clock, base::Logger log)
        : pool_(pool),
          collector_(std::make_shared<host::HostCollector>(host::CollectorOptions{}, clock,
                                                           std::move(log)))
    {}

    void fetch(const scrape::Target&, std::string buffer, Reply reply) override
    {
        // std::function wants something copyable.
        auto holder = std::make_shared<Reply>(std::move(reply));
        auto page = std::make_shared<std::string>(std::move(buffer));
        pool_.submit([collector = collector_, holder, page] {
            page->clear();
            collector->collect(*page);
            (*holder)(
                {.page = {.body = std::move(*page), .contentType = "text/plain; version=0.0.4"}});
        });
    }

    void cancel() override {} // a pass takes milliseconds

private:
    base::WorkerPool& pool_;
    const std::shared_ptr<host::HostCollector> collector_;
};

} // namespace

std::unique_ptr<scrape::PageSource> makeHostSource(base::WorkerPool& pool, const base::Clock& clock,
                                                   base::Logger log)
{
    return std::make_unique<HostSource>(pool, clock, std::move(log));
}

} // namespace narthex::engine
