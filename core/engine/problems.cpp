// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/problems.h"

#include <array>

namespace narthex::engine {
namespace {

using namespace base::literals;

constexpr base::Duration kCoalesce = 250_ms;
constexpr std::array<Change, 5> kChanges = {Change::Status, Change::Targets, Change::Samples,
                                            Change::Configuration, Change::Alerts};

} // namespace

bool ProblemBoard::set(Problem problem)
{
    absl::MutexLock lock(&mutex_);
    const auto known = problems_.find(problem.id);
    if (known == problems_.end()) {
        problems_.emplace(problem.id, std::move(problem));
        return true;
    }
    problem.since = known->second.since;
    const bool changed = known->second.message != problem.message;
    known->second = std::move(problem);
    return changed;
}

bool ProblemBoard::clear(std::string_view id)
{
    absl::MutexLock lock(&mutex_);
    const auto known = problems_.find(id);
    if (known == problems_.end()) {
        return false;
    }
    problems_.erase(known);
    return true;
}

bool ProblemBoard::clearSource(std::string_view source)
{
    absl::MutexLock lock(&mutex_);
    return std::erase_if(problems_,
                         [source](const auto& entry) { return entry.second.source == source; }) > 0;
}

std::vector<Problem> ProblemBoard::list() const
{
    absl::MutexLock lock(&mutex_);
    std::vector<Problem> result;
    for (const auto& [id, problem] : problems_) {
        result.push_back(problem);
    }
    return result;
}

ChangeHub::~ChangeHub()
{
    std::optional<base::TimerId> timer;
    {
        absl::MutexLock lock(&mutex_);
        timer = timer_;
    }
    if (timer) {
        timers_.cancel(*timer);
    }
}

void ChangeHub::post(Change change)
{
    absl::MutexLock lock(&mutex_);
    pending_ |= 1U << static_cast<unsigned>(change);
    if (!timer_) {
        timer_ = timers_.schedule(kCoalesce, [this] { flush(); });
    }
}

void ChangeHub::flush()
{
    unsigned changes = 0;
    {
        absl::MutexLock lock(&mutex_);
        changes = std::exchange(pending_, 0);
        timer_.reset();
    }
    absl::MutexLock lock(&callMutex_);
    for (const Change change : kChanges) {
        if ((changes & (1U << static_cast<unsigned>(change))) == 0) {
            continue;
        }
        for (const auto& [id, listener] : listeners_) {
            listener(change);
        }
    }
}

std::uint64_t ChangeHub::add(Listener listener)
{
    std::uint64_t id = 0;
    {
        absl::MutexLock lock(&mutex_);
        id = nextId_++;
    }
    absl::MutexLock lock(&callMutex_);
    listeners_.emplace(id, std::move(listener));
    return id;
}

void ChangeHub::remove(std::uint64_t id)
{
    absl::MutexLock lock(&callMutex_);
    listeners_.erase(id);
}

} // namespace narthex::engine
