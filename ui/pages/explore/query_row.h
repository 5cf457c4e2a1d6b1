// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One query of Explore: letter, eye, editor, run, menu, and under them the strip of its error.
// Owner: ExplorePage. Threads: GUI thread.
#pragma once

#include "ui/editors/query_editor.h"
#include "ui/kit/blocks.h"
#include "ui/pages/page.h"

namespace narthex::ui::pages {

class QueryRow final : public QWidget
{
    Q_OBJECT

public:
    /// What was asked last and what came back.
    struct Answer
    {
        QString query;
        std::shared_ptr<const promql::Result> result;
        absl::Status status;
        base::Timestamp from;
        base::Timestamp to;
        base::Duration step;
        /// Tails joined since the last whole answer.
        int joins = 0;
    };

    QueryRow(PageContext& context, int index, QWidget* parent);

    /// Renames letter and widgets.
    void setIndex(int index);
    [[nodiscard]] QString letter() const;
    [[nodiscard]] QString query() const { return editor_->text().trimmed(); }
    void setQuery(const QString& query);
    [[nodiscard]] bool shown() const { return eye_->isChecked(); }
    void setShown(bool shown) { eye_->setChecked(shown); }
    [[nodiscard]] editors::QueryEditor* editor() const { return editor_; }

    void setRunning(bool running);
    /// Shows the status in its strip and marks its place.
    void setAnswer(Answer answer);
    [[nodiscard]] const Answer& answer() const { return answer_; }
    void setRemovable(bool removable) { remove_->setEnabled(removable); }
    backend::Request request;

Q_SIGNALS:
    void edited();
    void runRequested();
    void runAloneRequested();
    void stopRequested();
    void shownChanged();
    void duplicateRequested();
    void removeRequested();

private:
    void setupRow();
    void setupMenu();
    void toggleComment();
    void showStatus();

    PageContext& context_;
    int index_ = 0;
    bool running_ = false;
    Answer answer_;
    QLabel* letter_ = nullptr;
    QToolButton* eye_ = nullptr;
    QToolButton* run_ = nullptr;
    QToolButton* menu_ = nullptr;
    QAction* remove_ = nullptr;
    editors::QueryEditor* editor_ = nullptr;
    kit::Strip* strip_ = nullptr;
};

} // namespace narthex::ui::pages
