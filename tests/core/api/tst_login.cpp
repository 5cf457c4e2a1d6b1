// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/login.h"
#include "core/net/crypto.h"

#include <QtTest>

#include <semaphore>

using namespace narthex;
using namespace narthex::api;

namespace {

const std::string kHash = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const std::string kOtherHash = "$2y$04$abcdefghijklmnopqrstuu0HtfOlPbTiymk5tcV.3TsFPDd3SYZqu";

std::string basic(const std::string& text) { return "Basic " + net::base64(text); }

/// Logins whose comparisons are counted.
struct World
{
    Login::Users users{{"alice", base::Secret(kHash)}};
    std::atomic<int> comparisons = 0;
    std::vector<std::string> hashes; // of the login thread
    Login login{[this](const std::string& password, const std::string& hash) {
        ++comparisons;
        hashes.push_back(hash);
        return bcryptMatches(password, hash);
    }};

    LoginOutcome ask(const std::string& authorization)
    {
        std::binary_semaphore done(0);
        LoginOutcome result = LoginOutcome::Busy;
        login.check(users, authorization, [&](LoginOutcome outcome) {
            result = outcome;
            done.release();
        });
        done.acquire();
        return result;
    }
};

} // namespace

class TestLogin : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void knowsHashes();
    void readsCredentials();
    void comparesPasswords();
    void aStrangerCostsWhatAUserCosts();
    void remembersOutcomes();
    void forgetsWhenTheHashChanges();
    void comparesOneAtATimeAndBoundsTheRest();
};

void TestLogin::knowsHashes()
{
    QVERIFY(isBcryptHash(kHash));
    QVERIFY(!isBcryptHash("secret"));
    QVERIFY(!isBcryptHash(kHash + "a"));
    QVERIFY(!isBcryptHash("$1$" + kHash.substr(3)));
    QVERIFY(!isBcryptHash("$2y$03$" + kHash.substr(7)));
    QVERIFY(!isBcryptHash("$2y$32$" + kHash.substr(7)));
    QVERIFY(!isBcryptHash(kHash.substr(0, 59) + ":"));
    QVERIFY(bcryptMatches("secret", kHash));
    QVERIFY(!bcryptMatches("secret", kOtherHash));
    QVERIFY(!bcryptMatches("Secret", kHash));
    QVERIFY(!bcryptMatches(std::string("secret\0more", 11), kHash));
    QVERIFY(!bcryptMatches("", kHash));
}

void TestLogin::readsCredentials()
{
    using Pair = std::pair<std::string, std::string>;
    QVERIFY(basicCredentials(basic("a:b")) == Pair("a", "b"));
    QVERIFY(basicCredentials("basic " + net::base64("a:b:c")) == Pair("a", "b:c"));
    QVERIFY(basicCredentials(basic(":")) == Pair("", ""));
    for (const std::string& wrong :
         {std::string(), std::string("Basic"), std::string("Basic "), std::string("Bearer abcd"),
          std::string("Basic !!!!"), std::string("Basic YTpi\nYTpi"), basic("nocolon"),
          std::string("Basic YTp"), "Basic " + std::string(100'000, 'A')}) {
        QVERIFY2(!basicCredentials(wrong), wrong.substr(0, 40).c_str());
    }
}

void TestLogin::comparesPasswords()
{
    World world;
    QCOMPARE(int(world.ask(basic("alice:secret"))), int(LoginOutcome::Accepted));
    QCOMPARE(int(world.ask(basic("alice:wrong"))), int(LoginOutcome::Refused));
    QCOMPARE(int(world.ask(basic("alice:"))), int(LoginOutcome::Refused));
    QCOMPARE(int(world.ask(basic("Alice:secret"))), int(LoginOutcome::Refused));
    QCOMPARE(int(world.ask("")), int(LoginOutcome::Refused));
}

void TestLogin::aStrangerCostsWhatAUserCosts()
{
    World world;
    // Even with the password of the one whose hash is compared with.
    QCOMPARE(int(world.ask(basic("mallory:secret"))), int(LoginOutcome::Refused));
    QCOMPARE(world.comparisons.load(), 1);
    QCOMPARE(int(world.ask(basic("alice:wrong"))), int(LoginOutcome::Refused));
    QCOMPARE(world.comparisons.load(), 2);
    QCOMPARE(world.hashes[0], world.hashes[1]); // the same work
    // And both are remembered.
    QCOMPARE(int(world.ask(basic("mallory:secret"))), int(LoginOutcome::Refused));
    QCOMPARE(int(world.ask(basic("alice:wrong"))), int(LoginOutcome::Refused));
    QCOMPARE(world.comparisons.load(), 2);
}

void TestLogin::remembersOutcomes()
{
    World world;
    for (int i = 0; i < 100; ++i) {
        QCOMPARE(int(world.ask(basic("alice:secret"))), int(LoginOutcome::Accepted));
    }
    QCOMPARE(world.comparisons.load(), 1);
    // A bounded number of them: guesses push no more out than they bring.
    for (int i = 0; i < 3000; ++i) {
        world.ask(basic(fmt::format("alice:{}", i)));
    }
    QCOMPARE(world.comparisons.load(), 3001);
}

void TestLogin::forgetsWhenTheHashChanges()
{
    World world;
    QCOMPARE(int(world.ask(basic("alice:secret"))), int(LoginOutcome::Accepted));
    world.users["alice"] = base::Secret(kOtherHash);
    QCOMPARE(int(world.ask(basic("alice:secret"))), int(LoginOutcome::Refused));
    QCOMPARE(int(world.ask(basic("alice:other"))), int(LoginOutcome::Accepted));
    world.users.erase("alice");
    QCOMPARE(int(world.ask(basic("alice:other"))), int(LoginOutcome::Refused));
}

void TestLogin::comparesOneAtATimeAndBoundsTheRest()
{
    std::counting_semaphore<1000> go(0);
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    std::atomic<int> accepted = 0;
    std::atomic<int> busy = 0;
    const Login::Users users{{"alice", base::Secret(kHash)}};
    {
        Login login([&](const std::string&, const std::string&) {
            most = std::max(most.load(), ++running);
            go.acquire();
            --running;
            return true;
        });
        for (int i = 0; i < 300; ++i) {
            login.check(users, basic(fmt::format("alice:{}", i)), [&](LoginOutcome outcome) {
                accepted += outcome == LoginOutcome::Accepted ? 1 : 0;
                busy += outcome == LoginOutcome::Busy ? 1 : 0;
            });
        }
        QCOMPARE(busy.load(), 100);
        go.release(300);
        QVERIFY(QTest::qWaitFor([&] { return accepted == 200; }, 10'000));
    }
    QCOMPARE(most.load(), 1);
}

QTEST_GUILESS_MAIN(TestLogin)
#include "tst_login.moc"
