// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Silences: making, changing, ending, finding; against slow matching of everything with everything.
#include "core/alertmanager/silences.h"
#include "core/base/status.h"

#include <QtTest>

#include <random>

using namespace narthex;
using namespace narthex::base::literals;
using alertmanager::Silence;
using alertmanager::Silences;
using alertmanager::SilenceState;

namespace {

constexpr base::Timestamp kNow{1'700'000'000'000};

model::Matcher matcher(model::MatchType type, const std::string& name, const std::string& value)
{
    return model::Matcher::create(type, name, value).value();
}

Silence silence(model::Matchers matchers)
{
    return {.matcherSets = {std::move(matchers)}, .endsAt = kNow + 1_h, .createdBy = "me"};
}

QString error(const absl::Status& status)
{
    return QString::fromStdString(std::string(base::messageOf(status)));
}

} // namespace

class TestAmSilences : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whatMatchesEverythingIsRefused();
    void changesInPlaceOrAnew();
    void endsOnce();
    void limitsHold();
    void oldOnesAreCollected();
    void findsWhatComparingAllFinds();
    void asksFewSilencesForEachAlert();
    void idsAreUuids();
    void matchersSurviveAsJson();

private:
    state::StateWriter writer_{nullptr};
};

void TestAmSilences::whatMatchesEverythingIsRefused()
{
    using enum model::MatchType;
    Silences silences({}, writer_);
    const QString empty = "at least one matcher must not match the empty string";
    QCOMPARE(error(silences.set(silence({matcher(Regex, "foo", ".*")}), kNow).status()), empty);
    QCOMPARE(error(silences.set(silence({matcher(NotEqual, "foo", "x")}), kNow).status()), empty);
    QVERIFY(
        silences
            .set(silence({matcher(NotEqual, "foo", "x"), matcher(Equal, "alertname", "A")}), kNow)
            .ok());
    QVERIFY(!silences.set(silence({}), kNow).ok());
    Silence late = silence({matcher(Equal, "a", "b")});
    late.startsAt = kNow + 2_h;
    QVERIFY(!silences.set(late, kNow).ok());
}

void TestAmSilences::changesInPlaceOrAnew()
{
    using enum model::MatchType;
    Silences silences({}, writer_);
    Silence wanted = silence({matcher(Equal, "a", "b")});
    const std::string id = silences.set(wanted, kNow).value();
    wanted = *silences.find(id);
    wanted.comment = "new";
    QCOMPARE(silences.set(wanted, kNow + 1_min).value(), id);
    QCOMPARE(silences.find(id)->comment, std::string("new"));
    wanted.matcherSets = {{matcher(Equal, "a", "c")}};
    const std::string second = silences.set(wanted, kNow + 2_min).value();
    QVERIFY(second != id);
    QCOMPARE(silences.find(id)->stateAt(kNow + 2_min), SilenceState::Expired);
    QCOMPARE(silences.find(id)->endsAt.ms, (kNow + 2_min).ms);
    QCOMPARE(silences.all().size(), 2U);
    wanted = *silences.find(id); // expired
    wanted.endsAt = kNow + 2_h;
    QVERIFY(silences.set(wanted, kNow + 3_min).value() != id);
    wanted = *silences.find(second);
    wanted.startsAt = *wanted.startsAt + 1_min; // of an active one
    QVERIFY(silences.set(wanted, kNow + 2_min).value() != second);
    wanted.id = alertmanager::makeUuid();
    QCOMPARE(error(silences.set(wanted, kNow).status()), QString("silence not found"));
    Silence pending = silence({matcher(Equal, "p", "q")});
    pending.startsAt = kNow + 10_min;
    pending.id = silences.set(pending, kNow).value();
    pending.startsAt = kNow + 20_min;
    QCOMPARE(silences.set(pending, kNow + 1_min).value(), pending.id);
}

void TestAmSilences::endsOnce()
{
    Silences silences({}, writer_);
    const std::string id =
        silences.set(silence({matcher(model::MatchType::Equal, "a", "b")}), kNow).value();
    const model::Labels labels{{"a", "b"}};
    QCOMPARE(silences.silencing(1, labels, kNow), std::vector<std::string>{id});
    QVERIFY(silences.expire(id, kNow + 1_min).ok());
    QVERIFY(silences.expire(id, kNow + 2_min).ok());
    QCOMPARE(silences.find(id)->endsAt.ms, (kNow + 1_min).ms);
    QVERIFY(silences.silencing(1, labels, kNow + 1_min).empty());
    QVERIFY(absl::IsNotFound(silences.expire("x", kNow)));
}

void TestAmSilences::limitsHold()
{
    Silences silences({.limit = 1, .sizeLimitBytes = 200}, writer_);
    const auto small = silence({matcher(model::MatchType::Equal, "a", "b")});
    QVERIFY(silences.set(small, kNow).ok());
    QCOMPARE(error(silences.set(small, kNow).status()),
             QString("exceeded maximum number of silences: 1 (limit: 1)"));
    Silence big = small;
    big.comment = std::string(300, 'x');
    QVERIFY(error(silences.set(big, kNow).status()).startsWith("silence exceeded maximum size: "));
}

