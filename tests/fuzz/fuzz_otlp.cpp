// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as metrics of OpenTelemetry, in protobuf or JSON, translated in every way; the first
// byte chooses.
#include "core/base/status.h"
#include "core/remote/otlp/otlp_receiver.h"
#include "core/storage/memory_store.h"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex;
    if (size == 0) {
        return 0;
    }
    const unsigned choice = data[0];
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    remote::OtlpConfig config;
    config.promoteAllResourceAttributes = (choice & 2U) != 0;
    config.convertHistogramsToNhcb = (choice & 4U) != 0;
    config.promoteScopeMetadata = true;
    config.labelNamePreserveMultipleUnderscores = (choice & 8U) != 0;
    config.translationStrategy =
        (choice & 16U) != 0 ? "NoUTF8EscapingWithSuffixes" : "UnderscoreEscapingWithSuffixes";
    remote::otlp::OtlpReceiver receiver({.delta = {.toCumulative = (choice & 32U) != 0},
                                         .typeAndUnitLabels = true,
                                         .storeMetadata = true,
                                         .writeStartZero = true,
                                         .lookback = base::Duration::fromMs(300'000)});
    storage::MemoryStore store;
    for (int i = 0; i < 2; ++i) {
        base::ignore(receiver.receive({.contentType = (choice & 1U) != 0 ? "application/json"
                                                                         : "application/x-protobuf",
                                       .body = bytes},
                                      config, store, {1'700'000'000'000}),
                     "it must not crash");
    }
    return 0;
}
