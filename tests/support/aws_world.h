// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Amazon's web services as a recorded server: calls of the query and JSON interfaces, all of which
// are POSTs to "/", are told apart by their action. Owner: the test. Threads: the test's.
#pragma once

#include "support/discovery_world.h"

#include <algorithm>
#include <deque>

namespace narthex::tests {

class AwsWorld
{
public:
    AwsWorld()
    {
        world.apiBase = server.url();
        server.handle("POST /", [this](const net::ServerRequest& request) {
            return next(actionOf(request));
        });
    }

    /// The answers to an action, one after the other, the last one for ever.
    void answer(const std::string& action, std::vector<net::ServerResponse> answers)
    {
        const absl::MutexLock lock(&mutex_);
        answers_[action] = {answers.begin(), answers.end()};
    }
    void answer(const std::string& action, const std::string& body, int status = 200)
    {
        answer(action, {{.status = status, .body = body}});
    }

    /// The requests of an action, in order.
    [[nodiscard]] std::vector<net::ServerRequest> asked(const std::string& action) const
    {
        std::vector<net::ServerRequest> found = server.requests();
        std::erase_if(found, [&](const auto& each) { return actionOf(each) != action; });
        return found;
    }
    [[nodiscard]] std::vector<std::string> actions() const
    {
        std::vector<std::string> names;
        for (const net::ServerRequest& request : server.requests()) {
            names.push_back(request.path == "/" ? actionOf(request)
                                                : request.method + " " + request.path);
        }
        return names;
    }

    static std::string keys()
    {
        return "region: eu-west-1\naccess_key: AKID\nsecret_key: hunter2\n";
    }

    ScriptedServer server;
    DiscoveryWorld world;

private:
    static std::string actionOf(const net::ServerRequest& request)
    {
        const std::string target(request.header("X-Amz-Target"));
        return target.empty() ? std::string(request.parameter("Action").value_or(""))
                              : target.substr(target.find('.') + 1);
    }

    net::ServerResponse next(const std::string& action)
    {
        const absl::MutexLock lock(&mutex_);
        std::deque<net::ServerResponse>& left = answers_[action];
        if (left.empty()) {
            return {.status = 400, .body = "{\"__type\":\"x#NotRecorded\"}"};
        }
        net::ServerResponse answer = left.front();
        if (left.size() > 1) {
            left.pop_front();
        }
        return answer;
    }

    absl::Mutex mutex_;
    std::map<std::string, std::deque<net::ServerResponse>> answers_ ABSL_GUARDED_BY(mutex_);
};

/// All labels of an entry, as "name=value" lines.
inline std::string linesOf(const discovery::TargetGroup& group, std::size_t i = 0)
{
    std::string text;
    for (const auto& [name, value] : labelsOf(group, i)) {
        text += name + "=" + value + "\n";
    }
    return text;
}

} // namespace narthex::tests
