// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/state/database.h"

#include <QtTest>

#include <array>

using namespace narthex;
using state::Cell;

namespace {

constexpr std::array<state::Migration, 2> kSchema = {
    {{1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)"},
     {2, "ALTER TABLE notes ADD COLUMN weight REAL"}}};

std::vector<std::string> notes(state::Database& database)
{
    std::vector<std::string> result;
    const absl::Status status = database.read([&](state::Connection& connection) {
        return connection.execute(
            "SELECT text FROM notes ORDER BY id", {},
            [&](std::span<const Cell> row) { result.push_back(std::get<std::string>(row[0])); });
    });
    return status.ok() ? result : std::vector<std::string>{"error"};
}

absl::Status add(state::Database& database, const std::string& text)
{
    return database.write([&](state::Connection& connection) {
        const std::array<Cell, 2> cells = {Cell(text), Cell(1.5)};
        return connection.execute("INSERT INTO notes (text, weight) VALUES (?, ?)", cells);
    });
}

} // namespace

class TestDatabase : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void keepsWhatWasWritten();
    void anErrorRollsBackTheWholeTransaction();
    void migratesAnOlderFileAndRefusesANewerOne();
    void namesADamagedFile();
};

void TestDatabase::keepsWhatWasWritten()
{
    const base::TemporaryDirectory directory;
    const auto file = directory.path() / "state.sqlite";
    {
        auto database = state::Database::open(file, kSchema);
        QVERIFY(database.ok());
        QVERIFY(add(**database, "one").ok());
        QCOMPARE(notes(**database), std::vector<std::string>{"one"});
    }
    auto again = state::Database::open(file, kSchema);
    QVERIFY(again.ok());
    QCOMPARE(notes(**again), std::vector<std::string>{"one"});
    QCOMPARE(add(**again, "one").code(), absl::StatusCode::kAlreadyExists);
}

void TestDatabase::anErrorRollsBackTheWholeTransaction()
{
    const base::TemporaryDirectory directory;
    auto database = state::Database::open(directory.path() / "state.sqlite", kSchema);
    QVERIFY(database.ok());
    const absl::Status status = (*database)->write([](state::Connection& connection) {
        base::ignore(connection.execute("INSERT INTO notes (text) VALUES ('half')"),
                     "rolled back below");
        return absl::AbortedError("no");
    });
    QVERIFY(absl::IsAborted(status));
    QVERIFY(notes(**database).empty());
}

void TestDatabase::migratesAnOlderFileAndRefusesANewerOne()
{
    const base::TemporaryDirectory directory;
    const auto file = directory.path() / "state.sqlite";
    QVERIFY(state::Database::open(file, std::span(kSchema).first(1)).ok());
    {
        auto database = state::Database::open(file, kSchema);
        QVERIFY(database.ok());
        QVERIFY(add(**database, "migrated").ok());
    }
    const auto older = state::Database::open(file, std::span(kSchema).first(1));
    QVERIFY(absl::IsFailedPrecondition(older.status()));
}

void TestDatabase::namesADamagedFile()
{
    const base::TemporaryDirectory directory;
    const auto file = directory.path() / "state.sqlite";
    QVERIFY(base::writeFileAtomically(file, std::string(5000, 'x')).ok());
    const auto database = state::Database::open(file, kSchema);
    QVERIFY(absl::IsDataLoss(database.status()));
    QVERIFY(std::string(base::messageOf(database.status())).find("state.sqlite") !=
            std::string::npos);
}

QTEST_GUILESS_MAIN(TestDatabase)
#include "tst_database.moc"
