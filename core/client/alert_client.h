// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a user interface can ask of Alertmanagers, one or several, near or far: alerts, groups,
// silences, acknowledgements, history. What several servers say is joined: the same alert stands
// once, with the servers that have it. Owner: app; pages keep a reference. Threads: every function
// from any thread, none blocks; replies and events arrive on threads of the implementation. Errors
// in replies: as MonitoringClient; a reply with many servers is an error only if all of them fail.
// Source: spec/alertmanager.md, 10; spec/acknowledge.md, 6; spec/ui.md, 6.9 to 6.11.
#pragma once

#include "core/client/alert_data.h"
#include "core/client/monitoring_client.h"

namespace narthex::client {

class AlertClient
{
public:
    virtual ~AlertClient() = default;

    virtual void alerts(AlertQuery query, std::stop_token stop,
                        Reply<Joined<std::vector<Alert>>> reply) = 0;
    /// As their last flush left them. Groups of several servers stand side by side.
    virtual void groups(AlertQuery query, std::stop_token stop,
                        Reply<Joined<std::vector<AlertGroup>>> reply) = 0;
    /// `filters`: matchers as text; silences that all of them hold for.
    virtual void silences(std::vector<std::string> filters, std::stop_token stop,
                          Reply<Joined<std::vector<Silence>>> reply) = 0;
    /// Makes or changes a silence. One result for each server asked.
    virtual void setSilence(SilenceDraft draft, std::stop_token stop,
                            Reply<std::vector<SilenceResult>> reply) = 0;
    /// Ends it on the servers that have it; `servers` empty: all.
    virtual void expireSilence(std::string id, std::vector<std::string> servers,
                               std::stop_token stop, Reply<std::vector<SilenceResult>> reply) = 0;
    /// What a silence would do.
    virtual void previewSilence(SilenceDraft draft, std::stop_token stop,
                                Reply<SilencePreview> reply) = 0;
    virtual void receivers(std::stop_token stop, Reply<Joined<std::vector<Receiver>>> reply) = 0;
    virtual void status(std::stop_token stop,
                        Reply<Joined<std::vector<AlertServerStatus>>> reply) = 0;

    // What our own servers have beyond version 2; others: Unimplemented.

    virtual void acknowledgements(AckQuery query, std::stop_token stop,
                                  Reply<Joined<std::vector<Acknowledgement>>> reply) = 0;
    virtual void acknowledge(AckDraft draft, std::stop_token stop, Reply<AckResult> reply) = 0;
    virtual void changeAcknowledgement(AckChange change, std::stop_token stop,
                                       Reply<Acknowledgement> reply) = 0;
    virtual void withdraw(std::string id, std::stop_token stop, Reply<bool> reply) = 0;
    /// Oldest first.
    virtual void history(HistoryQuery query, std::stop_token stop,
                         Reply<Joined<std::vector<HistoryEntry>>> reply) = 0;
    /// Why the alert is where it is.
    virtual void explain(std::string fingerprint, std::stop_token stop,
                         Reply<AlertExplanation> reply) = 0;

    /// `onChange` is called on a thread of the implementation whenever alerts or silences may look
    /// different, until the subscription dies.
    virtual Subscription subscribe(std::function<void()> onChange) = 0;
};

} // namespace narthex::client
