// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/single_instance.h"

#include <QCryptographicHash>
#include <QLocalSocket>

#include <unistd.h>

namespace narthex::ui::shell {
namespace {

constexpr int kHandOverMs = 500;

/// A profile's name may be a path, which a socket's cannot hold.
QString socketName(const QString& name)
{
    const QByteArray hash =
        QCryptographicHash::hash(name.toUtf8(), QCryptographicHash::Sha256).toHex();
    return QStringLiteral("narthex-%1-%2").arg(getuid()).arg(QString::fromLatin1(hash.left(16)));
}

} // namespace

SingleInstance::SingleInstance(const QString& name, QObject* parent)
    : QObject(parent), name_(socketName(name))
{
    server_.setSocketOptions(QLocalServer::UserAccessOption);
    connect(&server_, &QLocalServer::newConnection, this, &SingleInstance::onConnection);
}

bool SingleInstance::claim(const QStringList& arguments)
{
    // Asking comes first: with access options, listen() quietly takes over the socket of a living
    // server.
    if (handOver(arguments)) {
        return false;
    }
    // Nobody answers: what is left is the socket file of a crash.
    QLocalServer::removeServer(name_);
    static_cast<void>(server_.listen(name_));
    return true;
}

bool SingleInstance::handOver(const QStringList& arguments) const
{
    QLocalSocket socket;
    socket.connectToServer(name_);
    if (!socket.waitForConnected(kHandOverMs)) {
        return false;
    }
    QByteArray bytes;
    for (const QString& argument : arguments) {
        bytes += argument.toUtf8() + '\0';
    }
    bytes += '\0';
    socket.write(bytes);
    socket.flush();
    static_cast<void>(socket.waitForBytesWritten(kHandOverMs));
    socket.disconnectFromServer();
    return true;
}

void SingleInstance::onConnection()
{
    while (QLocalSocket* socket = server_.nextPendingConnection()) {
        connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
        connect(socket, &QLocalSocket::disconnected, this, [this, socket] {
            QStringList arguments;
            for (const QByteArray& part : socket->readAll().split('\0')) {
                if (!part.isEmpty()) {
                    arguments << QString::fromUtf8(part);
                }
            }
            Q_EMIT activated(arguments);
        });
    }
}

} // namespace narthex::ui::shell
