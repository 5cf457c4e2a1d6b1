// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/embedded/embedded_alerts.h"

#include "core/alertmanager/api.h"
#include "core/base/status.h"
#include "core/client/alerts/alert_api_client.h"
#include "core/client/alerts/alert_json.h"
#include "core/client/embedded/requests.h"

namespace narthex::client {
namespace {

class EngineTransport final : public AlertTransport
{
public:
    explicit EngineTransport(engine::Engine& engine) : engine_(engine), requests_(engine) {}

    [[nodiscard]] const std::string& url() const override { return url_; }

    void send(AlertApiRequest request, std::stop_token stop, Reply<std::string> reply) override
    {
        requests_.run<std::string>(
            std::move(stop), std::move(reply),
            [this, request = std::move(request)](const std::stop_token&) { return ask(request); });
    }

    void close() override { requests_.close(); }

private:
    absl::StatusOr<std::string> ask(const AlertApiRequest& request)
    {
        const auto manager = engine_.alerting().alertmanager();
        if (manager == nullptr) {
            return base::unavailable("the engine has not started its Alertmanager yet");
        }
        const auto exporter = engine_.alerting().ackExporter();
        alertmanager::ApiAnswer answer = alertmanager::answer(*manager, exporter.get(),
                                                              {.method = request.method,
                                                               .path = request.path,
                                                               .query = request.query,
                                                               .body = request.body});
        if (answer.status >= 300) {
            return alertError(answer.status, answer.body);
        }
        return std::move(answer.body);
    }

    engine::Engine& engine_;
    const std::string url_; // none
    Requests requests_;
};

} // namespace

std::unique_ptr<AlertClient> makeEmbeddedAlertClient(engine::Engine& engine)
{
    std::vector<std::unique_ptr<AlertTransport>> transports;
    transports.push_back(std::make_unique<EngineTransport>(engine));
    return std::make_unique<AlertApiClient>(
        std::move(transports), [&engine](std::function<void()> onChange) {
            const std::uint64_t id =
                engine.changes().add([onChange = std::move(onChange)](engine::Change change) {
                    if (change == engine::Change::Alerts) {
                        onChange();
                    }
                });
            return Subscription([&engine, id] { engine.changes().remove(id); });
        });
}

} // namespace narthex::client
