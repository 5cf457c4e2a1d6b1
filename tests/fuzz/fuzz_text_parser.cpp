// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/text_parser.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

// Any bytes: the parser ends, and every series it accepts has labels or a clear error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::exposition;
    TextParser parser({reinterpret_cast<const char*>(data), size});
    narthex::model::LabelsBuilder labels;
    for (std::size_t steps = 0;; ++steps) {
        const auto kind = parser.next();
        if (!kind.ok() || *kind == EntryKind::End) {
            return 0;
        }
        if (steps > size) {
            std::abort(); // more entries than bytes: it does not move on
        }
        if (*kind == EntryKind::Series && parser.labels(labels).ok()) {
            static_cast<void>(labels.build().toString());
        }
    }
}
