// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote write, remote read and OTLP at their doors: who may come in, and what is answered.
// Source: spec/remote.md, 3, 4 and 6.
#include "core/api/context.h"
#include "core/api/ingest.h"
#include "core/base/status.h"
#include "core/engine/engine.h"
#include "core/exposition/text_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace narthex::api {
namespace {

using remote::receiver::WriteMessage;

net::ServerResponse text(int status, std::string_view body)
{
    return {.status = status, .body = fmt::format("{}\n", body)};
}

int statusOf(const absl::Status& status) { return absl::IsInvalidArgument(status) ? 400 : 500; }

/// What all three have to be before anything else is looked at.
std::optional<net::ServerResponse> notServing(const Context& context,
                                              const net::ServerRequest& request)
{
    if (!context.engine.ready()) {
        net::ServerResponse response = text(503, "Service Unavailable");
        const bool stopping = context.engine.state() == engine::State::Stopping;
        response.headers.emplace_back("X-Prometheus-Stopping", stopping ? "true" : "false");
        return response;
    }
    if (request.method != "POST") {
        net::ServerResponse response = text(405, "Method Not Allowed: POST is");
        response.headers.emplace_back("Allow", "POST, OPTIONS");
        return response;
    }
    return std::nullopt;
}

void addWritten(net::ServerResponse& response, const remote::receiver::Written& written)
{
    const auto add = [&response](std::string_view what, std::uint64_t count) {
        response.headers.emplace_back(fmt::format("X-Prometheus-Remote-Write-{}-Written", what),
                                      fmt::format("{}", count));
    };
    add("Samples", written.samples);
    add("Histograms", written.histograms);
    add("Exemplars", written.exemplars);
}

/// Which message comes; an answer if it is none that is taken.
std::optional<net::ServerResponse>
messageOf(const Context& context, const net::ServerRequest& request, WriteMessage& message)
{
    const auto named = remote::receiver::writeMessageOf(request.header("Content-Type"));
    if (!named.ok()) {
        return text(415, base::messageOf(named.status()));
    }
    message = *named;
    const auto& accepted = context.ingest.options.acceptedMessages;
    if (std::find(accepted.begin(), accepted.end(), message) == accepted.end()) {
        std::vector<std::string_view> names;
        for (const WriteMessage each : accepted) {
            names.push_back(remote::receiver::writeMessageText(each));
        }
        return text(
            415, fmt::format("{} protobuf message is not accepted by this server; only accepts "
                             "{} (--web.remote-write-receiver.accepted-protobuf-messages)",
                             remote::receiver::writeMessageText(message), fmt::join(names, ", ")));
    }
    const std::string_view encoding = request.header("Content-Encoding");
    if (!encoding.empty() && encoding != "snappy") {
        return text(415, fmt::format("{} encoding (compression) is not accepted by this server; "
                                     "only snappy is",
                                     encoding));
    }
    return std::nullopt;
}

} // namespace

Ingest::Ingest(const IngestOptions& ingest, engine::Engine& engine)
    : options(ingest),
      write({.typeAndUnitLabels = engine.options().typeAndUnitLabels,
             .writeStartZero = engine.options().startTimes.writeZero,
             .storeMetadata = engine.options().store.metadataInWal}),
      read({.sampleLimit = ingest.read.sampleLimit,
            .concurrentLimit = ingest.read.concurrentLimit,
            // Half of the threads are left for everything else.
            .waitingLimit = engine.requestPool().threadCount() / 2,
            .frameBytes = ingest.read.frameBytes,
            .bodyLimitBytes = ingest.read.bodyLimitBytes}),
      otlp({.delta = ingest.delta,
            .typeAndUnitLabels = engine.options().typeAndUnitLabels,
            .storeMetadata = engine.options().store.metadataInWal,
            .writeStartZero = engine.options().startTimes.writeZero,
            .lookback = engine.options().query.lookback})
{}

