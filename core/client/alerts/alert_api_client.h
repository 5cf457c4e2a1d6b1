// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// AlertClient over the API of one or several Alertmanagers, whatever carries it. Servers of our own
// are asked for more than version 2 has; whether one is of our own is found out by asking.
// Owner: app. Threads: every function from any thread. Errors: as AlertClient.
// Source: spec/alertmanager.md, 10; spec/acknowledge.md, 6.
#pragma once

#include "core/client/alert_client.h"
#include "core/client/alerts/alert_transport.h"

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace narthex::client {

class AlertApiClient : public AlertClient
{
public:
    /// Makes subscriptions: calls its argument whenever something may have changed.
    using Events = std::function<Subscription(std::function<void()>)>;

    AlertApiClient(std::vector<std::unique_ptr<AlertTransport>> transports, Events events);
    /// Waits, through the transports, until every reply was given.
    ~AlertApiClient() override;

    void alerts(AlertQuery query, std::stop_token stop,
                Reply<Joined<std::vector<Alert>>> reply) override;
    void groups(AlertQuery query, std::stop_token stop,
                Reply<Joined<std::vector<AlertGroup>>> reply) override;
    void silences(std::vector<std::string> filters, std::stop_token stop,
                  Reply<Joined<std::vector<Silence>>> reply) override;
    void setSilence(SilenceDraft draft, std::stop_token stop,
                    Reply<std::vector<SilenceResult>> reply) override;
    void expireSilence(std::string id, std::vector<std::string> servers, std::stop_token stop,
                       Reply<std::vector<SilenceResult>> reply) override;
    void previewSilence(SilenceDraft draft, std::stop_token stop,
                        Reply<SilencePreview> reply) override;
    void receivers(std::stop_token stop, Reply<Joined<std::vector<Receiver>>> reply) override;
    void status(std::stop_token stop, Reply<Joined<std::vector<AlertServerStatus>>> reply) override;
    void acknowledgements(AckQuery query, std::stop_token stop,
                          Reply<Joined<std::vector<Acknowledgement>>> reply) override;
    void acknowledge(AckDraft draft, std::stop_token stop, Reply<AckResult> reply) override;
    void changeAcknowledgement(AckChange change, std::stop_token stop,
                               Reply<Acknowledgement> reply) override;
    void withdraw(std::string id, std::stop_token stop, Reply<bool> reply) override;
    void history(HistoryQuery query, std::stop_token stop,
                 Reply<Joined<std::vector<HistoryEntry>>> reply) override;
    void explain(std::string fingerprint, std::stop_token stop,
                 Reply<AlertExplanation> reply) override;
    Subscription subscribe(std::function<void()> onChange) override;

private:
    enum class Own : std::uint8_t
    {
        Unknown,
        Yes,
        No
    };
    struct Server
    {
        std::unique_ptr<AlertTransport> transport;
        std::atomic<Own> own = Own::Unknown;
    };
    using Bodies = std::vector<absl::StatusOr<std::string>>;
    using Indexes = std::vector<std::size_t>;

    /// Those of these URLs; none: all.
    [[nodiscard]] Indexes chosen(const std::vector<std::string>& urls) const;
    [[nodiscard]] Indexes all() const { return chosen({}); }
    /// The same question to several; all answers at once.
    void askAll(const Indexes& servers, const AlertApiRequest& request, const std::stop_token& stop,
                absl::AnyInvocable<void(Bodies)> done);
    /// Our own form of alerts, and that of version 2 where the server does not know it.
    void askAlerts(Server& server, const net::Parameters& query, const std::stop_token& stop,
                   Reply<std::string> reply);
    /// Joins lists with `add(list, item, url)`.
    template <typename T, typename Read, typename Add>
    absl::StatusOr<Joined<std::vector<T>>> join(const Indexes& servers, Bodies bodies, Read read,
                                                Add add) const;
    template <typename T, typename Read, typename Add>
    void askJoined(AlertApiRequest request, const std::stop_token& stop,
                   Reply<Joined<std::vector<T>>> reply, Read read, Add add);
    /// The first good answer, else the most telling error.
    template <typename T, typename Read>
    void askFirst(const AlertApiRequest& request, const std::stop_token& stop, Reply<T> reply,
                  Read read);
    void previewByAlerts(const SilenceDraft& draft, const std::stop_token& stop,
                         Reply<SilencePreview> reply);

    const Events events_;
    std::vector<std::unique_ptr<Server>> servers_;
};

} // namespace narthex::client
