// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/failure_log.h"

#include "core/base/json_writer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace narthex::scrape {

absl::Status FailureLog::open()
{
    const absl::MutexLock lock(&mutex_);
    file_.reset(std::fopen(path_.c_str(), "ae"));
    if (!file_) {
        return absl::UnavailableError(
            fmt::format("cannot open the scrape failure log {}: {}", path_, std::strerror(errno)));
    }
    return absl::OkStatus();
}

void FailureLog::write(base::Timestamp time, std::string_view message, std::string_view job,
                       std::string_view url)
{
    std::string line;
    base::JsonWriter json(line);
    json.beginObject().member("time", base::formatTimestamp(time)).member("level", "ERROR");
    json.member("msg", message).member("job_name", job).member("target", url).endObject();
    line += '\n';
    const absl::MutexLock lock(&mutex_);
    if (file_) {
        std::fwrite(line.data(), 1, line.size(), file_.get());
        std::fflush(file_.get());
    }
}

absl::Status FailureLogs::open(const std::set<std::string>& paths)
{
    const absl::MutexLock lock(&mutex_);
    std::map<std::string, std::shared_ptr<FailureLog>> next;
    std::string problems;
    for (const std::string& path : paths) {
        if (path.empty()) {
            continue;
        }
        auto& log = logs_[path];
        if (!log) {
            log = std::make_shared<FailureLog>(path);
        }
        if (const absl::Status status = log->open(); !status.ok()) {
            problems += (problems.empty() ? "" : "\n") + std::string(status.message());
        }
        next.emplace(path, log);
    }
    logs_ = std::move(next);
    return problems.empty() ? absl::OkStatus() : absl::UnavailableError(problems);
}

std::shared_ptr<FailureLog> FailureLogs::find(const std::string& path) const
{
    const absl::MutexLock lock(&mutex_);
    const auto found = logs_.find(path);
    return found == logs_.end() ? nullptr : found->second;
}

} // namespace narthex::scrape