void Ingest::writeMetrics(exposition::TextWriter& out) const
{
    write.writeMetrics(out);
    read.writeMetrics(out);
    otlp.writeMetrics(out);
    out.counter("prometheus_web_federation_errors_total", "Requests for federation that failed.",
                static_cast<double>(federationErrors.load()));
    out.counter("prometheus_web_federation_warnings_total",
                "What was left out of pages for federation.",
                static_cast<double>(federationWarnings.load()));
}

net::ServerResponse remoteWrite(const Context& context, const net::ServerRequest& request)
{
    if (!context.ingest.options.enableRemoteWriteReceiver) {
        return text(404, "remote write receiver needs to be enabled with "
                         "--web.enable-remote-write-receiver");
    }
    if (auto response = notServing(context, request)) {
        return *std::move(response);
    }
    WriteMessage message{};
    if (auto response = messageOf(context, request, message)) {
        return *std::move(response);
    }
    const auto store = context.engine.store();
    if (!store.ok()) {
        return text(503, base::messageOf(store.status()));
    }
    const auto result =
        context.ingest.write.write(message, request.body, **store, context.engine.clock().now());
    net::ServerResponse response =
        result.status.ok() ? net::ServerResponse{.status = 204, .contentType = ""}
                           : text(statusOf(result.status), base::messageOf(result.status));
    // A sender of version 1 that finds numbers believes them: it would count all as lost.
    if (message == WriteMessage::V2) {
        addWritten(response, result.written);
    }
    return response;
}

net::ServerResponse remoteRead(const Context& context, const net::ServerRequest& request)
{
    if (auto response = notServing(context, request)) {
        return *std::move(response);
    }
    const auto config = context.engine.configuration();
    auto answer =
        context.ingest.read.answer(request.body, {.store = context.engine.localQueryable(),
                                                  .externalLabels = config->global.externalLabels,
                                                  .gone = request.gone});
    if (!answer.ok()) {
        const bool isBusy = absl::IsUnavailable(answer.status());
        return text(isBusy ? 503 : statusOf(answer.status()), base::messageOf(answer.status()));
    }
    net::ServerResponse response{.contentType = "application/x-protobuf"};
    if (auto* const whole = std::get_if<std::string>(&*answer)) {
        response.body = std::move(*whole);
        response.headers.emplace_back("Content-Encoding", "snappy");
        return response;
    }
    // The first frame shows whether the store can be read: behind it an error only breaks off.
    std::shared_ptr<remote::ReadStream> stream =
        std::get<std::unique_ptr<remote::ReadStream>>(*std::move(answer));
    auto first = stream->next();
    if (!first.ok()) {
        return text(statusOf(first.status()), base::messageOf(first.status()));
    }
    response.contentType = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    response.body = *std::move(first);
    if (!response.body.empty()) {
        response.stream = [stream, &pool = context.ingest.frames](net::BodyPiece piece) {
            // std::function wants something copyable.
            auto holder = std::make_shared<net::BodyPiece>(std::move(piece));
            pool.submit([stream, holder] { (*holder)(stream->next()); });
        };
    }
    return response;
}

net::ServerResponse otlpMetrics(const Context& context, const net::ServerRequest& request)
{
    if (!context.ingest.options.enableOtlpReceiver) {
        return text(404, "otlp write receiver needs to be enabled with --web.enable-otlp-receiver");
    }
    if (auto response = notServing(context, request)) {
        return *std::move(response);
    }
    const auto store = context.engine.store();
    if (!store.ok()) {
        return text(503, base::messageOf(store.status()));
    }
    const auto config = context.engine.configuration();
    const absl::Status status =
        context.ingest.otlp.receive({.contentType = request.header("Content-Type"),
                                     .contentEncoding = request.header("Content-Encoding"),
                                     .body = request.body},
                                    config->otlp, **store, context.engine.clock().now());
    return status.ok() ? net::ServerResponse{.contentType = ""}
                       : text(statusOf(status), base::messageOf(status));
}

} // namespace narthex::api
