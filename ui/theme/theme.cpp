// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/theme.h"

#include "ui/theme/icon_engine.h"
#include "ui/theme/style.h"
#include "ui/theme/system_scheme.h"

#include <QApplication>
#include <QFile>
#include <QFontDatabase>
#include <QPalette>
#include <QToolTip>

/// Outside any namespace: the macro declares a global function.
static void loadResources() { Q_INIT_RESOURCE(narthex); }

namespace narthex::ui::theme {
namespace {

/// The desktop's font; bare X servers have none and answer with a fallback that is too wide for
/// dense tables.
QString interfaceFamily()
{
    const QString system = QFontDatabase::systemFont(QFontDatabase::GeneralFont).family();
    const QStringList fallbacks{QStringLiteral("Sans Serif"), QStringLiteral("Sans"),
                                QStringLiteral("DejaVu Sans"), QString()};
    if (!fallbacks.contains(system)) {
        return system;
    }
    for (const QString& family : {QStringLiteral("Inter"), QStringLiteral("Noto Sans")}) {
        if (QFontDatabase::hasFamily(family)) {
            return family;
        }
    }
    return system;
}

QString fixedFamily()
{
    for (const QString& family :
         {QStringLiteral("JetBrains Mono"), QStringLiteral("DejaVu Sans Mono")}) {
        if (QFontDatabase::hasFamily(family)) {
            return family;
        }
    }
    return QFontDatabase::systemFont(QFontDatabase::FixedFont).family();
}

QPalette paletteOf(Scheme scheme)
{
    const auto c = [scheme](Role role) { return colourOf(scheme, role); };
    QPalette palette;
    palette.setColor(QPalette::Window, c(Role::Window));
    palette.setColor(QPalette::WindowText, c(Role::Text));
    palette.setColor(QPalette::Base, c(Role::Surface));
    palette.setColor(QPalette::AlternateBase, c(Role::Surface2));
    palette.setColor(QPalette::Text, c(Role::Text));
    palette.setColor(QPalette::PlaceholderText, c(Role::Text3));
    palette.setColor(QPalette::Button, c(Role::Surface2));
    palette.setColor(QPalette::ButtonText, c(Role::Text));
    palette.setColor(QPalette::BrightText, c(Role::Critical));
    palette.setColor(QPalette::ToolTipBase, c(Role::Surface));
    palette.setColor(QPalette::ToolTipText, c(Role::Text));
    palette.setColor(QPalette::Highlight, c(Role::Selection));
    palette.setColor(QPalette::HighlightedText, c(Role::Text));
    palette.setColor(QPalette::Link, c(Role::Accent));
    palette.setColor(QPalette::LinkVisited, c(Role::Accent));
    palette.setColor(QPalette::Light, c(Role::Surface3));
    palette.setColor(QPalette::Midlight, c(Role::Surface2));
    palette.setColor(QPalette::Mid, c(Role::Border));
    palette.setColor(QPalette::Dark, c(Role::ControlBorder));
    palette.setColor(QPalette::Shadow, c(Role::Border));
    for (const QPalette::ColorRole role :
         {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        palette.setColor(QPalette::Disabled, role, c(Role::Text3));
    }
    return palette;
}

} // namespace

Theme::Theme(QObject* parent) : QObject(parent), system_(std::make_unique<SystemScheme>())
{
    loadResources();
    family_ = interfaceFamily();
    codeFamily_ = fixedFamily();
    connect(system_.get(), &SystemScheme::changed, this, [this] {
        if (mode_ == Mode::System) {
            setMode(mode_);
        }
    });
    scheme_ = system_->scheme();
}

Theme::~Theme() = default;

void Theme::install(QApplication& application)
{
    application_ = &application;
    QApplication::setStyle(new Style(*this)); // the application owns it
    QApplication::setFont(font(TextSize::Default));
    apply();
}

void Theme::setMode(Mode mode)
{
    mode_ = mode;
    const Scheme scheme = mode == Mode::System
                              ? system_->scheme()
                              : (mode == Mode::Dark ? Scheme::Dark : Scheme::Light);
    if (scheme == scheme_) {
        return;
    }
    scheme_ = scheme;
    apply();
    Q_EMIT changed();
}

void Theme::apply()
{
    if (application_ == nullptr) {
        return;
    }
    const QPalette palette = paletteOf(scheme_);
    QApplication::setPalette(palette);
    QToolTip::setPalette(palette);
    application_->setStyleSheet(styleSheet());
}

QString Theme::styleSheet() const
{
    QFile file(QStringLiteral(":/narthex/theme/narthex.qss"));
    if (!file.open(QIODevice::ReadOnly)) {
        return {};
    }
    QString sheet = QString::fromUtf8(file.readAll());
    // Longest names first, or "@surface" would eat the start of "@surface-2".
    std::vector<Role> roles;
    for (std::size_t i = 0; i < kRoleCount; ++i) {
        roles.push_back(Role(i));
    }
    std::sort(roles.begin(), roles.end(),
              [](Role a, Role b) { return roleName(a).size() > roleName(b).size(); });
    for (const Role role : roles) {
        const std::string_view name = roleName(role);
        sheet.replace(QLatin1Char('@') + QLatin1String(name.data(), qsizetype(name.size())),
                      colour(role).name());
    }
    return sheet;
}

QList<qreal> Theme::seriesDashes(std::size_t slot)
{
    switch (slot / kSeriesColourCount % 4) {
    case 1:
        return {6, 3};
    case 2:
        return {2, 2};
    case 3:
        return {8, 2, 2, 2};
    default:
        return {};
    }
}

QFont Theme::font(TextSize size, bool strong) const
{
    QFont font(family_);
    font.setPixelSize(int(size));
    font.setWeight(strong ? QFont::DemiBold : QFont::Normal);
    return font;
}

QFont Theme::codeFont() const
{
    QFont font(codeFamily_);
    font.setPointSizeF(9.4); // 12.5 px at 96 dpi; pixel sizes are whole numbers
    font.setStyleHint(QFont::Monospace);
    font.setFixedPitch(true);
    return font;
}

QIcon Theme::icon(const QString& name, Role role) const
{
    return QIcon(new IconEngine(*this, name, role));
}

} // namespace narthex::ui::theme
