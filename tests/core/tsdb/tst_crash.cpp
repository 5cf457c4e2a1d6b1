// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store dies at any of its file operations, or the disk is full from there on. A child process
// (this program with arguments) works on a directory and is killed; the parent opens what is left.
// Held cases 29 and 30 of spec/tsdb.md are two of the places.
#include "core/tsdb/block_admin.h"
#include "core/tsdb/ulid.h"
#include "support/tsdb_fixture.h"

#include <QtTest>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace narthex;
using namespace narthex::base::literals;
using test::Contents;
using test::contentsOf;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kHour = 3'600'000;
/// A multiple of six hours.
constexpr std::int64_t kStart = 1'699'999'200'000 / (6 * kHour) * (6 * kHour);
constexpr std::int64_t kStep = 10 * 60'000;
constexpr std::int64_t kSteps = 14 * 6; // of hours
const model::Labels kKept{{"__name__", "kept"}};
const model::Labels kDoomed{{"__name__", "doomed"}};
/// Half of its samples come after a newer one of the same series.
const model::Labels kLate{{"__name__", "late"}};
const tsdb::DbOptions kOptions{.live = {.outOfOrderWindow = 6_h}, .compactInBackground = false};

std::int64_t timeOf(std::int64_t step) { return kStart + step * kStep; }

/// Kills the process, or fails with a full disk, at the n-th operation and all later ones.
class Fault final : public base::FileFault
{
public:
    Fault(std::uint64_t at, bool kills) : at_(at), kills_(kills) {}
    absl::Status before(base::FileOperation operation, const fs::path& path) override
    {
        if (count_.fetch_add(1) + 1 < at_) {
            return absl::OkStatus();
        }
        if (kills_) {
            ::kill(::getpid(), SIGKILL);
            ::pause(); // the signal may take another thread first
        }
        const bool takesRoom = operation == base::FileOperation::Create ||
                               operation == base::FileOperation::Write ||
                               operation == base::FileOperation::MakeDirectory;
        return takesRoom ? base::errnoStatus(ENOSPC, path.string()) : absl::OkStatus();
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }

private:
    std::atomic<std::uint64_t> count_{0};
    const std::uint64_t at_;
    const bool kills_;
};

/// What the child has been promised, in a file that is written past the store's own functions.
class Promises
{
public:
    explicit Promises(const fs::path& path)
        : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666))
    {}
    ~Promises() { ::close(file_); }
    Promises(const Promises&) = delete;
    Promises& operator=(const Promises&) = delete;
    void note(char what) const
    {
        if (::write(file_, &what, 1) != 1) {
            std::abort();
        }
    }

private:
    const int file_;
};

/// Committed steps ('s') and whether the deletion was begun ('d') and acknowledged ('D').
struct Promised
{
    std::int64_t steps = 0;
    bool begun = false;
    bool deleted = false;
};

Promised promisedIn(const fs::path& path)
{
    const std::string text = base::readFile(path).value_or("");
    return {std::count(text.begin(), text.end(), 's'), text.find('d') != std::string::npos,
            text.find('D') != std::string::npos};
}

bool append(tsdb::Db& db, std::int64_t step)
{
    const auto appender = db.appender();
    for (const model::Labels& labels : {kKept, kDoomed}) {
        const auto ref = appender->seriesFor(labels);
        if (!ref.ok()) {
            return false;
        }
        appender->append(*ref, {timeOf(step)}, static_cast<double>(step));
    }
    const auto late = appender->seriesFor(kLate);
    if (!late.ok()) {
        return false;
    }
    appender->append(*late, {timeOf(step)}, static_cast<double>(step));
    appender->append(*late, {timeOf(step) - kStep / 2}, static_cast<double>(step));
    return appender->commit().ok();
}

