// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small world for rules: a store in memory, an engine, time that the test moves, and what was
// sent. Owner: the test. Threads: the test's own; the pool's for what the manager runs.
#pragma once

#include "core/base/status.h"
#include "core/base/timers.h"
#include "core/promql/series_description.h"
#include "core/rules/manager.h"
#include "core/storage/memory_store.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace narthex::test {

using namespace base::literals;

constexpr base::Timestamp minute(std::int64_t n) { return {n * 60'000}; }

inline model::Labels labelsOf(const std::string& text)
{
    std::size_t length = 0;
    auto labels = promql::parseMetric(text, length);
    if (!labels.ok()) {
        throw std::runtime_error(labels.status().ToString());
    }
    return *labels;
}

class RuleWorld
{
public:
    RuleWorld() : RuleWorld(base::Timestamp{0}) {}
    explicit RuleWorld(base::Timestamp start) : timers(start) {}

    static std::vector<rules::RuleFile> files(const std::string& text)
    {
        auto file = rules::parseRuleFile("r.yml", text, {});
        if (!file.ok()) {
            throw std::runtime_error(file.status().ToString());
        }
        return {*std::move(file)};
    }
    /// The only group of `text`; `head` are its fields besides name and rules.
    std::shared_ptr<rules::Group> group(const std::string& ruleLines, const std::string& head = {},
                                        bool restore = false)
    {
        const auto specs = rules::groupSpecs(
            files("groups:\n- name: g\n" + head + "  rules:\n" + ruleLines), defaults);
        return std::make_shared<rules::Group>(specs.begin()->second, options,
                                              rules::GroupEnvironment{.rules = environment,
                                                                      .timers = timers,
                                                                      .pool = pool,
                                                                      .concurrency = limit,
                                                                      .gaps = gaps,
                                                                      .metrics = metrics},
                                              restore);
    }

    /// `up{a="1"} 1` at each minute in [from, to].
    void put(const std::string& series, std::int64_t from, std::int64_t to, double value = 1)
    {
        for (std::int64_t i = from; i <= to; ++i) {
            store.add(labelsOf(series), minute(i), value);
        }
    }
    void stale(const std::string& series, std::int64_t at)
    {
        store.add(labelsOf(series), minute(at), model::staleMarker());
    }

    /// The value of an instant query, "none", or "stale" where the raw sample at this very time is
    /// a stale marker.
    std::string at(const std::string& query, base::Timestamp time)
    {
        const auto result = engine.instant(store, query, time, {}, {});
        if (!result.ok()) {
            return std::string(base::messageOf(result.status()));
        }
        std::string text;
        for (const auto& element : std::get<promql::Vector>(result->value)) {
            text += fmt::format("{}{} {}", text.empty() ? "" : "; ", element.labels.toString(),
                                element.value);
        }
        return text.empty() ? "none" : text;
    }
    /// Every sample of a series: "minute:value", stale markers as "minute:stale".
    std::string samples(const std::string& series) const
    {
        const auto querier = store.querier(base::Timestamp::min(), base::Timestamp::max());
        const model::Labels labels = labelsOf(series);
        model::Matchers matchers;
        for (const model::LabelView label : labels) {
            matchers.push_back(model::Matcher::equal(label.name, label.value));
        }
        const auto set = (*querier)->select({}, matchers, {});
        const auto all = storage::collect(**set, 100);
        std::string text;
        for (const auto& each : *all) {
            if (each->labels() != labels) {
                continue;
            }
            storage::SampleColumns columns;
            if (!each->read(base::Timestamp::min(), base::Timestamp::max(), columns).ok()) {
                return "unreadable";
            }
            for (std::size_t i = 0; i < columns.times.size(); ++i) {
                text += fmt::format("{}{}:{}", text.empty() ? "" : " ", columns.times[i] / 60'000,
                                    model::isStale(columns.values[i])
                                        ? std::string("stale")
                                        : fmt::format("{}", columns.values[i]));
            }
        }
        return text;
    }

    void receive(model::Alerts alerts)
    {
        const absl::MutexLock lock(&mutex_);
        sent_.insert(sent_.end(), alerts.begin(), alerts.end());
    }
    model::Alerts takeSent()
    {
        const absl::MutexLock lock(&mutex_);
        return std::exchange(sent_, {});
    }

    base::ManualTimers timers;
    base::WorkerPool pool{2};
    storage::MemoryStore store;
    promql::Engine engine{{}, pool, timers.clock()};
    rules::RuleMetrics metrics;
    rules::RuleEnvironment environment{.queries = engine,
                                       .reading = store,
                                       .writing = store,
                                       .clock = timers.clock(),
                                       .sink = [this](model::Alerts a) { receive(std::move(a)); },
                                       .log = base::nullLogger(),
                                       .metrics = &metrics};
    rules::ConcurrencyLimit limit{4};
    rules::GapLog gaps{timers.clock()};
    rules::GroupOptions options{};
    rules::GroupDefaults defaults{};

private:
    absl::Mutex mutex_;
    model::Alerts sent_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::test
