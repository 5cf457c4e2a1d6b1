// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/openmetrics_parser.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

// Any bytes: the parser ends, and every series and exemplar it accepts has labels or a clear error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::exposition;
    const std::string_view page(reinterpret_cast<const char*>(data), size);
    OpenMetricsParser parser(page);
    narthex::model::LabelsBuilder labels;
    narthex::model::Exemplar exemplar;
    for (std::size_t steps = 0;; ++steps) {
        const auto kind = parser.next();
        if (!kind.ok()) {
            return 0;
        }
        if (*kind == EntryKind::End) {
            if (!page.ends_with("# EOF") && !page.ends_with("# EOF\n")) {
                std::abort(); // an end that is not there
            }
            return 0;
        }
        if (steps > size) {
            std::abort(); // more entries than bytes: it does not move on
        }
        if (*kind == EntryKind::Series) {
            if (parser.labels(labels).ok()) {
                static_cast<void>(labels.build().toString());
            }
            if (parser.hasExemplar()) {
                parser.exemplar(exemplar);
            }
        }
    }
}
