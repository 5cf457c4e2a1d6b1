// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The list of completions with the help of the current one beside it. Never takes the focus; a
// child of the window, not a window. Owner: CompletionController. Threads: GUI thread.
#pragma once

#include "ui/editors/completion.h"
#include "ui/theme/theme.h"

#include <QAbstractListModel>
#include <QFrame>

class QLabel;
class QListView;

namespace narthex::ui::editors {

class CompletionModel final : public QAbstractListModel
{
    Q_OBJECT

public:
    using QAbstractListModel::QAbstractListModel;
    void setItems(QList<CompletionItem> items, const QString& typed);
    [[nodiscard]] const CompletionItem& item(int row) const { return items_[row]; }
    [[nodiscard]] const QString& typed() const { return typed_; }
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;

private:
    QList<CompletionItem> items_;
    QString typed_;
};

class CompletionPopup final : public QFrame
{
    Q_OBJECT

public:
    CompletionPopup(const theme::Theme& theme, QWidget* window);

    /// `total` is how many could be offered without what was typed.
    void show(QList<CompletionItem> items, const QString& typed, qsizetype total, QPoint below,
              int lineHeight);
    void step(int rows);
    /// The user has moved in the list, so Enter means "take it".
    [[nodiscard]] bool movedIn() const { return movedIn_; }
    [[nodiscard]] const CompletionItem* current() const;

Q_SIGNALS:
    void activated();

private:
    void setupList(const theme::Theme& theme);
    void setupHelp(const theme::Theme& theme);
    QWidget* makeFooter(const theme::Theme& theme);
    void showHelp();

    CompletionModel model_;
    QListView* list_ = nullptr;
    QLabel* count_ = nullptr;
    QLabel* helpName_ = nullptr;
    QLabel* helpDetail_ = nullptr;
    QLabel* helpText_ = nullptr;
    bool movedIn_ = false;
};

} // namespace narthex::ui::editors