/// Opens, appends and compacts; a commit that is refused is tried no second time.
void appendSteps(const fs::path& data, std::int64_t from, std::int64_t to, const Promises& promises)
{
    test::TsdbFixture fixture(1);
    const auto db = fixture.tryOpen(data, kOptions);
    if (!db.ok()) {
        return;
    }
    for (std::int64_t step = from; step < to; ++step) {
        if (!append(**db, step)) {
            return;
        }
        promises.note('s');
        if (step % 18 == 17) {
            base::ignore((*db)->compact(), "the disk may be full");
        }
    }
    base::ignore((*db)->close(), "the disk may be full");
}

/// Deletes a series from the blocks and frees its space.
void deleteDoomed(const fs::path& data, const Promises& promises)
{
    const base::ManualClock clock({kStart});
    tsdb::BlockList blocks(data, base::nullLogger());
    if (!blocks.load().ok()) {
        return;
    }
    promises.note('d');
    const model::Matchers doomed{model::Matcher::equal("__name__", "doomed")};
    const absl::Status status =
        tsdb::deleteInBlocks(blocks, INT64_MIN, INT64_MAX, {&doomed, 1}, {});
    if (status.ok() && !blocks.blocks()->empty()) {
        promises.note('D');
    }
    base::ignore(tsdb::cleanTombstones(blocks, clock, {}), "the disk may be full");
}

/// Everything the child does; the number of file operations it made.
std::uint64_t work(const fs::path& data, const fs::path& promisesPath, std::uint64_t at, bool kills)
{
    Fault fault(at, kills);
    const Promises promises(promisesPath);
    base::setFileFault(&fault);
    appendSteps(data, 0, kSteps / 2, promises);
    deleteDoomed(data, promises);
    if (promisedIn(promisesPath).steps == kSteps / 2) {
        appendSteps(data, kSteps / 2, kSteps, promises);
    }
    base::setFileFault(nullptr);
    return fault.count();
}

/// Runs this program as the child; its wait status.
int runChild(const fs::path& data, const fs::path& promises, std::uint64_t at)
{
    std::string arguments[] = {"tst_crash", "--child", data.string(), promises.string(),
                               std::to_string(at)};
    std::vector<char*> pointers;
    for (std::string& argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    pid_t child = 0;
    if (::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, pointers.data(), environ) != 0) {
        return -1;
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
}

bool hasLeftovers(const fs::path& data)
{
    for (const auto& entry : fs::directory_iterator(data)) {
        if (entry.path().filename().string().find(".tmp") != std::string::npos) {
            return true;
        }
    }
    return fs::exists(data / "narthex.d" / "damaged");
}

/// What is wrong with the directory after the child's end; empty if nothing is.
std::string faultsOf(const fs::path& data, const Promised& promised)
{
    if (!fs::exists(data)) {
        return promised.steps == 0 ? "" : "the directory is gone";
    }
    test::TsdbFixture fixture(1);
    const auto db = fixture.tryOpen(data, kOptions);
    if (!db.ok()) {
        return db.status().ToString();
    }
    if (hasLeftovers(data)) {
        return "unfinished or damaged blocks are left";
    }
    const Contents contents = contentsOf(**db);
    for (const auto& [name, samples] : contents) {
        for (std::size_t i = 1; i < samples.size(); ++i) {
            if (samples[i].first <= samples[i - 1].first) {
                return name + " has a sample twice";
            }
        }
    }
    const auto kept = contents.find("kept");
    const std::int64_t have =
        kept == contents.end() ? 0 : static_cast<std::int64_t>(kept->second.size());
    // A commit may have reached the log without its promise.
    if (have < promised.steps || have > promised.steps + 1) {
        return fmt::format("kept has {} samples of {}", have, promised.steps);
    }
    for (std::int64_t i = 0; i < have; ++i) {
        if (kept->second[static_cast<std::size_t>(i)].first != timeOf(i)) {
            return fmt::format("kept misses the sample of step {}", i);
        }
    }
    for (std::int64_t i = 0; i < promised.steps; ++i) {
        for (const std::int64_t time : {timeOf(i) - kStep / 2, timeOf(i)}) {
            const auto& samples = contents.at("late");
            const auto place = std::lower_bound(
                samples.begin(), samples.end(), time,
                [](const auto& sample, std::int64_t t) { return sample.first < t; });
            if (place == samples.end() || place->first != time) {
                return fmt::format("late misses the sample at {} of step {}", time, i);
            }
        }
    }
    const auto doomed = contents.find("doomed");
    const std::int64_t doomedCount =
        doomed == contents.end() ? 0 : static_cast<std::int64_t>(doomed->second.size());
    if (!promised.begun && doomedCount != have) {
        return fmt::format("doomed has {} samples of {}", doomedCount, have);
    }
    if (promised.deleted && doomed != contents.end() && !doomed->second.empty() &&
        doomed->second.front().first < timeOf(12)) {
        return "a deleted sample is back";
    }
    return append(**db, kSteps + 1) ? "" : "no sample is accepted any more";
}

} // namespace

