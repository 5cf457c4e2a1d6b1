// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/desktop/desktop_notifier.h"

#include "core/base/status.h"
#include "ui/desktop/note_board.h"

#include <utility>

namespace narthex::ui::desktop {

DesktopNotifier::DesktopNotifier(base::Logger log, const QString& busAddress)
    : board_(std::make_unique<NoteBoard>(std::move(log), busAddress))
{
    thread_.setObjectName(QStringLiteral("notes"));
    board_->moveToThread(&thread_);
    thread_.start();
}

DesktopNotifier::~DesktopNotifier()
{
    QMetaObject::invokeMethod(
        board_.get(), [this] { board_->leave(); }, Qt::BlockingQueuedConnection);
    thread_.quit();
    thread_.wait();
}

absl::Status DesktopNotifier::show(const alertmanager::DesktopNote& note)
{
    absl::Status status;
    QMetaObject::invokeMethod(
        board_.get(), [&] { status = board_->show(note); }, Qt::BlockingQueuedConnection);
    return status;
}

void DesktopNotifier::setHandler(NoteHandler handler)
{
    QMetaObject::invokeMethod(
        board_.get(), [&] { board_->setHandler(std::move(handler)); },
        Qt::BlockingQueuedConnection);
}

} // namespace narthex::ui::desktop
