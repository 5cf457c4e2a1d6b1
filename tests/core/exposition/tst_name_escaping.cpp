// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names for readers that do not know all characters. Source: prometheus/common model.
#include "core/exposition/negotiation.h"

#include <QtTest>

namespace narthex::exposition {

class TestNameEscaping : public QObject
{
    Q_OBJECT
private slots:
    void namesAreEscaped_data();
    void namesAreEscaped();
    void theReaderChooses();
};

void TestNameEscaping::namesAreEscaped_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("underscores");
    QTest::addColumn<QString>("dots");
    QTest::addColumn<QString>("values");
    QTest::newRow("plain") << "up"
                           << "up"
                           << "up"
                           << "up";
    QTest::newRow("underscore") << "a_b"
                                << "a_b"
                                << "a__b"
                                << "a_b";
    QTest::newRow("dot") << "a.b"
                         << "a_b"
                         << "a_dot_b"
                         << "U__a_2e_b";
    QTest::newRow("both") << "a.b_c"
                          << "a_b_c"
                          << "a_dot_b__c"
                          << "U__a_2e_b__c";
    QTest::newRow("digit first") << "0a"
                                 << "_a"
                                 << "__a"
                                 << "U___30_a";
    QTest::newRow("umlaut") << QString::fromUtf8("\xc3\xa4") << "_"
                            << "__"
                            << "U___e4_";
    QTest::newRow("nothing") << ""
                             << ""
                             << ""
                             << "";
}

void TestNameEscaping::namesAreEscaped()
{
    QFETCH(QString, name);
    QFETCH(QString, underscores);
    QFETCH(QString, dots);
    QFETCH(QString, values);
    const auto escaped = [&name](NameEscaping escaping) {
        return QString::fromStdString(escapeName(name.toStdString(), escaping));
    };
    QCOMPARE(escaped(NameEscaping::Underscores), underscores);
    QCOMPARE(escaped(NameEscaping::Dots), dots);
    QCOMPARE(escaped(NameEscaping::Values), values);
    QCOMPARE(escaped(NameEscaping::None), name);
}

void TestNameEscaping::theReaderChooses()
{
    const auto chosen = [](std::string_view accept) { return negotiate(accept).escaping; };
    QCOMPARE(chosen("text/plain;version=0.0.4; escaping=allow-utf-8 ;q=0.5"), NameEscaping::None);
    QCOMPARE(chosen("a/b,text/plain;escaping=dots"), NameEscaping::Dots);
    QCOMPARE(chosen("text/plain;escaping=other"), NameEscaping::Underscores);
    QCOMPARE(chosen(""), NameEscaping::Underscores);
}

} // namespace narthex::exposition

QTEST_GUILESS_MAIN(narthex::exposition::TestNameEscaping)
#include "tst_name_escaping.moc"
