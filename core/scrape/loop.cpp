// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/loop.h"

#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::scrape {
namespace {

constexpr std::size_t kHistory = 1440;

} // namespace

ScrapeLoop::ScrapeLoop(ScrapeEnvironment environment, std::shared_ptr<const JobConfig> job,
                       std::shared_ptr<const Target> target, std::unique_ptr<PageSource> source,
                       std::shared_ptr<FailureLog> failureLog, std::uint64_t offsetSeed)
    : environment_(std::move(environment)),
      job_(std::move(job)),
      offsetSeed_(offsetSeed),
      interval_(target->interval),
      timeout_(target->timeout),
      id_(fmt::format("{}/{:016x}", target->job, target->hash)),
      source_(std::move(source)),
      failureLog_(std::move(failureLog)),
      target_(std::move(target)),
      appender_({.job = job_,
                 .target = target_,
                 .startTimes = environment_.startTimes,
                 .typeAndUnitLabels = environment_.typeAndUnitLabels,
                 .customBuckets = environment_.customBuckets},
                environment_.store, environment_.counters)
{}

void LeavingLoops::add(std::shared_ptr<ScrapeLoop> loop)
{
    const absl::MutexLock lock(&mutex_);
    const ScrapeLoop* const key = loop.get();
    loops_.emplace(key, std::move(loop));
}

void LeavingLoops::remove(const ScrapeLoop* loop)
{
    std::shared_ptr<ScrapeLoop> last; // may be the last reference: freed without the lock
    const absl::MutexLock lock(&mutex_);
    if (const auto found = loops_.find(loop); found != loops_.end()) {
        last = std::move(found->second);
        loops_.erase(found);
    }
}

void LeavingLoops::abandonAll()
{
    while (true) {
        std::map<const ScrapeLoop*, std::shared_ptr<ScrapeLoop>> loops;
        {
            const absl::MutexLock lock(&mutex_);
            loops = std::exchange(loops_, {});
        }
        if (loops.empty()) {
            return;
        }
        for (const auto& [key, loop] : loops) {
            loop->abandon();
        }
    }
}

void ScrapeLoop::expectPredecessor()
{
    const absl::MutexLock lock(&mutex_);
    waiting_ = true;
}

void ScrapeLoop::startAfter(ScrapeLoop& predecessor)
{
    std::function<void()> then;
    {
        const absl::MutexLock lock(&mutex_);
        const absl::MutexLock otherLock(&predecessor.mutex_);
        appender_.inherit(std::move(predecessor.appender_));
        status_ = predecessor.status_;
        healthSince_ = predecessor.healthSince_;
        history_ = std::move(predecessor.history_);
        metadata_ = std::move(predecessor.metadata_);
        waiting_ = false;
        if (stopped_) {
            then = std::exchange(then_, nullptr);
        } else if (interval_ == predecessor.interval_ &&
                   predecessor.nextScheduled_ != base::Timestamp{}) {
            // A tick that was due while the one took the other's place is not lost.
            nextScheduled_ = predecessor.nextScheduled_;
            timer_ = environment_.timers.schedule(
                nextScheduled_ - environment_.timers.clock().now(), [weak = weak_from_this()] {
                    if (const auto self = weak.lock()) {
                        self->onTimer();
                    }
                });
        }
    }
    environment_.leaving->remove(&predecessor);
    if (then) {
        then();
        return;
    }
    const bool scheduled = [this] {
        const absl::MutexLock lock(&mutex_);
        return timer_.has_value() || stopped_;
    }();
    if (!scheduled) {
        start();
    }
}

void ScrapeLoop::start()
{
    absl::MutexLock lock(&mutex_);
    if (stopped_) {
        return;
    }
    const base::Timestamp now = environment_.timers.clock().now();
    const base::Duration delay = target_->untilNextScrape(now, offsetSeed_);
    nextScheduled_ = now + delay;
    timer_ = environment_.timers.schedule(delay, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->onTimer();
        }
    });
}

// The phase is one of the wall clock; ticks that were missed (a slow scrape, sleep) are left out.
void ScrapeLoop::scheduleNextLocked()
{
    const base::Timestamp now = environment_.timers.clock().now();
    const std::int64_t behindMs = now.ms - nextScheduled_.ms;
    base::Duration delay;
    if (behindMs < -interval_.ms() || behindMs > 10 * interval_.ms()) {
        delay = target_->untilNextScrape(now, offsetSeed_); // the clock was moved
        nextScheduled_ = now + delay;
    } else {
        const std::int64_t intervalMs = std::max<std::int64_t>(1, interval_.ms());
        const std::int64_t steps = std::max<std::int64_t>(1, behindMs / intervalMs + 1);
        nextScheduled_ = nextScheduled_ + interval_ * steps;
        delay = nextScheduled_ - now;
    }
    timer_ = environment_.timers.schedule(delay, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->onTimer();
        }
    });
}