class TestCrash : public QObject
{
    Q_OBJECT

private slots:
    void keepsItsPromisesWhereverItIsKilled();
    void keepsItsPromisesOnAFullDisk();
};

void TestCrash::keepsItsPromisesWhereverItIsKilled()
{
    std::uint64_t operations = 0;
    {
        const base::TemporaryDirectory whole;
        operations = work(whole.path() / "data", whole.path() / "promises", UINT64_MAX, true);
        const Promised promised = promisedIn(whole.path() / "promises");
        QCOMPARE(promised.steps, kSteps);
        QVERIFY(promised.deleted);
        QCOMPARE(faultsOf(whole.path() / "data", promised), std::string());
    }
    const std::uint64_t stride = qEnvironmentVariableIsSet("NARTHEX_CRASH_ALL")
                                     ? 1
                                     : std::max<std::uint64_t>(1, operations / 120);
    qInfo("%llu file operations, every %llu.", static_cast<unsigned long long>(operations),
          static_cast<unsigned long long>(stride));
    for (std::uint64_t at = 1; at <= operations; at += stride) {
        const base::TemporaryDirectory folder;
        const int status = runChild(folder.path() / "data", folder.path() / "promises", at);
        const Promised promised = promisedIn(folder.path() / "promises");
        // Which thread syncs first is not the same each time: a child may make fewer operations
        // and live. Then it has done everything.
        const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        QVERIFY2(killed || (status == 0 && promised.steps == kSteps && promised.deleted),
                 fmt::format("at {}: status {}, {} steps", at, status, promised.steps).c_str());
        const std::string faults = faultsOf(folder.path() / "data", promised);
        QVERIFY2(faults.empty(), fmt::format("killed at {}: {}", at, faults).c_str());
    }
}

void TestCrash::keepsItsPromisesOnAFullDisk()
{
    std::uint64_t operations = 100;
    for (std::uint64_t at = 1; at <= operations;) {
        const base::TemporaryDirectory folder;
        const std::uint64_t made =
            work(folder.path() / "data", folder.path() / "promises", at, false);
        operations = std::max(operations, made);
        const std::string faults =
            faultsOf(folder.path() / "data", promisedIn(folder.path() / "promises"));
        QVERIFY2(faults.empty(), fmt::format("full at {}: {}", at, faults).c_str());
        at += std::max<std::uint64_t>(1, operations / 40);
    }
}

int main(int argc, char** argv)
{
    // A killed process loses nothing that a write has taken, on whatever file system; thousands of
    // syncs take minutes on a busy disk.
    if (::access("/dev/shm", W_OK) == 0) {
        ::setenv("TMPDIR", "/dev/shm", 0);
    }
    if (argc == 5 && std::string_view(argv[1]) == "--child") {
        work(argv[2], argv[3], std::stoull(argv[4]), true);
        return 0;
    }
    QCoreApplication application(argc, argv);
    TestCrash test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_crash.moc"
