// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Decides when completion shows and what: words of the language at once, metric names from the
// catalog, labels and their values from the server. Owner: QueryEditor. Threads: GUI thread.
#pragma once

#include "ui/backend/metric_catalog.h"
#include "ui/editors/completion_popup.h"

#include <QPointer>

class QKeyEvent;

namespace narthex::ui::editors {

class CodeView;

class CompletionController final : public QObject
{
    Q_OBJECT

public:
    CompletionController(const theme::Theme& theme, backend::Backend& backend,
                         backend::MetricCatalog& catalog, CodeView& view);
    ~CompletionController() override;

    /// The user changed the text: offer when it makes sense.
    void textTyped();
    /// Offer in any case (Ctrl+Space).
    void open();
    void close();
    void cursorMoved();
    [[nodiscard]] bool visible() const;
    /// True when the key was for the list.
    bool handleKey(const QKeyEvent& event);

private:
    [[nodiscard]] bool focused() const;
    void update(bool asked);
    void offer(QList<CompletionItem> items);
    void offerLabels(const QList<CompletionItem>& fixed);
    void insertCurrent();
    [[nodiscard]] QList<CompletionItem> metricItems() const;
    [[nodiscard]] client::SeriesFilter filterOfContext() const;

    const theme::Theme& theme_;
    backend::Backend& backend_;
    backend::MetricCatalog& catalog_;
    CodeView& view_;
    QPointer<CompletionPopup> popup_;
    promql::CompletionContext context_;
    backend::Request request_;
    bool inserting_ = false;
};

} // namespace narthex::ui::editors