void ScrapeLoop::onTimer()
{
    base::Timestamp scheduled;
    {
        absl::MutexLock lock(&mutex_);
        timer_.reset();
        if (stopped_) {
            return;
        }
        scheduled = nextScheduled_;
        scheduleNextLocked();
    }
    begin(scheduled, nullptr);
}

base::Timestamp ScrapeLoop::alignedLocked(base::Timestamp scheduled) const
{
    const base::Timestamp now = environment_.timers.clock().now();
    const TimestampAlignment& alignment = environment_.alignment;
    const std::int64_t toleranceMs = std::min(alignment.tolerance.ms(), interval_.ms() / 100);
    return alignment.enabled && std::abs(now.ms - scheduled.ms) <= toleranceMs ? scheduled : now;
}

void ScrapeLoop::begin(base::Timestamp scheduled, std::function<void()> done)
{
    base::Timestamp time;
    std::string forced;
    std::string buffer;
    std::shared_ptr<const Target> target;
    {
        absl::MutexLock lock(&mutex_);
        if (running_ || stopped_) {
            if (done) {
                environment_.pool.submit(std::move(done));
            }
            return;
        }
        running_ = true;
        ++busy_;
        const base::Duration now = environment_.timers.clock().monotonic();
        if (lastBegin_) {
            discovery::Metrics& metrics = environment_.counters.detailed;
            const model::Labels labels{{"interval", base::formatDuration(interval_)}};
            const double seconds = (now - *lastBegin_).seconds();
            metrics.observe("prometheus_target_interval_length_seconds", labels, seconds, now);
            metrics.observeBuckets("prometheus_target_interval_length_histogram_seconds", labels,
                                   seconds);
        }
        lastBegin_ = now;
        time = alignedLocked(scheduled);
        forced = forcedError_;
        buffer = std::move(buffer_);
        target = target_;
    }
    const base::Duration started = environment_.timers.clock().monotonic();
    // A worker parses; the loop's thread only hands over.
    auto hand = [self = shared_from_this(), time, started,
                 done = std::move(done)](FetchResult result) mutable {
        auto holder = std::make_shared<FetchResult>(std::move(result));
        self->environment_.pool.submit([self, time, started, holder, done = std::move(done)] {
            self->process(std::move(*holder), time, started, done);
        });
    };
    if (!forced.empty()) {
        hand({.error = {.status = absl::ResourceExhaustedError(forced),
                        .errorClass = ErrorClass::LimitExceeded}});
        return;
    }
    source_->fetch(*target, std::move(buffer), std::move(hand));
}

void ScrapeLoop::process(FetchResult result, base::Timestamp time, base::Duration started,
                         const std::function<void()>& done)
{
    const base::Clock& clock = environment_.timers.clock();
    const auto elapsed = [&clock, started] { return clock.monotonic() - started; };
    const bool cancelled = absl::IsCancelled(result.error.status);
    std::function<void()> then;
    if (!cancelled) {
        logFailure(result, time);
        const AppendOutcome outcome = appender_.append(std::move(result), time, timeout_, elapsed);
        const base::Duration took = elapsed();
        record(outcome, time, took);
        if (job_->extraScrapeMetrics) {
            environment_.counters.detailed.observeBuckets(
                "prometheus_target_scrape_duration_seconds", {}, took.seconds());
        }
    }
    {
        absl::MutexLock lock(&mutex_);
        buffer_ = appender_.takeBuffer();
        running_ = false;
        then = std::exchange(then_, nullptr);
    }
    if (then) {
        then();
    }
    if (!cancelled && environment_.onScraped) {
        environment_.onScraped();
    }
    if (done) {
        done();
    }
    const absl::MutexLock lock(&mutex_);
    --busy_;
}

void ScrapeLoop::record(const AppendOutcome& outcome, base::Timestamp time, base::Duration took)
{
    absl::MutexLock lock(&mutex_);
    const Health health = outcome.status.ok() ? Health::Up : Health::Down;
    const std::string error(base::messageOf(outcome.status));
    if (health == Health::Down && error != status_.lastError) {
        environment_.log->warn("scrape: failed job={} url={} err=\"{}\"", target_->job,
                               target_->url, error);
    }
    if (health != status_.health) {
        healthSince_ = time;
    }
    status_.health = health;
    status_.lastError = error;
    status_.errorClass = outcome.errorClass;
    status_.lastScrape = time;
    status_.lastDuration = took;
    status_.samplesScraped = outcome.samplesScraped;
    status_.samplesAfterRelabeling = outcome.samplesAfterRelabeling;
    status_.seriesAdded = outcome.seriesAdded;
    status_.bodyBytes = outcome.bodyBytes;
    if (history_.size() == kHistory) {
        history_.pop_front();
    }
    history_.push_back({.time = time, .duration = took, .health = health});
    // Families come with new series; the copy is made only then and now and again.
    constexpr std::uint64_t kRefreshEvery = 10;
    if (outcome.seriesAdded > 0 || appender_.iterations() % kRefreshEvery == 1) {
        metadata_ = appender_.metadata();
    }
}

