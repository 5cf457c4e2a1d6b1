// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/snapshot_import.h"

#include <cstdint>
#include <string_view>

// Any bytes as either file of Prometheus' Alertmanager: entries or an error, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::alertmanager;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    static_cast<void>(readSilencesSnapshot(bytes));
    static_cast<void>(readLogSnapshot(bytes));
    return 0;
}
