// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Notes about alerts on the desktop, over D-Bus: one for each group, updated in place, gone when
// its alerts resolve; its buttons reach the handler.
// Owner: app, which keeps it longer than the engine. Threads: any but the GUI thread for show(),
// which waits for the desktop; the work is done on a thread of its own, and the handler is called
// there. Errors: Unavailable, there is no session bus or nobody on it who shows notes.
// Source: spec/ui.md, 7; spec/acknowledge.md, 7; Desktop Notifications Specification 1.2.
#pragma once

#include "core/alertmanager/receivers/desktop.h"
#include "core/base/log.h"

#include <QString>
#include <QThread>

#include <functional>
#include <memory>
#include <vector>

namespace narthex::ui::desktop {

class NoteBoard;

enum class NoteAction : std::uint8_t
{
    Acknowledge,
    /// For an hour.
    Silence,
    Open
};

/// The alerts are those of the note. What goes wrong is shown as a note, too.
using NoteHandler = std::function<absl::Status(NoteAction, const std::vector<std::uint64_t>&)>;

class DesktopNotifier final : public alertmanager::DesktopNotifier
{
public:
    /// `busAddress`: empty for the bus of the session.
    explicit DesktopNotifier(base::Logger log, const QString& busAddress = {});
    /// Notes stay on the desktop; their buttons do nothing from then on.
    ~DesktopNotifier() override;
    DesktopNotifier(const DesktopNotifier&) = delete;
    DesktopNotifier& operator=(const DesktopNotifier&) = delete;

    absl::Status show(const alertmanager::DesktopNote& note) override;
    /// Null: buttons do nothing. When it returns, the handler before is not running any more.
    void setHandler(NoteHandler handler);

private:
    QThread thread_;
    std::unique_ptr<NoteBoard> board_; // lives in thread_
};

} // namespace narthex::ui::desktop
