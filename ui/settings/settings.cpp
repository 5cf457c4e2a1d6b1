// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/settings/settings.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QSettings>
#include <QStandardPaths>

namespace narthex::ui::settings {
namespace {

/// "Written to the state directory 2 s after a change" (spec/ui.md, "Window").
constexpr int kSaveDelayMs = 2000;
constexpr qsizetype kHistoryLimit = 200;

QString defaultFile()
{
    return QStandardPaths::writableLocation(QStandardPaths::GenericConfigLocation) +
           QStringLiteral("/narthex/ui.ini");
}

QString modeText(theme::Mode mode)
{
    switch (mode) {
    case theme::Mode::System:
        return QStringLiteral("system");
    case theme::Mode::Light:
        return QStringLiteral("light");
    case theme::Mode::Dark:
        return QStringLiteral("dark");
    }
    return {};
}

theme::Mode parseMode(const QString& text)
{
    return text == QLatin1String("light")
               ? theme::Mode::Light
               : (text == QLatin1String("dark") ? theme::Mode::Dark : theme::Mode::System);
}

} // namespace

Settings::Settings(QString file, QObject* parent)
    : QObject(parent), file_(file.isEmpty() ? defaultFile() : std::move(file))
{
    load();
    saveTimer_.setSingleShot(true);
    saveTimer_.setInterval(kSaveDelayMs);
    connect(&saveTimer_, &QTimer::timeout, this, &Settings::save);
}

Settings::~Settings()
{
    if (saveTimer_.isActive()) {
        save();
    }
}

void Settings::touch()
{
    saveTimer_.start();
    Q_EMIT changed();
}

void Settings::addQuery(const QString& query)
{
    const QString text = query.trimmed();
    if (text.isEmpty()) {
        return;
    }
    values_.queryHistory.removeAll(text);
    values_.queryHistory.prepend(text);
    while (values_.queryHistory.size() > kHistoryLimit) {
        values_.queryHistory.removeLast();
    }
    touch();
}

void Settings::load()
{
    const QSettings store(file_, QSettings::IniFormat);
    values_.theme = parseMode(store.value(QStringLiteral("appearance/theme")).toString());
    values_.utc = store.value(QStringLiteral("time/utc"), values_.utc).toBool();
    values_.range = store.value(QStringLiteral("time/range"), values_.range).toString();
    values_.refreshSeconds = std::clamp(
        store.value(QStringLiteral("time/refresh"), values_.refreshSeconds).toInt(), 0, 3600);
    values_.recentRanges = store.value(QStringLiteral("time/recent")).toStringList();
    values_.allowCommands = store.value(QStringLiteral("alerts/allowCommands")).toBool();
    values_.geometry = store.value(QStringLiteral("window/geometry")).toByteArray();
    values_.currentDocument = store.value(QStringLiteral("window/current")).toInt();
    values_.queryHistory = store.value(QStringLiteral("explore/history")).toStringList();
    const QJsonArray documents =
        QJsonDocument::fromJson(store.value(QStringLiteral("window/documents")).toString().toUtf8())
            .array();
    for (const QJsonValue& value : documents) {
        const QJsonObject object = value.toObject();
        values_.documents << DocumentState{object.value(QStringLiteral("page")).toString(),
                                           object.value(QStringLiteral("state")).toObject()};
    }
}

void Settings::save()
{
    saveTimer_.stop();
    QSettings store(file_, QSettings::IniFormat);
    store.setValue(QStringLiteral("appearance/theme"), modeText(values_.theme));
    store.setValue(QStringLiteral("time/utc"), values_.utc);
    store.setValue(QStringLiteral("time/range"), values_.range);
    store.setValue(QStringLiteral("time/refresh"), values_.refreshSeconds);
    store.setValue(QStringLiteral("time/recent"), values_.recentRanges);
    store.setValue(QStringLiteral("alerts/allowCommands"), values_.allowCommands);
    store.setValue(QStringLiteral("window/geometry"), values_.geometry);
    store.setValue(QStringLiteral("window/current"), values_.currentDocument);
    store.setValue(QStringLiteral("explore/history"), values_.queryHistory);
    QJsonArray documents;
    for (const DocumentState& document : values_.documents) {
        documents << QJsonObject{{QStringLiteral("page"), document.page},
                                 {QStringLiteral("state"), document.state}};
    }
    store.setValue(QStringLiteral("window/documents"),
                   QString::fromUtf8(QJsonDocument(documents).toJson(QJsonDocument::Compact)));
    store.sync(); // writes to a temporary file and renames it
}

} // namespace narthex::ui::settings
