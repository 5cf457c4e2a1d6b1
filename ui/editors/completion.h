// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What completion offers, and in which order.
// Threads: pure functions.
#pragma once

#include "core/promql/editor.h"

#include <QList>
#include <QString>

namespace narthex::ui::editors {

struct CompletionItem
{
    QString text;
    /// When it is not `text`: "rate(".
    QString insert;
    promql::CompletionKind kind = promql::CompletionKind::MetricName;
    /// At the right of the row: type, unit.
    QString detail;
    QString signature;
    QString help;
};

/// Those that contain `typed`, ignoring case: exact first, then beginnings, then beginnings of a
/// part after '_' or ':', then the rest; in the given order within each. At most `limit`.
QList<CompletionItem> rankCompletions(const QList<CompletionItem>& items, const QString& typed,
                                      qsizetype limit);

/// Words of the language itself for `kinds`: functions, aggregations, operators, modifiers,
/// durations.
QList<CompletionItem> languageItems(const std::vector<promql::CompletionKind>& kinds);

} // namespace narthex::ui::editors
