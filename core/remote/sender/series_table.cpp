// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/sender/series_table.h"

#include <algorithm>
#include <utility>

namespace narthex::remote {

SeriesTable::SeriesTable(model::Labels externalLabels, std::vector<relabel::Rule> rules,
                         relabel::NameScheme scheme, WriteVersion version)
    : externalLabels_(std::move(externalLabels)),
      rules_(std::move(rules)),
      scheme_(scheme),
      version_(version)
{}

// Batches on their way may outlive the table: what it holds goes where they look.
SeriesTable::~SeriesTable()
{
    for (auto& [ref, series] : series_) {
        bin_->series.push_back(std::move(series));
    }
    for (auto& [key, interned] : metadata_) {
        bin_->metadata.push_back(std::move(interned.metadata));
    }
}

SeriesTable::Bin::~Bin()
{
    std::shared_ptr<Bin> each = std::move(next);
    while (each != nullptr && each.use_count() == 1) {
        each = std::exchange(each->next, nullptr);
    }
}

void SeriesTable::startNextBin()
{
    auto next = std::make_shared<Bin>();
    bin_->next = next;
    bin_ = std::move(next);
}

void SeriesTable::release(const model::Metadata* metadata)
{
    if (metadata == nullptr) {
        return;
    }
    const auto found = metadata_.find(*metadata);
    if (--found->second.uses == 0) {
        bin_->metadata.push_back(std::move(found->second.metadata));
        metadata_.erase(found);
    }
}

void SeriesTable::store(std::uint64_t ref, std::string_view packedLabels, std::uint32_t segment)
{
    model::LabelsBuilder builder(model::Labels::fromBytes(std::string(packedLabels)));
    for (const model::LabelView label : externalLabels_) {
        if (builder.get(label.name).empty()) {
            builder.set(label.name, label.value);
        }
    }
    auto series = std::make_unique<SentSeries>();
    series->ref = ref;
    series->segment = segment;
    series->isDropped = !relabel::apply(rules_, scheme_, builder);
    if (!series->isDropped) {
        model::Labels labels = builder.build();
        series->isDropped = labels.empty();
        if (version_ == WriteVersion::V1) {
            series->encodedLabels = encodeLabels(labels);
        }
        series->labels = std::move(labels);
    }
    std::unique_ptr<SentSeries>& place = series_[ref];
    if (place != nullptr && place->isDropped == series->isDropped &&
        place->labels == series->labels) {
        place->segment = std::max(place->segment, segment);
        return;
    }
    if (place != nullptr) {
        release(place->metadata);
        bin_->series.push_back(std::move(place));
        startNextBin();
    }
    place = std::move(series);
}

void SeriesTable::setMetadata(std::uint64_t ref, const model::Metadata& metadata)
{
    const auto found = series_.find(ref);
    if (found == series_.end() || found->second->isDropped) {
        return;
    }
    SentSeries& series = *found->second;
    if (series.metadata != nullptr && *series.metadata == metadata) {
        return;
    }
    Interned& interned = metadata_[metadata];
    if (interned.metadata == nullptr) {
        interned.metadata = std::make_unique<const model::Metadata>(metadata);
    }
    ++interned.uses;
    const model::Metadata* const before = std::exchange(series.metadata, interned.metadata.get());
    if (before != nullptr) {
        release(before);
        startNextBin();
    }
}

void SeriesTable::forgetBefore(std::uint32_t segment)
{
    bool removed = false;
    for (auto each = series_.begin(); each != series_.end();) {
        if (each->second->segment >= segment) {
            ++each;
            continue;
        }
        release(each->second->metadata);
        bin_->series.push_back(std::move(each->second));
        series_.erase(each++);
        removed = true;
    }
    if (removed) {
        startNextBin();
    }
}

} // namespace narthex::remote
