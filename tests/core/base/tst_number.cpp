// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json_writer.h"
#include "core/base/number.h"

#include <QtTest>

#include <cmath>
#include <limits>

using namespace narthex::base;

class TestNumber : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void printsFloatsInTheFormsOfTheFormats_data();
    void printsFloatsInTheFormsOfTheFormats();
    void readsFloatsAsTheTextFormatsDo_data();
    void readsFloatsAsTheTextFormatsDo();
    void readsByteSizesAsPowersOf1024();
    void writesJsonWithEscapesAndReplacesBadUtf8();
};

void TestNumber::printsFloatsInTheFormsOfTheFormats_data()
{
    QTest::addColumn<double>("value");
    QTest::addColumn<QString>("api");
    QTest::addColumn<QString>("g");
    QTest::addColumn<QString>("openMetrics");
    QTest::newRow("zero") << 0.0 << "0"
                          << "0"
                          << "0.0";
    QTest::newRow("negative zero") << -0.0 << "-0"
                                   << "-0"
                                   << "-0.0";
    QTest::newRow("one") << 1.0 << "1"
                         << "1"
                         << "1.0";
    QTest::newRow("fraction") << 0.1 << "0.1"
                              << "0.1"
                              << "0.1";
    QTest::newRow("small") << 0.00001 << "0.00001"
                           << "1e-05"
                           << "1e-05";
    QTest::newRow("smaller") << 1e-7 << "1e-07"
                             << "1e-07"
                             << "1e-07";
    QTest::newRow("thousand") << 1000.0 << "1000"
                              << "1000"
                              << "1000.0";
    QTest::newRow("million") << 1e6 << "1000000"
                             << "1e+06"
                             << "1e+06";
    QTest::newRow("epoch") << 1.7e9 << "1700000000"
                           << "1.7e+09"
                           << "1.7e+09";
    QTest::newRow("large") << 1e21 << "1e+21"
                           << "1e+21"
                           << "1e+21";
    QTest::newRow("infinity") << std::numeric_limits<double>::infinity() << "+Inf"
                              << "+Inf"
                              << "+Inf";
    QTest::newRow("not a number") << std::nan("") << "NaN"
                                  << "NaN"
                                  << "NaN";
}

void TestNumber::printsFloatsInTheFormsOfTheFormats()
{
    QFETCH(double, value);
    QTEST(QString::fromStdString(formatFloat(value)), "api");
    QTEST(QString::fromStdString(formatFloatG(value)), "g");
    QTEST(QString::fromStdString(formatOpenMetricsFloat(value)), "openMetrics");
}

void TestNumber::readsFloatsAsTheTextFormatsDo_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("valid");
    QTest::addColumn<double>("value");
    QTest::newRow("integer") << "42" << true << 42.0;
    QTest::newRow("plus") << "+1.5" << true << 1.5;
    QTest::newRow("no leading digit") << ".5" << true << 0.5;
    QTest::newRow("exponent") << "1e-3" << true << 0.001;
    QTest::newRow("infinity word")
        << "-Infinity" << true << -std::numeric_limits<double>::infinity();
    QTest::newRow("tiny is zero") << "1e-400" << true << 0.0;
    QTest::newRow("overflow") << "1e400" << false << 0.0;
    QTest::newRow("hexadecimal") << "0x1p3" << false << 0.0;
    QTest::newRow("blank") << " 1" << false << 0.0;
    QTest::newRow("rest") << "1x" << false << 0.0;
    QTest::newRow("two signs") << "+-1" << false << 0.0;
    QTest::newRow("empty") << "" << false << 0.0;
}

void TestNumber::readsFloatsAsTheTextFormatsDo()
{
    QFETCH(QString, text);
    const auto parsed = parseFloat(text.toStdString());
    QTEST(parsed.has_value(), "valid");
    if (parsed) {
        QTEST(*parsed, "value");
    }
}

void TestNumber::readsByteSizesAsPowersOf1024()
{
    QCOMPARE(parseByteSize("512MB").value(), std::uint64_t{512} << 20U);
    QCOMPARE(parseByteSize("1.5KiB").value(), std::uint64_t{1536});
    QCOMPARE(parseByteSize("0").value(), std::uint64_t{0});
    QVERIFY(!parseByteSize("12 parsecs").ok());
}

void TestNumber::writesJsonWithEscapesAndReplacesBadUtf8()
{
    std::string out;
    JsonWriter json(out);
    json.beginObject()
        .member("a", "x\"\n\xff")
        .key("t")
        .seconds({1435781451781})
        .key("v")
        .beginArray();
    json.sampleValue(std::nan("")).integer(-3).endArray().endObject();
    const std::string expected =
        "{\"a\":\"x\\\"\\n\\ufffd\",\"t\":1435781451.781,\"v\":[\"NaN\",-3]}";
    QCOMPARE(out, expected);
}

QTEST_GUILESS_MAIN(TestNumber)
#include "tst_number.moc"
