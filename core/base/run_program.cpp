// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/run_program.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ; // NOLINT: POSIX gives it no header

namespace narthex::base {
namespace {

constexpr std::size_t kOutputLimitBytes = 1U << 20U;

/// Killed and waited for, whatever happens.
class Child
{
public:
    explicit Child(pid_t id) : id_(id) {}
    ~Child()
    {
        if (id_ > 0) {
            ::kill(id_, SIGKILL);
            wait();
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    /// The status as waitpid(2) gives it.
    int wait()
    {
        int status = 0;
        while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
        }
        id_ = -1;
        return status;
    }

private:
    pid_t id_;
};

std::vector<std::string> fullEnvironment(const ProgramCall& call)
{
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        all.emplace_back(*entry);
    }
    for (const auto& [name, value] : call.environment) {
        const std::string prefix = fmt::format("{}=", name);
        std::erase_if(all, [&](const std::string& each) { return each.starts_with(prefix); });
        all.push_back(prefix + value);
    }
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts)
{
    std::vector<char*> result;
    for (std::string& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// A file without a name that has the program's input.
absl::StatusOr<File> inputFile(const ProgramCall& call)
{
    if (call.input.empty()) {
        return File::open("/dev/null", O_RDONLY);
    }
    File file(memfd_create("input", MFD_CLOEXEC), "input");
    if (!file.isOpen()) {
        return errnoStatus(errno, "memfd_create");
    }
    NARTHEX_RETURN_IF_ERROR(file.write(call.input));
    lseek(file.descriptor(), 0, SEEK_SET);
    return file;
}

absl::StatusOr<pid_t> spawn(const ProgramCall& call, int input, int output)
{
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    std::vector<std::string> arguments = call.arguments;
    std::vector<std::string> environment = fullEnvironment(call);
    pid_t id = -1;
    const int error = posix_spawnp(&id, arguments[0].c_str(), &actions, nullptr,
                                   pointers(arguments).data(), pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        return errnoStatus(error, fmt::format("cannot run {}", call.arguments[0]));
    }
    return id;
}

// Until the end of the file.
absl::StatusOr<std::string> readAll(const File& pipe, const ProgramCall& call,
                                    const std::stop_token& stop)
{
    const File wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
    const std::stop_callback onStop(stop, [&wake] { eventfd_write(wake.descriptor(), 1); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(call.timeout.ns);
    std::string text;
    while (!stop.stop_requested()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                              end - std::chrono::steady_clock::now())
                              .count();
        if (left <= 0) {
            return deadlineExceeded("{} did not end within {}", call.arguments[0],
                                    formatDuration(call.timeout));
        }
        std::array<pollfd, 2> ready{pollfd{wake.descriptor(), POLLIN, 0},
                                    pollfd{pipe.descriptor(), POLLIN, 0}};
        poll(ready.data(), ready.size(), static_cast<int>(left));
        if (ready[1].revents == 0) {
            continue;
        }
        std::array<char, 4096> buffer{};
        const ssize_t count = read(pipe.descriptor(), buffer.data(), buffer.size());
        if (count == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (text.size() > kOutputLimitBytes) {
            return resourceExhausted("{} prints more than {} bytes", call.arguments[0],
                                     kOutputLimitBytes);
        }
    }
    return cancelled("stopped");
}

} // namespace

absl::StatusOr<std::string> runProgram(const ProgramCall& call, const std::stop_token& stop)
{
    if (call.arguments.empty() || call.arguments[0].empty()) {
        return invalidArgument("no program is named");
    }
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return errnoStatus(errno, "pipe");
    }
    const File reading(ends[0], "pipe");
    File writing(ends[1], "pipe");
    NARTHEX_ASSIGN_OR_RETURN(const File input, inputFile(call));
    NARTHEX_ASSIGN_OR_RETURN(const pid_t id, spawn(call, input.descriptor(), writing.descriptor()));
    Child child(id);
    NARTHEX_RETURN_IF_ERROR(writing.close());
    NARTHEX_ASSIGN_OR_RETURN(std::string text, readAll(reading, call, stop));
    const int status = child.wait();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return unavailable("{} failed with {} {}", call.arguments[0],
                           WIFEXITED(status) ? "exit code" : "signal",
                           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    return text;
}

} // namespace narthex::base
