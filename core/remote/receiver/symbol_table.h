// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The texts of a write request of version 2, which its series name by number. Owner: the run of a
// request, whose bytes it views. Threads: one. Format: spec/remote.md, 1.2.
#pragma once

#include "core/model/sample.h"
#include "core/remote/receiver/ref_cache.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::remote::receiver {

using Refs = std::vector<std::uint64_t>;

struct MetadataRefs
{
    model::MetricType type = model::MetricType::Unknown;
    std::uint64_t help = 0;
    std::uint64_t unit = 0;
};

class SymbolTable
{
public:
    void add(std::string_view text, const Fingerprint& print)
    {
        texts_.push_back(text);
        prints_.push_back(print);
    }
    [[nodiscard]] std::size_t size() const { return texts_.size(); }
    // Of a number that problemOf() has found right.
    [[nodiscard]] std::string_view text(std::uint64_t ref) const
    {
        return texts_[static_cast<std::size_t>(ref)];
    }
    [[nodiscard]] const Fingerprint& print(std::uint64_t ref) const
    {
        return prints_[static_cast<std::size_t>(ref)];
    }
    /// Why these are no labels; empty if they are.
    [[nodiscard]] std::string problemOf(const Refs& refs) const;
    [[nodiscard]] std::string problemOf(const MetadataRefs& metadata) const;

private:
    std::vector<std::string_view> texts_;
    std::vector<Fingerprint> prints_;
};

} // namespace narthex::remote::receiver
