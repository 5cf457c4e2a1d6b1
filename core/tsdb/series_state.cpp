// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/series_state.h"

#include "core/base/file.h"
#include "core/base/json_writer.h"

#include <string>

namespace narthex::tsdb {

std::filesystem::path seriesStatePath(const std::filesystem::path& walDirectory)
{
    return walDirectory / "series_state.json";
}

absl::Status writeSeriesState(const std::filesystem::path& walDirectory, const SeriesState& state)
{
    std::string text;
    base::JsonWriter json(text);
    json.beginObject();
    json.key("last_series_id").unsignedInteger(state.lastSeriesId);
    json.key("last_wal_segment").unsignedInteger(state.lastSegment);
    json.key("clean_shutdown").boolean(state.cleanShutdown);
    json.endObject();
    text += '\n';
    return base::writeFileAtomically(seriesStatePath(walDirectory), text);
}

} // namespace narthex::tsdb
