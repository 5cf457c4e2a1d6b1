// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/shortcut_sheet.h"

#include "ui/kit/controls.h"

#include <QCoreApplication>
#include <QGridLayout>

namespace narthex::ui::shell {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(shell::ShortcutSheet)
};

struct Line
{
    QString keys;
    QString meaning;
};

QList<Line> chartLines()
{
    return {{QStringLiteral("← →"), Tr::tr("Chart: previous, next point")},
            {QStringLiteral("↑ ↓"), Tr::tr("Chart: previous, next series")},
            {QStringLiteral("+ −"), Tr::tr("Chart: zoom in, out")},
            {QStringLiteral("Home, 0"), Tr::tr("Chart: original range")},
            {QStringLiteral("Ctrl+Enter"), Tr::tr("Query: run all")},
            {QStringLiteral("Alt+Enter"), Tr::tr("Query: run this one")},
            {QStringLiteral("Ctrl+Space"), Tr::tr("Query: completions")},
            {QStringLiteral("Ctrl+↑ Ctrl+↓"), Tr::tr("Query: history")},
            {QStringLiteral("R"), Tr::tr("Targets: scrape now")}};
}

} // namespace

QDialog* makeShortcutSheet(const theme::Theme& theme, const kit::ActionRegistry& actions,
                           QWidget* parent)
{
    auto* dialog = new QDialog(parent);
    dialog->setObjectName(QStringLiteral("shortcuts"));
    dialog->setWindowTitle(Tr::tr("Shortcuts"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    auto* grid = new QGridLayout(dialog);
    grid->setContentsMargins(24, 20, 24, 20);
    grid->setHorizontalSpacing(12);
    grid->setVerticalSpacing(6);
    QList<Line> lines;
    for (const QAction* action : actions.all()) {
        if (!action->shortcut().isEmpty()) {
            lines << Line{action->shortcut().toString(QKeySequence::NativeText),
                          action->text().remove(QLatin1Char('&'))};
        }
    }
    lines << chartLines();
    const int half = int(lines.size() + 1) / 2;
    for (int i = 0; i < int(lines.size()); ++i) {
        const int column = i < half ? 0 : 3;
        grid->addWidget(kit::makeKeyCap(theme, lines[i].keys, dialog), i % half, column,
                        Qt::AlignRight);
        grid->addWidget(kit::makeLabel(theme, lines[i].meaning, theme::TextSize::Table, 1, dialog),
                        i % half, column + 1);
    }
    grid->setColumnMinimumWidth(2, 24);
    return dialog;
}

} // namespace narthex::ui::shell
