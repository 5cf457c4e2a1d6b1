// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The ring of exemplars: what it takes, what it overwrites, what a query finds; against a plain
// list.
#include "core/tsdb/exemplar_store.h"

#include <QtTest>

#include <cstdlib>
#include <random>
#include <thread>

using namespace narthex;
using storage::ExemplarResult;

namespace {

const model::Labels kUp{{"__name__", "up"}, {"job", "a"}};
const model::Labels kDown{{"__name__", "down"}, {"job", "b"}};

model::Exemplar exemplar(std::int64_t time, double value = 1, std::string_view trace = "t")
{
    return {model::Labels{{"trace_id", trace}}, value, base::Timestamp{time}};
}

ExemplarResult append(tsdb::ExemplarStore& store, const model::Labels& series,
                      const model::Exemplar& one)
{
    const ExemplarResult expected = store.check(series, one);
    const ExemplarResult result = store.append(series, model::SeriesRef{7}, one);
    return result == expected ? result : ExemplarResult::UnknownSeries;
}

model::Matchers equal(std::string_view name, std::string_view value)
{
    return {model::Matcher::equal(name, value)};
}

/// "series: time time …" for each series found.
std::vector<std::string> found(const tsdb::ExemplarStore& store, std::int64_t from = 0,
                               std::int64_t to = 1000000,
                               const std::vector<model::Matchers>& sets = {{}})
{
    std::vector<std::string> lines;
    for (const storage::ExemplarSeries& series : store.query({from}, {to}, sets)) {
        std::string line = std::string(series.labels.metricName()) + ":";
        for (const model::Exemplar& one : series.exemplars) {
            line += " " + std::to_string(one.time->ms);
        }
        lines.push_back(line);
    }
    return lines;
}

using Lines = std::vector<std::string>;

} // namespace

class TestExemplarStore : public QObject
{
    Q_OBJECT

private slots:
    void overwritesTheOldest();
    void countsCharactersNotBytes();
    void ignoresTheNewestAgain();
    void refusesWhatIsOutOfOrder();
    void takesOutOfOrderWithinTheWindow();
    void findsBySetsOfMatchersAndTime();
    void keepsTheNewestWhenResized();
    void keepsNoneWithoutRoom();
    void visitsInTheOrderOfOverwriting();
    void countsWhatItDoes();
    void agreesWithAPlainList();
    void takesFromSeveralThreads();
};

void TestExemplarStore::overwritesTheOldest()
{
    tsdb::ExemplarStore store(2);
    QCOMPARE(append(store, kUp, exemplar(1)), ExemplarResult::Appended);
    QCOMPARE(append(store, kDown, exemplar(2)), ExemplarResult::Appended);
    QCOMPARE(append(store, kDown, exemplar(3)), ExemplarResult::Appended);
    QCOMPARE(found(store), Lines{"down: 2 3"});
    QCOMPARE(store.stats().series, std::uint64_t{1});
    // The only one of its series makes room for the next of the same series.
    tsdb::ExemplarStore one(1);
    for (int i = 1; i < 5; ++i) {
        QCOMPARE(append(one, kUp, exemplar(i)), ExemplarResult::Appended);
        QCOMPARE(found(one), Lines{"up: " + std::to_string(i)});
    }
}

void TestExemplarStore::countsCharactersNotBytes()
{
    tsdb::ExemplarStore store(10);
    const auto withValue = [](const std::string& value) {
        return model::Exemplar{model::Labels{{"id", value}}, 1, base::Timestamp{1}};
    };
    std::string umlauts; // 126 characters, 252 bytes
    for (int i = 0; i < 126; ++i) {
        umlauts += "\xc3\xa4";
    }
    QCOMPARE(append(store, kUp, withValue(umlauts)), ExemplarResult::Appended);
    QCOMPARE(append(store, kUp, withValue(umlauts + "x")), ExemplarResult::LabelsTooLong);
    QCOMPARE(append(store, kDown, withValue(std::string(126, 'x'))), ExemplarResult::Appended);
    QCOMPARE(append(store, kDown, withValue(std::string(127, 'x'))), ExemplarResult::LabelsTooLong);
    QCOMPARE(append(store, kDown, withValue(std::string(127, '\xff'))),
             ExemplarResult::LabelsTooLong);
}

void TestExemplarStore::ignoresTheNewestAgain()
{
    tsdb::ExemplarStore store(10);
    QCOMPARE(append(store, kUp, exemplar(5)), ExemplarResult::Appended);
    QCOMPARE(append(store, kUp, exemplar(5)), ExemplarResult::Ignored);
    QCOMPARE(append(store, kUp, {model::Labels{{"trace_id", "t"}}, 1, std::nullopt}),
             ExemplarResult::Ignored);
    QCOMPARE(found(store), Lines{"up: 5"});
}

