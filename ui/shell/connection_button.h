// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The active connection: colour strip of its type, icon, name, type word, health shape.
// Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/pages/page.h"

#include <QToolButton>

namespace narthex::ui::shell {

class ConnectionButton final : public QToolButton
{
    Q_OBJECT

public:
    ConnectionButton(pages::PageContext& context, QWidget* parent);
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void fillMenu();

    pages::PageContext& context_;
    QString kind_;
    backend::Request reload_;
};

} // namespace narthex::ui::shell
