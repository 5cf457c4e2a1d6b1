// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The field for PromQL: one line that grows to twelve, coloured by the engine's own lexer, with
// completion, error marks and history. Owner: the parent widget. Threads: GUI thread. Units: byte
// offsets into the UTF-8 text, as the engine's.
#pragma once

#include "core/base/status.h"
#include "ui/backend/metric_catalog.h"
#include "ui/theme/theme.h"

#include <QFrame>

#include <memory>

class QLabel;

namespace narthex::ui::editors {

class CodeView;
class CompletionController;

class QueryEditor final : public QFrame
{
    Q_OBJECT

public:
    /// `name` is the object name of the text widget, "explore.query.0.edit".
    QueryEditor(const theme::Theme& theme, backend::Backend& backend,
                backend::MetricCatalog& catalog, const QString& name, QWidget* parent);
    ~QueryEditor() override;

    [[nodiscard]] QString text() const;
    void setText(const QString& text);
    /// Underlines [begin, end) of `position`, or its line; absent: takes the mark away.
    void setError(const std::optional<base::Position>& position);
    /// Small text at the right.
    void setStatusText(const QString& text);
    /// Newest first; Ctrl+Up and Ctrl+Down walk through it.
    void setHistory(QStringList history);
    void focusText();
    [[nodiscard]] CodeView* view() const { return view_; }

Q_SIGNALS:
    void textEdited();
    /// Ctrl+Enter.
    void runRequested();
    /// Alt+Enter.
    void runAloneRequested();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void setupView(const QString& name);
    void applyColours();
    void recolour();
    void updateHeight();
    void placeStatus();
    bool handleKey(QKeyEvent& event);
    void stepHistory(int direction);

    const theme::Theme& theme_;
    CodeView* view_ = nullptr;
    QLabel* status_ = nullptr;
    std::unique_ptr<CompletionController> completion_;
    QStringList history_;
    qsizetype historyAt_ = -1;
    QString draft_;
    /// That the height was made for.
    int shownLines_ = 0;
    bool setting_ = false;
};

} // namespace narthex::ui::editors
