// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The latest ServerStatus, asked for on each status event and at least every two seconds while
// someone looks. Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/backend/backend.h"

#include <QTimer>

#include <optional>

namespace narthex::ui::backend {

class StatusWatch final : public QObject
{
    Q_OBJECT

public:
    explicit StatusWatch(Backend& backend, QObject* parent = nullptr);

    /// Absent until the first answer. Kept when later requests fail.
    [[nodiscard]] const std::optional<client::ServerStatus>& status() const { return status_; }
    /// OK when the last request succeeded.
    [[nodiscard]] const absl::Status& error() const { return error_; }
    /// When the kept status arrived.
    [[nodiscard]] base::Timestamp receivedAt() const { return receivedAt_; }
    void setActive(bool active);

Q_SIGNALS:
    void updated();

private:
    void ask();

    Backend& backend_;
    std::optional<client::ServerStatus> status_;
    absl::Status error_;
    base::Timestamp receivedAt_;
    Request request_;
    QTimer timer_;
};

} // namespace narthex::ui::backend
