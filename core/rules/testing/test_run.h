// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One test of a file as it runs: a store of its own, the rules, time step by step, the checks.
// Owner: the runner, for the time of one test. Threads: one. Source: spec/rules.md, 12.4 to 12.7.
#pragma once

#include "core/base/clock.h"
#include "core/base/worker_pool.h"
#include "core/promql/engine.h"
#include "core/rules/rule_set.h"
#include "core/rules/testing/test_file.h"
#include "core/rules/testing/test_report.h"
#include "core/storage/memory_store.h"

#include <memory>
#include <string>
#include <vector>

namespace narthex::rules::testing {

/// What the tests of one file share.
struct TestSetting
{
    const TestFile& file;
    /// In order of evaluation.
    const std::vector<RuleGroup>& groups;
    /// Switches of the language.
    promql::EngineOptions engine;
    base::WorkerPool& pool;
    const base::Clock& clock;
};

class TestRun
{
public:
    TestRun(const RuleTest& test, const TestSetting& setting);
    /// Steps, then checks; failures go to `result`.
    void run(TestCase& result);
    /// Every series with its samples.
    [[nodiscard]] std::vector<std::string> dump() const;
    /// After run(): alerts of this name that fire, in no order.
    [[nodiscard]] std::vector<ActiveAlert> firing(std::string_view alertname) const;
    /// After run(): the result of an expression at a time of the test.
    [[nodiscard]] absl::StatusOr<promql::Vector> query(std::string_view expr,
                                                       base::Duration evalTime) const;

private:
    struct Input
    {
        const promql::SeriesDescription* description = nullptr;
        std::size_t next = 0;
        promql::HistogramPtr previous;
    };

    [[nodiscard]] base::Duration lastCheck() const;
    /// Samples up to and with `time`. Errors: what the store refuses.
    absl::Status load(base::Timestamp time);
    absl::Status loadSeries(storage::Appender& appender, Input& input, base::Timestamp time);
    /// False: a rule failed.
    bool evaluate(base::Timestamp time, TestCase& result);
    void checkAlerts(base::Timestamp time, TestCase& result) const;
    void checkAlert(const AlertCheck& check, TestCase& result) const;
    void checkExpression(const ExprCheck& check, TestCase& result) const;

    const RuleTest& test_;
    const TestSetting setting_;
    storage::MemoryStore store_;
    promql::Engine engine_;
    const RuleEnvironment environment_;
    std::vector<std::unique_ptr<RuleSet>> groups_;
    std::vector<Input> inputs_;
};

} // namespace narthex::rules::testing
