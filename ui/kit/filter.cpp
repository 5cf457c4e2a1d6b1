// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/kit/filter.h"

#include <QCoreApplication>

namespace narthex::ui::kit {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(kit::Filter)
};

/// Stands for `""` while words are split; no keyboard types it.
const QString kEmptyValue = QStringLiteral("\u001d");

/// Words separated by blanks; quotes keep blanks together.
QStringList splitWords(const QString& text)
{
    QStringList words;
    QString word;
    bool quoted = false;
    for (const QChar c : text) {
        if (c == QLatin1Char('"')) {
            quoted = !quoted;
        } else if (c.isSpace() && !quoted) {
            if (!word.isEmpty()) {
                words << word;
                word.clear();
            }
        } else {
            word += c;
        }
    }
    if (!word.isEmpty()) {
        words << word;
    }
    return words;
}

std::optional<Filter::Term> parseTerm(const QString& word, QString* error)
{
    static const QRegularExpression kForm(QStringLiteral("^([A-Za-z_][\\w.]*)(=~|!~|!=|=|:)(.*)$"));
    const QRegularExpressionMatch match = kForm.match(word);
    if (!match.hasMatch()) {
        return Filter::Term{{}, Filter::Op::Contains, word, {}};
    }
    Filter::Term term{match.captured(1), Filter::Op::Equal, match.captured(3), {}};
    const QString op = match.captured(2);
    if (op == QLatin1String("!=")) {
        term.op = Filter::Op::NotEqual;
    } else if (op.endsWith(QLatin1Char('~'))) {
        term.op = op == QLatin1String("=~") ? Filter::Op::Match : Filter::Op::NotMatch;
        // Anchored at both ends, as in the engine.
        term.pattern = QRegularExpression(QRegularExpression::anchoredPattern(term.value));
        if (!term.pattern.isValid()) {
            if (error != nullptr) {
                *error = Tr::tr("The regular expression is not valid: %1")
                             .arg(term.pattern.errorString());
            }
            return {};
        }
    } else if (op == QLatin1String(":")) {
        term.op = Filter::Op::Contains;
    }
    if (term.value == kEmptyValue) {
        term.value.clear();
    } else if (term.value.isEmpty()) {
        // Half typed; `a=""` asks for the missing label.
        if (error != nullptr) {
            *error = Tr::tr("A value is missing after “%1”.").arg(match.captured(1) + op);
        }
        return {};
    }
    return term;
}

} // namespace

std::optional<Filter> Filter::parse(const QString& text, QString* error)
{
    Filter filter;
    for (const QString& word :
         splitWords(QString(text).replace(QStringLiteral("\"\""), kEmptyValue))) {
        auto term = parseTerm(word, error);
        if (!term) {
            return {};
        }
        filter.terms_ << *std::move(term);
    }
    return filter;
}

bool Filter::matches(const std::function<QString(const QString&)>& value, const QString& text) const
{
    return std::all_of(terms_.cbegin(), terms_.cend(), [&](const Term& term) {
        if (term.name.isEmpty()) {
            return text.contains(term.value, Qt::CaseInsensitive);
        }
        const QString field = value(term.name);
        switch (term.op) {
        case Op::Equal:
            return field == term.value;
        case Op::NotEqual:
            return field != term.value;
        case Op::Match:
            return term.pattern.match(field).hasMatch();
        case Op::NotMatch:
            return !term.pattern.match(field).hasMatch();
        case Op::Contains:
            return field.contains(term.value, Qt::CaseInsensitive);
        }
        return false;
    });
}

FilterBar::FilterBar(const theme::Theme& theme, const QString& name, QWidget* parent)
    : Field(theme, name, tr("Filter"), parent)
{
    setLeadingIcon(QStringLiteral("filter"));
    setPlaceholderText(tr("label=value, state:, job:, words"));
    setClearButtonEnabled(true);
    connect(this, &QLineEdit::textChanged, this, [this](const QString& text) {
        QString reason;
        if (auto filter = Filter::parse(text, &reason)) {
            filter_ = *std::move(filter);
            setError({});
            Q_EMIT filterChanged();
        } else {
            setError(reason);
        }
    });
}

} // namespace narthex::ui::kit
