// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/settings/settings_page.h"

#include "ui/format/units.h"

#include <QGridLayout>

namespace narthex::ui::pages {
namespace {

constexpr int kLabelWidth = 136;
constexpr int kFormWidth = 720;

} // namespace

SettingsPage::SettingsPage(PageContext& context, QWidget* parent)
    : Page(context, QStringLiteral("settings"), parent)
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(24, 24, 24, 24);
    auto* form = new QWidget(this);
    form->setFixedWidth(kFormWidth);
    auto* column = new QVBoxLayout(form);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(12);
    column->addWidget(
        kit::makeLabel(context.theme, tr("Settings"), theme::TextSize::Title, 1, form, true));
    setupAppearance(*column);
    setupTime(*column);
    setupHistory(*column);
    column->addStretch(1);
    layout->addWidget(form);
    layout->addStretch(1);
    connect(&context.settings, &settings::Settings::changed, this, &SettingsPage::update);
    update();
}

kit::SegmentedSwitch* SettingsPage::addSwitch(QGridLayout& grid, int row, const QString& label,
                                              const QString& name, const QString& note)
{
    QLabel* text = kit::makeLabel(context_.theme, label, theme::TextSize::Table, 2, this);
    text->setFixedWidth(kLabelWidth);
    text->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    grid.addWidget(text, row, 0);
    auto* control = new kit::SegmentedSwitch(context_.theme, name, this);
    control->setAccessibleName(label);
    grid.addWidget(control, row, 1, Qt::AlignLeft);
    grid.addWidget(kit::makeLabel(context_.theme, note, theme::TextSize::Axis, 3, this), row, 2);
    grid.setColumnStretch(2, 1);
    grid.setHorizontalSpacing(12);
    grid.setContentsMargins(12, 12, 12, 12);
    return control;
}

void SettingsPage::setupAppearance(QVBoxLayout& column)
{
    auto* panel = new kit::Panel(context_.theme, QStringLiteral("settings.appearance"),
                                 tr("Appearance"), this);
    auto* grid = new QGridLayout;
    theme_ =
        addSwitch(*grid, 0, tr("Theme"), QStringLiteral("settings.theme"), tr("Changes at once."));
    theme_->addSegment(QStringLiteral("system"), tr("As the desktop"), QStringLiteral("laptop"));
    theme_->addSegment(QStringLiteral("light"), tr("Light"), QStringLiteral("sun"));
    theme_->addSegment(QStringLiteral("dark"), tr("Dark"), QStringLiteral("moon"));
    panel->body()->addLayout(grid);
    column.addWidget(panel);
    connect(theme_, &kit::SegmentedSwitch::currentChanged, this, [this](const QString& key) {
        if (!updating_) {
            context_.settings.edit().theme =
                key == QLatin1String("light")
                    ? theme::Mode::Light
                    : (key == QLatin1String("dark") ? theme::Mode::Dark : theme::Mode::System);
            context_.settings.touch();
        }
    });
}

void SettingsPage::setupTime(QVBoxLayout& column)
{
    auto* panel = new kit::Panel(context_.theme, QStringLiteral("settings.time"), tr("Time"), this);
    auto* grid = new QGridLayout;
    zone_ = addSwitch(*grid, 0, tr("Time zone"), QStringLiteral("settings.zone"),
                      tr("Of all times on screen; copies carry their offset."));
    zone_->addSegment(QStringLiteral("local"), tr("Local"), QStringLiteral("clock"));
    zone_->addSegment(QStringLiteral("utc"), tr("UTC"), QStringLiteral("globe"));
    panel->body()->addLayout(grid);
    column.addWidget(panel);
    connect(zone_, &kit::SegmentedSwitch::currentChanged, this, [this](const QString& key) {
        if (!updating_) {
            context_.settings.edit().utc = key == QLatin1String("utc");
            context_.settings.touch();
        }
    });
}

void SettingsPage::setupHistory(QVBoxLayout& column)
{
    auto* panel = new kit::Panel(context_.theme, QStringLiteral("settings.history"),
                                 tr("Query history"), this);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(12 + kLabelWidth + 12, 12, 12, 12);
    clearHistory_ = kit::makeButton(QStringLiteral("settings.clearHistory"),
                                    tr("Forget all queries"), kit::ButtonKind::Small, this);
    row->addWidget(clearHistory_);
    row->addStretch(1);
    panel->body()->addLayout(row);
    column.addWidget(panel);
    connect(clearHistory_, &QPushButton::clicked, this, [this] {
        context_.settings.edit().queryHistory.clear();
        context_.settings.touch();
    });
}

void SettingsPage::update()
{
    updating_ = true;
    const settings::Values& values = context_.settings.values();
    theme_->setCurrent(values.theme == theme::Mode::Light
                           ? QStringLiteral("light")
                           : (values.theme == theme::Mode::Dark ? QStringLiteral("dark")
                                                                : QStringLiteral("system")));
    zone_->setCurrent(values.utc ? QStringLiteral("utc") : QStringLiteral("local"));
    const auto count = std::uint64_t(values.queryHistory.size());
    clearHistory_->setEnabled(count > 0);
    clearHistory_->setText(
        count > 0 ? tr("Forget %1").arg(format::counted(count, tr("query"), tr("queries")))
                  : tr("No queries yet"));
    updating_ = false;
}

} // namespace narthex::ui::pages
