// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The named colours of the program, light and dark. No other place holds a colour literal (a test
// looks). Threads: pure functions. Source: spec/ui.md, "Visual design".
#pragma once

#include <QColor>

#include <array>
#include <cstdint>
#include <string_view>

namespace narthex::ui::theme {

enum class Scheme : std::uint8_t
{
    Light,
    Dark
};

enum class Role : std::uint8_t
{
    Window,
    Surface,
    Surface2,
    Surface3,
    Border,
    ControlBorder,
    Text,
    Text2,
    Text3,
    Accent,
    OnAccent,
    Selection,
    Critical,
    CriticalBack,
    Warning,
    WarningBack,
    Info,
    InfoBack,
    Ok,
    OkBack,
    Muted,
    MutedBack,
    Unknown,
    UnknownBack,
    Development,
    Test,
    Production,
    Inverse,
    OnInverse
};
inline constexpr std::size_t kRoleCount = 29;

QColor colourOf(Scheme scheme, Role role);
/// The name that the style sheet uses: "surface-2".
std::string_view roleName(Role role);

/// Colours of series 1 to 10.
inline constexpr std::size_t kSeriesColourCount = 10;
QColor seriesColourOf(Scheme scheme, std::size_t index);

/// WCAG 2 contrast of two opaque colours, 1 to 21.
double contrastRatio(const QColor& a, const QColor& b);

enum class Vision : std::uint8_t
{
    Normal,
    Protan,
    Deutan,
    Tritan
};
/// Euclidean distance in OKLab, as a viewer with `vision` sees it (Machado 2009 at full strength).
double perceivedDistance(const QColor& a, const QColor& b, Vision vision);

/// `a` with `share` of `b` mixed in, 0 to 1.
QColor mix(const QColor& a, const QColor& b, double share);

} // namespace narthex::ui::theme
