// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/metadata_store.h"

#include <utility>

namespace narthex::tsdb {

bool MetadataStore::differs(HeadRef ref, const model::Metadata& metadata) const
{
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = series_.find(ref);
    return found == series_.end() || *found->second != metadata;
}

void MetadataStore::set(HeadRef ref, model::Metadata metadata)
{
    absl::MutexLock lock(&mutex_);
    std::weak_ptr<const model::Metadata>& known = known_[metadata];
    Shared shared = known.lock();
    if (shared == nullptr) {
        shared = std::make_shared<const model::Metadata>(std::move(metadata));
        known = shared;
    }
    series_[ref] = std::move(shared);
}

std::optional<model::Metadata> MetadataStore::find(HeadRef ref) const
{
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = series_.find(ref);
    return found == series_.end() ? std::nullopt : std::optional(*found->second);
}

void MetadataStore::remove(const absl::flat_hash_set<HeadRef>& refs)
{
    absl::MutexLock lock(&mutex_);
    if (series_.empty()) {
        return;
    }
    for (const HeadRef ref : refs) {
        series_.erase(ref);
    }
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
}

} // namespace narthex::tsdb
