// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/fake_client.h"

#include "core/base/clock.h"
#include "support/fake_data.h"

#include <set>

namespace narthex::test {
namespace {

base::Timestamp now() { return base::SystemClock().now(); }

client::QueryResult resultOf(promql::Value value)
{
    auto result = std::make_shared<promql::Result>();
    result->value = std::move(value);
    result->statistics.execTotalTime = base::Duration::fromMs(4);
    result->statistics.evalTotalTime = base::Duration::fromMs(3);
    result->statistics.queryPreparationTime = base::Duration::fromMs(1);
    result->statistics.totalQueryableSamples = 1446;
    result->statistics.peakSamples = 240;
    return result;
}

} // namespace

FakeClient::FakeClient() : targets_(fakeTargets(now())), status_(fakeStatus(now())) {}

FakeClient::~FakeClient() = default;

void FakeClient::setFailure(absl::Status failure)
{
    const absl::MutexLock lock(&mutex_);
    failure_ = std::move(failure);
}

void FakeClient::setTargets(client::Targets targets)
{
    const absl::MutexLock lock(&mutex_);
    targets_ = std::move(targets);
}

void FakeClient::setStatus(client::ServerStatus status)
{
    const absl::MutexLock lock(&mutex_);
    status_ = std::move(status);
}

client::Targets FakeClient::targetsNow()
{
    const absl::MutexLock lock(&mutex_);
    return targets_;
}

template <typename T, typename Make>
void FakeClient::answer(std::stop_token stop, client::Reply<T> reply, Make make)
{
    auto shared = std::make_shared<client::Reply<T>>(std::move(reply));
    worker_.submit([this, stop = std::move(stop), shared, make = std::move(make)] {
        if (stop.stop_requested()) {
            (*shared)(base::cancelled("stopped"));
            return;
        }
        absl::Status failure;
        {
            const absl::MutexLock lock(&mutex_);
            failure = failure_;
        }
        if (!failure.ok()) {
            (*shared)(failure);
            return;
        }
        (*shared)(make());
    });
}

void FakeClient::query(client::InstantQuery query, std::stop_token stop,
                       client::Reply<client::QueryResult> reply)
{
    ++queries_;
    answer<client::QueryResult>(
        std::move(stop), std::move(reply), [this, query]() -> absl::StatusOr<client::QueryResult> {
            if (empty_) {
                return resultOf(promql::Vector{});
            }
            const base::Timestamp at = query.time.value_or(now());
            NARTHEX_ASSIGN_OR_RETURN(promql::Matrix matrix,
                                     fakeRange(query.query, at, at, base::Duration::fromMs(1000)));
            promql::Vector vector;
            for (promql::MatrixSeries& series : matrix) {
                vector.push_back(
                    {std::move(series.labels), at, series.points.back().value, nullptr});
            }
            return resultOf(std::move(vector));
        });
}

void FakeClient::queryRange(client::RangeQuery query, std::stop_token stop,
                            client::Reply<client::QueryResult> reply)
{
    ++queries_;
    answer<client::QueryResult>(
        std::move(stop), std::move(reply), [this, query]() -> absl::StatusOr<client::QueryResult> {
            if (empty_) {
                return resultOf(promql::Matrix{});
            }
            NARTHEX_ASSIGN_OR_RETURN(promql::Matrix matrix,
                                     fakeRange(query.query, query.from, query.to, query.step));
            return resultOf(std::move(matrix));
        });
}

void FakeClient::series(client::SeriesFilter, std::stop_token stop,
                        client::Reply<std::vector<model::Labels>> reply)
{
    answer<std::vector<model::Labels>>(std::move(stop), std::move(reply),
                                       [] { return std::vector<model::Labels>{}; });
}

void FakeClient::labelNames(client::SeriesFilter, std::stop_token stop,
                            client::Reply<std::vector<std::string>> reply)
{
    answer<std::vector<std::string>>(std::move(stop), std::move(reply), [] {
        return std::vector<std::string>{"__name__", "cpu", "device", "instance", "job", "mode"};
    });
}

void FakeClient::labelValues(std::string label, client::SeriesFilter, std::stop_token stop,
                             client::Reply<std::vector<std::string>> reply)
{
    answer<std::vector<std::string>>(std::move(stop), std::move(reply), [this, label] {
        std::vector<std::string> values;
        if (label == "__name__" && !empty_) {
            for (const client::MetricMetadata& metric : fakeMetrics(battery_)) {
                values.push_back(metric.metric);
            }
        } else if (label == "job") {
            values = {"api", "host", "managed-kafka", "node", "postgres", "prometheus"};
        } else if (label == "instance") {
            values = {"app-1:9100", "app-2:9100", "db-1:9100"};
        } else if (label == "mode") {
            values = {"idle", "iowait", "system", "user"};
        }
        return values;
    });
}

void FakeClient::metadata(std::string, std::stop_token stop,
                          client::Reply<std::vector<client::MetricMetadata>> reply)
{
    answer<std::vector<client::MetricMetadata>>(std::move(stop), std::move(reply), [this] {
        return empty_ ? std::vector<client::MetricMetadata>{} : fakeMetrics(battery_);
    });
}

void FakeClient::targets(std::stop_token stop, client::Reply<client::Targets> reply)
{
    answer<client::Targets>(std::move(stop), std::move(reply), [this] { return targetsNow(); });
}

void FakeClient::buildInfo(std::stop_token stop, client::Reply<client::BuildInfo> reply)
{
    answer<client::BuildInfo>(std::move(stop), std::move(reply), [] {
        return client::BuildInfo{"Narthex", "0.1.0", "fake"};
    });
}

void FakeClient::status(std::stop_token stop, client::Reply<client::ServerStatus> reply)
{
    answer<client::ServerStatus>(std::move(stop), std::move(reply), [this] {
        const absl::MutexLock lock(&mutex_);
        return status_;
    });
}

void FakeClient::scrapeNow(std::string targetId, std::stop_token stop, client::Reply<bool> reply)
{
    ++scrapes_;
    answer<bool>(std::move(stop), std::move(reply), [this, targetId]() -> absl::StatusOr<bool> {
        {
            const absl::MutexLock lock(&mutex_);
            for (client::TargetInfo& target : targets_.active) {
                if (target.id == targetId) {
                    target.lastScrape = now();
                    return true;
                }
            }
        }
        return base::notFound("no target {}", targetId);
    });
}

void FakeClient::reloadConfiguration(std::stop_token stop, client::Reply<bool> reply)
{
    answer<bool>(std::move(stop), std::move(reply), [] { return true; });
}

void FakeClient::raise(client::Event event)
{
    worker_.submit([this, event] {
        std::vector<std::function<void(client::Event)>> all;
        {
            const absl::MutexLock lock(&mutex_);
            for (const auto& [number, subscriber] : subscribers_) {
                all.push_back(subscriber);
            }
        }
        for (const auto& subscriber : all) {
            subscriber(event);
        }
    });
}

client::Subscription FakeClient::subscribe(std::function<void(client::Event)> onEvent)
{
    const absl::MutexLock lock(&mutex_);
    const int number = nextSubscriber_++;
    subscribers_.emplace(number, std::move(onEvent));
    return client::Subscription([this, number] {
        const absl::MutexLock inner(&mutex_);
        subscribers_.erase(number);
    });
}

} // namespace narthex::test
