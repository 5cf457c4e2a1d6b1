// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Templates of rules: a usual annotation parsed and expanded, and a text without actions.
#include "core/gotemplate/alert_templates.h"

#include <benchmark/benchmark.h>

namespace {

using namespace narthex;

constexpr std::string_view kAnnotation =
    "{{ $labels.instance }} of job {{ $labels.job }} has been using {{ $value | "
    "humanizePercentage }} of its disk {{ $labels.mountpoint }} for more than 5 minutes "
    "(current value: {{ printf \"%.2f\" $value }}).";

void expand(benchmark::State& state, std::string_view text)
{
    const auto parsed = gotemplate::AlertTemplate::parse("__alert_DiskFull", text);
    const model::Labels labels{{"__name__", "node_filesystem_avail_bytes"},
                               {"cluster", "eu-1"},
                               {"device", "/dev/nvme0n1p2"},
                               {"fstype", "ext4"},
                               {"instance", "web-17.example.org:9100"},
                               {"job", "node"},
                               {"mountpoint", "/var/lib"}};
    const model::Labels external{{"region", "eu"}, {"replica", "a"}};
    const std::variant<double, std::shared_ptr<const model::FloatHistogram>> value = 0.9234;
    const gotemplate::QueryFunction query;
    const gotemplate::AlertTemplateData data{.labels = labels,
                                             .value = value,
                                             .externalLabels = external,
                                             .externalUrl = "http://localhost:9090",
                                             .now = {1'700'000'000'000},
                                             .query = query};
    for (auto _ : state) {
        benchmark::DoNotOptimize(parsed->expand(data));
    }
}

void expandAnnotation(benchmark::State& state) { expand(state, kAnnotation); }
void expandPlainText(benchmark::State& state) { expand(state, "The disk is almost full."); }

void parseAnnotation(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(gotemplate::AlertTemplate::parse("a", kAnnotation));
    }
}

BENCHMARK(expandAnnotation);
BENCHMARK(expandPlainText);
BENCHMARK(parseAnnotation);

} // namespace

BENCHMARK_MAIN();
