// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pieces of an HTTP answer: reading a request, the head of the answer, a large matrix as JSON,
// and whole requests over loopback. Checks what it gets.
#include "core/api/matrix_stream.h"
#include "core/net/http_client.h"
#include "core/net/http_server.h"
#include "core/net/response_text.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <semaphore>

using namespace narthex;

namespace {

[[noreturn]] void die(const char* why)
{
    std::fprintf(stderr, "bench_http: %s\n", why);
    std::exit(1);
}

promql::Matrix matrixOf(std::size_t series, std::size_t steps, double scale)
{
    promql::Matrix matrix;
    for (std::size_t i = 0; i < series; ++i) {
        promql::MatrixSeries each{
            .labels = model::Labels::fromPairs({{"__name__", "node_cpu_seconds_total"},
                                                {"cpu", std::to_string(i)},
                                                {"instance", "localhost:9100"},
                                                {"mode", "idle"}})};
        for (std::size_t step = 0; step < steps; ++step) {
            const double n = static_cast<double>(i * steps + step);
            each.points.push_back(
                {.time = {1'700'000'000'000 + static_cast<std::int64_t>(step) * 15'000},
                 .value = scale == 0 ? std::sqrt(n + 2) : n * scale});
        }
        matrix.push_back(std::move(each));
    }
    return matrix;
}

/// A matrix of 2 million points, formatted; argument: kinds of values.
void matrixAsJson(benchmark::State& state)
{
    const double scale = std::array{1.0, 0.25, 0.0}[static_cast<std::size_t>(state.range(0))];
    base::WorkerPool pool(1);
    std::size_t bytes = 0;
    for (auto _ : state) {
        state.PauseTiming();
        promql::Matrix matrix = matrixOf(2000, 1000, scale);
        state.ResumeTiming();
        const net::BodyStream stream = api::matrixStream(std::move(matrix), "]", pool);
        std::binary_semaphore ready(0);
        std::string piece;
        do {
            stream([&](absl::StatusOr<std::string> next) {
                piece = *std::move(next);
                ready.release();
            });
            ready.acquire();
            bytes += piece.size();
        } while (!piece.empty());
    }
    if (bytes < static_cast<std::size_t>(state.iterations()) * 40'000'000) {
        die("the answer is too short");
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(matrixAsJson)
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->ArgName("whole, decimals, roots")
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

void responseHead(benchmark::State& state)
{
    const net::ServerResponse response{
        .contentType = "application/json",
        .headers = {{"Vary", "Origin"}, {"Access-Control-Allow-Origin", "*"}}};
    net::DateText date;
    std::string out;
    for (auto _ : state) {
        out.clear();
        net::appendResponseHead(out, response, {.lengthBytes = 180}, date.now());
        benchmark::DoNotOptimize(out.data());
    }
    if (!out.ends_with("Content-Length: 180\r\n\r\n")) {
        die("the head is wrong");
    }
}
BENCHMARK(responseHead);

/// Answers that are there at once, asked for by many connections of the client.
void loopback(benchmark::State& state)
{
    net::IoLoop serverLoop;
    net::IoLoop clientLoop;
    const auto server =
        net::HttpServer::start(serverLoop, {}, [](net::ServerRequest, net::Responder respond) {
            respond({.contentType = "application/json", .body = R"({"status":"success"})"});
        });
    net::HttpClient client(clientLoop, "bench");
    const auto config = std::make_shared<const net::HttpClientConfig>();
    const std::string url = "http://" + (*server)->address() + "/api/v1/query?query=up";
    constexpr int kAtOnce = 16;
    for (auto _ : state) {
        std::counting_semaphore<kAtOnce> done(0);
        for (int i = 0; i < kAtOnce; ++i) {
            client.send({.url = url}, config, [&](const absl::StatusOr<net::HttpResponse>& answer) {
                if (!answer.ok() || answer->status != 200) {
                    die("no answer");
                }
                done.release();
            });
        }
        for (int i = 0; i < kAtOnce; ++i) {
            done.acquire();
        }
    }
    state.SetItemsProcessed(state.iterations() * kAtOnce);
}
BENCHMARK(loopback)->MeasureProcessCPUTime()->UseRealTime();

} // namespace

BENCHMARK_MAIN();
