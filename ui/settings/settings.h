// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the window remembers, typed; the store is the one place that touches QSettings.
// Owner: app (or a test); pages keep a reference. Threads: GUI thread.
#pragma once

#include "ui/theme/theme.h"

#include <QByteArray>
#include <QJsonObject>
#include <QList>
#include <QObject>
#include <QStringList>
#include <QTimer>

namespace narthex::ui::settings {

/// One open tab.
struct DocumentState
{
    QString page;
    QJsonObject state;
};

struct Values
{
    theme::Mode theme = theme::Mode::System;
    bool utc = false;
    QByteArray geometry;
    QList<DocumentState> documents;
    int currentDocument = 0;
    /// The text of the range field, "1h".
    QString range = QStringLiteral("1h");
    int refreshSeconds = 5;
    /// Newest first.
    QStringList queryHistory;
    QStringList recentRanges;
    /// Whether receivers of alerts may run programs on this computer.
    bool allowCommands = false;
};

class Settings final : public QObject
{
    Q_OBJECT

public:
    /// Reads `file`; empty: "narthex/ui.ini" in the configuration directory of the desktop. A file
    /// that cannot be read gives the defaults.
    explicit Settings(QString file = {}, QObject* parent = nullptr);
    /// Writes what has changed.
    ~Settings() override;

    [[nodiscard]] const Values& values() const { return values_; }
    /// To change values; call changed() after. Written two seconds later and at the end.
    [[nodiscard]] Values& edit() { return values_; }
    void touch();
    void addQuery(const QString& query);
    void save();

Q_SIGNALS:
    void changed();

private:
    void load();

    QString file_;
    Values values_;
    QTimer saveTimer_;
};

} // namespace narthex::ui::settings
