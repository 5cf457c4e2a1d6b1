// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "start_options.h"

#include "narthex_version.h"

#include <QCommandLineParser>
#include <QDir>
#include <QFile>
#include <QStandardPaths>

namespace narthex::app {
namespace {

void fillInFolders(StartOptions& options)
{
    const auto below = [&options](QStandardPaths::StandardLocation place, const QString& name) {
        if (!options.profileDirectory.isEmpty()) {
            return options.profileDirectory + QLatin1Char('/') + name;
        }
        return QStandardPaths::writableLocation(place) + QStringLiteral("/narthex/") + name;
    };
    if (options.dataDirectory.isEmpty()) {
        options.dataDirectory = below(QStandardPaths::GenericDataLocation, QStringLiteral("data"));
    }
    if (options.configFile.isEmpty()) {
        // Used when it is there; nobody has to have one.
        const QString file =
            below(QStandardPaths::GenericConfigLocation, QStringLiteral("prometheus.yml"));
        options.configFile = QFile::exists(file) ? file : QString();
    }
    if (options.alertmanagerConfigFile.isEmpty()) {
        const QString file =
            below(QStandardPaths::GenericConfigLocation, QStringLiteral("alertmanager.yml"));
        options.alertmanagerConfigFile = QFile::exists(file) ? file : QString();
    }
    if (options.ownReceiversFile.isEmpty()) {
        const QString file =
            below(QStandardPaths::GenericConfigLocation, QStringLiteral("receivers.yml"));
        options.ownReceiversFile = QFile::exists(file) ? file : QString();
    }
    options.settingsFile = below(QStandardPaths::GenericConfigLocation, QStringLiteral("ui.ini"));
}

} // namespace

StartOptions readStartOptions(const QStringList& arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(QCoreApplication::translate(
        "StartOptions", "Prometheus monitoring, whole, on one laptop."));
    parser.addHelpOption();
    parser.addVersionOption();
    const auto tr = [](const char* text) {
        return QCoreApplication::translate("StartOptions", text);
    };
    const QCommandLineOption profile(
        "profile-dir", tr("Keep configuration, data and settings below this folder."), "folder");
    const QCommandLineOption config("config.file", tr("Prometheus configuration file."), "file");
    const QCommandLineOption alertmanager("alertmanager.config.file",
                                          tr("Alertmanager configuration file."), "file");
    const QCommandLineOption receivers(
        "alertmanager.own-receivers",
        tr("Desktop and command receivers, beside those of the Alertmanager configuration."),
        "file");
    const QCommandLineOption commands("alertmanager.allow-commands",
                                      tr("Let receivers of alerts run programs."));
    const QCommandLineOption data("storage.tsdb.path", tr("Directory of the data."), "folder");
    const QCommandLineOption listen("web.listen-address",
                                    tr("Address of the HTTP interface; \"off\" for none."),
                                    "address", "127.0.0.1:9090");
    const QCommandLineOption connect(
        "connect", tr("Show what this server has, and collect nothing here."), "url");
    const QCommandLineOption level("log.level", tr("debug, info, warn or error."), "level", "warn");
    const QCommandLineOption page("open", tr("Page to show: overview, explore, targets."), "page");
    const QCommandLineOption query("query", tr("Query to run in Explore."), "promql");
    const QCommandLineOption theme("theme", tr("light or dark."), "theme");
    const QCommandLineOption shot("shot", tr("Write a picture of the window to this file and end."),
                                  "file");
    const QCommandLineOption shotAfter("shot-after", tr("Milliseconds before the picture."), "ms",
                                       "12000");
    parser.addOptions({profile, config, alertmanager, receivers, commands, data, listen, connect,
                       level, page, query, theme, shot, shotAfter});
    parser.process(arguments);

    StartOptions options;
    options.profileDirectory = parser.value(profile);
    options.configFile = parser.value(config);
    options.alertmanagerConfigFile = parser.value(alertmanager);
    options.ownReceiversFile = parser.value(receivers);
    options.allowCommands = parser.isSet(commands);
    options.dataDirectory = parser.value(data);
    options.listenAddress =
        parser.value(listen) == QLatin1String("off") ? QString() : parser.value(listen);
    options.connectUrl = parser.value(connect);
    options.logLevel = parser.value(level);
    options.page = parser.value(page);
    options.query = parser.value(query);
    options.theme = parser.value(theme);
    options.shotFile = parser.value(shot);
    options.shotAfterMs = parser.value(shotAfter).toInt();
    fillInFolders(options);
    return options;
}

} // namespace narthex::app
