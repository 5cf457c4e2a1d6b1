// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a notification of 100 alerts costs before it leaves: the webhook's JSON, the HTML mail, a
// subject.
#include "core/alertmanager/receivers/templates.h"
#include "core/alertmanager/receivers/webhook_message.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace {

using namespace narthex;
using namespace narthex::alertmanager;

Notification hundred()
{
    Notification notification{.receiver = "team",
                              .groupKey = "{}:{alertname=\"A\"}",
                              .groupLabels = {{"alertname", "A"}},
                              .externalUrl = "http://localhost:9093",
                              .now = {1'700'000'100'000}};
    for (int i = 0; i < 100; ++i) {
        const std::string instance = fmt::format("web-{}.example.org:9100", i);
        notification.alerts.push_back(
            {.labels = {{"alertname", "A"}, {"instance", instance}, {"severity", "critical"}},
             .annotations = {{"summary", "The disk is almost full"}},
             .startsAt = {1'700'000'000'000},
             .generatorUrl = "http://localhost:9090/graph?g0.expr=up"});
    }
    return notification;
}

void webhookJson(benchmark::State& state)
{
    const Notification notification = hundred();
    for (auto _ : state) {
        benchmark::DoNotOptimize(webhookMessage(shortened(notification, 0), "4"));
    }
}

void render(benchmark::State& state, std::string_view text, bool html)
{
    const auto templates = Templates::load({}).value();
    const Notification notification = hundred();
    for (auto _ : state) {
        const gotemplate::Value data = templateData(notification);
        benchmark::DoNotOptimize(html ? templates->html(text, data) : templates->text(text, data));
    }
}

void htmlMail(benchmark::State& state)
{
    render(state, R"({{ template "email.default.html" . }})", true);
}
void subject(benchmark::State& state)
{
    render(state, R"({{ template "email.default.subject" . }})", false);
}

BENCHMARK(webhookJson);
BENCHMARK(htmlMail);
BENCHMARK(subject);

} // namespace

BENCHMARK_MAIN();
