// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/target_labels.h"

#include <fmt/format.h>

namespace narthex::discovery {

TargetLabels::TargetLabels(std::string_view prefix) : prefix_(fmt::format("__meta_{}_", prefix)) {}

TargetLabels& TargetLabels::set(std::string_view name, std::string_view value)
{
    return plain(prefix_ + std::string(name), value);
}

TargetLabels& TargetLabels::set(std::string_view name, const std::string& value)
{
    return set(name, std::string_view(value));
}

TargetLabels& TargetLabels::set(std::string_view name, const char* value)
{
    return set(name, std::string_view(value));
}

TargetLabels& TargetLabels::set(std::string_view name, const Json& value)
{
    return set(name, value.text());
}

TargetLabels& TargetLabels::set(std::string_view name, bool value)
{
    return set(name, value ? "true" : "false");
}

TargetLabels& TargetLabels::keyed(std::string_view name, std::string_view key,
                                  std::string_view value)
{
    return plain(fmt::format("{}{}_{}", prefix_, name, sanitizeLabelName(key)), value);
}

TargetLabels& TargetLabels::members(std::string_view name, const Json& object)
{
    const auto all = object.members();
    for (const auto& [key, value] : all) {
        keyed(name, key, value.text());
    }
    return *this;
}

TargetLabels& TargetLabels::list(std::string_view name, const std::vector<std::string>& items,
                                 std::string_view separator)
{
    return items.empty() ? *this : set(name, surrounded(items, separator));
}

TargetLabels& TargetLabels::plain(std::string_view name, std::string_view value)
{
    labels_.set(name, value);
    return *this;
}

TargetLabels& TargetLabels::address(std::string_view host, std::uint64_t port)
{
    return plain(kAddressLabel, joinHostPort(host, port));
}

std::string_view TargetLabels::get(std::string_view name) const
{
    return labels_.get(prefix_ + std::string(name));
}

} // namespace narthex::discovery
