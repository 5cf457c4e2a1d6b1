// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section `storage`. Format: spec/config.md, 3.6.
#include "core/config/decode.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::config {
namespace {

RetentionConfig decodeRetention(const yaml::Value& value)
{
    RetentionConfig retention;
    yaml::Object object(value, "config.TSDBRetentionConfig");
    object.field("time", retention.time);
    if (const auto size = object.take("size")) {
        const std::string text = size->node().IsScalar() ? size->node().Scalar() : std::string();
        yaml::ByteSize bytes;
        if (text.starts_with('-')) {
            size->fail(fmt::format("'storage.tsdb.retention.size' must be greater than or equal to "
                                   "0, got {}",
                                   text));
        } else if (size->into(bytes)) {
            retention.bytes = bytes.bytes;
        }
    }
    if (const auto percentage = object.take("percentage");
        percentage && percentage->into(retention.percent) &&
        !(retention.percent >= 0 && retention.percent <= 100)) {
        percentage->fail(fmt::format("'storage.tsdb.retention.percentage' must be in the range [0, "
                                     "100], got {}",
                                     retention.percent));
    }
    object.finish();
    return retention;
}

void decodeChunkEncoding(const yaml::Value& value, StorageConfig& storage)
{
    yaml::Object object(value, "config.TSDBChunkEncodingConfig");
    std::string floats;
    if (const auto field = object.take("floats"); field && field->into(floats)) {
        if (floats != "xor" && floats != "xor2") {
            field->fail(fmt::format("'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', "
                                    "or the field must be omitted entirely, got \"{}\"",
                                    floats));
        }
        storage.useXor2 = floats == "xor2";
    }
    object.finish();
}

} // namespace

void decodeStorage(const yaml::Value& value, StorageConfig& storage)
{
    yaml::Object object(value, "config.StorageConfig");
    if (const auto tsdbValue = object.take("tsdb")) {
        yaml::Object tsdb(*tsdbValue, "config.TSDBConfig");
        tsdb.field("out_of_order_time_window", storage.outOfOrderWindow);
        if (const auto threshold = tsdb.take("stale_series_compaction_threshold");
            threshold && threshold->into(storage.staleSeriesThreshold) &&
            !(storage.staleSeriesThreshold >= 0 && storage.staleSeriesThreshold <= 1)) {
            threshold->fail(fmt::format("'storage.tsdb.stale_series_compaction_threshold' must be "
                                        "in the range [0, 1], got {}",
                                        storage.staleSeriesThreshold));
        }
        if (const auto encoding = tsdb.take("chunk_encoding")) {
            decodeChunkEncoding(*encoding, storage);
        }
        if (const auto retention = tsdb.take("retention")) {
            storage.retention = decodeRetention(*retention);
        }
        tsdb.finish();
    }
    if (const auto exemplarsValue = object.take("exemplars")) {
        yaml::Object exemplars(*exemplarsValue, "config.ExemplarsConfig");
        std::int64_t most = 0;
        exemplars.field("max_exemplars", most);
        constexpr std::int64_t kMost = std::int64_t{1} << 30U;
        storage.maxExemplars = static_cast<std::uint32_t>(std::clamp<std::int64_t>(most, 0, kMost));
        exemplars.finish();
    }
    object.finish();
}

} // namespace narthex::config
