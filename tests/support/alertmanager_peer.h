// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Debian's Alertmanager, started by a test on a free port of the loopback. Threads: the test's own.
#pragma once

#include "support/process.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace narthex::test {

class AlertmanagerPeer
{
public:
    /// Why a test has to be skipped; empty: it need not.
    static QString missing()
    {
        if (peer("prometheus-alertmanager").isEmpty()) {
            return "Debian's prometheus-alertmanager is not unpacked";
        }
        return withPeerFiles("true", {}).isEmpty() ? "name spaces cannot be made here" : QString();
    }

    /// Keeps its files in `folder`. False: it does not come up, output() says why.
    bool start(const std::filesystem::path& folder, const std::string& config)
    {
        std::ofstream(folder / "am.yml") << config;
        const int port = freePort();
        const QString data = QString::fromStdString(folder.string());
        url_ = "http://127.0.0.1:" + std::to_string(port);
        requests_ = std::make_unique<Requests>(port);
        return program_.start(
                   "unshare",
                   withPeerFiles(peer("prometheus-alertmanager"),
                                 {"--config.file=" + data + "/am.yml", "--storage.path=" + data,
                                  "--cluster.listen-address=",
                                  QString("--web.listen-address=127.0.0.1:%1").arg(port)})) &&
               requests_->waitReady();
    }
    /// Stops it; it writes its state. The exit code.
    int terminate() { return program_.terminate(); }
    [[nodiscard]] QString output() { return program_.output(); }
    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] Requests& requests() { return *requests_; }

private:
    Program program_;
    std::string url_;
    std::unique_ptr<Requests> requests_;
};

} // namespace narthex::test