void TestExemplarStore::refusesWhatIsOutOfOrder()
{
    tsdb::ExemplarStore store(10);
    QCOMPARE(append(store, kUp, exemplar(5, 2)), ExemplarResult::Appended);
    QCOMPARE(append(store, kUp, exemplar(4, 9)), ExemplarResult::OutOfOrder);
    QCOMPARE(append(store, kUp, exemplar(5, 1)), ExemplarResult::OutOfOrder);
    QCOMPARE(append(store, kUp, exemplar(5, 3)), ExemplarResult::Appended);
    // Of two sets of labels at one time and value, one order is right and the other is not.
    tsdb::ExemplarStore first(10);
    tsdb::ExemplarStore second(10);
    append(first, kUp, exemplar(5, 3, "x"));
    append(second, kUp, exemplar(5, 3, "y"));
    const bool yIsLater = append(first, kUp, exemplar(5, 3, "y")) == ExemplarResult::Appended;
    QCOMPARE(append(second, kUp, exemplar(5, 3, "x")),
             yIsLater ? ExemplarResult::OutOfOrder : ExemplarResult::Appended);
    // Other series do not matter.
    QCOMPARE(append(store, kDown, exemplar(1)), ExemplarResult::Appended);
    QCOMPARE(store.stats().outOfOrder, std::uint64_t{2});
    tsdb::ExemplarStore far(10);
    QCOMPARE(append(far, kUp, exemplar(INT64_MAX)), ExemplarResult::Appended);
    QCOMPARE(append(far, kUp, exemplar(INT64_MIN)), ExemplarResult::OutOfOrder);
}

void TestExemplarStore::takesOutOfOrderWithinTheWindow()
{
    tsdb::ExemplarStore store(4);
    store.setOutOfOrderWindow(base::Duration::fromMs(50));
    QCOMPARE(append(store, kUp, exemplar(100)), ExemplarResult::Appended);
    QCOMPARE(append(store, kUp, exemplar(51)), ExemplarResult::Appended);
    QCOMPARE(append(store, kUp, exemplar(50)), ExemplarResult::OutOfOrder);
    QCOMPARE(append(store, kUp, exemplar(70)), ExemplarResult::Appended);
    QCOMPARE(append(store, kUp, exemplar(70, 9)), ExemplarResult::Ignored);
    QCOMPARE(append(store, kUp, exemplar(60)), ExemplarResult::Appended);
    QCOMPARE(found(store), Lines{"up: 51 60 70 100"});
    // 100 was stored first, so it goes first.
    QCOMPARE(append(store, kUp, exemplar(65)), ExemplarResult::Appended);
    QCOMPARE(found(store), Lines{"up: 51 60 65 70"});
}

void TestExemplarStore::findsBySetsOfMatchersAndTime()
{
    tsdb::ExemplarStore store(10);
    for (const std::int64_t time : {10, 20, 30}) {
        append(store, kUp, exemplar(time));
        append(store, kDown, exemplar(time + 5));
    }
    QCOMPARE(found(store), (Lines{"down: 15 25 35", "up: 10 20 30"}));
    QCOMPARE(found(store, 15, 30), (Lines{"down: 15 25", "up: 20 30"}));
    QCOMPARE(found(store, 31, 34), Lines{});
    QCOMPARE(found(store, 0, 100, {equal("job", "a")}), Lines{"up: 10 20 30"});
    QCOMPARE(found(store, 0, 100, {equal("job", "a"), equal("__name__", "down")}).size(),
             std::size_t{2});
    QCOMPARE(found(store, 0, 100, {}), Lines{});
    QCOMPARE(found(store, 0, 100, {equal("job", "c")}), Lines{});
}

void TestExemplarStore::keepsTheNewestWhenResized()
{
    tsdb::ExemplarStore store(3);
    for (int i = 1; i <= 5; ++i) {
        append(store, i % 2 == 0 ? kUp : kDown, exemplar(i));
    }
    QCOMPARE(found(store), (Lines{"down: 3 5", "up: 4"}));
    store.resize(5);
    QCOMPARE(found(store), (Lines{"down: 3 5", "up: 4"}));
    append(store, kUp, exemplar(6));
    append(store, kUp, exemplar(7));
    append(store, kUp, exemplar(8));
    QCOMPARE(found(store), (Lines{"down: 5", "up: 4 6 7 8"}));
    store.resize(2);
    QCOMPARE(found(store), Lines{"up: 7 8"});
    append(store, kDown, exemplar(9));
    QCOMPARE(found(store), (Lines{"down: 9", "up: 8"}));
    store.resize(0);
    QCOMPARE(found(store), Lines{});
    store.resize(1);
    QCOMPARE(append(store, kUp, exemplar(1)), ExemplarResult::Appended);
}

