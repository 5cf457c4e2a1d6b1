// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/group.h"

#include "core/base/hash.h"
#include "core/base/status.h"

namespace narthex::rules {
namespace {

/// Alerts are known well enough to be restored after so many evaluations.
constexpr int kRunsBeforeRestore = 2;

std::int64_t floorTo(std::int64_t value, std::int64_t step)
{
    const std::int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

} // namespace

bool GroupSpec::sameAs(const GroupSpec& other) const
{
    return file == other.file && *surroundings == *other.surroundings &&
           printGroup(definition) == printGroup(other.definition);
}

base::Timestamp slotAt(const GroupSpec& spec, base::Timestamp now)
{
    const std::int64_t interval = std::max<std::int64_t>(spec.interval().ms(), 1);
    const auto offset =
        static_cast<std::int64_t>(base::hash64(spec.key()) % static_cast<std::uint64_t>(interval));
    return {floorTo(now.ms - offset, interval) + offset};
}

Group::Group(GroupSpec spec, GroupOptions options, const GroupEnvironment& environment,
             bool restore)
    : spec_(std::move(spec)),
      options_(options),
      environment_(environment),
      origin_{.ruleFile = spec_.file, .ruleGroup = spec_.definition.name},
      dependencies_(dependenciesOf(spec_.definition.rules)),
      rules_(spec_.definition, environment.rules,
             {.surroundings = spec_.surroundings,
              .restored = !restore,
              .concurrent = options.concurrent}),
      gapsSeen_(environment.gaps.total()),
      untilRestore_(restore ? kRunsBeforeRestore : 0)
{
    stats_.interval = spec_.interval();
    stats_.rules = spec_.definition.rules.size();
}

void Group::start()
{
    const absl::MutexLock lock(&mutex_);
    started_ = true;
    if (!lastSlot_) {
        lastSlot_ = slotAt(spec_, environment_.timers.clock().now());
    }
    schedule();
}

void Group::stop()
{
    ending_.store(true);
    std::optional<base::TimerId> timer;
    {
        const absl::MutexLock lock(&mutex_);
        started_ = false;
        timer = std::exchange(timer_, std::nullopt);
    }
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    const absl::MutexLock lock(&mutex_);
    const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !running_; };
    mutex_.Await(absl::Condition(&idle));
}

void Group::schedule()
{
    const base::Clock& clock = environment_.timers.clock();
    const base::Timestamp now = clock.now();
    const base::Duration delay = slotAt(spec_, now) + spec_.interval() - now;
    due_ = clock.monotonic() + delay;
    timer_ = environment_.timers.schedule(delay, [self = weak_from_this()] {
        if (const std::shared_ptr<Group> group = self.lock()) {
            group->tick();
        }
    });
}

void Group::tick()
{
    {
        const absl::MutexLock lock(&mutex_);
        timer_.reset();
        if (!started_) {
            return;
        }
    }
    environment_.pool.submit([self = shared_from_this()] { self->run(); });
}

std::optional<base::Timestamp> Group::takeSlot()
{
    const base::Timestamp now = environment_.timers.clock().now();
    const base::Timestamp slot = slotAt(spec_, now);
    const base::Timestamp last = lastSlot_.value_or(slot - spec_.interval());
    if (slot <= last && last - now < spec_.interval()) {
        return std::nullopt; // the steady clock is a little ahead of the wall clock
    }
    const std::int64_t missed = (slot - last).ns / spec_.interval().ns - 1;
    if (missed > 0) {
        stats_.missed += static_cast<std::uint64_t>(missed);
        stats_.iterations += static_cast<std::uint64_t>(missed);
    }
    lastSlot_ = slot;
    return slot;
}

bool Group::watchGaps()
{
    const base::Duration total = environment_.gaps.total();
    const base::Timestamp now = environment_.timers.clock().now();
    const bool isNew = total != gapsSeen_;
    if (isNew) {
        rules_.skip(total - gapsSeen_);
        gapsSeen_ = total;
    }
    const absl::MutexLock lock(&mutex_);
    if (isNew) {
        settlingUntil_ = now + options_.settleAfterGap;
    }
    if (settlingUntil_ && now >= *settlingUntil_) {
        settlingUntil_.reset();
    }
    return settlingUntil_.has_value();
}

void Group::run()
{
    std::optional<base::Timestamp> slot;
    base::Duration due;
    {
        const absl::MutexLock lock(&mutex_);
        if (!started_) {
            return; // stopped while the run waited in the pool: nothing of it may be touched
        }
        running_ = true;
        slot = takeSlot();
        due = due_;
    }
    environment_.gaps.observe(due, spec_.interval());
    if (slot) {
        evaluate(*slot, watchGaps());
        bool restoreNow = false;
        {
            const absl::MutexLock lock(&mutex_);
            restoreNow = started_ && untilRestore_ > 0 && --untilRestore_ == 0;
        }
        if (restoreNow) {
            restore();
        }
    }
    const absl::MutexLock lock(&mutex_);
    running_ = false;
    if (started_) {
        schedule();
    }
}

EvaluationReport Group::evaluate(base::Timestamp slot, bool settling)
{
    const base::Clock& clock = environment_.timers.clock();
    const base::Timestamp began = clock.now();
    const base::Duration begin = clock.monotonic();
    const RunContext context{
        .slot = slot,
        .queryTime = slot - spec_.definition.queryOffset.value_or(0_ns),
        .limit = spec_.definition.limit,
        .sending = {.resendDelay = options_.resendDelay, .interval = spec_.interval()},
        .settling = settling,
        .origin = &origin_,
        .stop = {}};
    EvaluationReport report =
        rules_.evaluate(context, {&environment_.pool, &environment_.concurrency}, ending_);
    const base::Duration end = clock.monotonic();
    environment_.metrics.observeGroup(end, end - begin);
    const absl::MutexLock lock(&mutex_);
    stats_.iterations += 1;
    stats_.evaluations += report.evaluations;
    stats_.failures += report.failures;
    stats_.lastEvaluation = began;
    stats_.lastDuration = end - begin;
    stats_.lastRuleTime = report.ruleTime;
    stats_.lastSamples = report.samples;
    return report;
}

void Group::restore()
{
    const base::Clock& clock = environment_.timers.clock();
    const base::Duration begin = clock.monotonic();
    const base::Timestamp now = clock.now();
    for (AlertingRule* rule : rules_.alertingRules()) {
        if (const absl::Status status = rule->restore(now, options_.restore, {}); !status.ok()) {
            environment_.rules.log->error(
                "rules: alerts are not restored group={} alert={} error={}", spec_.definition.name,
                rule->definition().name, base::messageOf(status));
        }
    }
    const absl::MutexLock lock(&mutex_);
    stats_.lastRestoreDuration = clock.monotonic() - begin;
}

void Group::copyState(Group& other)
{
    rules_.copyState(other.rules_);
    gapsSeen_ = other.gapsSeen_;
    std::optional<base::Timestamp> settling;
    {
        const absl::MutexLock lock(&other.mutex_);
        settling = other.settlingUntil_;
    }
    GroupStats stats = other.stats();
    stats.interval = spec_.interval();
    stats.rules = spec_.definition.rules.size();
    const bool restoring = other.needsRestore();
    const absl::MutexLock lock(&mutex_);
    stats_ = stats;
    settlingUntil_ = settling;
    untilRestore_ = restoring ? kRunsBeforeRestore : 0;
}

GroupStats Group::stats() const
{
    const absl::MutexLock lock(&mutex_);
    return stats_;
}

bool Group::needsRestore() const
{
    const absl::MutexLock lock(&mutex_);
    return untilRestore_ > 0;
}

RuleSnapshot snapshotOf(const EvaluatedRule& rule, bool withAlerts)
{
    const Rule& definition = rule.definition();
    RuleSnapshot result{.kind = definition.kind,
                        .name = definition.name,
                        .query = rule.query(),
                        .holdFor = definition.holdFor,
                        .keepFiringFor = definition.keepFiringFor,
                        .labels = definition.labels,
                        .annotations = definition.annotations,
                        .line = definition.line,
                        .status = rule.status(),
                        .state = AlertState::Unknown,
                        .alerts = {},
                        .reads = {}};
    if (const auto* alerting = dynamic_cast<const AlertingRule*>(&rule)) {
        result.state = alerting->state();
        if (withAlerts) {
            result.alerts = alerting->alerts();
        }
    }
    return result;
}

GroupSnapshot Group::snapshot(bool withAlerts) const
{
    GroupSnapshot result{.name = spec_.definition.name,
                         .file = spec_.file,
                         .interval = spec_.interval(),
                         .queryOffset = spec_.definition.queryOffset.value_or(0_ns),
                         .limit = spec_.definition.limit,
                         .stats = stats(),
                         .nextSlot = std::nullopt,
                         .settlingUntil = std::nullopt,
                         .rules = {}};
    {
        const absl::MutexLock lock(&mutex_);
        result.settlingUntil = settlingUntil_;
        if (started_) {
            result.nextSlot = slotAt(spec_, environment_.timers.clock().now()) + spec_.interval();
        }
    }
    for (std::size_t i = 0; i < rules_.rules().size(); ++i) {
        result.rules.push_back(snapshotOf(*rules_.rules()[i], withAlerts));
        result.rules.back().reads = dependencies_.reads[i];
    }
    return result;
}

} // namespace narthex::rules
