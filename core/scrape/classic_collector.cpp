// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/classic_collector.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/scrape/protobuf_page.h"

#include <cmath>

namespace narthex::scrape {

absl::StatusOr<ClassicCollector::Part>
ClassicCollector::partOf(std::string_view raw, std::string_view familyName, ReadLabels labels)
{
    if (const auto known = parts_.find(raw); known != parts_.end()) {
        return known->second;
    }
    NARTHEX_RETURN_IF_ERROR(labels(builder_));
    const std::string name(builder_.get(model::kMetricName));
    Part part;
    if (name.starts_with(familyName)) {
        const std::string_view suffix = std::string_view(name).substr(familyName.size());
        if (suffix == "_count") {
            part.kind = Kind::Count;
        } else if (suffix == "_sum") {
            part.kind = Kind::Sum;
        } else if (suffix == "_bucket") {
            const auto bound = base::parseFloat(builder_.get("le"));
            if (bound && !std::isnan(*bound)) {
                part.kind = Kind::Bucket;
                part.bound = *bound;
            }
        }
    }
    if (part.kind != Kind::None) {
        builder_.remove("le").set(model::kMetricName, familyName);
        std::string key(1, kPackedKeyMark);
        key += builder_.build().bytes();
        const auto [at, isNew] =
            groupIndex_.try_emplace(key, static_cast<std::uint32_t>(groups_.size()));
        if (isNew) {
            groups_.push_back(key);
        }
        part.group = at->second;
    }
    parts_.emplace(raw, part);
    return part;
}

absl::StatusOr<bool> ClassicCollector::take(PageSink& sink, std::string_view raw,
                                            std::uint32_t family, std::string_view familyName,
                                            double value, std::optional<std::int64_t> timestampMs,
                                            ReadLabels labels)
{
    NARTHEX_ASSIGN_OR_RETURN(const Part part, partOf(raw, familyName, labels));
    ++taken_;
    if (part.kind == Kind::None) {
        NARTHEX_RETURN_IF_ERROR(flush(sink));
        return false;
    }
    if (group_ != part.group) {
        NARTHEX_RETURN_IF_ERROR(flush(sink));
        group_ = part.group;
        family_ = family;
    }
    timestampMs_ = timestampMs;
    switch (part.kind) {
    case Kind::Bucket:
        classic_.buckets.emplace_back(part.bound, value);
        break;
    case Kind::Count:
        classic_.count = value;
        break;
    case Kind::Sum:
        classic_.sum = value;
        break;
    case Kind::None:
        break;
    }
    return true;
}

absl::Status ClassicCollector::flush(PageSink& sink)
{
    if (!group_) {
        return absl::OkStatus();
    }
    const std::string& key = groups_[*group_];
    group_.reset();
    const auto histogram = model::toCustomBuckets(classic_);
    classic_.clear();
    std::vector<model::Exemplar> exemplars = std::exchange(exemplars_, {});
    if (!histogram.ok()) {
        return absl::OkStatus(); // no histogram can be made of these lines: they are lost
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::uint32_t index,
                             sink.resolve(key, family_, [&key](model::LabelsBuilder& labels) {
                                 labelsOfKey(key, labels);
                                 return absl::OkStatus();
                             }));
    const std::int64_t startMs = std::exchange(startMs_, 0);
    std::visit(
        [&](const auto& value) {
            sink.addStart(index, startMs, value);
            sink.addHistogram(index, value, timestampMs_);
        },
        *histogram);
    sink.addExemplars(index, exemplars, timestampMs_, true);
    return absl::OkStatus();
}

// A page that keeps changing must not fill the memory.
void ClassicCollector::endPage()
{
    constexpr std::size_t kSlack = 1000;
    if (parts_.size() > 2 * taken_ + kSlack) {
        parts_.clear();
        groups_.clear();
        groupIndex_.clear();
    }
    taken_ = 0;
    group_.reset();
    startMs_ = 0;
    classic_.clear();
    exemplars_.clear();
}

} // namespace narthex::scrape
