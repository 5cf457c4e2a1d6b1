// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/storage/storage.h"

#include "core/base/status.h"

namespace narthex::storage {

absl::StatusOr<std::vector<std::shared_ptr<const Series>>> collect(SeriesSet& set,
                                                                   std::size_t limit)
{
    constexpr std::size_t kBatch = 1024;
    std::vector<std::shared_ptr<const Series>> all;
    while (true) {
        const std::size_t before = all.size();
        NARTHEX_RETURN_IF_ERROR(set.next(kBatch, all));
        if (all.size() == before) {
            return all;
        }
        if (all.size() > limit) {
            return base::resourceExhausted("more than {} series match", limit);
        }
    }
}

} // namespace narthex::storage
