// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/zookeeper_session.h"

#include "core/base/status.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <deque>
#include <zookeeper/zookeeper.h>

namespace narthex::discovery {
namespace {

/// One question and its answer, shared with the library until it has answered.
template <typename T>
struct Call
{
    absl::Mutex mutex;
    absl::CondVar answered;
    std::optional<absl::StatusOr<T>> result ABSL_GUARDED_BY(mutex);

    void answer(absl::StatusOr<T> value)
    {
        const absl::MutexLock lock(&mutex);
        result = std::move(value);
        answered.SignalAll();
    }
    absl::StatusOr<T> wait(const std::stop_token& stop)
    {
        const std::stop_callback onStop(stop, [this] {
            const absl::MutexLock lock(&mutex);
            answered.SignalAll();
        });
        const absl::MutexLock lock(&mutex);
        while (!result && !stop.stop_requested()) {
            answered.Wait(&mutex);
        }
        return result ? *std::move(result) : absl::CancelledError("stopped");
    }
};

/// What the library carries around: a share of the call, freed by the answer.
template <typename T>
using Holder = std::shared_ptr<Call<T>>;

absl::Status statusOf(int code)
{
    if (code == ZNONODE) {
        return absl::NotFoundError(zerror(code));
    }
    return base::unavailable("{}", zerror(code));
}

template <typename T>
Holder<T> takeBack(const void* context)
{
    const std::unique_ptr<const Holder<T>> holder(static_cast<const Holder<T>*>(context));
    return *holder;
}

void onData(int code, const char* value, int length, const Stat* /*stat*/, const void* context)
{
    const auto call = takeBack<std::string>(context);
    if (code == ZOK) {
        // A node without data has a length of -1.
        call->answer(std::string(value == nullptr ? "" : value,
                                 static_cast<std::size_t>(std::max(length, 0))));
    } else {
        call->answer(statusOf(code));
    }
}

void onChildren(int code, const String_vector* names, const void* context)
{
    const auto call = takeBack<std::vector<std::string>>(context);
    if (code != ZOK) {
        call->answer(statusOf(code));
        return;
    }
    std::vector<std::string> result;
    for (int i = 0; names != nullptr && i < names->count; ++i) {
        result.emplace_back(names->data[i]);
    }
    call->answer(std::move(result));
}

void dropLine(const char* /*message*/) {}

} // namespace

struct ZooKeeperSession::Inbox
{
    absl::Mutex mutex;
    absl::CondVar changed;
    std::deque<Event> events ABSL_GUARDED_BY(mutex);
    bool expired ABSL_GUARDED_BY(mutex) = false;

    // The library's watcher of sessions and of nodes.
    static void onEvent(zhandle_t* /*handle*/, int type, int state, const char* path, void* context)
    {
        auto& inbox = *static_cast<Inbox*>(context);
        const absl::MutexLock lock(&inbox.mutex);
        if (type != ZOO_SESSION_EVENT) {
            inbox.events.push_back({.path = path == nullptr ? "" : path});
        } else if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE) {
            inbox.expired = true;
        }
        inbox.changed.SignalAll();
    }
};

struct ZooKeeperSession::Handle
{
    zhandle_t* raw = nullptr;
    ~Handle()
    {
        if (raw != nullptr) {
            zookeeper_close(raw);
        }
    }
};

ZooKeeperSession::ZooKeeperSession(const std::vector<std::string>& servers, base::Duration timeout)
    : servers_(fmt::format("{}", fmt::join(servers, ","))),
      timeout_(timeout),
      inbox_(std::make_shared<Inbox>())
{
    open();
}

ZooKeeperSession::~ZooKeeperSession() = default;

void ZooKeeperSession::open()
{
    handle_ = std::make_unique<Handle>();
    handle_->raw =
        zookeeper_init2(servers_.c_str(), Inbox::onEvent, static_cast<int>(timeout_.ms()), nullptr,
                        inbox_.get(), 0, dropLine);
}

absl::StatusOr<std::string> ZooKeeperSession::data(const std::string& path,
                                                   const std::stop_token& stop)
{
    if (handle_->raw == nullptr) {
        open(); // a name that could not be resolved, perhaps now it can
    }
    if (handle_->raw == nullptr) {
        return base::unavailable("cannot connect to {}", servers_);
    }
    const auto call = std::make_shared<Call<std::string>>();
    auto holder = std::make_unique<Holder<std::string>>(call);
    const int code =
        zoo_awget(handle_->raw, path.c_str(), Inbox::onEvent, inbox_.get(), onData, holder.get());
    if (code != ZOK) {
        return statusOf(code);
    }
    static_cast<void>(holder.release()); // onData frees it
    return call->wait(stop);
}

absl::StatusOr<std::vector<std::string>> ZooKeeperSession::children(const std::string& path,
                                                                    const std::stop_token& stop)
{
    if (handle_->raw == nullptr) {
        return base::unavailable("cannot connect to {}", servers_);
    }
    using Names = std::vector<std::string>;
    const auto call = std::make_shared<Call<Names>>();
    auto holder = std::make_unique<Holder<Names>>(call);
    const int code = zoo_awget_children(handle_->raw, path.c_str(), Inbox::onEvent, inbox_.get(),
                                        onChildren, holder.get());
    if (code != ZOK) {
        return statusOf(code);
    }
    static_cast<void>(holder.release()); // onChildren frees it
    return call->wait(stop);
}

std::optional<ZooKeeperSession::Event> ZooKeeperSession::next(base::Duration atMost,
                                                              const std::stop_token& stop)
{
    const std::stop_callback onStop(stop, [this] {
        const absl::MutexLock lock(&inbox_->mutex);
        inbox_->changed.SignalAll();
    });
    const absl::Time deadline = absl::Now() + absl::Nanoseconds(atMost.ns);
    bool expired = false;
    {
        const absl::MutexLock lock(&inbox_->mutex);
        while (inbox_->events.empty() && !inbox_->expired && !stop.stop_requested()) {
            if (inbox_->changed.WaitWithDeadline(&inbox_->mutex, deadline)) {
                return std::nullopt;
            }
        }
        if (stop.stop_requested()) {
            return std::nullopt;
        }
        expired = inbox_->expired;
        if (!expired) {
            Event event = std::move(inbox_->events.front());
            inbox_->events.pop_front();
            return event;
        }
    }
    handle_.reset(); // nothing comes from the old session after this
    {
        const absl::MutexLock lock(&inbox_->mutex);
        inbox_->events.clear();
        inbox_->expired = false;
    }
    open();
    return Event{};
}

} // namespace narthex::discovery
