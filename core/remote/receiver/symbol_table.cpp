// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/receiver/symbol_table.h"

#include <fmt/format.h>

namespace narthex::remote::receiver {

std::string SymbolTable::problemOf(const Refs& refs) const
{
    if (refs.size() % 2 != 0) {
        return fmt::format("there are {} label refs, an odd number", refs.size());
    }
    for (const std::uint64_t ref : refs) {
        if (ref >= size()) {
            return fmt::format("label ref {} lies outside of the table of {} symbols", ref, size());
        }
    }
    return {};
}

std::string SymbolTable::problemOf(const MetadataRefs& metadata) const
{
    for (const std::uint64_t ref : {metadata.help, metadata.unit}) {
        if (ref != 0 && ref >= size()) {
            return fmt::format("metadata ref {} lies outside of the table of {} symbols", ref,
                               size());
        }
    }
    return {};
}

} // namespace narthex::remote::receiver
