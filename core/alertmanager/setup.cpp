// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/setup.h"

#include "core/alertmanager/notification_log.h"
#include "core/base/status.h"

#include <algorithm>

namespace narthex::alertmanager {

std::string RunningIntegration::name() const { return fmt::format("{}[{}]", kind, index); }

std::string RunningIntegration::logKey(std::string_view groupKey) const
{
    return alertmanager::logKey(groupKey, receiver, kind, index);
}

absl::StatusOr<std::shared_ptr<const Setup>> makeSetup(Config config,
                                                       IntegrationEnvironment environment,
                                                       const std::vector<std::string>& forward)
{
    NARTHEX_ASSIGN_OR_RETURN(environment.templates, Templates::load(config.templateFiles()));
    auto setup =
        std::make_shared<Setup>(Setup{.config = std::make_shared<const Config>(std::move(config)),
                                      .tree = RouteTree(RouteConfig()),
                                      .templates = environment.templates});
    setup->tree = RouteTree(setup->config->route);
    setup->intervals = setup->config->intervals();
    setup->printed = setup->config->toYaml();
    const auto forwards = [&forward](const RunningIntegration& each) {
        return std::any_of(forward.begin(), forward.end(), [&](const std::string& name) {
            return name == each.kind || name == each.receiver + "/" + each.name();
        });
    };
    for (const ReceiverSettings& receiver : setup->config->receivers) {
        auto& list = setup->receivers[receiver.name];
        for (const IntegrationSettings& settings : receiver.integrations) {
            auto running = std::make_unique<RunningIntegration>();
            running->receiver = receiver.name;
            running->kind = settings.config->kind();
            running->index = settings.index;
            running->sendResolved = settings.config->sendResolved();
            running->forwards = forwards(*running);
            auto integration = settings.config->makeIntegration(environment);
            if (!integration.ok()) {
                return base::annotate(
                    integration.status(),
                    fmt::format("receiver {}, {}", receiver.name, settings.name()));
            }
            running->integration = *std::move(integration);
            running->lane = std::make_unique<Lane>();
            list.push_back(std::move(running));
        }
    }
    return setup;
}

} // namespace narthex::alertmanager
