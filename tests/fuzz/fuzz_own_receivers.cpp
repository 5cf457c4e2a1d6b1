// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/own_receivers.h"
#include "core/base/status.h"

#include <cstdint>
#include <string>

// Any text as the file of own receivers: what is refused changes nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::alertmanager;
    static const Config base =
        parseConfig("am.yml", "route: {receiver: r}\nreceivers: [{name: r}]\n").value();
    Config config = base;
    const absl::Status status =
        addOwnReceivers(config, "own.yml", std::string(reinterpret_cast<const char*>(data), size),
                        {.commands = true, .desktop = true});
    NARTHEX_CHECK(status.ok() || config.receivers[0].integrations.empty());
    NARTHEX_CHECK(config.toYaml() == base.toYaml());
    return 0;
}
