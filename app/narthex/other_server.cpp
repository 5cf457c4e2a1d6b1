// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "other_server.h"

#include <QCoreApplication>
#include <QMessageBox>
#include <QPushButton>

namespace narthex::app {

OtherServerChoice askAboutOtherServer(const RunningServer& server)
{
    const auto tr = [](const char* text) {
        return QCoreApplication::translate("OtherServer", text);
    };
    QMessageBox box(QMessageBox::Question, tr("Narthex"),
                    tr("A server of Narthex is collecting into this data directory already."));
    box.setObjectName(QStringLiteral("otherServer"));
    box.setInformativeText(
        tr("It is process %1, reached at %2. Only one program can write a data directory. This "
           "window can show what that one collects.")
            .arg(server.processId)
            .arg(QString::fromStdString(server.url)));
    auto* connect = box.addButton(tr("&Connect to it"), QMessageBox::AcceptRole);
    connect->setObjectName(QStringLiteral("connect"));
    connect->setAccessibleName(tr("Connect to the running server"));
    auto* wait = box.addButton(tr("&Wait until it ends"), QMessageBox::ActionRole);
    wait->setObjectName(QStringLiteral("wait"));
    wait->setAccessibleName(tr("Open the window and wait until the running server ends"));
    auto* quit = box.addButton(tr("&Quit"), QMessageBox::RejectRole);
    quit->setObjectName(QStringLiteral("quit"));
    quit->setAccessibleName(tr("Quit"));
    box.setDefaultButton(connect);
    box.setEscapeButton(quit);
    box.exec();
    if (box.clickedButton() == connect) {
        return OtherServerChoice::Connect;
    }
    return box.clickedButton() == wait ? OtherServerChoice::Wait : OtherServerChoice::Quit;
}

} // namespace narthex::app
