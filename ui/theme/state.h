// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The states of things: shape, word and colours in one place, for a colour alone says nothing.
// Threads: GUI thread (paints). Units: logical pixels.
#pragma once

#include "ui/theme/roles.h"

#include <QRectF>
#include <QString>

class QPainter;

namespace narthex::ui::theme {

class Theme;

enum class State : std::uint8_t
{
    Critical,
    Warning,
    Info,
    Pending,
    Ok,
    Acknowledged,
    Silenced,
    Unknown
};

Role stateRole(State state);
Role stateBackRole(State state);
/// The word, translated: "critical", "ok".
QString stateWord(State state);

/// Octagon, triangle, diamond, half diamond, circle, ticked circle, struck bell or open circle with
/// "?", filling `rect`.
void paintState(QPainter& painter, const QRectF& rect, State state, const Theme& theme);

} // namespace narthex::ui::theme
