// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/statistics_json.h"

namespace narthex::promql {
namespace {

void writeSteps(base::JsonWriter& json, std::string_view name, const std::vector<StepCount>& steps)
{
    if (steps.empty()) {
        return;
    }
    json.key(name).beginArray();
    for (const StepCount& step : steps) {
        json.beginArray().seconds(step.time).unsignedInteger(step.samples).endArray();
    }
    json.endArray();
}

} // namespace

void writeStatistics(base::JsonWriter& json, const Statistics& statistics)
{
    json.beginObject().key("timings").beginObject();
    json.key("evalTotalTime").number(statistics.evalTotalTime.seconds());
    json.key("resultSortTime").number(statistics.resultSortTime.seconds());
    json.key("queryPreparationTime").number(statistics.queryPreparationTime.seconds());
    json.key("innerEvalTime").number(statistics.innerEvalTime.seconds());
    json.key("execQueueTime").number(statistics.execQueueTime.seconds());
    json.key("execTotalTime").number(statistics.execTotalTime.seconds());
    json.endObject();
    json.key("samples").beginObject();
    writeSteps(json, "totalQueryableSamplesPerStep", statistics.totalQueryableSamplesPerStep);
    json.key("totalQueryableSamples").unsignedInteger(statistics.totalQueryableSamples);
    writeSteps(json, "samplesReadPerStep", statistics.samplesReadPerStep);
    json.key("samplesRead").unsignedInteger(statistics.samplesRead);
    json.key("peakSamples").unsignedInteger(statistics.peakSamples);
    json.endObject().endObject();
}

} // namespace narthex::promql
