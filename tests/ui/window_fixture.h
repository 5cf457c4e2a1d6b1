// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A window on the fake client, with settings in a temporary directory.
#pragma once

#include "support/fake_client.h"
#include "ui/shell/main_window.h"

#include <QApplication>
#include <QTemporaryDir>

#include <memory>

namespace narthex::test {

class WindowFixture
{
public:
    explicit WindowFixture(ui::theme::Mode mode = ui::theme::Mode::Light)
    {
        theme_.install(*qobject_cast<QApplication*>(QApplication::instance()));
        settings_.edit().theme = mode;
        settings_.edit().refreshSeconds = 0;
        window_ = std::make_unique<ui::shell::MainWindow>(client_, theme_, settings_);
        window_->resize(1440, 900);
        window_->show();
        window_->activateWindow();
    }

    FakeClient& client() { return client_; }
    ui::theme::Theme& theme() { return theme_; }
    ui::settings::Settings& settings() { return settings_; }
    ui::shell::MainWindow& window() { return *window_; }

    template <typename T = QWidget>
    T* find(const char* name)
    {
        // Of several documents, the one that shows.
        T* hidden = nullptr;
        for (T* widget : window_->findChildren<T*>(QLatin1String(name))) {
            if (widget->isVisible()) {
                return widget;
            }
            hidden = widget;
        }
        return hidden;
    }

private:
    QTemporaryDir directory_;
    FakeClient client_;
    ui::theme::Theme theme_;
    ui::settings::Settings settings_{directory_.filePath(QStringLiteral("ui.ini"))};
    std::unique_ptr<ui::shell::MainWindow> window_;
};

} // namespace narthex::test
