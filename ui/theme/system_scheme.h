// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether the desktop is light or dark: the settings portal when there is one, else the palette the
// program started with. Owner: Theme. Threads: GUI thread; never waits for the portal.
#pragma once

#include "ui/theme/roles.h"

#include <QDBusVariant>
#include <QObject>

namespace narthex::ui::theme {

class SystemScheme final : public QObject
{
    Q_OBJECT

public:
    SystemScheme();
    [[nodiscard]] Scheme scheme() const { return scheme_; }

Q_SIGNALS:
    void changed();

private:
    void askPortal();
    /// The portal's numbers: 0 no preference, 1 dark, 2 light.
    void take(uint preference);
    Q_SLOT void onSettingChanged(const QString& group, const QString& key,
                                 const QDBusVariant& value);

    Scheme scheme_ = Scheme::Light;
};

} // namespace narthex::ui::theme
