// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/query_log.h"

#include "core/base/json_writer.h"
#include "core/base/status.h"
#include "core/promql/statistics_json.h"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace narthex::promql {
namespace {

/// With milliseconds, also when they are zero.
std::string withMilliseconds(base::Timestamp time)
{
    constexpr std::size_t kDigits = 3;
    std::string text = base::formatTimestamp(time);
    text.pop_back(); // the Z
    std::size_t point = text.find('.');
    if (point == std::string::npos) {
        point = text.size();
        text += '.';
    }
    text.resize(point + 1 + kDigits, '0');
    return text + 'Z';
}

} // namespace

std::string queryLogLine(const LoggedQuery& query, base::Timestamp now)
{
    std::string line;
    base::JsonWriter json(line);
    json.beginObject();
    json.member("time", withMilliseconds(now));
    json.member("level", "INFO").member("msg", "promql query logged");
    json.key("params").beginObject();
    json.member("query", query.query);
    json.member("start", withMilliseconds(query.start));
    json.member("end", withMilliseconds(query.end));
    json.key("step").integer(query.step.ms() / 1000).endObject();
    if (!query.error.empty()) {
        json.member("error", query.error);
    }
    json.key("stats");
    writeStatistics(json, query.statistics);
    // Queries are not traced: the numbers of no span.
    json.member("spanID", "0000000000000000");
    json.member("traceID", "00000000000000000000000000000000");
    if (query.origin != nullptr && !query.origin->path.empty()) {
        json.key("httpRequest").beginObject();
        json.member("clientIP", query.origin->clientAddress);
        json.member("method", query.origin->method);
        json.member("path", query.origin->path).endObject();
    }
    if (query.origin != nullptr && !query.origin->ruleGroup.empty()) {
        json.key("ruleGroup").beginObject();
        json.member("file", query.origin->ruleFile);
        json.member("name", query.origin->ruleGroup).endObject();
    }
    json.endObject();
    return line;
}

absl::StatusOr<std::shared_ptr<QueryLog>> QueryLog::open(const std::filesystem::path& file)
{
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (descriptor < 0) {
        return base::errnoStatus(errno, fmt::format("open {}", file.string()));
    }
    return std::shared_ptr<QueryLog>(new QueryLog(descriptor, file));
}

QueryLog::~QueryLog() { ::close(descriptor_); }

absl::Status QueryLog::write(const LoggedQuery& query, base::Timestamp now)
{
    std::string line = queryLogLine(query, now);
    line += '\n';
    absl::MutexLock lock(&mutex_);
    for (std::string_view rest = line; !rest.empty();) {
        const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
        if (written < 0 && errno != EINTR) {
            return base::errnoStatus(errno, fmt::format("write {}", file_.string()));
        }
        rest.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return absl::OkStatus();
}

} // namespace narthex::promql
