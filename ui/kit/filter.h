// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The filter bar's language: `label=value`, `!=`, `=~`, `!~`, `state:x`, `job:x`, free words; all
// must hold. Threads: values; the bar on the GUI thread.
#pragma once

#include "ui/kit/controls.h"

#include <QRegularExpression>

#include <functional>
#include <optional>

namespace narthex::ui::kit {

class Filter
{
public:
    enum class Op : std::uint8_t
    {
        Equal,
        NotEqual,
        Match,
        NotMatch,
        Contains
    };
    struct Term
    {
        /// Empty: a free word.
        QString name;
        Op op = Op::Contains;
        QString value;
        QRegularExpression pattern;
    };

    /// Absent when the text is not valid, with the reason in `error`.
    static std::optional<Filter> parse(const QString& text, QString* error = nullptr);

    [[nodiscard]] bool empty() const { return terms_.isEmpty(); }
    [[nodiscard]] const QList<Term>& terms() const { return terms_; }
    /// `value(name)` gives a field of the item; `text` is what free words look in.
    [[nodiscard]] bool matches(const std::function<QString(const QString&)>& value,
                               const QString& text) const;

private:
    QList<Term> terms_;
};

/// A field that keeps the last valid filter in force while the text is not valid.
class FilterBar final : public Field
{
    Q_OBJECT

public:
    FilterBar(const theme::Theme& theme, const QString& name, QWidget* parent);
    [[nodiscard]] const Filter& filter() const { return filter_; }

Q_SIGNALS:
    void filterChanged();

private:
    Filter filter_;
};

} // namespace narthex::ui::kit
