// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Mails: the dialogue with a scripted server and with aiosmtpd, and what a mail consists of.
#include "core/alertmanager/receivers/mail_address.h"
#include "core/alertmanager/receivers/mime.h"
#include "support/certificates.h"
#include "support/process.h"
#include "support/raw_server.h"
#include "support/receiver_world.h"

#include <QRegularExpression>
#include <QTemporaryDir>

namespace narthex::alertmanager {

using tests::diskFull;
using tests::ReceiverWorld;

namespace {

/// A mail server that offers what it is told to and writes down all lines.
class ScriptedMailServer
{
public:
    explicit ScriptedMailServer(std::vector<std::string> extensions)
        : extensions_(std::move(extensions)),
          server_([this](tests::RawConnection& connection) { serve(connection); })
    {}
    [[nodiscard]] std::string address() const { return server_.address(); }
    [[nodiscard]] QStringList lines() const
    {
        const absl::MutexLock lock(&mutex_);
        return lines_;
    }

private:
    static std::string readLine(tests::RawConnection& connection)
    {
        std::string line;
        while (!line.ends_with("\r\n")) {
            const std::string next = connection.read(1);
            if (next.empty()) {
                return {};
            }
            line += next;
        }
        return line.substr(0, line.size() - 2);
    }
    std::string answerTo(const std::string& line)
    {
        if (line.starts_with("EHLO")) {
            std::string answer = "250-hello\r\n";
            for (const std::string& extension : extensions_) {
                answer += "250-" + extension + "\r\n";
            }
            return answer + "250 OK\r\n";
        }
        if (line.starts_with("AUTH LOGIN")) {
            return "334 VXNlcm5hbWU6\r\n";
        }
        if (line == "dXNlcg==") {
            return "334 UGFzc3dvcmQ6\r\n";
        }
        if (line.starts_with("AUTH CRAM-MD5")) {
            return "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n";
        }
        if (line.starts_with("AUTH PLAIN") || line == "cGFzcw==" || line.starts_with("dGlt")) {
            return "235 ok\r\n";
        }
        if (line.find("refused@") != std::string::npos) {
            return "550 no such user\r\n";
        }
        return line == "DATA" ? "354 go on\r\n" : line == "QUIT" ? "221 bye\r\n" : "250 ok\r\n";
    }
    void serve(tests::RawConnection& connection)
    {
        bool open = connection.send("220 test ESMTP\r\n");
        bool inData = false;
        while (open) {
            const std::string line = readLine(connection);
            if (line.empty() && !inData) {
                return;
            }
            {
                const absl::MutexLock lock(&mutex_);
                lines_ << QString::fromStdString(line);
            }
            if (inData && line != ".") {
                continue;
            }
            inData = line == "DATA";
            open = connection.send(answerTo(line));
        }
    }

