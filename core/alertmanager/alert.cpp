// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/alert.h"

#include "core/base/hash.h"

#include <fmt/format.h>

#include <charconv>

namespace narthex::alertmanager {

Fingerprint fingerprintOf(const model::Labels& labels)
{
    std::uint64_t hash = base::fnv1a64({});
    for (const model::LabelView label : labels) {
        hash = base::fnv1a64("\xff", base::fnv1a64(label.name, hash));
        hash = base::fnv1a64("\xff", base::fnv1a64(label.value, hash));
    }
    return hash;
}

std::uint64_t logHashOf(const model::Labels& labels)
{
    std::string bytes;
    for (const model::LabelView label : labels) {
        bytes.append(label.name).append(1, '\xff').append(label.value).append(1, '\xff');
    }
    return base::hash64(bytes);
}

std::string fingerprintText(Fingerprint fingerprint) { return fmt::format("{:016x}", fingerprint); }

std::optional<Fingerprint> parseFingerprint(std::string_view text)
{
    Fingerprint value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (text.size() != 16 || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

} // namespace narthex::alertmanager
