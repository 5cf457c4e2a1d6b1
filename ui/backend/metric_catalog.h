// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The names of all metrics with what is known of them, for completion, the command palette and
// starter queries. Owner: MainWindow. Threads: GUI thread.
#pragma once

#include "ui/backend/backend.h"

#include <QSet>
#include <QStringList>
#include <QTimer>

#include <unordered_map>

namespace narthex::ui::backend {

class MetricCatalog final : public QObject
{
    Q_OBJECT

public:
    explicit MetricCatalog(Backend& backend, QObject* parent = nullptr);

    /// False until the first answer.
    [[nodiscard]] bool loaded() const { return loaded_; }
    /// Sorted.
    [[nodiscard]] const QStringList& names() const { return names_; }
    [[nodiscard]] bool has(const QString& name) const { return nameSet_.contains(name); }
    /// Of the metric or, for histogram parts, of its family; null if nothing is known.
    [[nodiscard]] const model::Metadata* metadata(const std::string& metric) const;
    void refresh();

Q_SIGNALS:
    void changed();

private:
    Backend& backend_;
    bool loaded_ = false;
    QStringList names_;
    QSet<QString> nameSet_;
    std::unordered_map<std::string, model::Metadata> metadata_;
    Request namesRequest_;
    Request metadataRequest_;
    QTimer timer_;
};

} // namespace narthex::ui::backend
