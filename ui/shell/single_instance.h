// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One window a user: a second start finds the first through a local socket, hands it its arguments
// and ends. Owner: app. Threads: GUI thread. Format: UTF-8 arguments, each ended by a zero byte.
#pragma once

#include <QLocalServer>
#include <QObject>
#include <QStringList>

namespace narthex::ui::shell {

class SingleInstance final : public QObject
{
    Q_OBJECT

public:
    /// `name` tells profiles apart; the user's id is added.
    explicit SingleInstance(const QString& name, QObject* parent = nullptr);

    /// True: this is the first; from now on `activated` reports later starts. False: `arguments`
    /// were handed to the first one. Waits at most half a second for it, before the event loop
    /// runs.
    [[nodiscard]] bool claim(const QStringList& arguments);

Q_SIGNALS:
    /// Another start asks for the window.
    void activated(const QStringList& arguments);

private:
    void onConnection();
    [[nodiscard]] bool handOver(const QStringList& arguments) const;

    QString name_;
    QLocalServer server_;
};

} // namespace narthex::ui::shell
