// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/backend/status_watch.h"

#include "core/base/clock.h"

namespace narthex::ui::backend {
namespace {

constexpr int kPollMs = 2000;

} // namespace

StatusWatch::StatusWatch(Backend& backend, QObject* parent) : QObject(parent), backend_(backend)
{
    connect(&backend_, &Backend::statusChanged, this, &StatusWatch::ask);
    connect(&timer_, &QTimer::timeout, this, &StatusWatch::ask);
    timer_.setInterval(kPollMs);
    setActive(true);
}

void StatusWatch::setActive(bool active)
{
    if (active && !timer_.isActive()) {
        timer_.start();
        ask();
    } else if (!active) {
        timer_.stop();
    }
}

void StatusWatch::ask()
{
    if (request_.active()) {
        return;
    }
    request_ = backend_.status([this](const absl::StatusOr<client::ServerStatus>& status) {
        error_ = status.status();
        if (status.ok()) {
            status_ = *status;
            receivedAt_ = base::SystemClock().now();
        }
        Q_EMIT updated();
    });
}

} // namespace narthex::ui::backend
