// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The GUI's side of MonitoringClient: requests whose answers arrive on the GUI thread, and its
// events as signals. A worker posts the answer to the backend; there the request number is looked
// up. A request that was dropped or replaced has lost its number, so its answer goes nowhere.
// Owner: MainWindow's creator; outlives all pages. Threads: GUI thread; the client answers on its
// own threads. Errors: as MonitoringClient.
#pragma once

#include "core/client/monitoring_client.h"

#include <QHash>
#include <QObject>
#include <QPointer>
#include <QTimer>

#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

namespace narthex::ui::backend {

class Backend;

/// A running request; cancelled when it is destroyed or assigned over.
class Request
{
public:
    Request() = default;
    Request(Backend* backend, quint64 number, std::stop_source stop);
    Request(Request&& other) noexcept;
    Request& operator=(Request&& other) noexcept;
    ~Request() { cancel(); }
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    /// Its handler will not be called any more.
    void cancel();
    [[nodiscard]] bool active() const;

private:
    QPointer<Backend> backend_;
    quint64 number_ = 0;
    std::stop_source stop_{std::nostopstate};
};

template <typename T>
using Handler = std::function<void(const absl::StatusOr<T>&)>;

class Backend final : public QObject
{
    Q_OBJECT

public:
    /// `client` outlives the backend.
    explicit Backend(client::MonitoringClient& client, QObject* parent = nullptr);
    ~Backend() override;

    [[nodiscard]] Request query(client::InstantQuery query, Handler<client::QueryResult> handler);
    [[nodiscard]] Request queryRange(client::RangeQuery query,
                                     Handler<client::QueryResult> handler);
    [[nodiscard]] Request series(client::SeriesFilter filter,
                                 Handler<std::vector<model::Labels>> handler);
    [[nodiscard]] Request labelNames(client::SeriesFilter filter,
                                     Handler<std::vector<std::string>> handler);
    [[nodiscard]] Request labelValues(std::string label, client::SeriesFilter filter,
                                      Handler<std::vector<std::string>> handler);
    [[nodiscard]] Request metadata(std::string metric,
                                   Handler<std::vector<client::MetricMetadata>> handler);
    [[nodiscard]] Request targets(Handler<client::Targets> handler);
    [[nodiscard]] Request buildInfo(Handler<client::BuildInfo> handler);
    [[nodiscard]] Request status(Handler<client::ServerStatus> handler);
    [[nodiscard]] Request scrapeNow(std::string targetId, Handler<bool> handler);
    [[nodiscard]] Request reloadConfiguration(Handler<bool> handler);

Q_SIGNALS:
    /// Each at most four times a second.
    void statusChanged();
    void targetsChanged();
    void samplesChanged();
    void configurationChanged();

private:
    friend class Request;
    struct Door;

    template <typename T, typename Start>
    Request start(Handler<T> handler, Start&& begin);
    void deliver(quint64 number, const std::shared_ptr<void>& result);
    void onEvent(client::Event event);
    void emitEvents();

    client::MonitoringClient& client_;
    /// Shared with callbacks that may come after this object's death.
    std::shared_ptr<Door> door_;
    quint64 nextNumber_ = 1;
    QHash<quint64, std::function<void(const std::shared_ptr<void>&)>> handlers_;
    quint32 pendingEvents_ = 0;
    QTimer eventTimer_;
    client::Subscription subscription_;
};

} // namespace narthex::ui::backend