void TestExemplarStore::keepsNoneWithoutRoom()
{
    tsdb::ExemplarStore store(0);
    QCOMPARE(append(store, kUp, exemplar(1)), ExemplarResult::Ignored);
    QCOMPARE(found(store), Lines{});
    QVERIFY(!store.stats().oldest);
}

void TestExemplarStore::visitsInTheOrderOfOverwriting()
{
    tsdb::ExemplarStore store(3);
    for (int i = 1; i <= 4; ++i) {
        store.append(i % 2 == 0 ? kUp : kDown, model::SeriesRef(static_cast<std::uint64_t>(i)),
                     exemplar(i));
    }
    std::vector<std::int64_t> times;
    std::vector<std::uint64_t> refs;
    store.forEach(
        [&](const model::Labels& series, model::SeriesRef ref, const model::Exemplar& one) {
            QCOMPARE(series.metricName() == "up", one.time->ms % 2 == 0);
            times.push_back(one.time->ms);
            refs.push_back(static_cast<std::uint64_t>(ref));
        });
    QCOMPARE(times, (std::vector<std::int64_t>{2, 3, 4}));
    // A series that came back has its newest reference everywhere.
    QCOMPARE(refs, (std::vector<std::uint64_t>{4, 3, 4}));
}

void TestExemplarStore::countsWhatItDoes()
{
    tsdb::ExemplarStore store(3);
    for (int i = 1; i <= 5; ++i) {
        append(store, kUp, exemplar(i));
    }
    append(store, kUp, exemplar(2));
    const tsdb::ExemplarStats stats = store.stats();
    QCOMPARE(stats.appended, std::uint64_t{5});
    QCOMPARE(stats.outOfOrder, std::uint64_t{1});
    QCOMPARE(stats.stored, std::uint64_t{3});
    QCOMPARE(stats.series, std::uint64_t{1});
    QCOMPARE(stats.capacity, std::uint64_t{3});
    QCOMPARE(stats.oldest->ms, std::int64_t{3});
}

void TestExemplarStore::agreesWithAPlainList()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 50; ++round) {
        std::size_t capacity = 1 + random() % 20;
        tsdb::ExemplarStore store(capacity);
        store.setOutOfOrderWindow(base::Duration::fromMs(30));
        std::vector<std::pair<int, std::int64_t>> list; // series, time; oldest first
        for (int i = 0; i < 200; ++i) {
            const int series = static_cast<int>(random() % 4);
            const std::int64_t time = i + static_cast<int>(random() % 40);
            const model::Labels labels{{"__name__", "s" + std::to_string(series)}};
            if (append(store, labels, exemplar(time, static_cast<double>(i))) ==
                ExemplarResult::Appended) {
                list.emplace_back(series, time);
            }
            const auto trim = [&] {
                if (list.size() > capacity) {
                    list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(capacity));
                }
            };
            trim();
            if (random() % 30 == 0) {
                capacity = 1 + random() % 20;
                store.resize(capacity);
                trim();
            }
            Lines expected;
            for (int s = 0; s < 4; ++s) {
                std::vector<std::int64_t> times;
                for (const auto& [of, at] : list) {
                    if (of == s) {
                        times.push_back(at);
                    }
                }
                std::sort(times.begin(), times.end());
                std::string line = "s" + std::to_string(s) + ":";
                for (const std::int64_t at : times) {
                    line += " " + std::to_string(at);
                }
                if (!times.empty()) {
                    expected.push_back(line);
                }
            }
            QCOMPARE(found(store), expected);
        }
    }
}

void TestExemplarStore::takesFromSeveralThreads()
{
    tsdb::ExemplarStore store(100);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&store, t] {
            const model::Labels labels{{"__name__", "s" + std::to_string(t)}};
            for (int i = 0; i < 500; ++i) {
                store.append(labels, model::SeriesRef{1}, exemplar(i));
                if (i % 50 == 0) {
                    if (found(store).size() > 4) {
                        std::abort();
                    }
                    store.resize(static_cast<std::size_t>(50 + i % 100));
                }
            }
        });
    }
    threads.clear();
    QCOMPARE(store.stats().appended, std::uint64_t{2000});
    QVERIFY(store.stats().stored <= store.stats().capacity);
}

QTEST_GUILESS_MAIN(TestExemplarStore)
#include "tst_exemplar_store.moc"
