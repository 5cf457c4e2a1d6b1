// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Debian's Prometheus as a test's other side: started on a data directory, asked over its API,
// stopped politely or not. Owner: a test; killed when it goes out of scope. Threads: the test's
// own.
#pragma once

#include "support/tsdb_fixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QProcess>
#include <QTcpServer>
#include <QTest>
#include <QUrlQuery>

#include <bit>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace narthex::test {

inline constexpr int kPatienceMs = 30'000;

inline QString peerProgram(const char* name)
{
    return QString(NARTHEX_PEERS_DIR "/usr/bin/") + name;
}

inline quint16 freePort()
{
    QTcpServer server;
    return server.listen(QHostAddress::LocalHost) ? server.serverPort() : 0;
}

/// A Prometheus on a data directory, killed at the end if it still runs.
class Prometheus
{
public:
    Prometheus(const std::filesystem::path& data, const std::filesystem::path& config,
               const std::string& configText, const QStringList& flags = {})
        : port_(freePort())
    {
        std::string text = configText;
        if (const std::size_t at = text.find("PORT"); at != std::string::npos) {
            text.replace(at, 4, std::to_string(port_));
        }
        std::ofstream(config) << text;
        process_.setProcessChannelMode(QProcess::MergedChannels);
        process_.start(peerProgram("prometheus"),
                       QStringList{"--config.file=" + QString::fromStdString(config.string()),
                                   "--storage.tsdb.path=" + QString::fromStdString(data.string()),
                                   "--storage.tsdb.retention.time=100y",
                                   "--enable-feature=native-histograms",
                                   QString("--web.listen-address=127.0.0.1:%1").arg(port_)} +
                           flags);
    }
    ~Prometheus()
    {
        process_.kill();
        process_.waitForFinished(kPatienceMs);
    }
    bool waitUntilReady()
    {
        return QTest::qWaitFor([this] { return get("/-/ready").startsWith("Prometheus"); },
                               kPatienceMs);
    }
    [[nodiscard]] QString url() const { return QString("http://127.0.0.1:%1").arg(port_); }
    QByteArray get(const QString& path, const QUrlQuery& query = {})
    {
        QUrl url(QString("http://127.0.0.1:%1%2").arg(port_).arg(path));
        url.setQuery(query);
        const std::unique_ptr<QNetworkReply> reply(network_.get(QNetworkRequest(url)));
        return QTest::qWaitFor([&reply] { return reply->isFinished(); }, kPatienceMs)
                   ? reply->readAll()
                   : QByteArray();
    }
    /// The series of a range selector's answer.
    QJsonArray matrix(const QString& selector, std::int64_t atMs)
    {
        const QUrlQuery query{{"query", QString::fromLatin1(QUrl::toPercentEncoding(selector))},
                              {"time", QString::number(static_cast<double>(atMs) / 1000, 'f', 3)}};
        const QJsonObject answer = QJsonDocument::fromJson(get("/api/v1/query", query)).object();
        return answer["data"].toObject()["result"].toArray();
    }
    static std::string seriesText(const QJsonValue& series)
    {
        const QJsonObject metric = series["metric"].toObject();
        model::LabelsBuilder labels;
        for (auto it = metric.begin(); it != metric.end(); ++it) {
            labels.set(it.key().toStdString(), it.value().toString().toStdString());
        }
        return labels.build().toString();
    }
    /// Raw samples of a range selector.
    Contents samples(const QString& selector, std::int64_t atMs)
    {
        Contents contents;
        const QJsonArray result = matrix(selector, atMs);
        for (const QJsonValue& value : result) {
            auto& samples = contents[seriesText(value)];
            const QJsonArray values = value["values"].toArray();
            for (const QJsonValue& sample : values) {
                const double number = sample[1].toString() == "NaN"
                                          ? model::normalNan()
                                          : sample[1].toString().toDouble();
                samples.emplace_back(qRound64(sample[0].toDouble() * 1000),
                                     std::bit_cast<std::uint64_t>(number));
            }
        }
        return contents;
    }
    /// The value of an expression with one series, NaN if it has none.
    double value(const QString& expression, std::int64_t atMs)
    {
        const QUrlQuery query{{"query", expression}, {"time", QString::number(atMs / 1000)}};
        const QJsonObject answer = QJsonDocument::fromJson(get("/api/v1/query", query)).object();
        const QJsonArray result = answer["data"].toObject()["result"].toArray();
        return result.size() == 1 ? result[0]["value"][1].toString().toDouble()
                                  : model::normalNan();
    }
    void kill()
    {
        process_.kill();
        process_.waitForFinished(kPatienceMs);
    }
    void terminate()
    {
        process_.terminate();
        process_.waitForFinished(kPatienceMs);
    }
    QByteArray output() { return process_.readAll(); }

private:
    quint16 port_;
    QProcess process_;
    QNetworkAccessManager network_;
};

} // namespace narthex::test
