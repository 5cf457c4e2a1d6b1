// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/run_command.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace narthex::discovery {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kOutputLimit = 1U << 20U;
constexpr int kStepMs = 100; // how soon a stop is noticed

/// Killed with all that it started, and waited for.
class ShellProcess
{
public:
    ShellProcess() = default;
    ~ShellProcess() { end(); }
    ShellProcess(const ShellProcess&) = delete;
    ShellProcess& operator=(const ShellProcess&) = delete;

    absl::Status start(const std::string& command, int output)
    {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        std::string shell = "/bin/sh";
        std::string option = "-c";
        std::string text = command;
        char* const arguments[] = {shell.data(), option.data(), text.data(), nullptr};
        const int error =
            ::posix_spawn(&process_, shell.c_str(), &actions, &attributes, arguments, ::environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (error != 0) {
            process_ = -1;
            return base::errnoStatus(error, "cannot start /bin/sh");
        }
        return absl::OkStatus();
    }

    /// Its exit code, once it has closed its output.
    int wait()
    {
        int status = 0;
        ::waitpid(std::exchange(process_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    void end()
    {
        if (process_ > 0) {
            ::kill(-process_, SIGKILL);
            wait();
        }
    }
    pid_t process_ = -1;
};

absl::StatusOr<std::string> readAll(int input, Clock::time_point end, const std::stop_token& stop)
{
    std::string text;
    char buffer[4096];
    while (true) {
        if (stop.stop_requested()) {
            return base::cancelled("the command was stopped");
        }
        if (Clock::now() >= end) {
            return base::deadlineExceeded("the command takes too long");
        }
        pollfd waiting{.fd = input, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, kStepMs) <= 0) {
            continue;
        }
        const ssize_t got = ::read(input, buffer, sizeof buffer);
        if (got <= 0) {
            return text;
        }
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.size() > kOutputLimit) {
            return base::resourceExhausted("the command prints more than {} bytes", kOutputLimit);
        }
    }
}

} // namespace

absl::StatusOr<std::string> runCommand(const std::string& command, base::Duration timeout,
                                       const std::stop_token& stop)
{
    int ends[2] = {};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return base::errnoStatus(errno, "cannot make a pipe");
    }
    const base::File input(ends[0], "pipe");
    base::File output(ends[1], "pipe");
    ShellProcess process;
    NARTHEX_RETURN_IF_ERROR(process.start(command, output.descriptor()));
    NARTHEX_RETURN_IF_ERROR(output.close());
    const auto end = Clock::now() + std::chrono::nanoseconds(timeout.ns);
    NARTHEX_ASSIGN_OR_RETURN(std::string text, readAll(input.descriptor(), end, stop));
    if (const int code = process.wait(); code != 0) {
        return base::unavailable("the command ended with exit code {}", code);
    }
    return text;
}

} // namespace narthex::discovery
