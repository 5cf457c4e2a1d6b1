// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `debug metrics|all`: what a server says of itself, in one archive to attach to a report. Secrets
// are hidden by the server. Threads: main. Format: POSIX ustar, gzip. Source: spec/http-api.md, 16.
#include "commands.h"
#include "server_access.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>
#include <span>

namespace narthex::ctl {
namespace {

struct DebugFlags
{
    ServerFlags server;
    std::string url;
    std::string file = "debug.tar.gz";
};

struct Page
{
    std::string_view path;
    std::string_view file;
};

constexpr std::array<Page, 8> kPages{{{"/metrics", "metrics.txt"},
                                      {"/api/v1/status/config", "config.json"},
                                      {"/api/v1/status/flags", "flags.json"},
                                      {"/api/v1/status/runtimeinfo", "runtimeinfo.json"},
                                      {"/api/v1/status/buildinfo", "buildinfo.json"},
                                      {"/api/v1/status/tsdb", "tsdb.json"},
                                      {"/api/v1/targets?state=active", "targets.json"},
                                      {"/api/v1/rules", "rules.json"}}};

/// Files one after the other, each behind a header of 512 bytes and filled up to a multiple.
class TarFile
{
public:
    void add(std::string_view name, std::string_view content, base::Timestamp time)
    {
        constexpr std::size_t kChecksumAt = 148;
        constexpr std::size_t kChecksumSize = 8;
        std::string header(kBlock, '\0');
        const auto put = [&header](std::size_t at, std::string_view text) {
            header.replace(at, text.size(), text);
        };
        put(0, name);
        put(100, "0000644");
        put(108, "0000000");
        put(116, "0000000");
        put(124, fmt::format("{:011o}", content.size()));
        put(136, fmt::format("{:011o}", time.ms / 1000));
        put(kChecksumAt, std::string(kChecksumSize, ' '));
        put(156, "0");
        put(257, "ustar");
        put(263, "00");
        unsigned sum = 0;
        for (const char c : header) {
            sum += static_cast<unsigned char>(c);
        }
        put(kChecksumAt, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
        bytes_ += header;
        bytes_ += content;
        bytes_.resize((bytes_.size() + kBlock - 1) / kBlock * kBlock, '\0');
    }
    [[nodiscard]] std::string finish() &&
    {
        bytes_.append(2 * kBlock, '\0');
        return std::move(bytes_);
    }

private:
    static constexpr std::size_t kBlock = 512;
    std::string bytes_;
};

absl::Status collect(const DebugFlags& flags, std::span<const Page> pages)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto server, ServerAccess::open(flags.url, flags.server));
    const base::Timestamp now = base::SystemClock().now();
    TarFile archive;
    for (const Page& page : pages) {
        fmt::print("collecting: {}{}\n", server->url(), page.path);
        NARTHEX_ASSIGN_OR_RETURN(const net::HttpResponse response,
                                 server->send({.url = std::string(page.path)}));
        archive.add(page.file, response.body, now);
    }
    NARTHEX_RETURN_IF_ERROR(
        base::writeFileAtomically(flags.file, net::deflateGzip(std::move(archive).finish())));
    fmt::print("Compiling debug information complete, all files written in \"{}\".\n", flags.file);
    return absl::OkStatus();
}

void addCollection(CLI::App& debug, const char* name, const char* what, std::span<const Page> pages,
                   int& exitCode)
{
    CLI::App* command = debug.add_subcommand(name, what);
    auto flags = std::make_shared<DebugFlags>();
    command->add_option("SERVER", flags->url, "The server: http://localhost:9090")->required();
    command->add_option("--output", flags->file, "The archive")->capture_default_str();
    addServerOptions(*command, flags->server);
    command->footer(fmt::format("Example: narthexctl debug {} http://localhost:9090", name));
    command->callback([flags, pages, &exitCode] {
        const absl::Status status = collect(*flags, pages);
        if (!status.ok()) {
            fmt::print(stderr, "error completing debug command: {}\n", base::messageOf(status));
        }
        exitCode = status.ok() ? kOk : kFailed;
    });
}

} // namespace

void addDebug(CLI::App& app, int& exitCode)
{
    CLI::App* debug =
        app.add_subcommand("debug", "Collect what a server says of itself, for a report.");
    debug->require_subcommand(1);
    const std::span<const Page> all = kPages;
    addCollection(*debug, "metrics", "Its metrics.", all.first(1), exitCode);
    addCollection(*debug, "all",
                  "Metrics, configuration (secrets are hidden), flags, state of the store, targets "
                  "and rules.",
                  all, exitCode);
}

} // namespace narthex::ctl
