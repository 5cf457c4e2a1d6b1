// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What every page is, and what it is given.
// Owner: the shell's document tabs. Threads: GUI thread.
#pragma once

#include "ui/backend/backend.h"
#include "ui/backend/metric_catalog.h"
#include "ui/backend/status_watch.h"
#include "ui/range/range_controller.h"
#include "ui/settings/settings.h"
#include "ui/theme/theme.h"

#include <QDateTime>
#include <QJsonObject>
#include <QWidget>

#include <functional>

namespace narthex::ui::pages {

/// Everything outlives the pages.
struct PageContext
{
    theme::Theme& theme;
    backend::Backend& backend;
    backend::MetricCatalog& catalog;
    backend::StatusWatch& status;
    range::RangeController& range;
    settings::Settings& settings;
    /// Opens the page, with a state as saveState gives it; an empty one means "as it is".
    std::function<void(const QString& page, const QJsonObject& state)> openPage;
};

class Page : public QWidget
{
    Q_OBJECT
    Q_PROPERTY(bool busy READ busy NOTIFY stateChanged)
    Q_PROPERTY(int generation READ generation NOTIFY stateChanged)
    Q_PROPERTY(QString errorCode READ errorCode NOTIFY stateChanged)
    Q_PROPERTY(QDateTime dataTime READ dataTime NOTIFY stateChanged)

public:
    Page(PageContext& context, const QString& id, QWidget* parent)
        : QWidget(parent), context_(context), id_(id)
    {
        setObjectName(QStringLiteral("page.") + id);
    }

    /// "explore"; the first part of the names of its widgets.
    [[nodiscard]] const QString& pageId() const { return id_; }
    [[nodiscard]] virtual QString title() const = 0;
    [[nodiscard]] virtual bool usesTime() const { return false; }
    [[nodiscard]] virtual QJsonObject saveState() const { return {}; }
    virtual void restoreState(const QJsonObject&) {}
    /// F5.
    virtual void refresh() {}
    /// Shift+F5.
    virtual void stop() {}
    /// Ctrl+F.
    virtual void focusFilter() {}

    [[nodiscard]] bool busy() const { return busy_; }
    /// Rises with each finished update.
    [[nodiscard]] int generation() const { return generation_; }
    /// The name of the status code of the last update; empty when it was OK.
    [[nodiscard]] QString errorCode() const { return errorCode_; }
    [[nodiscard]] QDateTime dataTime() const { return dataTime_; }

Q_SIGNALS:
    void stateChanged();
    void titleChanged();
    /// Something worth remembering changed.
    void edited();

protected:
    void setBusy(bool busy)
    {
        if (busy != busy_) {
            busy_ = busy;
            Q_EMIT stateChanged();
        }
    }
    void finishUpdate(const absl::Status& status)
    {
        busy_ = false;
        ++generation_;
        errorCode_ = status.ok() ? QString()
                                 : QString::fromStdString(absl::StatusCodeToString(status.code()));
        if (status.ok()) {
            dataTime_ = QDateTime::currentDateTime();
        }
        Q_EMIT stateChanged();
    }

    PageContext& context_;

private:
    QString id_;
    bool busy_ = false;
    int generation_ = 0;
    QString errorCode_;
    QDateTime dataTime_;
};

} // namespace narthex::ui::pages
