// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/completion.h"

#include <QCoreApplication>

#include <algorithm>
#include <array>

namespace narthex::ui::editors {
namespace {

using promql::CompletionKind;

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(editors::Completion)
};

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), qsizetype(view.size()));
}

/// Smaller is better; -1: no match.
int rank(const QString& candidate, const QString& typed)
{
    if (typed.isEmpty()) {
        return 1;
    }
    if (candidate.compare(typed, Qt::CaseInsensitive) == 0) {
        return 0;
    }
    const qsizetype at = candidate.indexOf(typed, 0, Qt::CaseInsensitive);
    if (at < 0) {
        return -1;
    }
    if (at == 0) {
        return 1;
    }
    const QChar before = candidate.at(at - 1);
    return before == QLatin1Char('_') || before == QLatin1Char(':') ? 2 : 3;
}

template <std::size_t N>
void addWords(QList<CompletionItem>& items, const std::array<const char*, N>& words,
              CompletionKind kind, const QString& detail)
{
    for (const char* word : words) {
        items << CompletionItem{QLatin1String(word), {}, kind, detail, {}, {}};
    }
}

void addFunctions(QList<CompletionItem>& items, bool aggregations)
{
    for (const promql::FunctionDoc& doc : promql::functionDocs()) {
        if (doc.aggregation != aggregations) {
            continue;
        }
        items << CompletionItem{text(doc.name),
                                text(doc.name) + (aggregations ? QString() : QStringLiteral("(")),
                                aggregations ? CompletionKind::Aggregation
                                             : CompletionKind::Function,
                                aggregations ? Tr::tr("aggregation") : Tr::tr("function"),
                                text(doc.signature),
                                text(doc.summary)};
    }
}

void addLanguageKind(QList<CompletionItem>& items, CompletionKind kind)
{
    switch (kind) {
    case CompletionKind::Function:
        addFunctions(items, false);
        break;
    case CompletionKind::Aggregation:
        addFunctions(items, true);
        break;
    case CompletionKind::BinaryOperator:
        addWords(items, std::array{"and", "or", "unless", "atan2"}, kind, Tr::tr("operator"));
        break;
    case CompletionKind::BinaryModifier:
        addWords(items, std::array{"on", "ignoring", "group_left", "group_right"}, kind,
                 Tr::tr("modifier"));
        break;
    case CompletionKind::Bool:
        addWords(items, std::array{"bool"}, kind, Tr::tr("modifier"));
        break;
    case CompletionKind::AggregateModifier:
        addWords(items, std::array{"by", "without"}, kind, Tr::tr("modifier"));
        break;
    case CompletionKind::Offset:
        addWords(items, std::array{"offset"}, kind, Tr::tr("modifier"));
        break;
    case CompletionKind::Duration:
        addWords(items, std::array{"1m", "5m", "15m", "30m", "1h", "6h", "1d"}, kind,
                 Tr::tr("duration"));
        break;
    case CompletionKind::MatchOperator:
    case CompletionKind::Number:
    case CompletionKind::MetricName:
    case CompletionKind::LabelName:
    case CompletionKind::LabelValue:
    case CompletionKind::DurationFunction:
    case CompletionKind::DurationOperator:
    case CompletionKind::AtArgument:
    case CompletionKind::Snippet:
    case CompletionKind::History:
        break;
    }
}

} // namespace

QList<CompletionItem> rankCompletions(const QList<CompletionItem>& items, const QString& typed,
                                      qsizetype limit)
{
    struct Ranked
    {
        int rank;
        qsizetype index;
    };
    std::vector<Ranked> ranked;
    for (qsizetype i = 0; i < items.size(); ++i) {
        if (const int r = rank(items[i].text, typed); r >= 0) {
            ranked.push_back({r, i});
        }
    }
    const auto shown = std::min<std::size_t>(ranked.size(), std::size_t(limit));
    std::partial_sort(ranked.begin(), ranked.begin() + std::ptrdiff_t(shown), ranked.end(),
                      [&](const Ranked& a, const Ranked& b) {
                          if (a.rank != b.rank) {
                              return a.rank < b.rank;
                          }
                          return a.index < b.index;
                      });
    QList<CompletionItem> result;
    for (std::size_t i = 0; i < shown; ++i) {
        result << items[ranked[i].index];
    }
    return result;
}

QList<CompletionItem> languageItems(const std::vector<CompletionKind>& kinds)
{
    QList<CompletionItem> items;
    for (const CompletionKind kind : kinds) {
        addLanguageKind(items, kind);
    }
    return items;
}

} // namespace narthex::ui::editors
