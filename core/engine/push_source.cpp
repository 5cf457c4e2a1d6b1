// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/push_source.h"

#include "core/exposition/family_writer.h"
#include "core/host/collector.h"

#include <algorithm>

namespace narthex::engine {
namespace {

class PushSource final : public scrape::PageSource
{
public:
    PushSource(std::shared_ptr<push::PushStore> store, base::WorkerPool& pool)
        : store_(std::move(store)), pool_(pool)
    {}

    void fetch(const scrape::Target& /*target*/, std::string /*buffer*/, Reply reply) override
    {
        // std::function wants something copyable.
        auto holder = std::make_shared<Reply>(std::move(reply));
        pool_.submit([store = store_, holder] {
            // Messages, for they alone carry native histograms.
            constexpr auto kFormat = exposition::PageFormat::Protobuf;
            (*holder)({.page = {.body = exposition::writePage(store->families(), kFormat),
                                .contentType = "application/vnd.google.protobuf; "
                                               "proto=io.prometheus.client.MetricFamily; "
                                               "encoding=delimited"}});
        });
    }

    void cancel() override {} // a page takes milliseconds

private:
    const std::shared_ptr<push::PushStore> store_;
    base::WorkerPool& pool_;
};

} // namespace

scrape::InternalJob pushJob(std::shared_ptr<push::PushStore> store, base::WorkerPool& pool,
                            base::Duration interval)
{
    scrape::JobConfig job{.jobName = "pushgateway", .interval = interval, .honorLabels = true};
    job.timeout = std::min(job.timeout, job.interval);
    job.metricsPath = "/push/metrics";
    job.scrapeNativeHistograms = true;
    job.alwaysScrapeClassicHistograms = true;
    return {.job = std::make_shared<const scrape::JobConfig>(std::move(job)),
            .instance = host::HostCollector::hostName(),
            .makeSource = [store = std::move(store), &pool] {
                return std::make_unique<PushSource>(store, pool);
            }};
}

} // namespace narthex::engine
