// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The status bar: engine state, samples, series, problems, time zone; each part a button.
// Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/pages/page.h"
#include "ui/theme/state.h"

#include <QStatusBar>
#include <QToolButton>

namespace narthex::ui::shell {

/// What an engine state looks and reads like.
struct EngineLook
{
    theme::State state = theme::State::Unknown;
    QString text;
};
/// `status` absent: not known yet; an error with a status: the last known is old.
EngineLook engineLook(const backend::StatusWatch& watch);

class StatusParts final : public QStatusBar
{
    Q_OBJECT

public:
    StatusParts(pages::PageContext& context, QWidget* parent);

Q_SIGNALS:
    void problemsRequested();

private:
    QToolButton* addPart(const QString& name, const QString& tip, bool right);
    void update();
    [[nodiscard]] QIcon stateIcon(theme::State state) const;

    pages::PageContext& context_;
    QToolButton* engine_ = nullptr;
    QToolButton* samples_ = nullptr;
    QToolButton* series_ = nullptr;
    QToolButton* problems_ = nullptr;
    QToolButton* zone_ = nullptr;
};

} // namespace narthex::ui::shell
