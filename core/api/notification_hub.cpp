// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/notification_hub.h"

#include "core/base/json_writer.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace narthex::api {

std::string toJson(const ServerNotice& notice)
{
    std::string text;
    base::JsonWriter json(text, base::JsonEscape::Html);
    json.beginObject()
        .member("text", notice.text)
        .member("date", base::formatTimestamp(notice.since))
        .key("active")
        .boolean(notice.active)
        .endObject();
    return text;
}

struct NotificationHub::State
{
    explicit State(std::size_t most) : mostSubscribers(most) {}

    const std::size_t mostSubscribers;
    absl::Mutex mutex;
    /// By text: those in force.
    std::map<std::string, ServerNotice> notices ABSL_GUARDED_BY(mutex);
    std::set<Subscriber*> subscribers ABSL_GUARDED_BY(mutex);
    bool ended ABSL_GUARDED_BY(mutex) = false;
    std::uint64_t sent ABSL_GUARDED_BY(mutex) = 0;
    std::uint64_t dropped ABSL_GUARDED_BY(mutex) = 0;
};

/// One listener: what it has not been sent, or the server that waits for the next event.
class NotificationHub::Subscriber
{
public:
    explicit Subscriber(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~Subscriber()
    {
        absl::MutexLock lock(&state_->mutex);
        state_->subscribers.erase(this);
    }
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    /// Asked for the next event; `piece` waits if there is none.
    void next(net::BodyPiece piece)
    {
        std::string text;
        {
            absl::MutexLock lock(&state_->mutex);
            if (waiting_.empty() && !state_->ended) {
                piece_ = std::move(piece);
                return;
            }
            for (const std::string& event : waiting_) {
                text += event;
            }
            waiting_.clear();
        }
        piece(std::move(text)); // an empty one ends the stream
    }

    /// Keeps the event, or takes the server that waits for it: call that without the lock.
    net::BodyPiece add(std::string event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex)
    {
        constexpr std::size_t kMostWaiting = 10;
        if (piece_) {
            return std::exchange(piece_, nullptr);
        }
        if (waiting_.size() >= kMostWaiting) {
            ++state_->dropped;
        } else {
            ++state_->sent;
            waiting_.push_back(std::move(event));
        }
        return nullptr;
    }
    net::BodyPiece end() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex)
    {
        return std::exchange(piece_, nullptr);
    }

private:
    const std::shared_ptr<State> state_;
    std::deque<std::string> waiting_ ABSL_GUARDED_BY(state_->mutex);
    net::BodyPiece piece_ ABSL_GUARDED_BY(state_->mutex);
};

namespace {

std::string eventOf(const ServerNotice& notice) { return "data: " + toJson(notice) + "\n\n"; }

} // namespace

NotificationHub::NotificationHub(engine::Engine& engine, std::size_t mostSubscribers)
    : engine_(engine), state_(std::make_shared<State>(mostSubscribers))
{
    look();
    listener_ = engine_.changes().add([this](engine::Change change) {
        if (change == engine::Change::Status || change == engine::Change::Configuration) {
            look();
        }
    });
}

NotificationHub::~NotificationHub()
{
    engine_.changes().remove(listener_);
    std::vector<net::BodyPiece> pieces;
    {
        absl::MutexLock lock(&state_->mutex);
        state_->ended = true;
        for (Subscriber* subscriber : state_->subscribers) {
            pieces.push_back(subscriber->end());
        }
    }
    for (net::BodyPiece& piece : pieces) {
        if (piece) {
            piece(std::string());
        }
    }
}

std::vector<ServerNotice> NotificationHub::noticesOf(const engine::Engine& engine)
{
    const base::Timestamp now = engine.clock().now();
    std::vector<ServerNotice> notices;
    if (!engine.lastReloadSucceeded()) {
        notices.push_back({"Configuration reload has failed.", now});
    }
    const engine::State state = engine.state();
    if (state == engine::State::Starting || state == engine::State::Replaying) {
        notices.push_back({"Narthex is starting and replaying the write-ahead log (WAL).", now});
    }
    if (state == engine::State::Stopping) {
        notices.push_back(
            {"Narthex is shutting down and gracefully stopping all operations.", now});
    }
    return notices;
}

void NotificationHub::look()
{
    const std::vector<ServerNotice> now = noticesOf(engine_);
    std::vector<std::pair<net::BodyPiece, std::string>> calls;
    {
        absl::MutexLock lock(&state_->mutex);
        std::vector<ServerNotice> changes;
        for (const ServerNotice& notice : now) {
            if (state_->notices.emplace(notice.text, notice).second) {
                changes.push_back(notice);
            }
        }
        for (auto at = state_->notices.begin(); at != state_->notices.end();) {
            const bool holds = std::any_of(now.begin(), now.end(), [&](const ServerNotice& notice) {
                return notice.text == at->first;
            });
            if (holds) {
                ++at;
                continue;
            }
            changes.push_back({at->first, engine_.clock().now(), false});
            at = state_->notices.erase(at);
        }
        for (Subscriber* subscriber : state_->subscribers) {
            for (const ServerNotice& change : changes) {
                std::string event = eventOf(change);
                if (net::BodyPiece piece = subscriber->add(event)) {
                    ++state_->sent;
                    calls.emplace_back(std::move(piece), std::move(event));
                }
            }
        }
    }
    for (auto& [piece, event] : calls) {
        piece(std::move(event));
    }
}

std::vector<ServerNotice> NotificationHub::list() const
{
    absl::MutexLock lock(&state_->mutex);
    std::vector<ServerNotice> result;
    for (const auto& [text, notice] : state_->notices) {
        result.push_back(notice);
    }
    return result;
}

std::optional<net::BodyStream> NotificationHub::subscribe()
{
    // Declared before the lock, for a subscriber takes it when it dies.
    auto subscriber = std::make_shared<Subscriber>(state_);
    absl::MutexLock lock(&state_->mutex);
    if (state_->ended || state_->subscribers.size() >= state_->mostSubscribers) {
        return std::nullopt;
    }
    state_->subscribers.insert(subscriber.get());
    for (const auto& [text, notice] : state_->notices) {
        subscriber->add(eventOf(notice));
    }
    return [subscriber](net::BodyPiece piece) { subscriber->next(std::move(piece)); };
}

void NotificationHub::writeMetrics(exposition::TextWriter& out) const
{
    absl::MutexLock lock(&state_->mutex);
    out.gauge("prometheus_api_notification_active_subscribers",
              "The current number of active notification subscribers.",
              static_cast<double>(state_->subscribers.size()));
    out.counter("prometheus_api_notification_updates_sent_total",
                "Total number of notification updates sent.", static_cast<double>(state_->sent));
    out.counter("prometheus_api_notification_updates_dropped_total",
                "Total number of notification updates dropped.",
                static_cast<double>(state_->dropped));
}

} // namespace narthex::api
