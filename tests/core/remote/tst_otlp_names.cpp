// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names of OpenTelemetry as names of Prometheus. Source: spec/remote.md, 6; spec/config.md, 3.9.
#include "core/remote/otlp/names.h"

#include <QtTest>

namespace narthex::remote::otlp {

class TestOtlpNames : public QObject
{
    Q_OBJECT
private slots:
    void metricNamesFollowTheStrategy_data();
    void metricNamesFollowTheStrategy();
    void labelNamesFollowTheRules_data();
    void labelNamesFollowTheRules();
};

void TestOtlpNames::metricNamesFollowTheStrategy_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("unit");
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("escapedWith");
    QTest::addColumn<QString>("escapedWithout");
    QTest::addColumn<QString>("utf8With");
    const int gauge = 0;
    const int counter = 1;
    const int other = 2;
    QTest::newRow("plain") << "up"
                           << "" << gauge << "up"
                           << "up"
                           << "up";
    QTest::newRow("dots") << "http.server.duration"
                          << "s" << other << "http_server_duration_seconds"
                          << "http_server_duration"
                          << "http.server.duration_seconds";
    QTest::newRow("counter") << "http.requests"
                             << "" << counter << "http_requests_total"
                             << "http_requests"
                             << "http.requests_total";
    QTest::newRow("total is there") << "http.requests.total"
                                    << "" << counter << "http_requests_total"
                                    << "http_requests_total"
                                    << "http.requests_total";
    QTest::newRow("ratio") << "cpu.use"
                           << "1" << gauge << "cpu_use_ratio"
                           << "cpu_use"
                           << "cpu.use_ratio";
    QTest::newRow("counter of unit 1") << "things"
                                       << "1" << counter << "things_total"
                                       << "things"
                                       << "things_total";
    QTest::newRow("per") << "speed"
                         << "m/s" << gauge << "speed_meters_per_second"
                         << "speed"
                         << "speed_meters_per_second";
    QTest::newRow("bytes per") << "disk.io"
                               << "By/s" << other << "disk_io_bytes_per_second"
                               << "disk_io"
                               << "disk.io_bytes_per_second";
    QTest::newRow("unit is there") << "system.bytes.used"
                                   << "By" << gauge << "system_bytes_used"
                                   << "system_bytes_used"
                                   << "system.bytes.used_bytes";
    QTest::newRow("remark") << "queue.length"
                            << "{items}" << gauge << "queue_length"
                            << "queue_length"
                            << "queue.length";
    QTest::newRow("digit first") << "3d.models"
                                 << "" << gauge << "_3d_models"
                                 << "_3d_models"
                                 << "3d.models";
    QTest::newRow("several underscores") << "a__b"
                                         << "" << gauge << "a_b"
                                         << "a__b"
                                         << "a__b";
    QTest::newRow("unknown unit") << "x"
                                  << "foo bar" << gauge << "x_foo_bar"
                                  << "x"
                                  << "x_foo bar";
}

void TestOtlpNames::metricNamesFollowTheStrategy()
{
    QFETCH(QString, name);
    QFETCH(QString, unit);
    QFETCH(int, kind);
    QFETCH(QString, escapedWith);
    QFETCH(QString, escapedWithout);
    QFETCH(QString, utf8With);
    const auto named = [&](std::string_view strategy) {
        const auto result = metricName(name.toStdString(), unit.toStdString(),
                                       static_cast<NameKind>(kind), rulesOf(strategy));
        return QString::fromStdString(result.value_or("(refused)"));
    };
    QCOMPARE(named("UnderscoreEscapingWithSuffixes"), escapedWith);
    QCOMPARE(named("UnderscoreEscapingWithoutSuffixes"), escapedWithout);
    QCOMPARE(named("NoUTF8EscapingWithSuffixes"), utf8With);
    QCOMPARE(named("NoTranslation"), name);
}

void TestOtlpNames::labelNamesFollowTheRules_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<bool>("sanitize");
    QTest::addColumn<bool>("preserve");
    QTest::addColumn<QString>("label");
    QTest::newRow("plain") << "host" << true << true << "host";
    QTest::newRow("dots") << "host.name" << true << true << "host_name";
    QTest::newRow("digit first") << "1st" << true << true << "key_1st";
    QTest::newRow("underscore first") << "_private" << true << true << "key_private";
    QTest::newRow("underscore first, as it is") << "_private" << false << true << "_private";
    QTest::newRow("two underscores first") << "__x" << true << true << "__x";
    QTest::newRow("several kept") << "a..b" << true << true << "a__b";
    QTest::newRow("several joined") << "a..b" << true << false << "a_b";
    QTest::newRow("reserved") << "__a..b__" << true << false << "__a_b__";
    QTest::newRow("one character of several bytes") << "gr\xc3\xb6\xc3\x9f"
                                                       "e"
                                                    << true << true << "gr__e";
    QTest::newRow("nothing left") << "..." << true << true << "(refused)";
}

void TestOtlpNames::labelNamesFollowTheRules()
{
    QFETCH(QString, name);
    QFETCH(bool, sanitize);
    QFETCH(bool, preserve);
    QFETCH(QString, label);
    const NameRules rules{.underscoreSanitization = sanitize, .preserveUnderscores = preserve};
    QCOMPARE(QString::fromStdString(labelName(name.toStdString(), rules).value_or("(refused)")),
             label);
}

} // namespace narthex::remote::otlp

QTEST_GUILESS_MAIN(narthex::remote::otlp::TestOtlpNames)
#include "tst_otlp_names.moc"