    const std::vector<std::string> extensions_;
    mutable absl::Mutex mutex_;
    QStringList lines_ ABSL_GUARDED_BY(mutex_);
    tests::RawServer server_;
};

std::string settings(const std::string& address, const std::string& more)
{
    return "{smarthost: '" + address +
           "', from: 'Alerts <from@x.example>', to: 'a@x.example, B <b@x.example>', " + more + "}";
}

QString messageOf(const SendResult& result)
{
    return QString::fromStdString(std::string(base::messageOf(result.status)));
}

} // namespace

class TestEmail : public QObject
{
    Q_OBJECT

private slots:
    void aMailGoesToAllRecipientsAtOnce();
    void mechanismsAreTakenInTheServersOrder_data();
    void mechanismsAreTakenInTheServersOrder();
    void withoutTlsNothingLeavesWhenItIsRequired();
    void refusalsAreRecoverableAndMistakesAreNot();
    void anAcknowledgementIsAShortMail();
    void threadsHaveARootThatNeverWas();
    void headersAreEncoded_data();
    void headersAreEncoded();
    void bodiesAreQuotedPrintable();
    void addressesAreRead();
    void realServersTakeTheMail_data();
    void realServersTakeTheMail();
};

void TestEmail::aMailGoesToAllRecipientsAtOnce()
{
    ReceiverWorld world;
    const ScriptedMailServer server({"8BITMIME", "STARTTLS"});
    const SendResult result =
        world.send("email",
                   settings(server.address(),
                            "require_tls: false, hello: me.example, headers: {X-Team: Größe, "
                            "subject: '{{ .Status }}'}, html: '<p>{{ .CommonAnnotations.summary "
                            "}}</p>', text: \".dot\\nä\""),
                   diskFull());
    QVERIFY2(result.status.ok(), result.status.ToString().c_str());
    const QStringList lines = server.lines();
    QCOMPARE(lines.mid(0, 5),
             QStringList({"EHLO me.example", "MAIL FROM:<from@x.example>", "RCPT TO:<a@x.example>",
                          "RCPT TO:<b@x.example>", "DATA"}));
    QCOMPARE(lines.back(), QString("QUIT"));
    const QString mail = lines.mid(5).join('\n');
    for (const char* part :
         {"From: Alerts <from@x.example>\n", "To: a@x.example, B <b@x.example>\n",
          "Subject: firing\n", "X-Team: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\n",
          "Date: Tue, 14 Nov 2023 22:15:00 +0000\n", "MIME-Version: 1.0\n",
          "Content-Type: text/plain; charset=UTF-8\n\n..dot\n=C3=A4\n",
          "Content-Type: text/html; charset=UTF-8\n\n<p>root &amp; &lt;all&gt;</p>\n"}) {
        QVERIFY2(mail.contains(part), qPrintable(part + mail));
    }
    QVERIFY(mail.contains(
        QRegularExpression("Message-Id: <1700000100000000000\\.[0-9a-f]+@host\\.example>\n")));
    QVERIFY(mail.contains(
        QRegularExpression("Content-Type: multipart/alternative; boundary=(\\w+)\n")));
    QVERIFY(mail.indexOf("text/plain") < mail.indexOf("text/html"));
}

void TestEmail::mechanismsAreTakenInTheServersOrder_data()
{
    QTest::addColumn<QString>("offer");
    QTest::addColumn<QString>("credentials");
    QTest::addColumn<QString>("used");
    QTest::addColumn<QString>("error");
    QTest::newRow("first that fits") << "AUTH LOGIN PLAIN CRAM-MD5"
                                     << "auth_password: pass, auth_secret: secret"
                                     << "AUTH LOGIN|dXNlcg==|cGFzcw=="
                                     << "";
    QTest::newRow("plain") << "AUTH PLAIN LOGIN"
                           << "auth_password: pass, auth_identity: id"
                           << "AUTH PLAIN aWQAdXNlcgBwYXNz"
                           << "";
    QTest::newRow("only a secret")
        << "AUTH LOGIN PLAIN CRAM-MD5"
        << "auth_username: tim, auth_secret: tanstaaftanstaaf"
        << "AUTH CRAM-MD5|dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
        << "";
    QTest::newRow("nothing fits") << "AUTH CRAM-MD5 XOAUTH2 PLAIN"
                                  << "auth_identity: x"
                                  << ""
                                  << "find auth mechanism: missing secret for CRAM-MD5 auth "
                                     "mechanism; unknown auth mechanism: "
                                     "XOAUTH2; missing password for PLAIN auth mechanism";
    QTest::newRow("no name, no authentication") << "AUTH PLAIN"
                                                << "auth_username: '', auth_password: p"
                                                << "MAIL FROM:<from@x.example>"
                                                << "";
    QTest::newRow("not offered") << "SIZE"
                                 << "auth_password: p"
                                 << "MAIL FROM:<from@x.example>"
                                 << "";
}

void TestEmail::mechanismsAreTakenInTheServersOrder()
{
    QFETCH(QString, offer);
    QFETCH(QString, credentials);
    QFETCH(QString, used);
    QFETCH(QString, error);
    ReceiverWorld world;
    const ScriptedMailServer server({offer.toStdString()});
    const QString user = credentials.contains("auth_username") ? "" : "auth_username: user, ";
    const SendResult result = world.send(
        "email",
        settings(server.address(), ("require_tls: false, " + user + credentials).toStdString()),
        diskFull());
    if (!error.isEmpty()) {
        QCOMPARE(messageOf(result), error);
        QVERIFY(result.retry);
        return;
    }
    QVERIFY2(result.status.ok(), result.status.ToString().c_str());
    const QStringList expected = used.split('|');
    QCOMPARE(server.lines().mid(1, expected.size()), expected);
}

void TestEmail::withoutTlsNothingLeavesWhenItIsRequired()
{
    ReceiverWorld world;
    const ScriptedMailServer server({"AUTH PLAIN"});
    const SendResult result = world.send(
        "email", settings(server.address(), "auth_username: u, auth_password: p"), diskFull());
    QCOMPARE(messageOf(result),
             QString("'require_tls' is true (default) but \"%1\" does not advertise the STARTTLS "
                     "extension")
                 .arg(QString::fromStdString(server.address())));
    QVERIFY(result.retry);
    QCOMPARE(server.lines(), QStringList{"EHLO localhost"});
}

void TestEmail::refusalsAreRecoverableAndMistakesAreNot()
{
    ReceiverWorld world;
    const ScriptedMailServer server({"SIZE"});
    const std::string start = "{smarthost: '" + server.address() + "', require_tls: false, ";
    const SendResult refusal = world.send("email", start + "from: f@x, to: refused@x}", diskFull());
    QCOMPARE(messageOf(refusal), QString("send RCPT command: 550 no such user"));
    QVERIFY(refusal.retry);
    const SendResult two = world.send("email", start + "from: 'f@x, g@x', to: a@x}", diskFull());
    QCOMPARE(messageOf(two), QString("must be exactly one 'from' address (got: 2)"));
    QVERIFY(!two.retry);
    const SendResult none = world.send("email", start + "from: f@x, to: nobody}", diskFull());
    QVERIFY(messageOf(none).startsWith("parse 'to' addresses: mail: ") && !none.retry);
    const SendResult broken =
        world.send("email", start + "from: f@x, to: a@x, html: '{{ .Nope }}'}", diskFull());
    QVERIFY(!broken.status.ok() && !broken.retry);
    const SendResult gone =
        world.send("email", "{smarthost: '127.0.0.1:1', from: f@x, to: a@x}", diskFull());
    QVERIFY(messageOf(gone).startsWith("establish connection to server: ") && gone.retry);
}

void TestEmail::anAcknowledgementIsAShortMail()
{
    ReceiverWorld world;
    const ScriptedMailServer server({});
    const auto integration = world.integration(
        "email", settings(server.address(), "require_tls: false, hello: h, html: '<b>long</b>', "
                                            "headers: {X-Team: ours}"));
    Notification notification = diskFull();
    const AcknowledgementNote note{
        .author = "ann", .comment = "on it", .createdAt = notification.now};
    notification.alerts[0].acknowledgement = note;
    const base::Duration timeout{20'000'000'000};
    QVERIFY(!integration->acknowledge(notification, note, timeout, {}).has_value());
    QVERIFY(server.lines().isEmpty());
    notification.reason = Reason::Acknowledged;
    const auto result = integration->acknowledge(notification, note, timeout, {});
    QVERIFY2(result && result->status.ok(), result ? result->status.ToString().c_str() : "");
    const QString mail = server.lines().join('\n');
    for (const char* part : {"Subject: [ACKNOWLEDGED:1] DiskFull\n", "X-Team: ours\n",
                             "text/plain; charset=UTF-8\n\nDiskFull: Acknowledged by ann 0s ago: "
                             "on it"}) {
        QVERIFY2(mail.contains(part), qPrintable(part + mail));
    }
    QVERIFY2(!mail.contains("text/html"), qPrintable(mail));
}

void TestEmail::threadsHaveARootThatNeverWas()
{
    ReceiverWorld world;
    const ScriptedMailServer server({"SIZE"});
    QVERIFY(
        world
            .send("email",
                  settings(server.address(),
                           "require_tls: false, threading: {enabled: true, thread_by_date: daily}"),
                  diskFull())
            .status.ok());
    const QString root =
        QString("<alert-%1-2023-11-14@alertmanager>").arg(QString(tests::kDiskFullHash).left(16));
    QVERIFY(server.lines().contains("References: " + root));
    QVERIFY(server.lines().contains("In-Reply-To: " + root));
}

void TestEmail::headersAreEncoded_data()
{
    QTest::addColumn<QString>("value");
    QTest::addColumn<QString>("encoded");
    QTest::newRow("plain") << "[FIRING:1] a (b)"
                           << "[FIRING:1] a (b)";
    QTest::newRow("umlaut") << "Größe = _?"
                            << "=?utf-8?q?Gr=C3=B6=C3=9Fe_=3D_=5F=3F?=";
    QTest::newRow("line break") << "a\r\nBcc: x@y"
                                << "=?utf-8?q?a=0D=0ABcc:_x@y?=";
    QTest::newRow("long") << QString(30, QChar(0xE4))
                          << "=?utf-8?q?" + QString("=C3=A4").repeated(10) + "?=\r\n =?utf-8?q?" +
                                 QString("=C3=A4").repeated(10) + "?=\r\n =?utf-8?q?" +
                                 QString("=C3=A4").repeated(10) + "?=";
}

void TestEmail::headersAreEncoded()
{
    QFETCH(QString, value);
    QFETCH(QString, encoded);
    QCOMPARE(QString::fromStdString(encodeHeader(value.toStdString())), encoded);
}

void TestEmail::bodiesAreQuotedPrintable()
{
    QCOMPARE(quotedPrintable("a=b \nc\r\n\td\t"), std::string("a=3Db=20\r\nc\r\n\td=09"));
    const std::string longLine = quotedPrintable(std::string(200, 'x'));
    QCOMPARE(longLine, std::string(75, 'x') + "=\r\n" + std::string(75, 'x') + "=\r\n" +
                           std::string(50, 'x'));
}

void TestEmail::addressesAreRead()
{
    using Addresses = std::vector<std::string>;
    QCOMPARE(parseAddresses("a@b").value(), Addresses{"a@b"});
    QCOMPARE(parseAddresses("\"Doe, Ann\" <a@b>, c@d ,").value(), (Addresses{"a@b", "c@d"}));
    for (const char* bad :
         {"", " , ", "nobody", "a@", "@b", "a b@c", "<a@b", "a@b\nRCPT TO:<x@y>"}) {
        const auto read = parseAddresses(bad);
        QVERIFY2(!read.ok() || read->empty(), bad);
    }
    QCOMPARE(parseHostPort("[::1]:25")->host, std::string("::1"));
    QVERIFY(!parseHostPort("host").ok());
}

// Prints every mail as it comes; asks for the credentials user and pass when told to.
static QString mailProgram()
{
    return R"(
import sys, ssl, asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword, SMTP
port, mode, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
class Handler:
    async def handle_DATA(self, server, session, envelope):
        print('MAIL', envelope.mail_from, ','.join(envelope.rcpt_tos), bool(session.ssl),
              session.authenticated, b'[FIRING:1]' in envelope.content, flush=True)
        return '250 OK'
def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == b'user' and data.password == b'pass'
    return AuthResult(success=good, handled=False)
context = None
if mode != 'clear':
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder + '/cert.pem', folder + '/key.pem')
def factory():
    return SMTP(Handler(), tls_context=context if mode == 'starttls' else None,
                require_starttls=mode == 'starttls', authenticator=authenticate,
                auth_required=True, auth_require_tls=mode == 'starttls')
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, '127.0.0.1', port,
                                      ssl=context if mode == 'tls' else None)
    print('READY', flush=True)
    await server.serve_forever()
asyncio.run(main())
)";
}

