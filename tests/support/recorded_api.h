// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What tests of discovery against recorded APIs share: requests and labels as text, so that a
// difference reads as one, and the answers that every mechanism must refuse.
// Owner: the test. Threads: the test's.
#pragma once

#include "support/discovery_world.h"

#include <QString>

#include <initializer_list>

namespace narthex::tests {

/// All labels of entry `i`, one a line, `__meta_<prefix>_` left out: "zone=a".
inline QString shown(const discovery::TargetGroup& group, std::string_view prefix,
                     std::size_t i = 0)
{
    const std::string start = "__meta_" + std::string(prefix) + "_";
    std::string text;
    if (i >= group.entries.size()) {
        return QString("no entry %1").arg(i);
    }
    const auto labels = labelsOf(group, i);
    for (const auto& [name, value] : labels) {
        text += (name.starts_with(start) ? name.substr(start.size()) : name) + "=" + value + "\n";
    }
    return QString::fromStdString(text);
}

/// The addresses of all entries, blanks between.
inline QString addressesOf(const discovery::TargetGroup& group)
{
    std::string text;
    for (std::size_t i = 0; i < group.entries.size(); ++i) {
        text += (i == 0 ? "" : " ") + labelsOf(group, i)["__address__"];
    }
    return QString::fromStdString(text);
}

/// All requests so far, one a line: "GET /v1/x?page=2".
inline QString asked(const ScriptedServer& server)
{
    std::string text;
    for (const net::ServerRequest& request : server.requests()) {
        text += request.method + " " + request.path;
        char separator = '?';
        for (const auto& [name, value] : request.parameters) {
            text += separator + name + "=" + value;
            separator = '&';
        }
        text += "\n";
    }
    return QString::fromStdString(text);
}

inline QString lines(std::initializer_list<const char*> all)
{
    QString text;
    for (const char* line : all) {
        text += QString::fromUtf8(line) + "\n";
    }
    return text;
}

/// Answers `methodAndPath` in ways that must not count as an answer, and names the first that did
/// (the targets of a healthy server would have been lost); empty: all were refused.
inline QString acceptedNonsense(DiscoveryWorld& world, ScriptedServer& server,
                                const std::string& mechanism, const std::string& yamlText,
                                const std::string& methodAndPath)
{
    const std::pair<int, const char*> answers[] = {
        {500, "[]"}, {403, "{}"}, {200, "{"}, {200, "<html>"}, {200, "\"text\""}};
    for (const auto& [status, body] : answers) {
        server.answerWith(methodAndPath,
                          {.status = status, .contentType = "application/json", .body = body});
        const auto refresher = world.refresher(mechanism, yamlText);
        if (world.refreshError(*refresher).empty()) {
            return QString("%1 %2").arg(status).arg(body);
        }
    }
    return {};
}

/// The message of reading that YAML.
inline QString problemOf(std::string_view mechanism, const QString& yamlText)
{
    return QString::fromStdString(DiscoveryWorld::readError(mechanism, yamlText.toStdString()));
}

} // namespace narthex::tests
