// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The notes that are on the desktop now, and the talk with whoever shows them.
// Owner: DesktopNotifier. Threads: the notifier's own thread, whose event loop brings the buttons.
// Errors: Unavailable. Source: Desktop Notifications Specification 1.2.
#pragma once

#include "ui/desktop/desktop_notifier.h"

#include <QDBusConnection>
#include <QDBusServiceWatcher>
#include <QElapsedTimer>
#include <QObject>
#include <QVariantList>

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace narthex::ui::desktop {

class NoteBoard final : public QObject
{
    Q_OBJECT

public:
    NoteBoard(base::Logger log, QString busAddress);

    absl::Status show(const alertmanager::DesktopNote& note);
    void setHandler(NoteHandler handler) { handler_ = std::move(handler); }
    /// Hangs up, so that nothing arrives any more.
    void leave();

    /// Longer waiting for the desktop is an error.
    static constexpr int kTimeoutMs = 3000;
    /// Beyond it the oldest notes are forgotten: they stay, and their buttons do nothing.
    static constexpr std::size_t kMostNotes = 500;
    /// More new notes than this within the time are a storm: one summary stands for the others.
    static constexpr std::size_t kStormNotes = 5;
    static constexpr qint64 kStormMs = 10'000;

private Q_SLOTS:
    // D-Bus finds them by name.
    void onActionInvoked(uint id, const QString& action);
    void onNotificationClosed(uint id, uint reason);

private:
    struct Shown
    {
        std::string key;
        std::vector<std::uint64_t> alerts;
    };

    absl::Status connectToBus();
    /// What the other side can do; asked once for each of them.
    absl::Status learnCapabilities();
    absl::StatusOr<QVariantList> call(const QString& method, const QVariantList& arguments);
    absl::Status put(const alertmanager::DesktopNote& note);
    [[nodiscard]] bool isStorm(const std::string& key) const;
    absl::Status putSummary();
    [[nodiscard]] QVariantList argumentsOf(const alertmanager::DesktopNote& note) const;
    absl::Status close(const std::string& key);
    void remember(uint id, const alertmanager::DesktopNote& note);
    void forgetAll();

    const base::Logger log_;
    const QString busAddress_;
    /// Each has a connection of its own.
    const QString connectionName_;
    NoteHandler handler_;
    std::optional<QDBusConnection> bus_;
    std::unique_ptr<QDBusServiceWatcher> watcher_;
    std::optional<QStringList> capabilities_;
    std::map<uint, Shown> shown_;
    std::map<std::string, uint> ids_; // by key
    QElapsedTimer clock_;
    /// When the latest new notes were shown, the oldest first.
    std::deque<qint64> recentMs_;
    /// What the summary stands for, by key.
    std::map<std::string, alertmanager::DesktopNote> storm_;
};

} // namespace narthex::ui::desktop
