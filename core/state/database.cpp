// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/state/database.h"

#include "core/base/status.h"

#include <sqlite3.h>

#include <future>
#include <utility>

namespace narthex::state {
namespace {

absl::Status sqliteStatus(sqlite3* handle, int code, std::string_view what)
{
    const std::string message = fmt::format("{}: {}", what, sqlite3_errmsg(handle));
    switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
        return absl::AlreadyExistsError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return absl::DataLossError(message);
    case SQLITE_FULL:
        return absl::ResourceExhaustedError(message);
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
        return absl::InvalidArgumentError(message);
    default:
        return absl::UnavailableError(message);
    }
}

void bind(sqlite3_stmt* statement, int index, const Cell& cell)
{
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
        sqlite3_bind_int64(statement, index, *integer);
    } else if (const auto* real = std::get_if<double>(&cell)) {
        sqlite3_bind_double(statement, index, *real);
    } else if (const auto* text = std::get_if<std::string>(&cell)) {
        sqlite3_bind_text(statement, index, text->data(), static_cast<int>(text->size()),
                          SQLITE_TRANSIENT);
    } else {
        sqlite3_bind_null(statement, index);
    }
}

Cell column(sqlite3_stmt* statement, int index)
{
    switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER:
        return static_cast<std::int64_t>(sqlite3_column_int64(statement, index));
    case SQLITE_FLOAT:
        return sqlite3_column_double(statement, index);
    case SQLITE_NULL:
        return nullptr;
    default: {
        const void* bytes = sqlite3_column_blob(statement, index);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
        return bytes == nullptr ? std::string()
                                : std::string(static_cast<const char*>(bytes), size);
    }
    }
}

absl::Status migrate(Connection& connection, std::span<const Migration> migrations)
{
    std::int64_t version = 0;
    NARTHEX_RETURN_IF_ERROR(
        connection.execute("PRAGMA user_version", {}, [&](std::span<const Cell> row) {
            version = std::get<std::int64_t>(row[0]);
        }));
    if (version > static_cast<std::int64_t>(migrations.size())) {
        return base::failedPrecondition(
            "the state file has schema {}, this program knows up to {}: it was written by a newer "
            "version",
            version, migrations.size());
    }
    for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(version))) {
        NARTHEX_RETURN_IF_ERROR(
            connection.script(fmt::format("BEGIN IMMEDIATE; {}; PRAGMA user_version = {}; COMMIT;",
                                          migration.sql, migration.version)));
    }
    return absl::OkStatus();
}

} // namespace

struct Database::Handle
{
    sqlite3* sqlite = nullptr;
    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { sqlite3_close(sqlite); }

    absl::Status open(const std::filesystem::path& file)
    {
        constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
        const int code = sqlite3_open_v2(file.c_str(), &sqlite, kFlags, nullptr);
        if (code != SQLITE_OK) {
            return sqliteStatus(sqlite, code, file.string());
        }
        constexpr int kBusyMs = 5000;
        sqlite3_busy_timeout(sqlite, kBusyMs);
        return base::annotate(
            Connection(sqlite).script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                                      "PRAGMA foreign_keys = ON;"),
            file.string());
    }
};

absl::Status Connection::execute(std::string_view sql, std::span<const Cell> parameters,
                                 absl::FunctionRef<void(std::span<const Cell>)> onRow)
{
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
    if (code != SQLITE_OK) {
        return sqliteStatus(handle_, code, sql);
    }
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        bind(raw, static_cast<int>(i) + 1, parameters[i]);
    }
    std::vector<Cell> row;
    while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
        row.clear();
        for (int i = 0; i < sqlite3_column_count(raw); ++i) {
            row.push_back(column(raw, i));
        }
        onRow(row);
    }
    return code == SQLITE_DONE ? absl::OkStatus() : sqliteStatus(handle_, code, sql);
}

absl::Status Connection::script(std::string_view sql)
{
    const int code = sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? absl::OkStatus() : sqliteStatus(handle_, code, sql);
}

absl::StatusOr<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file,
                                                         std::span<const Migration> migrations)
{
    auto writer = std::make_unique<Handle>();
    NARTHEX_RETURN_IF_ERROR(writer->open(file));
    Connection connection(writer->sqlite);
    NARTHEX_RETURN_IF_ERROR(base::annotate(migrate(connection, migrations), file.string()));
    auto reader = std::make_unique<Handle>();
    NARTHEX_RETURN_IF_ERROR(reader->open(file));
    return std::unique_ptr<Database>(new Database(std::move(writer), std::move(reader)));
}

Database::Database(std::unique_ptr<Handle> writer, std::unique_ptr<Handle> reader)
    : writer_(std::move(writer)), reader_(std::move(reader)), thread_([this] { runWriter(); })
{}

Database::~Database()
{
    {
        absl::MutexLock lock(&mutex_);
        stopping_ = true;
    }
    thread_.join();
}

void Database::runWriter()
{
    while (true) {
        std::function<void()> task;
        {
            absl::MutexLock lock(&mutex_);
            mutex_.Await(absl::Condition(
                +[](Database* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                    return self->stopping_ || !self->queue_.empty();
                },
                this));
            if (queue_.empty()) {
                return;
            }
            task = std::move(queue_.front());
            queue_.pop_front();
        }
        task();
    }
}

absl::Status Database::write(std::function<absl::Status(Connection&)> work)
{
    auto task = std::make_shared<std::packaged_task<absl::Status()>>([&] {
        Connection connection(writer_->sqlite);
        absl::Status result = connection.script("BEGIN IMMEDIATE");
        if (result.ok()) {
            result = work(connection);
            result.Update(result.ok() ? connection.script("COMMIT") : absl::OkStatus());
        }
        if (!result.ok()) {
            base::ignore(connection.script("ROLLBACK"), "the error that led here counts");
        }
        return result;
    });
    std::future<absl::Status> result = task->get_future();
    {
        absl::MutexLock lock(&mutex_);
        queue_.emplace_back([task] { (*task)(); });
    }
    return result.get();
}

absl::Status Database::read(absl::FunctionRef<absl::Status(Connection&)> work)
{
    absl::MutexLock lock(&readerMutex_);
    Connection connection(reader_->sqlite);
    return work(connection);
}

} // namespace narthex::state
