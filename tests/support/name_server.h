// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A real name server (bind9's named) on a free loopback port, with the zones of a test, and the
// resolver file that leads to it. Owner: the test; stopped when it goes out of scope. Threads: the
// test's own.
#pragma once

#include "core/base/file.h"
#include "support/process.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace narthex::tests {

class NameServer
{
public:
    /// Where the unpacked program is; empty: it cannot be had.
    static QString program()
    {
        const QString path = QStringLiteral(NARTHEX_PEERS_DIR "/usr/sbin/named");
        return QFile::exists(path) ? path : QString();
    }

    /// `zones`: origin without final dot, and its records as in a zone file (the SOA and NS are
    /// there). A zone whose records are "broken" cannot be loaded: the server fails on its names.
    explicit NameServer(const std::map<std::string, std::string>& zones)
        : port_(static_cast<std::uint16_t>(test::freePort()))
    {
        const std::string folder = folder_.path().string();
        std::ofstream config(folder + "/named.conf");
        config << fmt::format("options {{ directory \"{}\"; pid-file none; session-keyfile none; "
                              "lock-file none; listen-on port {} {{ 127.0.0.1; }}; "
                              "listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; "
                              "notify no; querylog yes; empty-zones-enable no; }};\n"
                              "controls {{ }};\n",
                              folder, port_);
        for (const auto& [origin, records] : zones) {
            config << fmt::format("zone \"{0}\" {{ type primary; file \"{0}.zone\"; }};\n", origin);
            std::ofstream zone(folder + "/" + origin + ".zone");
            if (records != "broken") {
                zone << "$TTL 1\n@ SOA ns hostmaster 1 60 60 60 1\n@ NS ns\nns A 127.0.0.1\n";
            }
            zone << records << "\n";
        }
        config.close();
        writeResolver("");
    }

    /// False: it did not start; output() tells why.
    bool start()
    {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("LD_LIBRARY_PATH", NARTHEX_PEERS_DIR
                           "/usr/lib/x86_64-linux-gnu:" NARTHEX_PEERS_DIR "/lib/x86_64-linux-gnu");
        process_.setProcessEnvironment(environment);
        process_.setProcessChannelMode(QProcess::MergedChannels);
        process_.start(program(),
                       {"-g", "-n", "1", "-c",
                        QString::fromStdString((folder_.path() / "named.conf").string())});
        return QTest::qWaitFor([this] { return output().contains("running\n"); }, 20000);
    }
    ~NameServer()
    {
        process_.kill();
        process_.waitForFinished(10000);
    }

    QString output() { return output_ += QString::fromUtf8(process_.readAll()); }
    /// The names that were asked, with types, in order: "db.a.org A".
    std::vector<std::string> asked()
    {
        std::vector<std::string> names;
        const QStringList lines = output().split('\n');
        for (const QString& line : lines) {
            const qsizetype at = line.indexOf("query: ");
            if (at >= 0) {
                const QStringList words = line.mid(at + 7).split(' ');
                names.push_back((words.value(0) + " " + words.value(2)).toStdString());
            }
        }
        return names;
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string resolverFile() const
    {
        return (folder_.path() / "resolv.conf").string();
    }
    /// `lines` stand before the server's own.
    void writeResolver(const std::string& lines) const
    {
        std::ofstream(resolverFile()) << lines << "nameserver 127.0.0.1\n";
    }

private:
    base::TemporaryDirectory folder_;
    const std::uint16_t port_;
    QProcess process_;
    QString output_;
};

} // namespace narthex::tests