static void writeFile(const QString& path, const QByteArray& text)
{
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size()) {
        throw std::runtime_error("cannot write");
    }
}

void TestEmail::realServersTakeTheMail_data()
{
    QTest::addColumn<QString>("mode");
    QTest::addColumn<QString>("more");
    QTest::addColumn<QString>("expected");
    QTest::newRow("STARTTLS") << "starttls"
                              << "auth_password: pass"
                              << "True True True";
    QTest::newRow("TLS from the start") << "tls"
                                        << "auth_password: pass, force_implicit_tls: true"
                                        << "False True True";
    QTest::newRow("in clear") << "clear"
                              << "auth_password: pass, require_tls: false"
                              << "False True True";
    QTest::newRow("wrong password") << "starttls"
                                    << "auth_password: wrong"
                                    << "";
}

void TestEmail::realServersTakeTheMail()
{
    QFETCH(QString, mode);
    QFETCH(QString, more);
    QFETCH(QString, expected);
    const QString packages = QStringLiteral(NARTHEX_PEERS_DIR "/usr/lib/python3/dist-packages");
    qputenv("PYTHONPATH", (packages + ":" + qEnvironmentVariable("PYTHONPATH")).toUtf8());
    if (QProcess::execute("python3", {"-c", "import aiosmtpd"}) != 0) {
        QSKIP("python3-aiosmtpd is not there: packaging/test fetches it");
    }
    const QTemporaryDir folder;
    const tests::CertificateAuthority authority("Test");
    const tests::CertificatePair pair = authority.issue("mail", "IP:127.0.0.1");
    writeFile(folder.filePath("cert.pem"), QByteArray::fromStdString(pair.certificate));
    writeFile(folder.filePath("key.pem"), QByteArray::fromStdString(pair.key));
    writeFile(folder.filePath("ca.pem"), QByteArray::fromStdString(authority.pem()));
    const int port = test::freePort();
    test::Program server;
    QVERIFY(
        server.start("python3", {"-c", mailProgram(), QString::number(port), mode, folder.path()}));
    QVERIFY2(QTest::qWaitFor([&] { return server.output().contains("READY"); }, 30000),
             qPrintable(server.output()));
    ReceiverWorld world;
    const SendResult result = world.send("email",
                                         settings("127.0.0.1:" + std::to_string(port),
                                                  "auth_username: user, tls_config: {ca_file: " +
                                                      folder.filePath("ca.pem").toStdString() +
                                                      "}, " + more.toStdString()),
                                         diskFull());
    if (expected.isEmpty()) {
        QVERIFY2(messageOf(result).contains("535"), qPrintable(messageOf(result)));
        return;
    }
    QVERIFY2(result.status.ok(),
             (result.status.ToString() + server.output().toStdString()).c_str());
    const QString line = "MAIL from@x.example a@x.example,b@x.example " + expected;
    QVERIFY2(QTest::qWaitFor([&] { return server.output().contains(line); }, 10000),
             qPrintable(server.output()));
}

} // namespace narthex::alertmanager

QTEST_GUILESS_MAIN(narthex::alertmanager::TestEmail)
#include "tst_email.moc"
