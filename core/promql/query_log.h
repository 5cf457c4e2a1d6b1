// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The query log: a line of JSON for each query that ended. Owner: the program's engine, shared with
// queries under way. Threads: any. Format: spec/promql.md, Limits, engine, statistics; as
// Prometheus writes it.
#pragma once

#include "core/base/time.h"
#include "core/promql/value.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace narthex::promql {

/// Who asked: a client of the API, or a rule.
struct QueryOrigin
{
    std::string clientAddress;
    std::string method;
    std::string path;
    std::string ruleFile;
    std::string ruleGroup;
};

struct LoggedQuery
{
    std::string_view query;
    base::Timestamp start;
    base::Timestamp end;
    /// Zero for instant queries.
    base::Duration step;
    /// Empty when it ended well.
    std::string_view error;
    const Statistics& statistics;
    /// May be null.
    const QueryOrigin* origin = nullptr;
};

/// The line, without its end.
std::string queryLogLine(const LoggedQuery& query, base::Timestamp now);

class QueryLog
{
public:
    /// Appends to the file. Errors: of the file system.
    static absl::StatusOr<std::shared_ptr<QueryLog>> open(const std::filesystem::path& file);
    ~QueryLog();
    QueryLog(const QueryLog&) = delete;
    QueryLog& operator=(const QueryLog&) = delete;

    /// Errors: of the file system; nothing of the line is kept back.
    absl::Status write(const LoggedQuery& query, base::Timestamp now);

private:
    explicit QueryLog(int descriptor, std::filesystem::path file)
        : descriptor_(descriptor), file_(std::move(file))
    {}

    const int descriptor_;
    const std::filesystem::path file_;
    absl::Mutex mutex_; // lines never mix
};

} // namespace narthex::promql
