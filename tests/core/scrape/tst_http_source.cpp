// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One fetch over HTTP: what is asked for, and which answers are pages.
#include "core/base/status.h"
#include "core/scrape/page_source.h"
#include "support/scripted_server.h"

#include <absl/synchronization/notification.h>

#include <QtTest>

using namespace narthex;
using namespace narthex::base::literals;
using tests::ScriptedServer;

class TestHttpSource : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void saysHowLongItWaits();
    void bodiesUpToTheLimitAreTaken_data();
    void bodiesUpToTheLimitAreTaken();
    void otherStatusesAreErrors_data();
    void otherStatusesAreErrors();

private:
    scrape::FetchResult fetch(scrape::JobConfig job)
    {
        const auto shared = std::make_shared<const scrape::JobConfig>(std::move(job));
        const auto source = scrape::makeHttpSource(client_, shared);
        scrape::Target target{.url = "http://" + server_.address() + "/metrics",
                              .timeout = shared->timeout};
        scrape::FetchResult result;
        absl::Notification done;
        source->fetch(target, {}, [&](scrape::FetchResult fetched) {
            result = std::move(fetched);
            done.Notify();
        });
        done.WaitForNotification();
        return result;
    }

    ScriptedServer server_;
    net::IoLoop loop_;
    net::HttpClient client_{loop_, "Narthex/test"};
};

void TestHttpSource::saysHowLongItWaits()
{
    server_.answerWith("GET /metrics", {.contentType = "text/plain", .body = "a 1\n"});
    QVERIFY(fetch({.timeout = base::Duration::fromMs(1500)}).error.status.ok());
    QCOMPARE(std::string(server_.requests().back().header("X-Prometheus-Scrape-Timeout-Seconds")),
             std::string("1.5"));
}

void TestHttpSource::bodiesUpToTheLimitAreTaken_data()
{
    QTest::addColumn<int>("bytes");
    QTest::addColumn<bool>("compressed");
    QTest::addColumn<bool>("isTaken");
    QTest::newRow("below") << 99 << false << true;
    QTest::newRow("at the limit") << 100 << false << false;
    // Far smaller on the wire: what counts comes after decompression.
    QTest::newRow("below, compressed") << 99 << true << true;
    QTest::newRow("at the limit, compressed") << 100 << true << false;
}

void TestHttpSource::bodiesUpToTheLimitAreTaken()
{
    QFETCH(int, bytes);
    QFETCH(bool, compressed);
    QFETCH(bool, isTaken);
    const std::string page = "# " + std::string(static_cast<std::size_t>(bytes) - 3, 'x') + "\n";
    net::ServerResponse answer{.contentType = "text/plain",
                               .body = compressed ? net::deflateGzip(page) : page};
    if (compressed) {
        answer.headers = {{"Content-Encoding", "gzip"}};
    }
    server_.answerWith("GET /metrics", answer);
    const scrape::FetchResult result = fetch({.timeout = 5_s, .bodySizeLimit = 100});
    QCOMPARE(result.error.status.ok(), isTaken);
    if (isTaken) {
        QCOMPARE(result.page.body, page);
    } else {
        QCOMPARE(result.error.status.message(), absl::string_view("body size limit exceeded"));
    }
}

void TestHttpSource::otherStatusesAreErrors_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("message");
    QTest::newRow("nothing in it") << 204 << "server returned HTTP status 204 No Content";
    QTest::newRow("elsewhere") << 301 << "server returned HTTP status 301 Moved Permanently";
    QTest::newRow("busy") << 429 << "server returned HTTP status 429 Too Many Requests";
}

void TestHttpSource::otherStatusesAreErrors()
{
    QFETCH(int, status);
    QFETCH(QString, message);
    server_.answerWith("GET /metrics", {.status = status, .headers = {{"Location", "/elsewhere"}}});
    scrape::JobConfig job{.timeout = 5_s};
    job.http.followRedirects = false;
    const scrape::FetchResult result = fetch(std::move(job));
    QCOMPARE(QString::fromStdString(std::string(result.error.status.message())), message);
}

QTEST_GUILESS_MAIN(TestHttpSource)
#include "tst_http_source.moc"
