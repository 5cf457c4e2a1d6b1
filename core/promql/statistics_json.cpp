// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/statistics_json.h"

namespace narthex::promql {

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
    json.key("totalQueryableSamples").unsignedInteger(statistics.totalQueryableSamples);
    json.key("samplesRead").unsignedInteger(statistics.samplesRead);
    json.key("peakSamples").unsignedInteger(statistics.peakSamples);
    json.endObject().endObject();
}

} // namespace narthex::promql
