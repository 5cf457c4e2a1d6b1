// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The palette keeps its promises: contrast, distance of series colours, and no colour outside the
// theme.
#include "ui/theme/roles.h"
#include "ui/theme/series_colours.h"
#include "ui/theme/state.h"
#include "ui/theme/theme.h"

#include <QDirIterator>
#include <QImage>
#include <QPainter>
#include <QRegularExpression>
#include <QTest>

#include <set>

using namespace narthex::ui::theme;

class TestTheme : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void textHasContrast_data();
    void textHasContrast();
    void marksHaveContrast_data() { schemes(); }
    void marksHaveContrast();
    void seriesColoursAreApart_data() { schemes(); }
    void seriesColoursAreApart();
    void seriesKeepTheirColourWhenOthersGo();
    void noTwoOfFortySeriesLookAlike();
    void everyStateDrawsAShapeOfItsOwn();
    void everyIconIsFound();
    void noColourOutsideTheTheme();

private:
    static void schemes()
    {
        QTest::addColumn<int>("scheme");
        QTest::newRow("light") << int(Scheme::Light);
        QTest::newRow("dark") << int(Scheme::Dark);
    }
};

void TestTheme::textHasContrast_data()
{
    QTest::addColumn<int>("scheme");
    QTest::addColumn<int>("text");
    QTest::addColumn<int>("back");
    const std::pair<Role, std::vector<Role>> pairs[] = {
        {Role::Text,
         {Role::Window, Role::Surface, Role::Surface2, Role::Surface3, Role::Selection}},
        {Role::Text2,
         {Role::Window, Role::Surface, Role::Surface2, Role::Surface3, Role::Selection}},
        {Role::Text3, {Role::Window, Role::Surface, Role::Surface2}},
        {Role::Accent, {Role::Window, Role::Surface, Role::Surface2}},
        {Role::OnAccent, {Role::Accent}},
        {Role::Critical, {Role::CriticalBack, Role::Surface}},
        {Role::Warning, {Role::WarningBack, Role::Surface}},
        {Role::Info, {Role::InfoBack, Role::Surface}},
        {Role::Ok, {Role::OkBack, Role::Surface}},
        {Role::Muted, {Role::MutedBack, Role::Surface}},
        {Role::Unknown, {Role::UnknownBack, Role::Surface}},
        {Role::OnInverse, {Role::Inverse}},
    };
    for (const Scheme scheme : {Scheme::Light, Scheme::Dark}) {
        for (const auto& [text, backs] : pairs) {
            for (const Role back : backs) {
                QTest::addRow("%s: %s on %s", scheme == Scheme::Light ? "light" : "dark",
                              roleName(text).data(), roleName(back).data())
                    << int(scheme) << int(text) << int(back);
            }
        }
    }
}

void TestTheme::textHasContrast()
{
    QFETCH(int, scheme);
    QFETCH(int, text);
    QFETCH(int, back);
    const double ratio =
        contrastRatio(colourOf(Scheme(scheme), Role(text)), colourOf(Scheme(scheme), Role(back)));
    QVERIFY2(ratio >= 4.5, qPrintable(QString::number(ratio)));
}

void TestTheme::marksHaveContrast()
{
    QFETCH(int, scheme);
    const QColor surface = colourOf(Scheme(scheme), Role::Surface);
    for (const Role role : {Role::Critical, Role::Warning, Role::Info, Role::Ok, Role::Muted,
                            Role::Unknown, Role::ControlBorder}) {
        for (const Role back : {Role::Window, Role::Surface, Role::Surface2}) {
            QVERIFY2(contrastRatio(colourOf(Scheme(scheme), role),
                                   colourOf(Scheme(scheme), back)) >= 3.0,
                     roleName(role).data());
        }
    }
    for (std::size_t i = 0; i < kSeriesColourCount; ++i) {
        QVERIFY2(contrastRatio(seriesColourOf(Scheme(scheme), i), surface) >= 3.0,
                 qPrintable(QString::number(i + 1)));
    }
}

