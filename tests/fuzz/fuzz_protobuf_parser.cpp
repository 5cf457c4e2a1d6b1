// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a page in protobuf.
#include "core/exposition/protobuf_parser.h"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::exposition;
    ProtobufParser parser(std::string_view(reinterpret_cast<const char*>(data), size));
    while (true) {
        const auto family = parser.nextFamily();
        if (!family.ok() || !*family) {
            return 0;
        }
        while (true) {
            const auto metric = parser.nextMetric();
            if (!metric.ok() || !*metric) {
                break;
            }
        }
    }
}
