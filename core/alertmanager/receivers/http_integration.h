// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the integrations of HTTP kinds are made of. Threads: as Integration.
#pragma once

#include "core/alertmanager/receivers/config_keys.h"
#include "core/alertmanager/receivers/sending.h"
#include "core/base/status.h"

#include <memory>
#include <utility>

namespace narthex::alertmanager {

/// `Config`: derived from HttpReceiverOf.
template <typename Config>
class HttpIntegration : public Integration
{
public:
    HttpIntegration(const Config& config, const IntegrationEnvironment& environment)
        : config_(config), environment_(environment), sender_(environment, config.httpOrDefault())
    {}

protected:
    [[nodiscard]] Renderer renderer(const Notification& notification) const
    {
        return {*environment_.templates, notification};
    }

    const Config config_;
    const IntegrationEnvironment environment_;
    const HttpSender sender_;
};

/// Errors: files of the TLS settings that cannot be read.
template <typename T, typename Config>
absl::StatusOr<std::unique_ptr<Integration>>
makeHttpIntegration(const Config& config, const IntegrationEnvironment& environment)
{
    NARTHEX_RETURN_IF_ERROR(net::checkFiles(config.httpOrDefault()));
    return std::make_unique<T>(config, environment);
}

} // namespace narthex::alertmanager
