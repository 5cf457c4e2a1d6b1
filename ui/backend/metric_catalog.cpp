// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/backend/metric_catalog.h"

namespace narthex::ui::backend {
namespace {

constexpr int kRefreshMs = 60'000;
/// While nothing has been scraped yet.
constexpr int kFirstRefreshMs = 2'000;

} // namespace

MetricCatalog::MetricCatalog(Backend& backend, QObject* parent) : QObject(parent), backend_(backend)
{
    connect(&timer_, &QTimer::timeout, this, &MetricCatalog::refresh);
    connect(&backend_, &Backend::configurationChanged, this, &MetricCatalog::refresh);
    timer_.start(kFirstRefreshMs);
    refresh();
}

const model::Metadata* MetricCatalog::metadata(const std::string& metric) const
{
    std::string name = metric;
    for (const std::string_view tail : {"", "_bucket", "_sum", "_count", "_total"}) {
        if (name.ends_with(tail)) {
            const auto it = metadata_.find(name.substr(0, name.size() - tail.size()));
            if (it != metadata_.end()) {
                return &it->second;
            }
        }
    }
    return nullptr;
}

void MetricCatalog::refresh()
{
    namesRequest_ = backend_.labelValues(
        "__name__", {}, [this](const absl::StatusOr<std::vector<std::string>>& names) {
            if (!names.ok()) {
                return;
            }
            QStringList list;
            list.reserve(qsizetype(names->size()));
            for (const std::string& name : *names) {
                list << QString::fromStdString(name);
            }
            timer_.setInterval(list.isEmpty() ? kFirstRefreshMs : kRefreshMs);
            if (loaded_ && list == names_) {
                return;
            }
            names_ = std::move(list);
            nameSet_ = QSet<QString>(names_.cbegin(), names_.cend());
            loaded_ = true;
            Q_EMIT changed();
        });
    metadataRequest_ = backend_.metadata(
        {}, [this](const absl::StatusOr<std::vector<client::MetricMetadata>>& all) {
            if (!all.ok()) {
                return;
            }
            metadata_.clear();
            for (const client::MetricMetadata& metric : *all) {
                if (!metric.entries.empty()) {
                    metadata_.emplace(metric.metric, metric.entries.front());
                }
            }
        });
}

} // namespace narthex::ui::backend
