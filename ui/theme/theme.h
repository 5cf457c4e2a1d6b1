// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The look of the program: colours, fonts, metrics and icons, light and dark, switched at run time.
// Feeds QPalette and one style sheet; painted widgets ask it while they paint, so a switch needs no
// further wiring. Owner: app (or a test); outlives every widget. Threads: GUI thread. Units:
// logical pixels.
#pragma once

#include "ui/theme/roles.h"

#include <QFont>
#include <QIcon>
#include <QObject>

#include <memory>

class QApplication;

namespace narthex::ui::theme {

class SystemScheme;

enum class Mode : std::uint8_t
{
    System,
    Light,
    Dark
};

enum class TextSize : std::uint8_t
{
    Axis = 11,
    Table = 12,
    Default = 13,
    Section = 15,
    Title = 20,
    Value = 32
};

/// Heights and gaps from the component table.
namespace metrics {
inline constexpr int kRowDense = 24;
inline constexpr int kRowNormal = 28;
inline constexpr int kHeader = 24;
inline constexpr int kControl = 28;
inline constexpr int kSmallControl = 24;
inline constexpr int kPanelHead = 32;
inline constexpr int kChip = 18;
inline constexpr int kRadius = 4;
inline constexpr int kGap = 8;
} // namespace metrics

class Theme final : public QObject
{
    Q_OBJECT

public:
    explicit Theme(QObject* parent = nullptr);
    ~Theme() override;

    /// Sets style, palette, style sheet and font of the program. Once, before the first window.
    void install(QApplication& application);
    void setMode(Mode mode);
    [[nodiscard]] Mode mode() const { return mode_; }
    [[nodiscard]] Scheme scheme() const { return scheme_; }

    [[nodiscard]] QColor colour(Role role) const { return colourOf(scheme_, role); }
    [[nodiscard]] QColor seriesColour(std::size_t slot) const
    {
        return seriesColourOf(scheme_, slot);
    }
    /// Solid for the first ten slots, then 6-3, 2-2, 8-2-2-2.
    [[nodiscard]] static QList<qreal> seriesDashes(std::size_t slot);

    [[nodiscard]] QFont font(TextSize size, bool strong = false) const;
    [[nodiscard]] QFont codeFont() const;
    /// Tinted while it is painted: grey when disabled, accent when checked.
    [[nodiscard]] QIcon icon(const QString& name, Role role = Role::Text2) const;

Q_SIGNALS:
    void changed();

private:
    void apply();
    [[nodiscard]] QString styleSheet() const;

    Mode mode_ = Mode::System;
    Scheme scheme_ = Scheme::Light;
    QString family_;
    QString codeFamily_;
    QApplication* application_ = nullptr;
    std::unique_ptr<SystemScheme> system_;
};

} // namespace narthex::ui::theme
