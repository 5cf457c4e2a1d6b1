// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A real ZooKeeper on a free loopback port, and a client that writes its nodes.
// Owner: the test; stopped when it goes out of scope. Threads: the test's own.
#pragma once

#include "core/base/file.h"
#include "support/process.h"

#include <fmt/format.h>

#include <QTcpSocket>

#define THREADED
#include <fstream>
#include <stdexcept>
#include <string>
#include <zookeeper/zookeeper.h>

namespace narthex::tests {

class ZooKeeperServer
{
public:
    /// Where the unpacked Java is; empty: the server cannot be had.
    static QString java()
    {
        const QString path =
            QStringLiteral(NARTHEX_PEERS_DIR "/usr/lib/jvm/java-17-openjdk-amd64/bin/java");
        const QString jar = QStringLiteral(NARTHEX_PEERS_DIR "/usr/share/java/zookeeper.jar");
        return QFile::exists(path) && QFile::exists(jar) ? path : QString();
    }

    ZooKeeperServer() : port_(test::freePort()) {}
    ~ZooKeeperServer() { stop(); }

    bool start()
    {
        const std::string folder = folder_.path().string();
        std::ofstream(folder + "/zoo.cfg")
            << fmt::format("tickTime=200\ndataDir={}/data\nclientPort={}\n"
                           "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n",
                           folder, port_);
        QStringList jars;
        for (const char* name : {"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple",
                                 "metrics-core", "snappy-java", "netty-handler", "netty-common",
                                 "netty-transport", "netty-buffer", "commons-io"}) {
            jars << QStringLiteral(NARTHEX_PEERS_DIR "/usr/share/java/") + name + ".jar";
        }
        process_ = std::make_unique<test::Program>();
        process_->start(java(), {"-Xmx64m", "-XX:+UseSerialGC", "-cp", jars.join(':'),
                                 "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                                 QString::fromStdString(folder + "/zoo.cfg")});
        return QTest::qWaitFor(
            [this] {
                // It listens before it serves.
                QTcpSocket socket;
                socket.connectToHost("127.0.0.1", port());
                if (!socket.waitForConnected(200)) {
                    return false;
                }
                socket.write("srvr");
                QByteArray answer;
                while (socket.waitForReadyRead(500)) {
                    answer += socket.readAll();
                }
                return answer.contains("Mode: standalone");
            },
            30000);
    }
    void stop() { process_.reset(); }
    QString output() { return process_ ? process_->output() : QString(); }
    [[nodiscard]] std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    base::TemporaryDirectory folder_;
    const int port_;
    std::unique_ptr<test::Program> process_;
};

/// Writes nodes; throws when that fails.
class ZooKeeperWriter
{
public:
    explicit ZooKeeperWriter(const std::string& address)
    {
        zoo_set_debug_level(static_cast<ZooLogLevel>(0));
        handle_ = zookeeper_init(address.c_str(), nullptr, 10000, nullptr, nullptr, 0);
    }
    ~ZooKeeperWriter() { zookeeper_close(handle_); }
    ZooKeeperWriter(const ZooKeeperWriter&) = delete;
    ZooKeeperWriter& operator=(const ZooKeeperWriter&) = delete;

    void create(const std::string& path, const std::string& data = "")
    {
        check(again([&] {
            return zoo_create(handle_, path.c_str(), data.data(), static_cast<int>(data.size()),
                              &ZOO_OPEN_ACL_UNSAFE, 0, nullptr, 0);
        }));
    }
    void set(const std::string& path, const std::string& data)
    {
        check(again([&] {
            return zoo_set(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), -1);
        }));
    }
    void remove(const std::string& path)
    {
        check(again([&] { return zoo_delete(handle_, path.c_str(), -1); }));
    }

private:
    // The connection takes a moment.
    template <typename F>
    static int again(const F& call)
    {
        int code = call();
        for (int i = 0; i < 100 && (code == ZCONNECTIONLOSS || code == ZOPERATIONTIMEOUT); ++i) {
            QTest::qWait(50);
            code = call();
        }
        return code;
    }
    static void check(int code)
    {
        if (code != ZOK) {
            throw std::runtime_error(zerror(code));
        }
    }
    zhandle_t* handle_ = nullptr;
};

} // namespace narthex::tests
