// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/backend/backend.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

namespace narthex::ui::backend {
namespace {

/// Coalesces events to four a second.
constexpr int kEventGapMs = 250;

} // namespace

/// Posting to a dead object would crash; the mutex orders the post before the death. Only an event
/// is queued under it.
struct Backend::Door
{
    absl::Mutex mutex;
    Backend* backend ABSL_GUARDED_BY(mutex) = nullptr;

    /// `task` runs on the GUI thread, unless the backend dies first.
    template <typename F>
    void post(F task)
    {
        const absl::MutexLock lock(&mutex);
        if (backend != nullptr) {
            Backend* target = backend;
            QMetaObject::invokeMethod(
                target, [target, task = std::move(task)] { task(*target); }, Qt::QueuedConnection);
        }
    }
};

Request::Request(Backend* backend, quint64 number, std::stop_source stop)
    : backend_(backend), number_(number), stop_(std::move(stop))
{}

Request::Request(Request&& other) noexcept
    : backend_(std::exchange(other.backend_, nullptr)),
      number_(std::exchange(other.number_, 0)),
      stop_(std::exchange(other.stop_, std::stop_source(std::nostopstate)))
{}

Request& Request::operator=(Request&& other) noexcept
{
    if (this != &other) {
        cancel();
        backend_ = std::exchange(other.backend_, nullptr);
        number_ = std::exchange(other.number_, 0);
        stop_ = std::exchange(other.stop_, std::stop_source(std::nostopstate));
    }
    return *this;
}

void Request::cancel()
{
    if (backend_ != nullptr && number_ != 0) {
        backend_->handlers_.remove(number_);
        stop_.request_stop();
    }
    number_ = 0;
}

bool Request::active() const
{
    return backend_ != nullptr && backend_->handlers_.contains(number_);
}

Backend::Backend(client::MonitoringClient& client, QObject* parent)
    : QObject(parent), client_(client), door_(std::make_shared<Door>())
{
    {
        const absl::MutexLock lock(&door_->mutex);
        door_->backend = this;
    }
    eventTimer_.setSingleShot(true);
    eventTimer_.setInterval(kEventGapMs);
    connect(&eventTimer_, &QTimer::timeout, this, &Backend::emitEvents);
    subscription_ = client_.subscribe([door = door_](client::Event event) {
        door->post([event](Backend& backend) { backend.onEvent(event); });
    });
}

Backend::~Backend()
{
    subscription_.reset();
    const absl::MutexLock lock(&door_->mutex);
    door_->backend = nullptr;
}

template <typename T, typename Start>
Request Backend::start(Handler<T> handler, Start&& begin)
{
    const quint64 number = nextNumber_++;
    std::stop_source stop;
    handlers_.insert(number, [handler = std::move(handler)](const std::shared_ptr<void>& result) {
        handler(*std::static_pointer_cast<absl::StatusOr<T>>(result));
    });
    begin(stop.get_token(), client::Reply<T>([door = door_, number](absl::StatusOr<T> result) {
              auto shared = std::make_shared<absl::StatusOr<T>>(std::move(result));
              door->post([number, shared = std::move(shared)](Backend& backend) {
                  backend.deliver(number, shared);
              });
          }));
    return Request(this, number, std::move(stop));
}

void Backend::deliver(quint64 number, const std::shared_ptr<void>& result)
{
    // Taken out first: the handler may start the next request or destroy its page.
    if (const auto handler = handlers_.take(number)) {
        handler(result);
    }
}

void Backend::onEvent(client::Event event)
{
    pendingEvents_ |= 1U << quint32(event);
    if (!eventTimer_.isActive()) {
        eventTimer_.start();
    }
}

void Backend::emitEvents()
{
    const quint32 events = std::exchange(pendingEvents_, 0U);
    const auto has = [events](client::Event event) {
        return (events & (1U << quint32(event))) != 0;
    };
    if (has(client::Event::Status)) {
        Q_EMIT statusChanged();
    }
    if (has(client::Event::Targets)) {
        Q_EMIT targetsChanged();
    }
    if (has(client::Event::Samples)) {
        Q_EMIT samplesChanged();
    }
    if (has(client::Event::Configuration)) {
        Q_EMIT configurationChanged();
    }
}

Request Backend::query(client::InstantQuery query, Handler<client::QueryResult> handler)
{
    return start<client::QueryResult>(std::move(handler), [&](std::stop_token stop, auto reply) {
        client_.query(std::move(query), std::move(stop), std::move(reply));
    });
}

Request Backend::queryRange(client::RangeQuery query, Handler<client::QueryResult> handler)
{
    return start<client::QueryResult>(std::move(handler), [&](std::stop_token stop, auto reply) {
        client_.queryRange(std::move(query), std::move(stop), std::move(reply));
    });
}

Request Backend::series(client::SeriesFilter filter, Handler<std::vector<model::Labels>> handler)
{
    return start<std::vector<model::Labels>>(
        std::move(handler), [&](std::stop_token stop, auto reply) {
            client_.series(std::move(filter), std::move(stop), std::move(reply));
        });
}

Request Backend::labelNames(client::SeriesFilter filter, Handler<std::vector<std::string>> handler)
{
    return start<std::vector<std::string>>(
        std::move(handler), [&](std::stop_token stop, auto reply) {
            client_.labelNames(std::move(filter), std::move(stop), std::move(reply));
        });
}

Request Backend::labelValues(std::string label, client::SeriesFilter filter,
                             Handler<std::vector<std::string>> handler)
{
    return start<std::vector<std::string>>(std::move(handler), [&](std::stop_token stop,
                                                                   auto reply) {
        client_.labelValues(std::move(label), std::move(filter), std::move(stop), std::move(reply));
    });
}

Request Backend::metadata(std::string metric, Handler<std::vector<client::MetricMetadata>> handler)
{
    return start<std::vector<client::MetricMetadata>>(
        std::move(handler), [&](std::stop_token stop, auto reply) {
            client_.metadata(std::move(metric), std::move(stop), std::move(reply));
        });
}

Request Backend::targets(Handler<client::Targets> handler)
{
    return start<client::Targets>(std::move(handler), [&](std::stop_token stop, auto reply) {
        client_.targets(std::move(stop), std::move(reply));
    });
}

Request Backend::buildInfo(Handler<client::BuildInfo> handler)
{
    return start<client::BuildInfo>(std::move(handler), [&](std::stop_token stop, auto reply) {
        client_.buildInfo(std::move(stop), std::move(reply));
    });
}

Request Backend::status(Handler<client::ServerStatus> handler)
{
    return start<client::ServerStatus>(std::move(handler), [&](std::stop_token stop, auto reply) {
        client_.status(std::move(stop), std::move(reply));
    });
}

Request Backend::scrapeNow(std::string targetId, Handler<bool> handler)
{
    return start<bool>(std::move(handler), [&](std::stop_token stop, auto reply) {
        client_.scrapeNow(std::move(targetId), std::move(stop), std::move(reply));
    });
}

Request Backend::reloadConfiguration(Handler<bool> handler)
{
    return start<bool>(std::move(handler), [&](std::stop_token stop, auto reply) {
        client_.reloadConfiguration(std::move(stop), std::move(reply));
    });
}

} // namespace narthex::ui::backend
