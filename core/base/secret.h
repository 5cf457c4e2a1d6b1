// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A text that must not be shown: prints as <secret>. Threads: a value.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace narthex::base {

class Secret
{
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    /// The text itself: for the wire only.
    [[nodiscard]] const std::string& reveal() const { return value_; }
    [[nodiscard]] bool empty() const { return value_.empty(); }
    friend bool operator==(const Secret&, const Secret&) = default;

private:
    std::string value_;
};

} // namespace narthex::base

template <>
struct fmt::formatter<narthex::base::Secret> : fmt::formatter<std::string_view>
{
    auto format(const narthex::base::Secret&, fmt::format_context& context) const
    {
        return fmt::formatter<std::string_view>::format("<secret>", context);
    }
};
