// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/login.h"
#include "core/api/web_config.h"
#include "core/base/status.h"

#include <cstdint>
#include <string>

// Any text as a web configuration, and as credentials: users that load have hashes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace narthex::api;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto config = parseWebConfig("fuzz.yml", text);
    if (config.ok()) {
        for (const auto& [name, hash] : config->users) {
            NARTHEX_CHECK(isBcryptHash(hash.reveal()));
        }
        NARTHEX_CHECK(!config->usesTls() || !config->tls.tls.cert.empty() ||
                      !config->tls.tls.certFile.empty());
    } else {
        NARTHEX_CHECK(!config.status().message().empty());
    }
    (void)basicCredentials(text);
    return 0;
}
