// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An alert as the Alertmanager holds it, and the two hashes that name it. Owner: shared, immutable.
// Threads: any. Source: spec/alertmanager.md, 3.
#pragma once

#include "core/base/time.h"
#include "core/model/labels.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::alertmanager {

using Fingerprint = std::uint64_t;

struct Alert
{
    model::Labels labels;
    model::Labels annotations;
    base::Timestamp startsAt;
    base::Timestamp endsAt;
    base::Timestamp updatedAt;
    std::string generatorUrl;
    /// The end came without the sender saying so: when nobody repeats the alert.
    bool endsByTimeout = false;
    /// FNV-1a 64 over sorted `name 0xff value 0xff`.
    Fingerprint fingerprint = 0;
    /// xxHash64 of the same bytes: the notification log's name for it.
    std::uint64_t logHash = 0;

    [[nodiscard]] bool resolvedAt(base::Timestamp now) const { return endsAt <= now; }
};

using AlertPtr = std::shared_ptr<const Alert>;

Fingerprint fingerprintOf(const model::Labels& labels);
std::uint64_t logHashOf(const model::Labels& labels);
/// 16 hexadecimal digits.
std::string fingerprintText(Fingerprint fingerprint);
std::optional<Fingerprint> parseFingerprint(std::string_view text);

} // namespace narthex::alertmanager