void ScrapeLoop::stop(bool cancelRunning)
{
    std::optional<base::TimerId> timer;
    {
        absl::MutexLock lock(&mutex_);
        stopped_ = true;
        timer = std::exchange(timer_, std::nullopt);
    }
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    if (cancelRunning) {
        source_->cancel();
    }
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](ScrapeLoop* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->busy_ == 0; }, this));
}

void ScrapeLoop::stopThen(std::function<void()> then)
{
    environment_.leaving->add(shared_from_this());
    std::optional<base::TimerId> timer;
    {
        const absl::MutexLock lock(&mutex_);
        stopped_ = true;
        timer = std::exchange(timer_, std::nullopt);
        if (running_ || waiting_) {
            then_ = std::exchange(then, nullptr);
        }
    }
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    if (then) {
        then();
    }
}

void ScrapeLoop::endRunLater()
{
    bool nothing = false;
    {
        const absl::MutexLock lock(&mutex_);
        nothing = abandoned_ || appender_.iterations() == 0;
        if (!nothing) {
            const base::Timestamp time = nextScheduled_;
            const base::Duration delay = time - environment_.timers.clock().now() + interval_ +
                                         base::Duration{interval_.ns / 10};
            endTimer_ = environment_.timers.schedule(delay, [self = shared_from_this(), time] {
                {
                    const absl::MutexLock timerLock(&self->mutex_);
                    self->endTimer_.reset();
                    if (self->abandoned_) {
                        return;
                    }
                    self->ending_ = true;
                }
                self->environment_.pool.submit([self, time] { self->writeEnd(time); });
            });
        }
    }
    if (nothing) {
        environment_.leaving->remove(this);
    }
}

void ScrapeLoop::writeEnd(base::Timestamp time)
{
    if (const absl::Status status = appender_.endRun(time); !status.ok()) {
        environment_.log->warn("scrape: stale markers failed url={} err=\"{}\"", target()->url,
                               base::messageOf(status));
    }
    {
        const absl::MutexLock lock(&mutex_);
        ending_ = false;
    }
    environment_.leaving->remove(this);
}

void ScrapeLoop::abandon()
{
    std::optional<base::TimerId> timer;
    {
        const absl::MutexLock lock(&mutex_);
        abandoned_ = true;
        stopped_ = true;
        then_ = nullptr;
        timer = std::exchange(endTimer_, std::nullopt);
    }
    if (timer) {
        environment_.timers.cancel(*timer);
    }
    source_->cancel();
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](ScrapeLoop* self)
             ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->busy_ == 0 && !self->ending_; },
        this));
}

// The transport's failures; those of parsing and of limits during the append are not fetched ones.
void ScrapeLoop::logFailure(const FetchResult& result, base::Timestamp time)
{
    if (failureLog_ && !result.ok()) {
        const std::shared_ptr<const Target> current = target();
        failureLog_->write(time, base::messageOf(result.error.status), current->job, current->url);
    }
}

void ScrapeLoop::scrapeNow(std::function<void()> done)
{
    begin(environment_.timers.clock().now(), std::move(done));
}

void ScrapeLoop::setForcedError(std::string error)
{
    absl::MutexLock lock(&mutex_);
    forcedError_ = std::move(error);
}

void ScrapeLoop::setTarget(std::shared_ptr<const Target> target)
{
    absl::MutexLock lock(&mutex_);
    target_ = std::move(target);
}

TargetStatus ScrapeLoop::status() const
{
    absl::MutexLock lock(&mutex_);
    TargetStatus status = status_;
    status.target = target_;
    status.id = id_;
    status.history.assign(history_.begin(), history_.end());
    return status;
}

Health ScrapeLoop::health() const
{
    absl::MutexLock lock(&mutex_);
    return status_.health;
}

std::optional<Failure> ScrapeLoop::failure() const
{
    absl::MutexLock lock(&mutex_);
    if (status_.health != Health::Down) {
        return std::nullopt;
    }
    return Failure{.job = target_->job,
                   .instance = std::string(target_->labels.get("instance")),
                   .error = status_.lastError,
                   .since = healthSince_};
}

std::vector<FamilyMetadata> ScrapeLoop::metadata() const
{
    absl::MutexLock lock(&mutex_);
    return metadata_;
}

MetadataSize ScrapeLoop::metadataSize() const
{
    const absl::MutexLock lock(&mutex_);
    MetadataSize size{.entries = metadata_.size()};
    for (const FamilyMetadata& each : metadata_) {
        size.bytes += each.family.size() + each.metadata.help.size() + each.metadata.unit.size() +
                      model::metricTypeText(each.metadata.type).size();
    }
    return size;
}

std::shared_ptr<const Target> ScrapeLoop::target() const
{
    absl::MutexLock lock(&mutex_);
    return target_;
}

} // namespace narthex::scrape
