// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Settings: few, and applied at once.
// Owner: the shell's document tabs. Threads: GUI thread.
#pragma once

#include "ui/kit/blocks.h"
#include "ui/pages/page.h"

class QGridLayout;

namespace narthex::ui::pages {

class SettingsPage final : public Page
{
    Q_OBJECT

public:
    SettingsPage(PageContext& context, QWidget* parent);
    [[nodiscard]] QString title() const override { return tr("Settings"); }

private:
    kit::SegmentedSwitch* addSwitch(QGridLayout& grid, int row, const QString& label,
                                    const QString& name, const QString& note);
    void setupAppearance(QVBoxLayout& column);
    void setupTime(QVBoxLayout& column);
    void setupHistory(QVBoxLayout& column);
    /// Shows what the settings say, also when another place changed them.
    void update();

    kit::SegmentedSwitch* theme_ = nullptr;
    kit::SegmentedSwitch* zone_ = nullptr;
    QPushButton* clearHistory_ = nullptr;
    bool updating_ = false;
};

} // namespace narthex::ui::pages