void TestTheme::seriesColoursAreApart()
{
    QFETCH(int, scheme);
    const auto smallest = [scheme](std::size_t count, Vision vision) {
        double result = 10;
        for (std::size_t a = 0; a < count; ++a) {
            for (std::size_t b = a + 1; b < count; ++b) {
                result =
                    std::min(result, perceivedDistance(seriesColourOf(Scheme(scheme), a),
                                                       seriesColourOf(Scheme(scheme), b), vision));
            }
        }
        return result;
    };
    // Bounds of spec/ui.md, "Series colours"; printed to two or three digits there.
    QVERIFY(smallest(8, Vision::Normal) >= 0.129);
    QVERIFY(smallest(10, Vision::Normal) >= 0.109);
    for (const Vision vision : {Vision::Protan, Vision::Deutan, Vision::Tritan}) {
        QVERIFY2(smallest(8, vision) >= 0.0975, qPrintable(QString::number(smallest(8, vision))));
        QVERIFY2(smallest(10, vision) >= 0.0845, qPrintable(QString::number(smallest(10, vision))));
    }
}

void TestTheme::seriesKeepTheirColourWhenOthersGo()
{
    SeriesColours colours;
    const std::vector<std::uint64_t> all{11, 21, 31, 42, 57};
    const auto first = colours.assign(all);
    const std::vector<std::uint64_t> some{31, 57};
    const auto second = colours.assign(some);
    QCOMPARE(second[0], first[2]);
    QCOMPARE(second[1], first[4]);
    const std::vector<std::uint64_t> more{99, 31, 57, 61};
    const auto third = colours.assign(more);
    QCOMPARE(third[1], first[2]);
    QCOMPARE(third[2], first[4]);
}

void TestTheme::noTwoOfFortySeriesLookAlike()
{
    SeriesColours colours;
    std::vector<std::uint64_t> hashes;
    for (std::uint64_t i = 0; i < kSlotCount; ++i) {
        hashes.push_back(i * 10); // all want the same colour
    }
    const auto slotsOf = colours.assign(hashes);
    QCOMPARE(std::set<std::size_t>(slotsOf.begin(), slotsOf.end()).size(), kSlotCount);
    for (std::size_t i = 0; i < kSeriesColourCount; ++i) {
        QVERIFY(slotsOf[i] < kSeriesColourCount);
    }
}

void TestTheme::everyStateDrawsAShapeOfItsOwn()
{
    const Theme theme;
    std::vector<QImage> shapes;
    for (int state = 0; state <= int(State::Unknown); ++state) {
        QImage image(24, 24, QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::transparent);
        QPainter painter(&image);
        paintState(painter, {2, 2, 20, 20}, State(state), theme);
        painter.end();
        // Compare shapes without their colours.
        const QImage shape = image.convertToFormat(QImage::Format_Alpha8);
        for (const QImage& other : shapes) {
            QVERIFY(shape != other);
        }
        if (State(state) != State::Acknowledged) { // its tick is drawn in the back's colour
            shapes.push_back(shape);
        }
    }
}

void TestTheme::everyIconIsFound()
{
    const Theme theme;
    QDirIterator files(QStringLiteral(":/narthex/icons"));
    int count = 0;
    while (files.hasNext()) {
        const QString name = QFileInfo(files.next()).completeBaseName();
        const QImage image = theme.icon(name).pixmap(24, 24).toImage();
        QVERIFY2(image != QImage(image.size(), image.format()), qPrintable(name));
        bool drawn = false;
        for (int y = 0; y < image.height() && !drawn; ++y) {
            for (int x = 0; x < image.width() && !drawn; ++x) {
                drawn = image.pixelColor(x, y).alpha() > 0;
            }
        }
        QVERIFY2(drawn, qPrintable(name));
        ++count;
    }
    QVERIFY(count > 30);
}

void TestTheme::noColourOutsideTheTheme()
{
    const QRegularExpression literal(QStringLiteral(
        "\"#[0-9A-Fa-f]{3,8}\"|Qt::(white|black|red|green|blue|yellow|gray|dark\\w+)\\b|"
        "\\bQColor\\(\\s*\\d|0xff[0-9A-Fa-f]{6}|rgba?\\("));
    QDirIterator files(QStringLiteral(NARTHEX_UI_DIR),
                       {QStringLiteral("*.h"), QStringLiteral("*.cpp")}, QDir::Files,
                       QDirIterator::Subdirectories);
    while (files.hasNext()) {
        const QString path = files.next();
        if (path.contains(QStringLiteral("/ui/theme/"))) {
            continue;
        }
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QRegularExpressionMatch match = literal.match(QString::fromUtf8(file.readAll()));
        QVERIFY2(!match.hasMatch(), qPrintable(path + QStringLiteral(": ") + match.captured()));
    }
}

QTEST_MAIN(TestTheme)
#include "tst_theme.moc"
