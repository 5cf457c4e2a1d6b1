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
                       std::uint64_t offsetSeed)
    : environment_(std::move(environment)),
      job_(std::move(job)),
      offsetSeed_(offsetSeed),
      interval_(target->interval),
      timeout_(target->timeout),
      id_(fmt::format("{}/{:016x}", target->job, target->hash)),
      source_(std::move(source)),
      target_(std::move(target)),
      appender_(job_, target_->labels, environment_.store, environment_.counters)
{}

void ScrapeLoop::start()
{
    absl::MutexLock lock(&mutex_);
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
    // Equal distances compress far better, so a scrape that is a hair late keeps its scheduled
    // time.
    const base::Timestamp now = environment_.timers.clock().now();
    const std::int64_t toleranceMs = std::min<std::int64_t>(2, interval_.ms() / 100);
    return std::abs(now.ms - scheduled.ms) <= toleranceMs ? scheduled : now;
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
    if (!cancelled) {
        const AppendOutcome outcome = appender_.append(std::move(result), time, timeout_, elapsed);
        record(outcome, time, elapsed());
    }
    {
        absl::MutexLock lock(&mutex_);
        buffer_ = appender_.takeBuffer();
        running_ = false;
    }
    if (!cancelled && environment_.onScraped) {
        environment_.onScraped();
    }
    if (done) {
        done();
    }
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
        +[](ScrapeLoop* self) ABSL_NO_THREAD_SAFETY_ANALYSIS { return !self->running_; }, this));
}

absl::Status ScrapeLoop::endRun(base::Timestamp time) { return appender_.endRun(time); }

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

std::shared_ptr<const Target> ScrapeLoop::target() const
{
    absl::MutexLock lock(&mutex_);
    return target_;
}

} // namespace narthex::scrape
