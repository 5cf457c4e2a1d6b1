// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API of the Alertmanager without the HTTP around it: version 2 as its clients know it, and our
// own for acknowledgements and history. A handler hands over parameters and bodies and writes what
// comes back. Threads: any. Errors: answers with the status and text of the specification.
// Source: spec/alertmanager.md, 10; spec/acknowledge.md, 6.
#pragma once

#include "core/alertmanager/ack_export.h"
#include "core/alertmanager/alertmanager.h"
#include "core/net/parameters.h"

#include <string>
#include <string_view>

namespace narthex::alertmanager {

struct ApiAnswer
{
    int status = 200;
    /// JSON, or empty.
    std::string body;
};

/// Base /api/v2.
class ApiV2
{
public:
    explicit ApiV2(Alertmanager& manager) : manager_(manager) {}

    [[nodiscard]] ApiAnswer status() const;
    [[nodiscard]] ApiAnswer receivers(const net::Parameters& query) const;
    [[nodiscard]] ApiAnswer alerts(const net::Parameters& query) const;
    [[nodiscard]] ApiAnswer postAlerts(std::string_view contentType, std::string_view body);
    [[nodiscard]] ApiAnswer groups(const net::Parameters& query) const;
    [[nodiscard]] ApiAnswer silences(const net::Parameters& query) const;
    [[nodiscard]] ApiAnswer postSilence(std::string_view contentType, std::string_view body);
    [[nodiscard]] ApiAnswer silence(std::string_view id) const;
    [[nodiscard]] ApiAnswer deleteSilence(std::string_view id);
    /// What the paths of version 1 answer: 410.
    [[nodiscard]] static ApiAnswer removedV1();

private:
    Alertmanager& manager_;
};

/// Base /api/narthex/v1/silences: what version 2 has no room for.
class ApiSilences
{
public:
    explicit ApiSilences(const Alertmanager& manager) : manager_(manager) {}

    /// `{"filter":["a=\"b\"",...],"startsAt"?,"endsAt"?}`: what such a silence would do.
    [[nodiscard]] ApiAnswer preview(std::string_view body) const;
    /// Active silences that something speaks against.
    [[nodiscard]] ApiAnswer warnings() const;
    /// What a silence does and did.
    [[nodiscard]] ApiAnswer get(std::string_view id) const;

private:
    const Alertmanager& manager_;
};

/// Base /api/narthex/v1. `user`: who is signed in; empty: the body says who.
class ApiAcks
{
public:
    /// `exporter`: null where nothing is carried to external Alertmanagers.
    explicit ApiAcks(Alertmanager& manager, const AckExporter* exporter = nullptr)
        : manager_(manager), exporter_(exporter)
    {}

    [[nodiscard]] ApiAnswer list(const net::Parameters& query) const;
    [[nodiscard]] ApiAnswer post(std::string_view body, const std::string& user);
    [[nodiscard]] ApiAnswer get(std::string_view id) const;
    [[nodiscard]] ApiAnswer patch(std::string_view id, std::string_view body,
                                  const std::string& user);
    [[nodiscard]] ApiAnswer remove(std::string_view id, const std::string& user);
    [[nodiscard]] ApiAnswer alerts(const net::Parameters& query) const;
    [[nodiscard]] ApiAnswer history(const net::Parameters& query) const;
    [[nodiscard]] ApiAnswer explain(std::string_view fingerprint) const;

private:
    Alertmanager& manager_;
    const AckExporter* const exporter_;
};

struct ApiRequest
{
    std::string method = "GET";
    /// Decoded, from "/api/" on.
    std::string path;
    net::Parameters query;
    std::string contentType = "application/json";
    std::string body;
};

/// All of the above by path and method; other paths are those of version 1.
ApiAnswer answer(Alertmanager& manager, const AckExporter* exporter, const ApiRequest& request);

} // namespace narthex::alertmanager
