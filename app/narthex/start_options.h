// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The command line of the workstation, and the folders it works in.
// Threads: GUI thread, before the window.
#pragma once

#include <QString>
#include <QStringList>

namespace narthex::app {

struct StartOptions
{
    /// Everything below one folder instead of the XDG ones; empty: XDG.
    QString profileDirectory;
    QString configFile;
    QString alertmanagerConfigFile;
    /// Receivers that an Alertmanager does not have.
    QString ownReceiversFile;
    /// Whether those may run programs, whatever the settings say.
    bool allowCommands = false;
    QString dataDirectory;
    QString settingsFile;
    QString listenAddress;
    /// A server to connect to instead of collecting here; empty: none.
    QString connectUrl;
    QString logLevel;
    /// Page to show first; empty: where the user was.
    QString page;
    /// Light or dark, empty: as set.
    QString theme;
    /// Writes a picture of the window here after `shotAfterMs` and ends; for documentation and
    /// tests.
    QString shotFile;
    int shotAfterMs = 12000;
    QString query;
};

/// Ends the program for --help, --version and mistakes.
StartOptions readStartOptions(const QStringList& arguments);

} // namespace narthex::app