void TestAmSilences::oldOnesAreCollected()
{
    Silences silences({.retention = 1_h}, writer_);
    const std::string id =
        silences.set(silence({matcher(model::MatchType::Equal, "a", "b")}), kNow).value();
    silences.collect(kNow + 1_h + 59_min);
    QVERIFY(silences.find(id) != nullptr);
    silences.collect(kNow + 2_h);
    QVERIFY(silences.find(id) == nullptr);
    QVERIFY(silences.silencing(1, {{"a", "b"}}, kNow).empty());
}

void TestAmSilences::findsWhatComparingAllFinds()
{
    using enum model::MatchType;
    std::mt19937 random(7);
    const auto pick = [&](int below) {
        return static_cast<int>(random() % static_cast<unsigned>(below));
    };
    Silences silences({.retention = 1_h}, writer_);
    std::vector<std::string> ids;
    const std::array<std::string, 6> values = {"x", "y", "x|y", "x.*", ".+", "z"};
    for (int round = 0; round < 400; ++round) {
        const base::Timestamp now = kNow + base::Duration::fromMs(round * 10'000);
        if (pick(3) == 0 || ids.empty()) {
            model::Matchers matchers;
            for (int i = 0; i <= pick(3); ++i) {
                const auto type = static_cast<model::MatchType>(pick(4));
                matchers.push_back(matcher(type, std::string(1, static_cast<char>('a' + pick(3))),
                                           values[static_cast<std::size_t>(pick(6))]));
            }
            Silence wanted{.matcherSets = {matchers},
                           .startsAt = now + base::Duration::fromMs(pick(2) * 60'000),
                           .endsAt = now + base::Duration::fromMs(120'000 + pick(9) * 60'000)};
            if (const auto id = silences.set(wanted, now); id.ok()) {
                ids.push_back(*id);
            }
        } else if (pick(6) == 0) {
            base::ignore(
                silences.expire(ids[static_cast<std::size_t>(pick(static_cast<int>(ids.size())))],
                                now),
                "it may be collected");
        } else if (pick(20) == 0) {
            silences.collect(now);
        }
        for (std::uint64_t each = 1; each <= 27; ++each) {
            const auto letter = [&](std::uint64_t of) {
                return std::string(of % 3 == 0 ? "" : of % 3 == 1 ? "x" : "y");
            };
            const std::string a = letter(each);
            const std::string b = letter(each / 3);
            const std::string c = letter(each / 9);
            const model::Labels labels{{"a", a}, {"b", b}, {"c", c}};
            std::vector<std::string> expected;
            for (const auto& [id, one] : silences.all()) {
                if (one->stateAt(now) == SilenceState::Active && one->matches(labels)) {
                    expected.push_back(id);
                }
            }
            QCOMPARE(silences.silencing(each, labels, now), expected);
        }
    }
    QVERIFY(ids.size() > 50);
}

void TestAmSilences::asksFewSilencesForEachAlert()
{
    Silences silences({}, writer_);
    for (int i = 0; i < 1000; ++i) {
        QVERIFY(silences
                    .set(silence({matcher(model::MatchType::Equal, "instance",
                                          "host" + std::to_string(i)),
                                  matcher(model::MatchType::Regex, "job", "node.*")}),
                         kNow)
                    .ok());
    }
    constexpr std::uint64_t kAlerts = 5000;
    for (int round = 0; round < 3; ++round) {
        for (std::uint64_t i = 0; i < kAlerts; ++i) {
            const std::string host = "host" + std::to_string(i);
            const auto found =
                silences.silencing(i + 1, {{"instance", host}, {"job", "node"}}, kNow);
            QCOMPARE(found.size(), i < 1000 ? 1U : 0U);
        }
    }
    QCOMPARE(silences.counters().comparisons, 1000U);
}

void TestAmSilences::idsAreUuids()
{
    const std::string id = alertmanager::makeUuid();
    QVERIFY(alertmanager::isUuid(id));
    QCOMPARE(id[14], '4');
    QVERIFY(id != alertmanager::makeUuid());
    QVERIFY(!alertmanager::isUuid("not-a-uuid"));
    QVERIFY(!alertmanager::isUuid(id + "0"));
}

void TestAmSilences::matchersSurviveAsJson()
{
    using enum model::MatchType;
    const std::vector<model::Matchers> sets = {
        {matcher(Equal, "a", "\"\n"), matcher(NotEqual, "b", "é")},
        {matcher(Regex, "c d", "x|y"), matcher(NotRegex, "e", ".+")}};
    QVERIFY(alertmanager::matcherSetsFromJson(alertmanager::matcherSetsJson(sets)) == sets);
}

QTEST_GUILESS_MAIN(TestAmSilences)
#include "tst_am_silences.moc"
