// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An Alertmanager on a clock that the test moves, with fake receivers and a database of its own.
// Owner: the test. Threads: the test's own.
#pragma once

#include "fake_kind.h"

#include "core/alertmanager/alertmanager.h"
#include "core/base/file.h"

#include <QString>
#include <QStringList>

#include <stdexcept>

namespace narthex::tests {

using namespace base::literals;

inline base::Timestamp timeAt(std::string_view text) { return base::parseTimestamp(text).value(); }

class AmWorld
{
public:
    static constexpr const char kPlain[] = "route: {receiver: r, group_by: [alertname]}\n"
                                           "receivers: [{name: r, fake_configs: [{box: r}]}]\n";

    explicit AmWorld(const std::string& config = kPlain,
                     alertmanager::AlertmanagerOptions options = {.startDelay = {}, .seed = 1},
                     base::Timestamp start = timeAt("2026-03-02T12:00:00Z"))
        : timers(start), options_(std::move(options))
    {
        Outbox::instance().clear();
        open();
        apply(config);
    }
    ~AmWorld() { close(); }
    AmWorld(const AmWorld&) = delete;
    AmWorld& operator=(const AmWorld&) = delete;

    void open()
    {
        auto database =
            state::Database::open(folder_.path() / "state.db", alertmanager::migrations());
        if (!database.ok()) {
            throw std::runtime_error(database.status().ToString());
        }
        database_ = *std::move(database);
        manager_ = std::make_unique<alertmanager::Alertmanager>(
            options_, alertmanager::Alertmanager::Environment{.loop = loop_,
                                                              .http = http_,
                                                              .timers = timers,
                                                              .database = database_.get(),
                                                              .log = base::nullLogger()});
        if (const auto status = manager_->start(); !status.ok()) {
            throw std::runtime_error(status.ToString());
        }
    }
    void close()
    {
        Outbox::instance().block("r", false);
        manager_.reset();
        database_.reset();
    }
    /// Ends and comes back, as after a restart of the program.
    void restart(const std::string& config)
    {
        close();
        open();
        apply(config);
    }
    absl::Status tryApply(const std::string& text)
    {
        auto config = alertmanager::parseConfig("/am.yml", text, {.kinds = kinds});
        return config.ok() ? manager_->apply(*std::move(config)) : config.status();
    }
    void apply(const std::string& text)
    {
        if (const auto status = tryApply(text); !status.ok()) {
            throw std::runtime_error(status.ToString());
        }
    }

    alertmanager::Alertmanager& operator*() { return *manager_; }
    alertmanager::Alertmanager* operator->() { return manager_.get(); }

    /// Rows of a table of the database.
    std::int64_t rows(const std::string& table)
    {
        std::int64_t count = -1;
        const absl::Status status = manager_->flushState();
        const absl::Status read = database_->read([&](state::Connection& connection) {
            return connection.execute(
                "SELECT count(*) FROM " + table, {},
                [&](std::span<const state::Cell> row) { count = std::get<std::int64_t>(row[0]); });
        });
        return status.ok() && read.ok() ? count : -1;
    }
    [[nodiscard]] state::Database& database() { return *database_; }

    [[nodiscard]] base::Timestamp now() const { return timers.clock().now(); }
    /// Time passes; whatever falls due is done.
    void pass(base::Duration by, base::Duration step = 1_s)
    {
        manager_->settle();
        while (by.ns > 0) {
            const base::Duration part = std::min(by, step);
            timers.advance(part);
            manager_->settle();
            by = by - part;
        }
    }
    /// The same, while senders say again every minute what fires.
    void passFiring(base::Duration by, const std::vector<model::Labels>& alerts)
    {
        while (by.ns > 0) {
            const base::Duration part = std::min<base::Duration>(by, 1_min);
            for (const model::Labels& each : alerts) {
                fire(each);
            }
            pass(part, 5_s);
            by = by - part;
        }
    }
    /// Says that it fires, without an end; absent start: now, or as known.
    void fire(const model::Labels& labels, std::optional<base::Timestamp> startsAt = std::nullopt)
    {
        manager_->put({{.labels = labels, .startsAt = startsAt}});
    }
    void resolve(const model::Labels& labels)
    {
        manager_->put({{.labels = labels, .endsAt = now()}});
    }
    alertmanager::Acknowledgement acknowledge(const model::Labels& labels,
                                              alertmanager::AckRequest request = {.author = "anna"})
    {
        auto ack = manager_->acknowledge(alertmanager::fingerprintOf(labels), request);
        if (!ack.ok()) {
            throw std::runtime_error(ack.status().ToString());
        }
        return *ack;
    }
    /// `box: reason: firing x,y; resolved z` for each message since the last call; an alert with
    /// an acknowledgement in brackets.
    QStringList told()
    {
        manager_->settle();
        QStringList lines;
        for (const Outbox::Sent& sent : Outbox::instance().take()) {
            QStringList firing;
            QStringList resolved;
            for (const auto& alert : sent.notification.alerts) {
                QString name = QString::fromStdString(std::string(alert.labels.get("alertname")));
                if (alert.labels.has("i")) {
                    name += QString::fromStdString(std::string(alert.labels.get("i")));
                }
                if (alert.acknowledgement) {
                    name +=
                        QString("[%1]").arg(QString::fromStdString(alert.acknowledgement->author));
                }
                (alert.resolved() ? resolved : firing) << name;
            }
            QString line = QString::fromStdString(sent.box) + ": ";
            if (!sent.acknowledgedBy.empty()) {
                line += "acknowledged by " + QString::fromStdString(sent.acknowledgedBy);
            } else {
                line += QString::fromStdString(
                    std::string(alertmanager::text(sent.notification.reason)));
            }
            line += ": firing " + firing.join(",");
            line += resolved.isEmpty() ? QString() : "; resolved " + resolved.join(",");
            lines << line;
        }
        return lines;
    }

    /// What configurations may name; the real ones talk to real servers.
    std::span<const alertmanager::ReceiverKind> kinds = fakeKinds();
    base::ManualTimers timers;

private:
    const alertmanager::AlertmanagerOptions options_;
    base::TemporaryDirectory folder_;
    net::IoLoop loop_;
    net::HttpClient http_{loop_, "Narthex/test"};
    std::unique_ptr<state::Database> database_;
    std::unique_ptr<alertmanager::Alertmanager> manager_;
};

} // namespace narthex::tests
