// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The newest metadata of the head's series; equal ones are kept once.
// Owner: Head. Threads: any.
#pragma once

#include "core/model/sample.h"
#include "core/tsdb/series_table.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/synchronization/mutex.h>

#include <map>
#include <memory>
#include <optional>

namespace narthex::tsdb {

class MetadataStore
{
public:
    [[nodiscard]] bool differs(HeadRef ref, const model::Metadata& metadata) const;
    void set(HeadRef ref, model::Metadata metadata);
    [[nodiscard]] std::optional<model::Metadata> find(HeadRef ref) const;
    void remove(const absl::flat_hash_set<HeadRef>& refs);

private:
    using Shared = std::shared_ptr<const model::Metadata>;

    mutable absl::Mutex mutex_;
    absl::flat_hash_map<HeadRef, Shared> series_ ABSL_GUARDED_BY(mutex_);
    /// What series share; entries leave with their last series.
    std::map<model::Metadata, std::weak_ptr<const model::Metadata>> known_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::tsdb
