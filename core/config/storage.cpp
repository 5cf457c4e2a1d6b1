// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section `storage`. Format: spec/config.md, 3.6.
#include "core/config/config.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::config {
namespace {

using yaml::Fields;

/// `tsdb`, a view on the storage section.
struct TsdbSection
{
    StorageConfig* storage = nullptr;

    void describe(Fields& fields);
    friend bool operator==(const TsdbSection&, const TsdbSection&) { return false; }
};

struct ChunkEncodingSection
{
    std::optional<bool>* useXor2 = nullptr;

    void describe(Fields& fields)
    {
        std::string floats = useXor2->has_value() ? (**useXor2 ? "xor2" : "xor") : "";
        fields.field("floats", &floats);
        if (!fields.reading() || !fields.written("floats")) {
            return;
        }
        if (floats != "xor" && floats != "xor2") {
            fields.failAt("floats",
                          fmt::format("'storage.tsdb.chunk_encoding.floats' must be 'xor' or "
                                      "'xor2', or the field must be omitted entirely, got \"{}\"",
                                      floats));
        }
        *useXor2 = floats == "xor2";
    }
    friend bool operator==(const ChunkEncodingSection&, const ChunkEncodingSection&)
    {
        return false;
    }
};

void TsdbSection::describe(Fields& fields)
{
    fields.field("out_of_order_time_window", &storage->outOfOrderWindow);
    fields.field("stale_series_compaction_threshold", &storage->staleSeriesThreshold);
    if (fields.reading() &&
        !(storage->staleSeriesThreshold >= 0 && storage->staleSeriesThreshold <= 1)) {
        fields.failAt("stale_series_compaction_threshold",
                      fmt::format("'storage.tsdb.stale_series_compaction_threshold' must be in the "
                                  "range [0, 1], got {}",
                                  storage->staleSeriesThreshold));
    }
    if (fields.reading() || storage->useXor2) {
        ChunkEncodingSection encoding{&storage->useXor2};
        fields.section("chunk_encoding", encoding, false, encoding);
    }
    fields.section("retention", storage->retention);
}

struct ExemplarsSection
{
    std::int64_t most = 0;

    void describe(Fields& fields) { fields.field("max_exemplars", &most); }
};

} // namespace

void RetentionConfig::describe(Fields& fields)
{
    fields.field("time", &time);
    yaml::ByteSize size{bytes};
    if (const auto value = fields.take("size");
        value && value->node().IsScalar() && value->node().Scalar().starts_with('-')) {
        fields.failAt("size", fmt::format("'storage.tsdb.retention.size' must be greater than or "
                                          "equal to 0, got {}",
                                          value->node().Scalar()));
    } else {
        fields.field("size", &size);
    }
    bytes = size.bytes;
    fields.field("percentage", &percent);
    if (fields.reading() && !(percent >= 0 && percent <= 100)) {
        fields.failAt("percentage",
                      fmt::format("'storage.tsdb.retention.percentage' must be in the range [0, "
                                  "100], got {}",
                                  percent));
    }
}

void StorageConfig::describe(Fields& fields)
{
    TsdbSection tsdb{this};
    fields.section("tsdb", tsdb, false, tsdb);
    if (!fields.reading() && !maxExemplars) {
        return;
    }
    constexpr std::int64_t kMost = std::int64_t{1} << 30U;
    std::optional<ExemplarsSection> exemplars;
    if (maxExemplars) {
        exemplars = ExemplarsSection{.most = *maxExemplars};
    }
    const bool written = fields.written("exemplars");
    fields.section("exemplars", exemplars);
    if (fields.reading() && written) {
        const std::int64_t most = exemplars ? exemplars->most : 0;
        maxExemplars = static_cast<std::uint32_t>(std::clamp<std::int64_t>(most, 0, kMost));
    }
}

} // namespace narthex::config
