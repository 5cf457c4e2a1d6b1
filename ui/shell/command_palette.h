// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One field that finds actions, pages and metrics. Prefixes: `>` actions, `@` metrics, `:` a time
// range. Owner: MainWindow; a child of the window, not a window. Threads: GUI thread.
#pragma once

#include "ui/kit/actions.h"
#include "ui/kit/controls.h"
#include "ui/pages/page.h"

#include <QAbstractListModel>
#include <QListView>

#include <functional>

namespace narthex::ui::shell {

struct PaletteEntry
{
    QString text;
    QString icon;
    QString detail;
    QString shortcut;
    std::function<void()> run;
};

class PaletteModel final : public QAbstractListModel
{
    Q_OBJECT

public:
    using QAbstractListModel::QAbstractListModel;
    void setEntries(QList<PaletteEntry> entries, const QString& typed);
    [[nodiscard]] const PaletteEntry& entry(int row) const { return entries_[row]; }
    [[nodiscard]] const QString& typed() const { return typed_; }
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;

private:
    QList<PaletteEntry> entries_;
    QString typed_;
};

class CommandPalette final : public QFrame
{
    Q_OBJECT

public:
    CommandPalette(pages::PageContext& context, const kit::ActionRegistry& actions,
                   QWidget* window);
    void open();
    void close();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void find(const QString& text);
    void runCurrent();
    void addActions(QList<PaletteEntry>& out, const QString& typed) const;
    void addMetrics(QList<PaletteEntry>& out, const QString& typed) const;
    void addRange(QList<PaletteEntry>& out, const QString& typed) const;

    pages::PageContext& context_;
    const kit::ActionRegistry& actions_;
    kit::Field* edit_ = nullptr;
    QListView* list_ = nullptr;
    PaletteModel model_;
    QPointer<QWidget> before_;
};

} // namespace narthex::ui::shell
