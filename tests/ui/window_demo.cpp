// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The window on invented data, to look at and to take pictures of:
//   narthex_window_demo --open explore --query node_load1 --theme dark --shot picture.png
#include "support/fake_client.h"
#include "ui/editors/code_view.h"
#include "ui/shell/main_window.h"

#include <QAbstractItemView>
#include <QAbstractScrollArea>
#include <QApplication>
#include <QCommandLineParser>
#include <QJsonArray>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QTemporaryDir>
#include <QTimer>

using namespace narthex;

namespace {

struct Options
{
    QString page;
    QString shot;
    QString theme;
    QStringList queries;
    QString view;
    QString hover;
    QString type;
    QString select;
    bool palette = false;
    bool fail = false;
    bool empty = false;
    int delayMs = 1500;
};

Options parse(const QApplication& application)
{
    QCommandLineParser parser;
    parser.addHelpOption();
    parser.addOptions({{"open", "Page to show.", "page", "explore"},
                       {"shot", "Picture to write, then end.", "file"},
                       {"theme", "light or dark.", "theme", "light"},
                       {"query", "A query for Explore; several times.", "text"},
                       {"view", "chart, table or stats.", "view", "chart"},
                       {"type", "Keys typed into the first query at the end.", "text"},
                       {"hover", "x,y in the chart, in per cent.", "place"},
                       {"select", "name:row, a row of a table to click.", "row"},
                       {"palette", "Open the command palette."},
                       {"fail", "Let all requests fail."},
                       {"empty", "No metrics."},
                       {"delay", "Milliseconds before the picture.", "ms", "1500"}});
    parser.process(application);
    return {parser.value("open"),   parser.value("shot"),   parser.value("theme"),
            parser.values("query"), parser.value("view"),   parser.value("hover"),
            parser.value("type"),   parser.value("select"), parser.isSet("palette"),
            parser.isSet("fail"),   parser.isSet("empty"),  parser.value("delay").toInt()};
}

void hover(QWidget& window, const QString& place)
{
    auto* chart = window.findChild<QWidget*>("explore.chart");
    if (chart == nullptr || place.isEmpty()) {
        return;
    }
    const QPointF at(place.section(',', 0, 0).toDouble() / 100 * chart->width(),
                     place.section(',', 1, 1).toDouble() / 100 * chart->height());
    auto* viewport = qobject_cast<QAbstractScrollArea*>(chart)->viewport();
    QMouseEvent move(QEvent::MouseMove, at, chart->mapToGlobal(at), Qt::NoButton, Qt::NoButton,
                     Qt::NoModifier);
    QApplication::sendEvent(viewport, &move);
}

void typeKeys(QWidget& window, const QString& text)
{
    auto* edit = window.findChild<QWidget*>("explore.query.0.edit");
    if (edit == nullptr || text.isEmpty()) {
        return;
    }
    edit->setFocus();
    for (const QChar c : text) {
        QKeyEvent press(QEvent::KeyPress, 0, Qt::NoModifier, QString(c));
        QApplication::sendEvent(edit, &press);
    }
}

void selectRow(QWidget& window, const QString& place)
{
    auto* table = window.findChild<QAbstractItemView*>(place.section(':', 0, 0));
    if (table != nullptr) {
        table->setCurrentIndex(table->model()->index(place.section(':', 1, 1).toInt(), 0));
    }
}

} // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    const Options options = parse(application);
    const QTemporaryDir directory;
    test::FakeClient client;
    client.setEmpty(options.empty);
    ui::theme::Theme theme;
    theme.install(application);
    ui::settings::Settings settings(directory.filePath("ui.ini"));
    settings.edit().theme =
        options.theme == "dark" ? ui::theme::Mode::Dark : ui::theme::Mode::Light;
    ui::shell::MainWindow window(client, theme, settings);
    QJsonArray queries;
    for (const QString& query : options.queries) {
        queries << query;
    }
    window.openPage(options.page, queries.isEmpty()
                                      ? QJsonObject()
                                      : QJsonObject{{"queries", queries}, {"view", options.view}});
    window.show();
    if (options.fail) {
        QTimer::singleShot(700, &window, [&] {
            client.setFailure(base::unavailable("connection refused: 127.0.0.1:9090"));
        });
    }
    if (!options.shot.isEmpty()) {
        QTimer::singleShot(options.delayMs - 500, &window, [&] {
            typeKeys(window, options.type);
            selectRow(window, options.select);
            if (options.palette) {
                window.actions().find("go.palette")->trigger();
            }
        });
        QTimer::singleShot(options.delayMs, &window, [&] {
            hover(window, options.hover);
            window.grab().save(options.shot);
            QApplication::quit();
        });
    }
    return QApplication::exec();
}
