// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Programs that a test starts and always stops: narthexctl and the peers, on loopback and free
// ports. And JSON over HTTP from them. Threads: the test's own.
#pragma once

#include "core/net/http_client.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QRandomGenerator>
#include <QStringList>
#include <QTcpServer>
#include <QTest>
#include <QUrl>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>

namespace narthex::test {

/// A port that nothing listens on right now. It lies below those that the system gives to outgoing
/// connections: of these one could take it before the program that it is meant for.
inline int freePort()
{
    for (int attempt = 0; attempt < 100; ++attempt) {
        const int port = QRandomGenerator::global()->bounded(15000, 32000);
        QTcpServer probe;
        if (probe.listen(QHostAddress::LocalHost, static_cast<quint16>(port))) {
            return port;
        }
    }
    return 0;
}

/// Where a peer's program was unpacked; empty when it could not be had.
inline QString peer(const QString& name)
{
    const auto path = std::filesystem::path(NARTHEX_PEERS_DIR) / "usr/bin" / name.toStdString();
    return std::filesystem::exists(path) ? QString::fromStdString(path.string()) : QString();
}

inline QString ownProgram(const QString& name)
{
    return QStringLiteral(NARTHEX_BIN_DIR "/") + name;
}

/// Arguments for `unshare` that run a program with the /usr/share of the unpacked packages, for
/// those that read files at fixed paths. Empty: name spaces cannot be made here.
inline QStringList withPeerFiles(const QString& program, const QStringList& arguments)
{
    const QString mount = QStringLiteral("mount --bind %1 /usr/share && exec \"$0\" \"$@\"")
                              .arg(QStringLiteral(NARTHEX_PEERS_DIR "/usr/share"));
    if (QProcess::execute("unshare", {"-rm", "sh", "-c", mount, "true"}) != 0) {
        return {};
    }
    return QStringList{"-rm", "sh", "-c", mount, program} + arguments;
}

/// Killed when it goes out of scope.
class Program
{
public:
    Program() = default;
    ~Program() { kill(); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    bool start(const QString& path, const QStringList& arguments, const QString& folder = QString())
    {
        process_.setProcessChannelMode(QProcess::MergedChannels);
        if (!folder.isEmpty()) {
            process_.setWorkingDirectory(folder);
        }
        process_.start(path, arguments);
        return process_.waitForStarted(10000);
    }
    /// SIGKILL.
    void kill()
    {
        if (process_.state() != QProcess::NotRunning) {
            process_.kill();
            process_.waitForFinished(10000);
        }
    }
    /// SIGTERM; the exit code, -1 when it did not end.
    int terminate()
    {
        process_.terminate();
        return process_.waitForFinished(20000) ? process_.exitCode() : -1;
    }
    void hangUp() const { ::kill(static_cast<pid_t>(process_.processId()), SIGHUP); }
    int waitForEnd() { return process_.waitForFinished(30000) ? process_.exitCode() : -1; }
    QString output() { return output_ += QString::fromUtf8(process_.readAll()); }
    [[nodiscard]] qint64 id() const { return process_.processId(); }

private:
    QProcess process_;
    QString output_;
};

/// Requests to one server; the test's event loop runs on while one is under way.
class Requests
{
public:
    explicit Requests(int port) : base_("http://127.0.0.1:" + std::to_string(port)) {}

    struct Answer
    {
        int status = 0; // 0: no connection
        QByteArray body;
    };

    Answer get(const std::string& path, const std::string& method = "GET",
               const std::string& body = {})
    {
        Answer answer;
        std::atomic<bool> done = false;
        client_.send({.method = method, .url = base_ + path, .body = body}, config_,
                     [&](absl::StatusOr<net::HttpResponse> response) {
                         if (response.ok()) {
                             answer.status = response->status;
                             answer.body = QByteArray::fromStdString(response->body);
                         }
                         done = true;
                     });
        return QTest::qWaitFor([&] { return done.load(); }, 40000) ? answer : Answer{};
    }

    QJsonObject json(const std::string& path)
    {
        return QJsonDocument::fromJson(get(path).body).object();
    }
    /// A value deep inside the answer.
    QJsonValue find(const std::string& path, std::initializer_list<QString> keys)
    {
        QJsonValue value = json(path);
        for (const QString& key : keys) {
            value = std::as_const(value)[key];
        }
        return value;
    }

    /// The series of an instant query.
    QJsonArray query(const QString& text)
    {
        return find("/api/v1/query?query=" + QUrl::toPercentEncoding(text).toStdString(),
                    {"data", "result"})
            .toArray();
    }
    /// The value of the only series; NaN when there is none or more.
    double value(const QString& text)
    {
        const QJsonArray result = query(text);
        return result.size() == 1 ? result[0].toObject()["value"].toArray()[1].toString().toDouble()
                                  : qQNaN();
    }
    bool waitReady()
    {
        return QTest::qWaitFor([&] { return get("/-/ready").status == 200; }, 20000);
    }

private:
    const std::string base_;
    const std::shared_ptr<const net::HttpClientConfig> config_ =
        std::make_shared<const net::HttpClientConfig>();
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "Narthex/test"};
};

} // namespace narthex::test
