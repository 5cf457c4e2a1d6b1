// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QProcess>
#include <QtTest>

/// What the house promises of itself.
class TestStructure : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void narthexctlLinksNoQt();
};

void TestStructure::narthexctlLinksNoQt()
{
    QProcess list;
    list.start(QStringLiteral("ldd"), {QStringLiteral(NARTHEX_BIN_DIR "/narthexctl")});
    QVERIFY(list.waitForFinished());
    const QString libraries = QString::fromUtf8(list.readAllStandardOutput());
    QVERIFY(libraries.contains(QStringLiteral("libcurl")));
    QVERIFY2(!libraries.contains(QStringLiteral("libQt")), qPrintable(libraries));
}

QTEST_GUILESS_MAIN(TestStructure)
#include "tst_structure.moc"
