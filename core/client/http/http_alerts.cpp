// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/client/http/http_alerts.h"

#include "core/base/status.h"
#include "core/client/alerts/alert_api_client.h"
#include "core/client/alerts/alert_json.h"
#include "core/client/gather.h"
#include "core/client/http/answer_error.h"

namespace narthex::client {
namespace {

class HttpTransport final : public AlertTransport
{
public:
    HttpTransport(const std::string& url, const LinkSettings& settings,
                  ServerLink::Environment environment)
        : link_(url, settings, environment)
    {}

    [[nodiscard]] const std::string& url() const override { return link_.url(); }
    void close() override { link_.close(); }

    void send(AlertApiRequest request, std::stop_token stop, Reply<std::string> reply) override
    {
        const std::string url = link_.url() + request.path;
        link_.send(
            {.method = std::move(request.method),
             .path = std::move(request.path),
             .parameters = std::move(request.query),
             .json = std::move(request.body)},
            std::move(stop),
            [url, reply = std::move(reply)](absl::StatusOr<net::HttpResponse> response) mutable {
                reply(response.ok() ? bodyOf(*std::move(response), url)
                                    : absl::StatusOr<std::string>(response.status()));
            });
    }

private:
    static absl::StatusOr<std::string> bodyOf(net::HttpResponse response, const std::string& url)
    {
        const int status = response.status;
        if (status >= 200 && status < 300) {
            const std::size_t begin = response.body.find_first_not_of(" \t\r\n");
            if (begin != std::string::npos && response.body[begin] == '<') {
                return notJson(response, url, "a page");
            }
            return std::move(response.body);
        }
        if (status == 401 || status == 403 || (status >= 300 && status < 400) || status >= 500) {
            return answerProblem(response, url);
        }
        return base::annotate(alertError(status, response.body), url);
    }

    ServerLink link_;
};

} // namespace

std::unique_ptr<AlertClient> makeHttpAlertClient(const HttpAlertSettings& settings,
                                                 HttpClient::Environment environment)
{
    const ServerLink::Environment link{.loop = environment.loop, .pool = environment.pool};
    std::vector<std::unique_ptr<AlertTransport>> transports;
    std::vector<AlertTransport*> asked;
    for (const std::string& url : settings.urls) {
        transports.push_back(std::make_unique<HttpTransport>(url, settings.link, link));
        asked.push_back(transports.back().get());
    }
    // Subscriptions end before the client, which owns the transports.
    auto events = [asked, polling = settings.polling,
                   &timers = environment.timers](std::function<void()> onChange) {
        return poll(
            timers, polling,
            [asked](const std::stop_token& stop, Reply<bool> answered) {
                auto slots = Gather<std::string>::slots(
                    asked.size(), [answered = std::move(answered)](auto bodies) mutable {
                        absl::Status status = absl::UnavailableError("no Alertmanager answers");
                        for (const auto& body : bodies) {
                            status = body.ok() ? absl::OkStatus() : status;
                        }
                        answered(status.ok() ? absl::StatusOr<bool>(true) : status);
                    });
                for (std::size_t i = 0; i < asked.size(); ++i) {
                    asked[i]->send({.path = "/api/v2/status"}, stop, std::move(slots[i]));
                }
            },
            // Who is gone and who came back is seen in the alerts, too.
            [onChange = std::move(onChange)](const absl::Status&) { onChange(); });
    };
    return std::make_unique<AlertApiClient>(std::move(transports), std::move(events));
}

} // namespace narthex::client
