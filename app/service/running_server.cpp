// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/service/running_server.h"

#include "core/base/file.h"
#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/discovery/json.h"

#include <csignal>
#include <unistd.h>

namespace narthex::app {
namespace {

std::filesystem::path noteIn(const std::filesystem::path& dataDirectory)
{
    return dataDirectory / "narthex.d" / "server.json";
}

/// Whether the process is there and is one of ours: numbers are given out again.
bool isNarthex(std::int64_t processId)
{
    const auto name =
        base::readFile(std::filesystem::path("/proc") / std::to_string(processId) / "comm");
    return name.ok() && name->starts_with("narthex");
}

} // namespace

void writeServerNote(const std::filesystem::path& dataDirectory, const std::string& url)
{
    std::string text;
    base::JsonWriter json(text);
    json.beginObject().key("pid").integer(::getpid());
    json.member("url", url).endObject();
    base::ignore(base::writeFileAtomically(noteIn(dataDirectory), text + "\n"),
                 "without the note a second process only says who has the directory");
}

void removeServerNote(const std::filesystem::path& dataDirectory)
{
    const auto other = base::readFile(noteIn(dataDirectory));
    const auto json = discovery::Json::parse(other.ok() ? *other : std::string());
    if (json.ok() && (*json)["pid"].integer() == ::getpid()) {
        std::error_code error;
        std::filesystem::remove(noteIn(dataDirectory), error);
    }
}

std::optional<RunningServer> runningServer(const std::filesystem::path& dataDirectory)
{
    const auto text = base::readFile(noteIn(dataDirectory));
    if (!text.ok()) {
        return std::nullopt;
    }
    const auto json = discovery::Json::parse(*text);
    if (!json.ok()) {
        return std::nullopt;
    }
    RunningServer server{(*json)["pid"].integer(), (*json)["url"].text()};
    if (server.url.empty() || server.processId == ::getpid() || !isNarthex(server.processId)) {
        return std::nullopt;
    }
    return server;
}

} // namespace narthex::app
