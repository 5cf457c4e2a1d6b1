// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Debian's nginx and tinyproxy as peers of the HTTP client: started on loopback with a
// configuration of the test's, stopped with the object. Owner: the test. Threads: the test's own.
#pragma once

#include "support/process.h"

#include <QFile>
#include <QTcpSocket>
#include <QTemporaryDir>

#include <unistd.h>

namespace narthex::tests {

/// A server program with a folder of its own.
class NetworkPeer
{
public:
    /// Empty when the program could not be had.
    static QString find(const QString& program)
    {
        for (const char* const folder : {"usr/sbin/", "usr/bin/"}) {
            const QString path = QStringLiteral(NARTHEX_PEERS_DIR "/") + folder + program;
            if (QFile::exists(path)) {
                return path;
            }
        }
        return {};
    }

    [[nodiscard]] std::string path(const std::string& name) const
    {
        return folder_.path().toStdString() + "/" + name;
    }
    void write(const std::string& name, const std::string& text) const
    {
        QFile file(QString::fromStdString(path(name)));
        if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate)) {
            throw std::runtime_error("cannot write " + path(name));
        }
        file.write(text.data(), static_cast<qint64>(text.size()));
    }

    /// `servers`: the inside of the http section.
    bool startNginx(const std::string& servers, int port)
    {
        // Started by root it would hand its work to a user who cannot read the test's folder.
        const std::string user = ::geteuid() == 0 ? "user root; " : "";
        write("nginx.conf", user + "daemon off; worker_processes 1; pid " + path("pid") +
                                "; error_log stderr; events { worker_connections 64; }\nhttp {\n"
                                "access_log off; client_body_temp_path " +
                                path("body") + "; proxy_temp_path " + path("proxy") +
                                "; fastcgi_temp_path " + path("fastcgi") + "; uwsgi_temp_path " +
                                path("uwsgi") + "; scgi_temp_path " + path("scgi") + ";\n" +
                                servers + "}\n");
        return start(find("nginx"),
                     {"-p", folder_.path(), "-e", "stderr", "-c", folder_.path() + "/nginx.conf"},
                     port);
    }

    bool start(const QString& program, const QStringList& arguments, int port)
    {
        return program_.start(program, arguments, folder_.path()) &&
               QTest::qWaitFor([port] { return answers(port); }, 10000);
    }
    QString output() { return program_.output(); }

private:
    static bool answers(int port)
    {
        QTcpSocket socket;
        socket.connectToHost(QHostAddress::LocalHost, static_cast<quint16>(port));
        return socket.waitForConnected(200);
    }

    QTemporaryDir folder_;
    test::Program program_;
};

} // namespace narthex::tests
