// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Acknowledgements on a clock that the test moves, carried to scripted servers. Owner: the test.
// Threads: the test's own.
#pragma once

#include "am_world.h"

#include "core/alertmanager/ack_sync.h"
#include "core/alertmanager/api.h"
#include "support/scripted_server.h"

namespace narthex::tests {

inline const model::Labels kX{{"alertname", "A"}, {"i", "x"}};
inline const std::string kPost = "POST /api/v2/silences";
inline const std::string kDelete = "DELETE /api/v2/silence/s1";

/// A member of the cluster with these peers that shows the alert, as these labels say.
inline void script(ScriptedServer& server, const char* peers = "", const char* more = "")
{
    server.json("GET /api/v2/status",
                std::string("{\"versionInfo\":{\"version\":\"0.25.0\"},\"cluster\":{\"peers\":[") +
                    peers + "]}}");
    server.json("GET /api/v2/alerts", std::string("[{\"labels\":{\"alertname\":\"A\",\"i\":\"x\"") +
                                          more + "},\"status\":{\"silencedBy\":[\"s1\"]}}]");
    server.json("GET /api/v2/silences", "[]");
    server.json(kPost, "{\"silenceID\":\"s1\"}");
    server.json(kDelete, "");
}

class AckWorld
{
public:
    explicit AckWorld(base::Timestamp start = timeAt("2026-03-02T12:00:00Z"))
        : am(AmWorld::kPlain, {.startDelay = {}, .seed = 1}, start)
    {
        open();
    }
    ~AckWorld() { close(); }
    AckWorld(const AckWorld&) = delete;
    AckWorld& operator=(const AckWorld&) = delete;

    void open()
    {
        exporter = std::make_unique<alertmanager::AckExporter>(
            am->options().acknowledgements, "here",
            alertmanager::AckExporter::Environment{.http = http,
                                                   .timers = am.timers,
                                                   .database = &am.database(),
                                                   .log = base::nullLogger(),
                                                   .metrics = am->metrics()});
        sync = std::make_unique<alertmanager::AckSync>(alertmanager::AckSync::Environment{
            .exporter = *exporter,
            .timers = am.timers,
            .interval = 45_s,
            .acknowledgements = [this] { return am->acknowledgements(); },
            .servers = [this](const model::Labels& labels) { return serversFor(labels); },
            .log = base::nullLogger()});
        if (!exporter->start().ok()) {
            throw std::runtime_error("the exporter does not start");
        }
        sync->start();
        settle();
    }
    void close()
    {
        sync.reset();
        exporter.reset();
    }
    void settle() const
    {
        sync->settle();
        exporter->settle();
    }
    void look() const
    {
        sync->changed();
        settle();
    }
    /// Everybody looks once, as after the interval.
    void poll()
    {
        exporter->poll();
        look();
    }
    std::vector<alertmanager::AlertServer> serversFor(const model::Labels& labels) const
    {
        std::vector<alertmanager::AlertServer> servers;
        for (const std::string& target : targets) {
            alertmanager::AlertServer& server =
                servers.emplace_back(alertmanager::AlertServer{.target = target});
            if (labels.get("i") != "private") {
                model::LabelsBuilder builder(labels);
                server.labels =
                    external.empty() ? labels : builder.set("replica", external).build();
            }
        }
        return servers;
    }
    [[nodiscard]] QString listed()
    {
        return QString::fromStdString(alertmanager::ApiAcks(*am, exporter.get()).list({}).body);
    }

    AmWorld am;
    std::vector<std::string> targets;
    std::string external;
    net::IoLoop loop;
    net::HttpClient http{loop, "Narthex/test"};
    std::unique_ptr<alertmanager::AckExporter> exporter;
    std::unique_ptr<alertmanager::AckSync> sync;
};

} // namespace narthex::tests
