// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store, a queue of remote write behind it and a receiver that answers as a test says, on a clock
// that the test moves. What arrives goes through the real receiver into a store in memory, which
// takes nothing out of order. Owner: a test. Threads: the test's own.
#pragma once

#include "core/base/file.h"
#include "core/exposition/text_writer.h"
#include "core/remote/receiver/write_receiver.h"
#include "core/remote/remote_storage.h"
#include "core/storage/memory_store.h"
#include "core/tsdb/db.h"
#include "support/scripted_server.h"
#include "support/tsdb_fixture.h"

#include <QTest>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace narthex::test {

inline constexpr std::int64_t kSenderStart = 1'700'000'000'000;

class SenderWorld
{
public:
    explicit SenderWorld(const tsdb::DbOptions& options = {})
    {
        // The order of arrival counts: the server's own thread stores.
        server_.handle("POST /write", [this](const net::ServerRequest& request) {
            const net::ServerResponse answer =
                onRequest ? onRequest(request) : net::ServerResponse{.status = 204};
            if (answer.status / 100 == 2) {
                receive(request);
            }
            return answer;
        });
        auto db = tsdb::Db::open(directory_.path() / "data", options,
                                 {.pool = pool_,
                                  .clock = timers_.clock(),
                                  .log = base::nullLogger(),
                                  .onCommit =
                                      [this] {
                                          if (remote_) {
                                              remote_->notify();
                                          }
                                      }},
                                 {});
        if (!db.ok()) {
            throw std::runtime_error(db.status().ToString());
        }
        db_ = *std::move(db);
    }
    ~SenderWorld()
    {
        if (remote_) {
            stop();
        }
        base::ignore(db_->close(), "the end of a test");
    }
    SenderWorld(const SenderWorld&) = delete;
    SenderWorld& operator=(const SenderWorld&) = delete;

    [[nodiscard]] remote::RemoteWriteConfig config() const
    {
        remote::RemoteWriteConfig config;
        config.url = server_.url() + "/write";
        config.name = "far";
        return config;
    }

    /// Sends from now on. Samples must be newer than now.
    void start(const remote::RemoteWriteConfig& config, const model::Labels& external = {},
               base::Duration flushDeadline = base::Duration::fromMs(20'000))
    {
        remote_ = std::make_unique<remote::RemoteStorage>(
            remote::RemoteStorage::Options{.flushDeadline = flushDeadline}, environment());
        apply({config}, external);
    }
    void apply(const std::vector<remote::RemoteWriteConfig>& configs,
               const model::Labels& external = {})
    {
        const absl::Status status = remote_->apply(configs, external);
        QVERIFY2(status.ok(), status.ToString().c_str());
    }
    void stop() { remote_.reset(); }

    /// Stores one sample of each series, `aheadMs` after the start of the world.
    void store(const std::vector<model::Labels>& series, std::int64_t aheadMs, double value)
    {
        const auto appender = db_->appender();
        for (const model::Labels& labels : series) {
            appender->append(*appender->seriesFor(labels), {kSenderStart + aheadMs}, value);
        }
        QVERIFY(appender->commit().ok());
    }

    void advance(base::Duration by) { timers_.advance(by); }
    [[nodiscard]] std::size_t requests() const { return server_.count("POST /write"); }
    bool waitForRequests(std::size_t count)
    {
        return QTest::qWaitFor([&] { return requests() >= count; }, 10'000);
    }
    /// What the page of metrics says; 0 for what is not there.
    double metric(const std::string& name, const std::string& label = {}) const
    {
        std::string page;
        exposition::TextWriter out(page);
        remote_->writeMetrics(out, {});
        double sum = 0;
        for (const QByteArray& line : QByteArray::fromStdString(page).split('\n')) {
            if (line.startsWith((name + "{").c_str()) && line.contains(label.c_str())) {
                sum += line.mid(line.lastIndexOf(' ') + 1).toDouble();
            }
        }
        return sum;
    }
    bool waitForMetric(const std::string& name, double value, const std::string& label = {})
    {
        const std::string full = "prometheus_remote_storage_" + name;
        return QTest::qWaitFor([&] { return metric(full, label) == value; }, 10'000);
    }
    /// All that arrived, by series.
    [[nodiscard]] Contents arrived() const
    {
        const auto querier = far_.querier({INT64_MIN}, {INT64_MAX});
        return contentsOf(**querier);
    }
    [[nodiscard]] std::size_t arrivedSamples() const
    {
        std::size_t count = 0;
        for (const auto& [series, samples] : arrived()) {
            count += samples.size();
        }
        return count;
    }
    /// Requests that the receiver could not store: out of order, or twice.
    [[nodiscard]] int badRequests() const { return bad_.load(); }

    remote::SenderEnvironment environment()
    {
        return {.client = client_,
                .pool = pool_,
                .timers = timers_,
                .log = base::nullLogger(),
                .walDirectory = directory_.path() / "data" / "wal",
                .families = families,
                .newestStored = {},
                .cloud = nullptr};
    }

    /// What the receiver answers; empty: always 204. On the server's thread.
    std::function<net::ServerResponse(const net::ServerRequest&)> onRequest;
    std::function<std::vector<remote::FamilyText>()> families;

    [[nodiscard]] tsdb::Db& db() { return *db_; }
    [[nodiscard]] tests::ScriptedServer& server() { return server_; }
    [[nodiscard]] base::ManualTimers& timers() { return timers_; }
    [[nodiscard]] remote::RemoteStorage& remote() { return *remote_; }

private:
    void receive(const net::ServerRequest& request)
    {
        const auto message = remote::receiver::writeMessageOf(request.header("Content-Type"));
        if (!message.ok() ||
            !receiver_.write(*message, request.body, far_, {kSenderStart + 1'000'000'000})
                 .status.ok()) {
            ++bad_;
        }
    }

    base::TemporaryDirectory directory_;
    base::ManualTimers timers_{base::Timestamp{kSenderStart}};
    base::WorkerPool pool_{2};
    std::atomic<int> bad_{0};
    storage::MemoryStore far_;
    remote::receiver::WriteReceiver receiver_{remote::receiver::WriteOptions{}};
    tests::ScriptedServer server_;
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "Narthex/test"};
    std::unique_ptr<tsdb::Db> db_;
    std::unique_ptr<remote::RemoteStorage> remote_;
};

} // namespace narthex::test
