// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/system_scheme.h"

#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QGuiApplication>
#include <QPalette>

namespace narthex::ui::theme {
namespace {

const QString kService = QStringLiteral("org.freedesktop.portal.Desktop");
const QString kPath = QStringLiteral("/org/freedesktop/portal/desktop");
const QString kInterface = QStringLiteral("org.freedesktop.portal.Settings");
const QString kGroup = QStringLiteral("org.freedesktop.appearance");
const QString kKey = QStringLiteral("color-scheme");

} // namespace

SystemScheme::SystemScheme()
{
    const QPalette palette = QGuiApplication::palette();
    const bool dark = palette.color(QPalette::Window).lightness() <
                      palette.color(QPalette::WindowText).lightness();
    scheme_ = dark ? Scheme::Dark : Scheme::Light;
    askPortal();
}

void SystemScheme::askPortal()
{
    // Tests and bare X sessions have no session bus, and connecting to none would start one.
    if (!qEnvironmentVariableIsSet("DBUS_SESSION_BUS_ADDRESS") ||
        QGuiApplication::platformName() == QLatin1String("offscreen")) {
        return;
    }
    QDBusConnection bus = QDBusConnection::sessionBus();
    // The only string slot: QDBusConnection has no other form.
    bus.connect(kService, kPath, kInterface, QStringLiteral("SettingChanged"), this,
                SLOT(onSettingChanged(QString, QString, QDBusVariant)));
    QDBusMessage read =
        QDBusMessage::createMethodCall(kService, kPath, kInterface, QStringLiteral("Read"));
    read << kGroup << kKey;
    auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(read), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this, watcher] {
        const QDBusPendingReply<QDBusVariant> reply = *watcher;
        if (reply.isValid()) {
            // Read wraps its answer twice.
            const QVariant inner = reply.value().variant();
            take(inner.canConvert<QDBusVariant>() ? inner.value<QDBusVariant>().variant().toUInt()
                                                  : inner.toUInt());
        }
        watcher->deleteLater();
    });
}

void SystemScheme::onSettingChanged(const QString& group, const QString& key,
                                    const QDBusVariant& value)
{
    if (group == kGroup && key == kKey) {
        take(value.variant().toUInt());
    }
}

void SystemScheme::take(uint preference)
{
    if (preference == 0) {
        return;
    }
    const Scheme scheme = preference == 1 ? Scheme::Dark : Scheme::Light;
    if (scheme != scheme_) {
        scheme_ = scheme;
        Q_EMIT changed();
    }
}

} // namespace narthex::ui::theme
