// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An engine over a folder of its own and the API on it, called without a network. Owner: a test.
// Threads: the test's own.
#pragma once

#include "core/api/api.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/status.h"
#include "core/engine/engine.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <atomic>
#include <functional>
#include <memory>
#include <semaphore>
#include <string>
#include <utility>

namespace narthex::test {

constexpr std::int64_t kStart = 1'699'999'200'000;

/// An engine over a folder of its own, and an API on it.
struct ApiWorld
{
    using Change = std::function<void(engine::EngineOptions&)>;

    explicit ApiWorld(bool enableAdmin = true, const Change& change = {},
                      const api::IngestOptions& ingest = {})
        : ApiWorld(api::ApiOptions{.enableAdmin = enableAdmin, .ingest = ingest}, change)
    {}
    explicit ApiWorld(api::ApiOptions apiOptions, const Change& change = {})
    {
        options.dataDirectory = folder.path() / "data";
        options.requireConfig = false;
        options.store.live.maxExemplars = 10;
        if (change) {
            change(options);
        }
        engine = std::make_unique<engine::Engine>(
            options,
            engine::Engine::Environment{.loop = loop, .pool = pool, .timers = timers, .log = log});
        api = std::make_unique<api::Api>(*engine, std::move(apiOptions));
        base::ignore(engine->start(), "ready() tells");
    }
    bool isReady() const
    {
        return QTest::qWaitFor([&] { return engine->ready(); }, 15000);
    }
    /// `series` series with `samples` samples of a second each, and one exemplar.
    void fill(int series, int samples) const
    {
        const auto store = engine->store().value();
        const auto appender = store->appender();
        for (int i = 0; i < series; ++i) {
            const auto ref = *appender->seriesFor(
                {{"__name__", "requests_total"}, {"code", std::to_string(200 + i)}});
            for (int s = 0; s < samples; ++s) {
                appender->append(ref, {kStart + s * 1000}, s);
            }
            if (i == 0) {
                appender->appendExemplar(ref, {.labels = {{"trace_id", "abc"}},
                                               .value = 0.5,
                                               .time = base::Timestamp{kStart}});
            }
        }
        base::ignore(appender->commit(), "the test looks at what is there");
    }
    net::ServerResponse call(const std::string& method, const std::string& path,
                             net::Parameters parameters = {}) const
    {
        net::ServerRequest request;
        request.method = method;
        request.path = path;
        request.parameters = std::move(parameters);
        return send(std::move(request));
    }
    net::ServerResponse send(net::ServerRequest request) const
    {
        std::atomic<bool> done = false;
        net::ServerResponse result;
        api->handle(std::move(request), [&](net::ServerResponse response) {
            result = std::move(response);
            done = true;
        });
        base::ignore(QTest::qWaitFor([&] { return done.load(); }, 15000)
                         ? absl::OkStatus()
                         : absl::DeadlineExceededError("no reply"),
                     "an empty answer fails the test");
        // What is made while it is sent, piece by piece.
        while (result.stream) {
            std::binary_semaphore came(0); // the thread sanitizer sees it, unlike Abseil's
            absl::StatusOr<std::string> piece;
            result.stream([&](absl::StatusOr<std::string> next) {
                piece = std::move(next);
                came.release();
            });
            came.acquire();
            if (!piece.ok() || piece->empty()) {
                result.stream = nullptr;
            } else {
                result.body += *piece;
            }
        }
        return result;
    }
    [[nodiscard]] QJsonValue data(const std::string& path, net::Parameters parameters = {}) const
    {
        return QJsonDocument::fromJson(
                   QByteArray::fromStdString(call("GET", path, std::move(parameters)).body))
            .object()
            .value("data");
    }

    base::TemporaryDirectory folder;
    base::LogSetup log = base::LogSetup::create("error").value();
    net::IoLoop loop;
    base::WorkerPool pool{2};
    base::SystemTimers timers;
    engine::EngineOptions options;
    std::unique_ptr<engine::Engine> engine;
    std::unique_ptr<api::Api> api;
};

} // namespace narthex::test
